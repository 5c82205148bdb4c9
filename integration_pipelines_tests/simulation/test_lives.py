"""A small rehearsal of the shipped contract: whole lives of many tenants, with faults and people, and every promise kept."""

from itertools import count, islice

import pytest

from integration_pipelines.known import packaged_contracts
from integration_pipelines.simulation.catalogue import FAULTS
from integration_pipelines.simulation.life import Life
from integration_pipelines.simulation.rehearsal import batches, live
from integration_pipelines.simulation.stage import COURSES, Casting, Stage, course_of, trace
from integration_pipelines_tests.proof.worlds import world
from integration_pipelines_tests.simulation.seeds import CRM_BILLING, STRICT

LIVES = (40, 40, 20)
"""Of each course."""


def played(seeds: list[int]) -> dict[int, Life]:
    """Those lives, lived to their end."""
    stage = Stage(packaged_contracts()["crm_billing"], [Casting(seed) for seed in seeds], FAULTS)
    stage.play()
    return {life.seed: life for life in stage.lives.values()}


@pytest.mark.parametrize("course", range(len(COURSES)))
def test_every_life_keeps_every_promise(course: int) -> None:
    """No promise is broken in any life, though people and faults are at work in all of them."""
    seeds = {
        *islice((s for s in count() if course_of(s) == course), LIVES[course]),
        *(s for s in CRM_BILLING if course_of(s) == course),
    }

    lives = played(sorted(seeds))

    assert {s: life.broken for s, life in lives.items() if life.broken} == {}
    assert sum(life.happened["people"] for life in lives.values()) > len(lives)
    assert {"H01", "H08", "P01"} <= {fault for life in lives.values() for fault in life.fired}


def test_what_was_found_under_tight_limits_stays_mended() -> None:
    """Lives in which a promise was broken once are lived again, in company."""
    for seeds in batches(STRICT, len(STRICT)):
        assert live(world("strict"), seeds, tuple(FAULTS), tuple(s + 10 for s in seeds)).findings == ()


def test_a_life_goes_the_same_way_in_any_company() -> None:
    """Lived again among others and in another order, a life leaves the same trace."""
    alone, together = played([9]), played([19, 9, 29])

    assert trace(alone[9]) == trace(together[9])
