"""A write that fails is tried again later and later, for as long as the contract says, and at once when something changed."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from integration_pipelines.core.backoff import next_try
from integration_pipelines.errors import ErrorKind
from integration_pipelines.ports.retries import Retry
from integration_pipelines.use_cases.health import health
from integration_pipelines.use_cases.outcome import RunOutcome, TenantReport
from integration_pipelines_tests.kit.bench import CONTRACT, Product, product
from integration_pipelines_tests.kit.core import crm_billing
from integration_pipelines_tests.kit.fakes import FakeClock


@pytest.fixture
def shop(tmp_path: Path, each_database: str) -> Iterator[Product]:
    """A tenant in sync, whose CRM then refuses a company that billing has news about."""
    with product(tmp_path, database_url=each_database) as made:
        made.first_sync()
        made.billing().objects["billing_subscriptions"]["sub_acme"]["status"] = "past_due"
        made.crm().refuse.add("1")
        yield made


def remembered(shop: Product) -> list[Retry]:
    """What the store keeps of failed writes."""
    return shop.ports.retries.load(["t1"], CONTRACT)


def test_a_failed_write_waits_and_says_until_when(shop: Product) -> None:
    """The next run does not knock again at once: it holds the write and names the time of the next try."""
    assert shop.one().writes == {"failed": 1}
    calls = shop.one()
    assert (calls.outcome, calls.writes) == (RunOutcome.HELD, {})
    assert "1 writes failed before and are tried again from" in calls.reason
    assert calls.outcomes["failed"] == 3  # the company, its customer and its subscription


def test_it_is_tried_again_when_due_and_then_later(shop: Product) -> None:
    """Five minutes after the first failure it goes out again; after the second one it waits twice as long."""
    shop.one()
    shop.clock.sleep(301)
    assert shop.one().writes == {"failed": 1}
    (kept,) = remembered(shop)
    assert kept.attempts == 2
    assert kept.next_try_at is not None
    assert timedelta(minutes=9) < kept.next_try_at - kept.last_failed_at <= timedelta(minutes=10)


def test_a_record_that_changed_does_not_wait(shop: Product) -> None:
    """Another content is another write: it goes out at once."""
    shop.one()
    shop.crm().refuse.clear()
    shop.billing().objects["billing_subscriptions"]["sub_acme"]["status"] = "unpaid"
    report = shop.one()
    assert (report.writes, report.certified, remembered(shop)) == ({"applied": 1}, True, [])


def test_a_run_for_that_record_does_not_wait(shop: Product) -> None:
    """Who names the record has just mended something and wants to see."""
    shop.one()
    shop.crm().refuse.clear()
    report = shop.one(only=("1",))
    assert (report.writes, remembered(shop)) == ({"applied": 1}, [])


def test_after_the_contracts_hours_it_is_given_up_but_not_forgotten(shop: Product) -> None:
    """The last try is made when the 24 hours end; from then on it waits for a change, and the reason says so."""
    shop.one()
    for _ in range(12):
        shop.clock.sleep(4 * 3600)
        shop.one()
    (kept,) = remembered(shop)
    assert (kept.next_try_at, kept.error_kind) == (None, "invalid")
    assert timedelta(hours=24) <= kept.last_failed_at - kept.first_failed_at < timedelta(hours=29)
    assert "wait until the record or the contract changes" in shop.one().reason


@pytest.mark.fault("H22")
def test_what_only_a_mistake_of_ours_explains_is_never_sent_under_another_key(shop: Product) -> None:
    """The partner saw the key with another content: that write stops, hours and test syncs later too, until the record says something new."""
    keys: list[str] = []
    shop.crm().refuse_as = ErrorKind.BUG
    shop.crm().before_write = lambda _, writes: keys.extend(w.idempotency_key for w in writes)
    for only in ((), (), ("1",), ()):
        report = shop.one(only=only)
        shop.clock.sleep(8 * 3600)
    assert "1 writes were refused through a mistake of this program and are not tried again by themselves" in report.reason
    (seen,) = health("t1", ports=shop.ports)
    assert (len(keys), seen.status) == (1, "failing")
    shop.crm().refuse.clear()
    shop.billing().objects["billing_subscriptions"]["sub_acme"]["status"] = "unpaid"
    assert (shop.one().certified, len(keys), len(set(keys)), remembered(shop)) == (True, 2, 2, [])


@pytest.fixture
def asking(tmp_path: Path, each_database: str) -> Iterator[Product]:
    """A tenant in sync of which nothing may change without a person, and whose CRM says that it knows the first company's key."""
    contract = crm_billing()
    guards = contract.guards.model_copy(update={"update_floor": 0, "max_update_percent": 0.0})
    with product(tmp_path, database_url=each_database, contract=contract.model_copy(update={"guards": guards})) as made:
        made.first_sync()
        made.crm().refuse.add("1")
        made.crm().refuse_as = ErrorKind.BUG
        past_due(made, "acme")
        yield made


def past_due(shop: Product, *names: str) -> None:
    """Those customers have not paid."""
    for name in names:
        shop.billing().objects["billing_subscriptions"][f"sub_{name}"]["status"] = "past_due"


def approved(shop: Product) -> TenantReport:
    """A run that waits for a person, her word, and the run after it."""
    assert shop.one().outcome is RunOutcome.HELD
    shop.approve()
    return shop.one()


def test_nobody_is_asked_again_about_what_was_given_up(asking: Product) -> None:
    """A plan of nothing else is not made; what changes later is planned, approved and written as always."""
    assert approved(asking).writes == {"failed": 1}
    waiting = asking.one()
    assert (waiting.outcome, waiting.plan, asking.ports.plans.open("t1", CONTRACT)) == (RunOutcome.HELD, None, None)
    assert "1 writes were refused through a mistake of this program" in waiting.reason
    past_due(asking, "bolt")
    assert approved(asking).writes == {"applied": 1}


def test_an_approved_plan_does_not_stand_for_the_sake_of_what_was_given_up(asking: Product) -> None:
    """Somebody paused the run that applied it, after a refusal for good; nothing else of the tenant waits behind that one write."""
    asking.one()
    asking.approve()

    def pause(*_: object) -> None:
        asking.ports.tenants.switch("t1", CONTRACT, paused=True)

    asking.crm().before_write = pause
    asking.one()
    asking.crm().before_write = lambda *_: None
    asking.ports.tenants.switch("t1", CONTRACT, paused=False)
    past_due(asking, "core")
    assert asking.one().outcome is RunOutcome.PLANNED
    assert approved(asking).writes == {"applied": 1}
    assert asking.ports.plans.standing("t1", CONTRACT) == []


def test_a_difference_that_went_away_is_not_remembered(shop: Product) -> None:
    """When billing takes its news back there is nothing left to try."""
    shop.one()
    shop.billing().objects["billing_subscriptions"]["sub_acme"]["status"] = "active"
    assert (shop.one().outcome, remembered(shop)) == (RunOutcome.IN_SYNC, [])


@pytest.mark.parametrize(("attempts", "minutes"), [(1, 5), (2, 10), (3, 20), (5, 80), (6, 160), (7, 240), (30, 240)])
def test_waits_double_up_to_four_hours(attempts: int, minutes: int) -> None:
    """Waits grow from five minutes to four hours."""
    now = FakeClock().now()
    assert next_try(attempts, now, now, 24 * 30) == now + timedelta(minutes=minutes)
