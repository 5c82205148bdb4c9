"""Plans."""

from datetime import timedelta

import pytest

from integration_pipelines.errors import BugError, ConfigError, ConflictError
from integration_pipelines.ports.writing import PlanState
from integration_pipelines.store.open import Stores
from integration_pipelines_tests.unit.store.rows import CRM, LATER, NOW, plan

AT = {n: NOW + timedelta(minutes=n) for n in range(5)}
S = PlanState


def test_a_plan_comes_back_whole(stores: Stores) -> None:
    """Numbers, file and times survive."""
    stores.plans.save([plan("plan_1")])
    assert stores.plans.open("t1", CRM) == plan("plan_1")
    assert stores.plans.open("t2", CRM) is None


def test_a_new_plan_takes_the_place_of_undecided_ones(stores: Stores) -> None:
    """Held and ready plans are superseded; an approved one, another tenant's and another integration's stay."""
    stores.plans.save([plan("a", state=S.APPROVED), plan("b", tenant_id="t2"), plan("c", integration="other")])
    stores.plans.save([plan("d", created_at=AT[1]), plan("e", state=S.READY, created_at=AT[2]), plan("f", created_at=AT[3])])
    states = {p.plan_id: p.state for t in ("t1", "t2") for p in stores.plans.list(t)}
    expected = {"a": S.APPROVED, "b": S.HELD, "c": S.HELD, "d": S.SUPERSEDED, "e": S.SUPERSEDED, "f": S.HELD}
    assert states == expected
    newest = stores.plans.open("t1", CRM)
    assert newest is not None
    assert newest.plan_id == "f"


def test_a_plan_for_single_records_takes_no_whole_plans_place(stores: Stores) -> None:
    """It supersedes those of its own kind; a whole one supersedes both, and whole ones come first."""
    stores.plans.save([plan("whole"), plan("a", scope="records", created_at=AT[1])])
    stores.plans.save([plan("b", scope="records", state=S.READY, created_at=AT[2])])
    assert [(p.plan_id, p.scope) for p in stores.plans.standing("t1", CRM)] == [("whole", "full"), ("b", "records")]
    stores.plans.save([plan("next", created_at=AT[3])])
    assert [p.plan_id for p in stores.plans.standing("t1", CRM)] == ["next"]


def test_plans_are_listed_newest_first(stores: Stores) -> None:
    """No more than asked for, by integration if asked."""
    stores.plans.save([plan(f"p{n}", created_at=AT[n], integration=CRM if n else "other") for n in range(4)])
    assert [p.plan_id for p in stores.plans.list("t1", limit=2)] == ["p3", "p2"]
    assert [p.plan_id for p in stores.plans.list("t1", "other")] == ["p0"]


@pytest.mark.parametrize("named", ["plan_abc", "plan_ab", "f00d", "f00"])
def test_a_plan_is_found_by_a_beginning(stores: Stores, named: str) -> None:
    """Of its id or its hash."""
    stores.plans.save([plan("plan_abc", plan_hash="f00d"), plan("plan_xyz", plan_hash="beef", created_at=AT[1])])
    assert stores.plans.find("t1", named).plan_id == "plan_abc"


@pytest.mark.parametrize(
    "named", ["plan_", "", " ", "%", "PLAN_ABC", "nothing"], ids=["several", "empty", "blank", "wildcard", "case", "none"]
)
def test_what_names_no_single_plan_is_refused(stores: Stores, named: str) -> None:
    """Also when it is another tenant's."""
    stores.plans.save([plan("plan_abc"), plan("plan_xyz", created_at=AT[1]), plan("nothing_of_ours", tenant_id="t2")])
    with pytest.raises(ConfigError) as caught:
        stores.plans.find("t1", named)
    assert caught.value.remedy


def test_the_same_content_planned_twice_is_one_plan_to_people(stores: Stores) -> None:
    """By its hash the newest is found, since they say the same."""
    stores.plans.save([plan("old", plan_hash="f00d"), plan("new", plan_hash="f00d", created_at=AT[1])])
    assert stores.plans.find("t1", "f00d").plan_id == "new"


@pytest.mark.parametrize(
    ("before", "after", "allowed"),
    [
        (S.HELD, S.APPROVED, True), (S.HELD, S.REJECTED, True), (S.HELD, S.APPLIED, False),
        (S.READY, S.APPROVED, True), (S.READY, S.REJECTED, True), (S.READY, S.APPLIED, True),
        (S.APPROVED, S.APPLIED, True), (S.APPROVED, S.REJECTED, True), (S.APPROVED, S.APPROVED, False),
        (S.APPLIED, S.APPROVED, False), (S.REJECTED, S.APPROVED, False), (S.SUPERSEDED, S.APPROVED, False),
    ],
)  # fmt: skip
def test_a_decision_needs_a_plan_that_waits_for_it(stores: Stores, before: S, after: S, allowed: bool) -> None:
    """Every other move is a conflict and changes nothing."""
    stores.plans.save([plan("p", state=before)])
    if allowed:
        decided = stores.plans.decide("p", "hash_of_p", after, "ada", LATER)
        assert (decided.state, decided.decided_by, decided.decided_at) == (after, "ada", LATER)
    else:
        with pytest.raises(ConflictError):
            stores.plans.decide("p", "hash_of_p", after, "ada", LATER)
        assert stores.plans.find("t1", "p").state is before


def test_a_decision_binds_the_hash(stores: Stores) -> None:
    """Who approves says exactly what was looked at."""
    stores.plans.save([plan("p")])
    with pytest.raises(ConflictError, match="looked at"):
        stores.plans.decide("p", "hash_of_q", S.APPROVED, "ada", LATER)
    with pytest.raises(ConfigError):
        stores.plans.decide("q", "hash_of_p", S.APPROVED, "ada", LATER)
    with pytest.raises(BugError):
        stores.plans.decide("p", "hash_of_p", S.SUPERSEDED, "ada", LATER)


def test_who_approved_stays_on_record(stores: Stores) -> None:
    """Applying a plan does not overwrite the person who let it pass."""
    stores.plans.save([plan("p")])
    stores.plans.decide("p", "hash_of_p", S.APPROVED, "ada", NOW)
    applied = stores.plans.decide("p", "hash_of_p", S.APPLIED, "system", LATER)
    assert (applied.state, applied.decided_by, applied.decided_at) == (S.APPLIED, "ada", NOW)
