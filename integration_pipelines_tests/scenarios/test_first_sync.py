"""The life of an installation: nothing is written before a person approved it, everything is proved afterwards."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from integration_pipelines.errors import ConflictError
from integration_pipelines.ports.writing import PlanState
from integration_pipelines.use_cases.approve import approve_plan, reject_plan
from integration_pipelines.use_cases.outcome import RunOutcome, SyncMode
from integration_pipelines.use_cases.switch import switch_writes
from integration_pipelines_tests.kit.bench import CONTRACT, Product, product


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Product]:
    """One tenant with three linked customers."""
    with product(tmp_path) as made:
        yield made


def writes(shop: Product) -> int:
    """How many records both partners were made to change."""
    return len(shop.crm().effects) + len(shop.billing().effects)


def test_the_first_plan_waits_for_approval_and_writes_nothing(shop: Product) -> None:
    """Even with writes on, the first plan of an installation is held, with its numbers."""
    report = shop.one()
    assert (report.outcome, writes(shop)) == (RunOutcome.HELD, 0)
    assert report.plan is not None
    assert report.plan.numbers["records"] == 6


def test_an_approved_plan_is_written_once_balanced_and_certified(shop: Product) -> None:
    """Each intended effect happens once, every record has an outcome, and planning again finds nothing."""
    report = shop.first_sync()
    assert (report.outcome, report.balanced, report.certified, writes(shop)) == (RunOutcome.WRITTEN, True, True, 6)
    assert report.writes == {"applied": 6}


def test_a_second_sync_makes_no_write(shop: Product) -> None:
    """The first sync reaches a fixed point."""
    shop.first_sync()
    before = writes(shop)
    report = shop.one()
    assert (report.outcome, report.certified, writes(shop) - before) == (RunOutcome.IN_SYNC, True, 0)


def test_a_change_arrives_and_only_that_field_is_written(shop: Product) -> None:
    """Only what changed is sent, with the stamp that tells when."""
    shop.first_sync()
    shop.billing().objects["billing_subscriptions"]["sub_acme"]["status"] = "past_due"
    shop.one()
    name, record, values, _ = shop.crm().effects[-1]
    assert (name, record, sorted(values)) == ("crm_accounts", "1", ["billing_subscription_status", "billing_synced_at"])


def test_writes_off_means_planned_only(tmp_path: Path) -> None:
    """An installation that nobody enabled plans and never writes, approved or not."""
    with product(tmp_path, enabled=False) as shop:
        shop.one()
        shop.approve()
        assert shop.one().outcome is RunOutcome.PLANNED
        assert writes(shop) == 0


def test_plan_mode_never_writes(shop: Product) -> None:
    """A run that only plans leaves both sides alone, whatever is approved."""
    shop.first_sync()
    shop.billing().objects["billing_subscriptions"]["sub_acme"]["status"] = "past_due"
    before = writes(shop)
    report = shop.one(mode=SyncMode.PLAN)
    assert (report.outcome, writes(shop) - before) == (RunOutcome.PLANNED, 0)


def test_pause_stops_within_one_request(shop: Product) -> None:
    """A pause during the first batch lets that batch end and nothing more start."""
    shop.one()
    shop.approve()

    def pause(*_: object) -> None:
        switch_writes("t1", CONTRACT, paused=True, actor="tester", ports=shop.ports)

    shop.billing().before_write = pause
    report = shop.one()
    assert (report.outcome, len(shop.billing().effects), len(shop.crm().effects)) == (RunOutcome.PAUSED, 2, 0)


def test_after_a_pause_the_rest_is_written(shop: Product) -> None:
    """Resuming writes what was left, each effect once."""
    test_pause_stops_within_one_request(shop)
    shop.billing().before_write = lambda *_: None
    switch_writes("t1", CONTRACT, paused=False, actor="tester", ports=shop.ports)
    assert shop.one().certified
    assert writes(shop) == 6


def test_an_approval_binds_the_hash_and_is_recorded(shop: Product) -> None:
    """The decision names who and when, stands in the audit chain, and cannot be taken twice."""
    shop.one()
    plan = shop.ports.plans.open("t1", CONTRACT)
    assert plan is not None
    decided = approve_plan("t1", plan.plan_hash[:16], actor="ann", ports=shop.ports)
    assert (decided.state, decided.decided_by) == (PlanState.APPROVED, "ann")
    with pytest.raises(ConflictError):
        approve_plan("t1", plan.plan_id, actor="ann", ports=shop.ports)
    checked, breaks = shop.ports.audit.verify("t1")
    assert (checked > 0, breaks) == (True, [])


def test_only_what_was_approved_is_written(shop: Product) -> None:
    """A record that changed after the approval waits for the next plan; the others go."""
    shop.one()
    shop.approve()
    shop.crm().objects["crm_accounts"]["1"]["customer_segment"] = "Enterprise"
    report = shop.one()
    assert len(shop.billing().effects) == 2
    assert "wait for the next" in report.reason
    assert shop.one().certified


def test_a_rejected_plan_is_never_applied(shop: Product) -> None:
    """Rejecting leaves both sides alone and the next run plans anew."""
    shop.one()
    plan = shop.ports.plans.open("t1", CONTRACT)
    assert plan is not None
    reject_plan("t1", plan.plan_id, actor="ann", ports=shop.ports)
    assert shop.one().outcome is RunOutcome.HELD
    assert writes(shop) == 0


def test_a_guard_holds_a_surprising_change(shop: Product) -> None:
    """From the second plan on limits decide: blanking more than the floor allows waits for a person, with the numbers."""
    shop.first_sync()
    tight = shop.contract.model_copy(update={"guards": shop.contract.guards.model_copy(update={"blanking_floor": 1})})
    shop.contract = tight
    shop.crm().objects["crm_owners"]["7"]["archived"] = "true"
    report = shop.one()
    assert report.outcome is RunOutcome.HELD
    assert "9 values would be blanked, the limit is 1" in report.reason


def test_the_test_sync_writes_one_record_and_what_it_is_linked_to(shop: Product) -> None:
    """With a record named, only that company and its customer are planned."""
    report = shop.one(only=("cus_bolt",))
    assert report.numbers is not None
    assert report.numbers.records == 2
    shop.approve()
    shop.one(only=("cus_bolt",))
    assert {e[1] for e in shop.crm().effects + shop.billing().effects} == {"2", "cus_bolt"}


def test_a_remembered_first_sync_is_the_same_as_one_that_was_done(tmp_path: Path, each_database: str) -> None:
    """What it left goes on as it would have: the next run reads it, has nothing to write, and is certified."""
    with product(tmp_path / "done") as done:
        report = done.first_sync()
    with product(tmp_path / "remembered", database_url=each_database) as again:
        again.first_sync()
    with product(tmp_path / "once more") as once_more:
        assert once_more.first_sync() is report
        assert once_more.accounts == done.accounts
        idle = once_more.one()
        assert (idle.outcome, idle.certified, dict(idle.writes)) == (RunOutcome.IN_SYNC, True, {})
