"""What a person approved waits until it was applied, whatever runs come in between; and nobody approves more than they saw."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from integration_pipelines.use_cases.approve import approve_plan
from integration_pipelines.use_cases.outcome import RunOutcome, SyncMode
from integration_pipelines_tests.kit.bench import CONTRACT, Product, product

ALL = 6  # records of the first plan


@pytest.fixture
def shop(tmp_path: Path, each_database: str) -> Iterator[Product]:
    """A tenant whose first plan, of three companies and their customers, waits for approval."""
    with product(tmp_path, database_url=each_database) as made:
        made.one()
        yield made


def states(shop: Product) -> list[tuple[str, str, int]]:
    """Scope, state and records of every plan, oldest first."""
    return [(p.scope, str(p.state), p.numbers["records"]) for p in reversed(shop.ports.plans.list("t1", CONTRACT))]


def written(shop: Product) -> int:
    """Records that both partners were made to change."""
    return len(shop.crm().effects) + len(shop.billing().effects)


def test_a_run_for_one_record_takes_its_part_of_an_approved_plan_and_no_more(shop: Product) -> None:
    """Company 1 is written under the plan that was approved; the plan goes on waiting, and the next whole run applies the rest of it."""
    shop.approve()
    assert shop.one(only=("1",)).outcome is RunOutcome.WRITTEN
    assert (states(shop), written(shop)) == ([("full", "approved", ALL)], 2)
    report = shop.one()
    assert (report.outcome, report.certified, report.moved) == (RunOutcome.WRITTEN, True, ())
    assert (states(shop), written(shop)) == ([("full", "applied", ALL)], ALL)


def test_a_run_for_a_record_with_nothing_to_write_leaves_an_approved_plan_alone(shop: Product) -> None:
    """It is in no plan and uses none up."""
    shop.approve()
    assert shop.one(only=("9",)).outcome is RunOutcome.IN_SYNC
    assert states(shop) == [("full", "approved", ALL)]


@pytest.mark.parametrize("paused", [False, True], ids=["plan only", "paused"])
def test_a_run_that_may_not_write_leaves_an_approved_plan_alone(shop: Product, *, paused: bool) -> None:
    """What changed since is told and in no plan; the next run writes what was approved, leaves the changed record alone and names it."""
    shop.approve()
    shop.crm().objects["crm_accounts"]["1"]["customer_segment"] = "Enterprise"
    shop.ports.tenants.switch("t1", CONTRACT, paused=paused)
    looked = shop.one(mode=SyncMode.APPLY if paused else SyncMode.PLAN)
    assert "an approved plan waits; 1 records differ from the approved plan and wait for the next one" in looked.reason
    assert (looked.outcome, states(shop)) == (RunOutcome.PAUSED if paused else RunOutcome.PLANNED, [("full", "approved", ALL)])
    shop.ports.tenants.switch("t1", CONTRACT, paused=False)
    report = shop.one()
    assert report.moved == (("billing_customers", "cus_acme"),)
    assert (states(shop), written(shop)) == ([("full", "applied", ALL)], ALL - 1)


def test_an_approved_plan_of_which_nothing_stands_writes_nothing_and_says_which(shop: Product) -> None:
    """Every record changed since: all are named, and what they say now is planned by the next run."""
    shop.approve()
    for company, name in (("1", "acme"), ("2", "bolt"), ("3", "core")):
        shop.crm().objects["crm_accounts"][company]["customer_segment"] = "Enterprise"
        shop.billing().objects["billing_subscriptions"][f"sub_{name}"]["status"] = "past_due"
    report = shop.one()
    assert (report.outcome, len(report.moved), written(shop)) == (RunOutcome.PLANNED, ALL, 0)
    assert f"{ALL} records changed after the plan was made and were left alone" in report.reason
    assert shop.one().outcome is RunOutcome.WRITTEN
    assert states(shop) == [("full", "applied", ALL)] * 2


def test_a_plan_for_one_record_stands_beside_the_whole_one(shop: Product) -> None:
    """The whole plan still waits; who approved the small one has approved two records, and the first whole plan waits all the same."""
    assert shop.one(only=("1",)).outcome is RunOutcome.HELD
    assert states(shop) == [("full", "held", ALL), ("records", "held", 2)]
    (small,) = [p for p in shop.ports.plans.standing("t1", CONTRACT) if p.scope == "records"]
    approve_plan("t1", small.plan_id, actor="ann", ports=shop.ports)
    assert shop.one(only=("1",)).outcome is RunOutcome.WRITTEN
    assert (states(shop)[1:], written(shop)) == ([("records", "applied", 2)], 2)
    report = shop.one()
    assert (report.outcome, report.reason) == (RunOutcome.HELD, "the first plan of an installation waits for approval")
    assert states(shop) == [("full", "superseded", ALL), ("records", "applied", 2), ("full", "held", ALL - 2)]


def test_what_an_interrupted_run_left_of_an_approved_plan_outlives_a_run_for_one_record(shop: Product) -> None:
    """A request of the plan got no answer and never arrived; a run about another record leaves it to the run that applies the plan."""
    shop.approve()
    shop.crm().refuse.add("2")  # so that something of the plan is left when the first run ends
    shop.crm().delayed = 1

    def pause(*_: object) -> None:
        shop.ports.tenants.switch("t1", CONTRACT, paused=True)

    shop.crm().before_write = pause
    assert shop.one().outcome is RunOutcome.PAUSED
    shop.crm().under_way.clear()
    shop.crm().before_write = lambda *_: None
    shop.crm().refuse.clear()
    shop.ports.tenants.switch("t1", CONTRACT, paused=False)
    shop.one(only=("cus_core",))
    assert states(shop) == [("full", "approved", ALL)]
    for _ in range(2):
        shop.clock.sleep(600)
        report = shop.one()
    assert (report.certified, shop.ports.ledger.unsettled(["t1"], CONTRACT).num_rows) == (True, 0)
    crm = [record for _, record, _, _ in shop.crm().effects]
    assert sorted(crm) == ["1", "2", "3"]


def test_a_held_plan_for_one_record_ends_when_nothing_is_left_to_write(shop: Product) -> None:
    """The whole run that finds all in sync leaves no question open."""
    shop.approve()
    shop.one()
    shop.ports.tenants.first_plan_approved("t1", CONTRACT)
    guards = shop.contract.guards.model_copy(update={"update_floor": 0, "max_update_percent": 0.1})
    shop.contract = shop.contract.model_copy(update={"guards": guards})
    shop.crm().objects["crm_accounts"]["1"]["customer_segment"] = "Enterprise"
    assert shop.one(only=("1",)).outcome is RunOutcome.HELD
    shop.crm().objects["crm_accounts"]["1"]["customer_segment"] = "SMB"
    assert shop.one().outcome is RunOutcome.IN_SYNC
    assert shop.ports.plans.standing("t1", CONTRACT) == []
