"""A small rehearsal of the contract that makes records and tells people: one incident for each escalation, and each message once."""

from collections import Counter

from integration_pipelines.known import packaged_contracts
from integration_pipelines.simulation.catalogue import FAULTS
from integration_pipelines.simulation.stage import Casting, Stage, course_of
from integration_pipelines_tests.simulation.seeds import SUPPORT_INCIDENTS

LIVES = 24


def test_every_escalation_gets_one_incident_in_every_life() -> None:
    """Though creates are refused, unanswered, cut off and late, people change what they depend on, and processes die."""
    seeds = sorted({*(s for s in range(2 * LIVES) if course_of(s) == 1), *SUPPORT_INCIDENTS})
    stage = Stage(packaged_contracts()["support_incidents"], [Casting(seed) for seed in seeds], FAULTS)

    stage.play()

    lives = stage.lives.values()
    happened = Counter(event.what for life in lives for event in life.events)
    assert {life.seed: life.broken for life in lives if life.broken} == {}
    assert min(happened["made"], happened["said"], happened["arrived"]) > len(seeds) // 2
