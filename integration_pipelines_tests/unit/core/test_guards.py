"""Limits of a plan at their boundary: what is allowed passes, one more is held with its numbers."""

import pytest

from integration_pipelines.core.guards import PlanNumbers, Written, guard
from integration_pipelines_tests.kit.core import crm_billing

GUARDS = crm_billing().guards.model_copy(update={"max_creates": 3})


def numbers(links: int = 100, **counts: int) -> PlanNumbers:
    """A plan of so much."""
    plain = {"records": 0, "updates": 0, "blankings": 0}
    return PlanNumbers(tenant_id="t1", plan_hash="h", links=links, **(plain | counts))


@pytest.mark.fault("D21")
@pytest.mark.parametrize(
    ("links", "what", "limit", "says"),
    [
        (100, "records", 50, "51 records would change, the limit is 50 (5 % of 100 links)"),
        (10_000, "records", 500, "501 records would change, the limit is 500"),
        (100, "blankings", 5, "6 values would be blanked, the limit is 5 (1 %)"),
        (10_000, "blankings", 100, "101 values would be blanked, the limit is 100"),
    ],
)
def test_a_plan_at_its_limit_passes_and_one_more_is_held(links: int, what: str, limit: int, says: str) -> None:
    """Small tenants have a floor, large ones a share."""
    assert guard(GUARDS, numbers(links, **{what: limit})).passed
    verdict = guard(GUARDS, numbers(links, **{what: limit + 1}))
    assert (verdict.passed, says in verdict.reason) == (False, True), verdict


def test_creates_have_a_limit_of_their_own_and_are_no_changes() -> None:
    """Three may be made; the fourth is held."""
    assert guard(GUARDS, numbers(records=3, creates=3)).passed
    assert "4 records would be created, the limit is 3" in guard(GUARDS, numbers(records=4, creates=4)).reason
    assert numbers(records=54, creates=4).changed == 50


def test_one_delete_always_waits_for_approval() -> None:
    """Whatever the limits say."""
    verdict = guard(GUARDS, numbers(records=1, deletes=1))
    assert (verdict.passed, verdict.limits["max_deletes"]) == (False, 0)
    assert "1 records would be deleted" in verdict.reason


@pytest.mark.parametrize(
    ("planned", "before", "passes"),
    [
        ({"records": 1}, Written(records=49), True),
        ({"records": 1}, Written(records=50), False),
        ({"blankings": 1}, Written(blankings=5), False),
        ({"records": 1, "creates": 1}, Written(creates=3), False),
        ({"records": 1}, Written(blankings=99, creates=99), True),
    ],
)
def test_many_small_plans_are_held_to_the_limits_of_a_large_one(
    planned: dict[str, int], before: Written, *, passes: bool
) -> None:
    """What was written in the last day counts, and only of the same kind."""
    verdict = guard(GUARDS, numbers(**planned), before)
    assert verdict.passed is passes
    assert passes or "in the last 24 hours" in verdict.reason
