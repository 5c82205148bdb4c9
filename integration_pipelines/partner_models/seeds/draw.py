"""Drawing kinds by their shares, so that a tenant of some size has every kind at least once and is plain for the most part."""

from collections.abc import Mapping
from random import Random

from integration_pipelines.partner_models.seeds.words import shares

PLAIN = "plain"
EVERY_KIND_FROM = 60
"""A tenant of so many customers has every kind at least once."""
MOST_MESSY = 0.4
"""Up to this part of the customers, mess falls on customers that were plain; beyond it, on those that are messy already."""
LINKED = frozenset(
    {
        "metadata_link", "two_customers", "three_customers", "upper_email", "spaced_email", "www_domain", "stale_metadata", "merged",
        "merged_twice", "archived_owner", "unassigned", "no_segment", "odd_name",
    }
)  # fmt: skip
"""Messy firms whose two sides are linked all the same."""
_SUBSCRIBED = "unknown_fields"  # its subscription has a surprise too, so there should be one


def rng_of(*parts: object) -> Random:
    """The dice of a part of a world, the same for the same words."""
    return Random("/".join(map(str, parts)))  # noqa: S311 - a seeded world must be repeatable


def draw_kinds(table: str, places: int, rng: Random, *, every: bool, sizes: Mapping[str, int] | None = None) -> list[str]:
    """Kinds of a table that fill exactly so many places, shuffled behind one that is plain.

    Args:
        table: which table of shares.
        places: how many places there are; a kind takes one, or its size.
        rng: the tenant's own dice.
        every: whether each kind occurs at least once.
        sizes: how many places a kind takes, where that is not one.
    """
    sizes = sizes or {}
    weights = shares(table)
    drawn = list(weights) if every else []
    free = places - 1 - sum(sizes.get(kind, 1) for kind in drawn)
    one = 1000 / places if every else 0  # the share that is already there
    odds = [max(0.0, weight - one) for weight in weights.values()]
    odds.append(max(0.0, 1000 * free / places - sum(odds)) if every else 1000 - sum(odds))
    for kind in rng.choices([*weights, PLAIN], odds, k=max(0, free)):
        if free <= 0:
            break
        drawn.append(kind if sizes.get(kind, 1) <= free else PLAIN)
        free -= sizes.get(drawn[-1], 1)
    rng.shuffle(drawn)
    return [PLAIN, *drawn]


def draw_plans(kinds: list[str], rng: Random, *, every: bool) -> list[str]:
    """What each customer pays, given the kinds of their firms: a plan that runs for most, another lifecycle for some."""
    lifecycles = [kind for kind in draw_kinds("lifecycle", len(kinds), rng, every=every) if kind != PLAIN]
    while every and len(kinds) - len(lifecycles) <= len(shares("plan")):
        lifecycles.remove(next(kind for kind in lifecycles if lifecycles.count(kind) > 1))
    running = draw_kinds("plan", len(kinds) - len(lifecycles), rng, every=every)
    chosen = set(_places(kinds, len(lifecycles), rng))
    others, ends = iter(running), iter(lifecycles)
    return [next(ends) if place in chosen else next(others) for place in range(len(kinds))]


def _places(kinds: list[str], wanted: int, rng: Random) -> list[int]:
    """Where lifecycles go: on plain customers while most stay plain and on some linked messy ones; the first stays as it is."""
    places = list(range(1, len(kinds)))
    rng.shuffle(places)
    spare = max(0, int(len(kinds) * MOST_MESSY) - sum(kind != PLAIN for kind in kinds))
    plain = [place for place in places if kinds[place] == PLAIN]
    linked = [place for place in places if kinds[place] in LINKED]
    others = [place for place in places if kinds[place] not in {PLAIN, _SUBSCRIBED, *LINKED}]
    first = [*plain[:spare], *linked[: spare // 3]]
    rng.shuffle(first)
    return list(dict.fromkeys([*first, *linked, *others, *plain, *places]))[:wanted]
