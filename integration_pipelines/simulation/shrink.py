"""From a life in which a promise is broken to the few happenings that it takes: the rest is left out for as long as it still breaks.

The method is delta debugging (Zeller and Hildebrandt, "Simplifying and isolating failure-inducing input", 2002). Since a batch of lives
costs little more than one, each round tries everything at once: every half, quarter and so on down to single happenings, each alone and
each left out, and all those together that the round before could do without.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from integration_pipelines.core.contract import Contract
from integration_pipelines.simulation.life import Happening, Life
from integration_pipelines.simulation.stage import Casting, Stage

MOST_ROUNDS = 12
MOST_LIVES = 400
"""Lives of one round; a life with very many happenings is first cut into large parts."""
_MORE = 50
"""What was left out makes room for happenings that were not there before; so many of a kind are left out with it."""

Kept = tuple[Happening, ...]


@dataclass(frozen=True, slots=True)
class Shrunk:
    """The shortest life that was found."""

    life: Life
    kept: Kept
    rounds: int
    lives: int
    """So many were lived on the way."""


def shrink(contract: Contract, seed: int, faults: Sequence[str], promise: str = "") -> Shrunk | None:
    """Find what it takes to break a promise.

    Args:
        contract: the integration.
        seed: a life that breaks it.
        faults: what may strike, the same as when it was found.
        promise: which one; blank means any.

    Returns:
        The shortest life that was found, or None if this seed breaks no such promise.
    """
    [whole] = _lived(contract, seed, faults, [None])
    if not _breaks(whole, promise):
        return None
    kinds = sorted({*whole.happened, *faults})
    best, kept = whole, _happenings(whole)
    unneeded: list[Kept] = []
    lives = 1
    for number in range(MOST_ROUNDS):
        wanted = list(dict.fromkeys([*_together(kept, unneeded), *_parts(kept)]))[:MOST_LIVES]
        if not wanted:
            return Shrunk(best, kept, number, lives)
        found = _lived(contract, seed, faults, [(kinds, whole.happened.total(), one) for one in wanted])
        lives += len(found)
        breaking = [(one, life) for one, life in zip(wanted, found, strict=True) if _breaks(life, promise)]
        if not breaking:
            return Shrunk(best, kept, number + 1, lives)
        smallest, best = min(breaking, key=lambda pair: (len(pair[0]), pair[0]))
        unneeded = [tuple(h for h in kept if h not in one) for one, _ in breaking]
        kept = _of(best, smallest)
    return Shrunk(best, kept, MOST_ROUNDS, lives)


def _breaks(life: Life, promise: str) -> bool:
    return any(not promise or broken.promise == promise for broken in life.broken)


def _happenings(life: Life) -> Kept:
    """Everything that happened in a life."""
    return tuple((kind, place) for kind, count in sorted(life.happened.items()) for place in range(count))


def _of(life: Life, kept: Kept) -> Kept:
    """Those that were reached: what a shorter life did not come to is out of it."""
    return tuple((kind, place) for kind, place in kept if place < life.happened[kind])


def _parts(kept: Kept) -> Iterator[Kept]:
    """Nothing at all; and of every cut each part alone and everything but that part."""
    if kept:
        yield ()
    parts = 2
    while parts < 2 * len(kept):
        count = min(parts, len(kept))
        edges = [len(kept) * n // count for n in range(count + 1)]
        for start, end in pairwise(edges):
            yield kept[:start] + kept[end:]
            if count < len(kept):
                yield kept[start:end]
        parts *= 2


def _together(kept: Kept, unneeded: Sequence[Kept]) -> Iterator[Kept]:
    """Without all that could be left out one part at a time, and without ever fewer of them."""
    singles = [h for part in unneeded if len(part) == 1 for h in part]
    while singles:
        gone = set(singles)
        yield tuple(h for h in kept if h not in gone)
        singles = singles[: len(singles) // 2]


def _lived(
    contract: Contract, seed: int, faults: Sequence[str], wanted: Sequence[tuple[Sequence[str], int, Kept] | None]
) -> list[Life]:
    """One batch: the whole life (None), or a life in which nothing happens but what is kept."""
    cast = [Casting(seed) if one is None else Casting(seed, _without(*one)) for one in wanted]
    stage = Stage(contract, cast, faults)
    stage.play()
    return list(stage.lives.values())


def _without(kinds: Sequence[str], most: int, kept: Kept) -> frozenset[Happening]:
    return frozenset((kind, place) for kind in kinds for place in range(most + _MORE)) - frozenset(kept)
