"""What the ledger says about a day's writes, and about records that we made."""

from datetime import timedelta

import pytest

from integration_pipelines.core.guards import Written
from integration_pipelines.ports.writing import PlanState, Settled
from integration_pipelines.store.open import Stores
from integration_pipelines_tests.unit.store.rows import CRM, NOW, plan, write, writes

DAY_AGO = NOW - timedelta(hours=24)


def sent(stores: Stores, plan_id: str, *rows: tuple[str, str, str, str]) -> None:
    """(write, operation, before, after) of a plan, sent and confirmed."""
    made = [
        write(w, plan_id=plan_id, operation=operation, target_id=w, before_image=before, after_image=after, idempotency_key=w)
        for w, operation, before, after in rows
    ]
    stores.ledger.intend(writes(*made))
    for state in ("sent", "applied", "confirmed"):
        named = {"record_id": "77"} if state == "applied" else {}
        stores.ledger.settle([Settled(w, state, **(named if operation == "create" else {})) for w, operation, _, _ in rows], NOW)


@pytest.mark.parametrize(("decided_by", "counted"), [(None, Written(2, 1, 1)), ("system", Written(2, 1, 1)), ("ann", None)])
def test_a_day_counts_what_no_person_approved(stores: Stores, decided_by: str | None, counted: Written | None) -> None:
    """Records changed, values blanked and records made; what somebody looked at and approved is theirs."""
    stores.plans.save([plan("p1", state=PlanState.READY, decided_by=decided_by)])
    sent(
        stores, "p1", ("w1", "update", '{"a": "x"}', '{"a": ""}'), ("w2", "update", '{"a": ""}', '{"a": "y"}'), ("w3", "create", "{}", "{}")
    )  # fmt: skip
    assert stores.ledger.written_since(["t1"], CRM, DAY_AGO) == ({} if counted is None else {"t1": counted})


def test_what_was_only_planned_or_is_older_or_anothers_does_not_count(stores: Stores) -> None:
    """Nothing was sent, or not within the day, or not for that tenant and integration."""
    stores.plans.save([plan("p1", state=PlanState.READY)])
    stores.ledger.intend(writes(write("w1", plan_id="p1")))
    assert stores.ledger.written_since(["t1"], CRM, DAY_AGO) == {}
    sent(stores, "p1", ("w2", "update", "{}", "{}"))
    assert stores.ledger.written_since(["t1"], CRM, NOW + timedelta(seconds=1)) == {}
    assert stores.ledger.written_since(["t2"], CRM, DAY_AGO) == {}
    assert stores.ledger.written_since(["t1"], "other", DAY_AGO) == {}


def test_a_record_that_we_made_is_known_by_what_it_was_made_for_and_by_its_id(stores: Stores) -> None:
    """The partner's id stays on the row, also when later moves do not name it; updates are no creations."""
    sent(stores, "p1", ("cus_1", "create", "{}", "{}"), ("7", "update", "{}", "{}"))
    row = {"tenant_id": "t1", "target": "crm_accounts", "target_id": "cus_1", "record_id": "77"}
    assert stores.ledger.created(["t1"], CRM).to_pylist() == [row]
    assert stores.ledger.created(["t2"], CRM).num_rows == 0
