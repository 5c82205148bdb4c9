"""The guard over counted numbers says the same as somebody who goes through a plan record by record."""

import os
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from integration_pipelines.core.contract import Guards
from integration_pipelines.core.guards import PlanNumbers, Written, guard

EXAMPLES = 20 * int(os.environ.get("INTEGRATION_PIPELINES_EXAMPLES", "6"))
RECORD = st.tuples(
    st.sampled_from(["update", "update", "create", "delete"]), st.lists(st.sampled_from(["value", ""]), min_size=1, max_size=3)
)
PERCENT = st.sampled_from([0.0, 0.1, 5.0, 12.5, 33.3, 100.0])


@st.composite
def limits(draw: st.DrawFn) -> Guards:
    """Any limits of a contract."""
    floors = {name: draw(st.integers(0, 4)) for name in ("update_floor", "blanking_floor", "max_creates")}
    return Guards(max_update_percent=draw(PERCENT.filter(bool)), max_blanking_percent=draw(PERCENT), **floors)


def allowed(guards: Guards, plan: list[tuple[str, list[str]]], links: int, before: Written) -> bool:
    """Take the records one by one, and stop at the first one too many."""
    left = {
        "update": max(guards.update_floor, int(Fraction(str(guards.max_update_percent)) * links / 100)) - before.records,
        "blank": max(guards.blanking_floor, int(Fraction(str(guards.max_blanking_percent)) * links / 100)) - before.blankings,
        "create": guards.max_creates - before.creates,
        "delete": 0,
    }
    for operation, values in plan:
        blanked = values.count("") if operation == "update" else 0
        for what in (operation, *["blank"] * blanked):
            left[what] -= 1
            if left[what] < 0:
                return False
    return True


@settings(max_examples=EXAMPLES, deadline=None, derandomize=True, database=None)
@given(
    guards=limits(),
    plan=st.lists(RECORD, max_size=12),
    links=st.integers(0, 40),
    before=st.builds(Written, *[st.integers(0, 3)] * 3),
)
def test_the_guard_counts_as_a_person_would(
    guards: Guards, plan: list[tuple[str, list[str]]], links: int, before: Written
) -> None:
    """A plan passes exactly if no record of it is one too many, with what was written lately counted on top."""
    updates = [values for operation, values in plan if operation == "update"]
    numbers = PlanNumbers(
        tenant_id="t1", plan_hash="h", records=len(plan), updates=sum(map(len, updates)), blankings=sum(v.count("") for v in updates),
        links=links, creates=sum(o == "create" for o, _ in plan), deletes=sum(o == "delete" for o, _ in plan),
    )  # fmt: skip
    verdict = guard(guards, numbers, before)
    assert verdict.passed == allowed(guards, plan, links, before)
    assert bool(verdict.reason) != verdict.passed
