"""Every planted bug, and the hunt for one: the rehearsal must find it within its seeds, or it is worth nothing."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count, islice
from time import monotonic

from integration_pipelines.simulation.catalogue import chosen
from integration_pipelines.simulation.rehearsal import Lived, Seeds, batches, live
from integration_pipelines.simulation.stage import course_of
from integration_pipelines_tests.proof import bugs_core, bugs_creates, bugs_told, bugs_use_cases
from integration_pipelines_tests.proof.planting import Bug
from integration_pipelines_tests.proof.worlds import world

BUGS: Mapping[str, Bug] = {bug.id: bug for bug in (*bugs_core.BUGS, *bugs_use_cases.BUGS, *bugs_creates.BUGS, *bugs_told.BUGS)}
STEPS = (40, 160)
"""Lives of the first batches, so that a bug that shows at once costs little; what is left of its seeds is one more."""


@dataclass(frozen=True, slots=True)
class Hunt:
    """How a bug was found, or that it was not."""

    bug: str
    killed_at: int | None  # the seed
    promise: str
    text: str
    lives: int
    seconds: float


def hunt(bug_id: str, at_most: int | None = None) -> Hunt:
    """Live with a bug planted until a promise is broken, or its seeds are used up."""
    bug, begun, lived = BUGS[bug_id], monotonic(), 0
    contract, faults = world(bug.world), chosen(bug.faults)
    traces: dict[int, str] = {}
    with bug.planted():
        for seeds in _batches(bug, min(bug.seeds, at_most or bug.seeds)):
            found = live(contract, seeds, faults)
            lived += len(seeds)
            told = _told(found, traces)
            if told is not None:
                return Hunt(bug_id, *told, lived, monotonic() - begun)
    return Hunt(bug_id, None, "", "", lived, monotonic() - begun)


def _told(found: Lived, traces: dict[int, str]) -> tuple[int, str, str] | None:
    """The broken promise of the lowest seed; a life that went another way than in its first batch breaks one, too."""
    broken = min(found.findings, key=lambda f: (f.seed, f.at), default=None)
    if broken is not None:
        return broken.seed, broken.promise, broken.text
    for seed, trace in found.traces.items():
        if traces.setdefault(seed, trace) != trace:
            return seed, "I10", "the life went another way in other company"
    return None


def _batches(bug: Bug, lives: int) -> Iterator[Seeds]:
    """Growing batches; those of the second step have the lives of the first one with them, in other company."""
    (first, second), mine = STEPS, (s for s in count() if bug.course in {None, course_of(s)})
    seeds = list(islice(mine, lives))
    for start, end in ((0, first), (0, second), (second, lives)):
        yield from batches(seeds[start:end], max(1, end - start))
