"""What webhooks lead to: the records they name are read again, what differs is written once, and every event is told how it ended."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from integration_pipelines.errors import AuthError, TransientError
from integration_pipelines.ports.inbox import EventKind, EventOutcome
from integration_pipelines.ports.tenants import Connection
from integration_pipelines.use_cases.due import due_tenants
from integration_pipelines.use_cases.events import MOST_EVENTS
from integration_pipelines.use_cases.health import health
from integration_pipelines.use_cases.outcome import RunOutcome, SyncMode
from integration_pipelines.use_cases.sync import sync
from integration_pipelines_tests.kit.bench import CONTRACT, Product, product, small_accounts
from integration_pipelines_tests.kit.core import crm_billing
from integration_pipelines_tests.kit.events import COMPANY, CUSTOMER, SUBSCRIPTION, Mailbox
from integration_pipelines_tests.kit.fakes import FakeAccount

APPLIED, EQUAL, ECHO, HELD, IGNORED, WAITING = (
    EventOutcome.APPLIED, EventOutcome.EQUAL, EventOutcome.ECHO, EventOutcome.HELD, EventOutcome.IGNORED, EventOutcome.WAITING,
)  # fmt: skip


@pytest.fixture
def shop(tmp_path: Path, each_database: str) -> Iterator[Product]:
    """A tenant in sync, whose last write is some time ago."""
    with product(tmp_path, database_url=each_database) as made:
        made.first_sync()
        made.clock.sleep(3600)
        made.crm().effects.clear()
        made.billing().effects.clear()
        yield made


def past_due(shop: Product, *names: str) -> None:
    """Those customers' subscriptions are past due now."""
    for name in names:
        shop.billing().objects["billing_subscriptions"][f"sub_{name}"]["status"] = "past_due"


def status(shop: Product, company: str) -> str:
    """What the CRM shows of a company's subscription."""
    return str(shop.crm().objects["crm_accounts"][company]["billing_subscription_status"])


@pytest.mark.fault("E01", "E02")
def test_a_change_told_often_is_written_once(shop: Product) -> None:
    """The same event a hundred times, and the same change under other ids: one write; what comes after it finds nothing to do."""
    box = Mailbox(shop)
    past_due(shop, "acme")
    for _ in range(100):
        box.accept(SUBSCRIPTION, "sub_acme", event_id="evt_same")
    box.accept(SUBSCRIPTION, "sub_acme")
    tenant = box.one()
    box.accept(SUBSCRIPTION, "sub_acme")
    box.drain()
    assert (tenant.outcome, tenant.certified, status(shop, "1")) == (RunOutcome.WRITTEN, True, "past_due")
    assert [effect[1] for effect in shop.crm().effects] == ["1"]
    assert box.ends() == [APPLIED, APPLIED, EQUAL]


def test_an_event_asks_for_no_more_than_its_closure(shop: Product) -> None:
    """Of three customers one is read, by its own ids, and one company is looked at before it is written."""
    shop.billing().fetched.clear()
    shop.crm().fetched.clear()
    past_due(shop, "acme", "bolt")
    box = Mailbox(shop)
    box.accept(SUBSCRIPTION, "sub_acme")
    assert box.one().outcomes == {"written": 3, "excluded": 1}
    assert {one for _, one in shop.billing().fetched} == {"sub_acme"}
    assert {one for _, one in shop.crm().fetched} == {"1"}
    assert status(shop, "2") == "active"


@pytest.mark.fault("E05")
def test_a_lost_event_is_made_up_for_by_the_next_read(shop: Product) -> None:
    """What no webhook told is found when what changed is read."""
    past_due(shop, "core")
    assert shop.one().outcome is RunOutcome.WRITTEN
    assert status(shop, "3") == "past_due"


@pytest.mark.fault("E13", "E15")
def test_what_nobody_reads_is_ignored_and_costs_no_call(shop: Product) -> None:
    """Events about other objects end as ignored; so do those of a tenant that does not have the integration any more."""
    box = Mailbox(shop)
    box.accept(("stripe", "invoices"), "in_1")
    assert (box.drain().tenants, box.ends()) == ({}, [IGNORED])
    box.accept(SUBSCRIPTION, "sub_acme")
    shop.ports.tenants.remove("t1")
    assert due_tenants(shop.ports.contracts, ports=shop.ports) == {}
    assert box.ends() == [IGNORED, IGNORED]


@pytest.mark.fault("E19")
def test_a_gap_leads_to_a_full_reconciliation(shop: Product) -> None:
    """When a partner says that events were lost, everything is read and what differs is written."""
    past_due(shop, "bolt")
    box = Mailbox(shop)
    box.accept(COMPANY, kind=EventKind.GAP)
    assert box.one().outcome is RunOutcome.WRITTEN
    assert (status(shop, "2"), box.ends()) == ("past_due", [APPLIED])
    assert shop.ports.runs.last(["t1"], CONTRACT)[0].read_full is True


@pytest.mark.fault("E20")
def test_a_partner_that_no_longer_knows_what_changed_is_read_in_full_and_health_says_so(shop: Product) -> None:
    """Only what changed was asked for, everything was read: the reason stands in the tenant's health."""
    run_id = shop.ports.ids.new("run")
    sync(["t1"], shop.contract, ports=shop.ports, mode=SyncMode.APPLY, run_id=run_id, full=False)
    assert shop.ports.runs.last(["t1"], CONTRACT)[0].read_full is True
    assert "crm_accounts was read in full: " in health("t1", ports=shop.ports)[0].note


def test_while_a_plan_waits_events_are_held_with_the_reason(tmp_path: Path) -> None:
    """The plan that people know stays; the records are read, and the events say what they wait for."""
    with product(tmp_path) as shop:
        box = Mailbox(shop)
        box.accept(SUBSCRIPTION, "sub_acme")
        assert "nothing of this tenant was read yet" in box.one().reason
        shop.one()
        plan = shop.ports.plans.open("t1", CONTRACT)
        box.accept(SUBSCRIPTION, "sub_acme")
        assert "waits" in box.one().reason
        assert (box.ends(), shop.ports.plans.open("t1", CONTRACT)) == ([HELD, HELD], plan)


def test_a_partner_that_is_down_leaves_events_waiting(shop: Product) -> None:
    """Nothing is settled; the next run is due a little later, and does it."""
    box = Mailbox(shop)
    past_due(shop, "acme")
    shop.billing().broken = TransientError("billing is down")
    box.accept(SUBSCRIPTION, "sub_acme")
    assert box.one().outcome is RunOutcome.FAILED
    assert (box.ends(), due_tenants(shop.ports.contracts, ports=shop.ports)) == ([WAITING], {})
    shop.billing().broken = None
    shop.clock.sleep(20)
    assert due_tenants(shop.ports.contracts, ports=shop.ports) == {CONTRACT: ["t1"]}
    box.drain()
    assert (box.ends(), status(shop, "1")) == ([APPLIED], "past_due")


def test_a_failed_write_is_due_again_without_any_event(shop: Product) -> None:
    """The record is looked at when its time has come, by a run of its own, and written."""
    box = Mailbox(shop)
    past_due(shop, "bolt")
    shop.crm().refuse.add("2")
    box.accept(SUBSCRIPTION, "sub_bolt")
    box.drain()
    shop.crm().refuse.clear()
    assert (box.ends(), due_tenants(shop.ports.contracts, ports=shop.ports)) == ([HELD], {})
    shop.clock.sleep(600)
    assert due_tenants(shop.ports.contracts, ports=shop.ports) == {CONTRACT: ["t1"]}
    assert (box.one().outcome, status(shop, "2")) == (RunOutcome.WRITTEN, "past_due")


def test_access_that_a_partner_took_away_is_not_used_again(shop: Product) -> None:
    """The event is believed when the partner does not answer any more; then nothing is asked of it until the tenant connects again."""
    box = Mailbox(shop)
    shop.ports.tenants.connect(Connection("t1", "stripe", "acct_1", "", b"", shop.clock.now()))
    shop.billing().broken = AuthError("revoked")
    box.accept(CUSTOMER, kind=EventKind.UNINSTALL)
    tenant = box.one()
    assert (tenant.outcome, "took our access away" in tenant.reason) == (RunOutcome.FAILED, True)
    calls = len(shop.billing().fetched)
    box.accept(SUBSCRIPTION, "sub_acme")
    assert box.one().outcome is RunOutcome.FAILED
    assert (len(shop.billing().fetched), box.ends()) == (calls, [APPLIED, WAITING])


@pytest.mark.fault("E18")
@pytest.mark.parametrize(("waited", "left"), [(timedelta(seconds=1), 0), (timedelta(seconds=3), 7)])
def test_a_burst_leaves_its_place_to_somebody_else(shop: Product, waited: timedelta, left: int) -> None:
    """While nobody else waits a run goes on with what one round could not take; otherwise it ends, and the rest gets a run of its own."""
    box = Mailbox(shop)
    shop.ports.inbox.accept([box.event(SUBSCRIPTION, "sub_acme") for _ in range(MOST_EVENTS + 7)])
    box.accept(SUBSCRIPTION, "sub_of_another", tenant="t2", received_at=shop.clock.now() - waited)
    box.drain("t1")
    assert box.ends("t1").count(WAITING) == left
    box.drain("t1")
    assert WAITING not in box.ends("t1")


@pytest.mark.parametrize("settle", [{"settle_seconds": 8}, {"settle": {"billing_subscriptions": 8}}], ids=["all", "one object"])
def test_a_record_that_is_changed_several_times_in_a_row_is_written_once(settle: dict[str, Any], tmp_path: Path) -> None:
    """Where the contract lets records settle no run is due before if none may be ready, and a run waits for what is not; the last value counts."""
    made = crm_billing()
    patient = made.model_copy(update={"latency": made.latency.model_copy(update=settle)})
    with product(tmp_path, contract=patient) as shop:
        shop.first_sync()
        shop.clock.sleep(3600)
        shop.crm().effects.clear()
        box, since = Mailbox(shop), shop.clock.now()
        for value in ("unpaid", "past_due"):
            shop.billing().objects["billing_subscriptions"]["sub_acme"]["status"] = value
            box.accept(SUBSCRIPTION, "sub_acme")
            shop.clock.sleep(2)
        assert (due_tenants(shop.ports.contracts, ports=shop.ports) == {}) is ("settle_seconds" in settle)
        box.drain()
        assert shop.clock.now() - since >= timedelta(seconds=8)
        assert (box.ends(), status(shop, "1"), len(shop.crm().effects)) == ([APPLIED, EQUAL], "past_due", 1)


def worlds(count: int) -> tuple[FakeAccount, FakeAccount]:
    """So many small worlds in one pair of accounts, each with two companies, their customers and a subscription each."""
    crm, billing = small_accounts()
    plain = {name: dict(next(iter(rows.values()))) for name, rows in (crm.objects | billing.objects).items()}
    for name in ("crm_accounts", "billing_customers", "billing_subscriptions"):
        (crm if name in crm.objects else billing).objects[name] = {}
    for one in (f"{which}{n}" for n in range(count) for which in "ab"):
        crm.objects["crm_accounts"][one] = plain["crm_accounts"] | {"name": one, "domain": f"{one}.com"}
        billing.objects["billing_customers"][f"cus_{one}"] = plain["billing_customers"] | {"email": f"pay@{one}.com"}
        billing.objects["billing_subscriptions"][f"sub_{one}"] = plain["billing_subscriptions"] | {"customer_id": f"cus_{one}"}
    return crm, billing


@pytest.mark.fault("E03", "E04")
def test_the_order_of_events_does_not_matter(tmp_path: Path) -> None:
    """Five events about two changes, worked off one by one in each of the 120 orders and days late, end in one state: one write a change."""
    things = [(SUBSCRIPTION, "sub_a"), (SUBSCRIPTION, "sub_b"), (CUSTOMER, "cus_a"), (COMPANY, "a"), (COMPANY, "b")]
    orders = list(permutations(things))
    made = crm_billing()
    unguarded = made.model_copy(update={"guards": made.guards.model_copy(update={"max_update_percent": 100.0})})
    with product(tmp_path, {"t1": worlds(len(orders))}, contract=unguarded) as shop:
        shop.first_sync()
        shop.clock.sleep(3600)
        shop.crm().effects.clear()
        names = [f"{which}{n}" for n in range(len(orders)) for which in "ab"]
        for name in names:
            shop.billing().objects["billing_subscriptions"][f"sub_{name}"]["status"] = "past_due"
        box = Mailbox(shop)
        for place in range(len(things)):
            for number, order in enumerate(orders):
                thing, one = order[place]
                box.accept(thing, f"{one}{number}", received_at=shop.clock.now() - timedelta(days=3 * place))
            box.drain()
        assert sorted(effect[1] for effect in shop.crm().effects) == sorted(names)
        assert {status(shop, name) for name in names} == {"past_due"}
        assert set(box.ends()) == {APPLIED, EQUAL, ECHO}
