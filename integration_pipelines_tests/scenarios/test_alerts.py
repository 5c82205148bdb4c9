"""Alerts from what happens to tenants: what opens one, what closes it, who is told how often, and what never stands in one."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path

import pyarrow as pa
import pytest

from integration_pipelines.core.alerts import EVERYBODY, AlertEvent, Rules
from integration_pipelines.core.contract import SourceObject
from integration_pipelines.errors import AuthError, ErrorKind, IntegrationError
from integration_pipelines.ports.alerts import DeliveryState, NotArrived
from integration_pipelines.ports.evidence import Run
from integration_pipelines.ports.gate import GateResult
from integration_pipelines.ports.lake import Mode
from integration_pipelines.ports.retries import Retry
from integration_pipelines.use_cases.alerts import Swept, sweep_alerts
from integration_pipelines_tests.kit.alerts import RULES, Recorder
from integration_pipelines_tests.kit.bench import CONTRACT, Product, product, small_accounts
from integration_pipelines_tests.kit.databases import fresh_sqlite
from integration_pipelines_tests.kit.fakes import OpenGate

Open = Callable[..., tuple[Product, Recorder]]
HOUR = 3600


@pytest.fixture
def open_shop(tmp_path: Path) -> Iterator[Open]:
    """Open a product with those tenants and a recorder that hears its alerts."""
    with ExitStack() as stack:

        def make(*tenants: str, url: str = "", rules: Rules = RULES) -> tuple[Product, Recorder]:
            accounts = {t: small_accounts() for t in tenants or ("t1",)}
            shop = stack.enter_context(product(tmp_path, accounts, database_url=url or fresh_sqlite(tmp_path / "database")))
            heard = Recorder()
            told = replace(shop.ports.alerting, sinks=lambda: (heard,), sink_names=(heard.name,), rules=rules)
            return shop.with_ports(alerting=told), heard

        yield make


def sweep(shop: Product) -> Swept:
    """One look, now."""
    return sweep_alerts(shop.ports, shop.clock.now())


def synced(shop: Product) -> None:
    """All is well."""
    shop.first_sync()


def refused_for_a_day(shop: Product) -> None:
    """A write that the partner refuses for longer than the contract tries."""
    shop.first_sync()
    shop.crm().refuse.add("1")
    shop.billing().objects["billing_subscriptions"]["sub_acme"]["status"] = "past_due"
    shop.one()
    shop.clock.sleep(25 * HOUR)
    shop.one()


def broken(shop: Product, error: IntegrationError) -> None:
    """A partner that does not work after all was well."""
    shop.first_sync()
    shop.crm().broken = error
    shop.one()


def forgotten(shop: Product) -> None:
    """All was well, and then nothing ran for longer than the contract promises."""
    shop.first_sync()
    shop.clock.sleep(25 * HOUR)


def silent(shop: Product) -> None:
    """Nothing ran since the installation, for longer than the contract promises."""
    shop.clock.sleep(25 * HOUR)


@pytest.mark.parametrize(
    ("happens", "expected"),
    [
        (lambda _: None, set()),
        (synced, set()),
        (lambda shop: shop.one(), {("plan_held", "")}),
        (lambda shop: broken(shop, AuthError("The token is not accepted.")), {("needs_reconnect", "")}),
        (refused_for_a_day, {("writes_given_up", ""), ("stale", ""), ("check_failed", "certificate")}),
        (forgotten, {("stale", "")}),
        (silent, {("stale", "")}),
    ],
    ids=["new", "in sync", "first plan", "revoked token", "refused for a day", "forgotten", "silent"],
)
def test_what_opens_an_alert(open_shop: Open, happens: Callable[[Product], None], expected: set[tuple[str, str]]) -> None:
    """What happened to a tenant decides which alerts are open; a second look opens nothing more."""
    shop, heard = open_shop()
    happens(shop)
    sweep(shop)
    again = sweep(shop)
    found = {(str(a.finding.kind), a.finding.subject) for a in shop.ports.alerting.book.find(["t1"])}
    assert found == expected
    assert (again.opened, again.closed, len(heard.got)) == (0, 0, len(expected))


def applied(shop: Product) -> None:
    """The plan is approved, and written."""
    shop.approve()
    shop.one()


def connected(shop: Product) -> None:
    """The token works again."""
    shop.crm().broken = None
    shop.one()


def given_up(shop: Product) -> None:
    """A write is not tried again by itself."""
    at = shop.clock.now()
    failed = Retry("t1", CONTRACT, "crm_accounts", "1", "f", 1, 9, at, at, None, "invalid", "Refused.", "w1", "run_1")
    shop.ports.retries.save([failed])


def key_seen_twice(shop: Product) -> None:
    """The partner saw an idempotency key with another content."""
    at = shop.clock.now()
    row = Retry("t1", CONTRACT, "crm_accounts", "1", "f", 1, 1, at, at, at, "bug", "Another request.", "w1", "run_1")
    shop.ports.retries.save([row])


def mended(shop: Product) -> None:
    """It went through after all."""
    shop.ports.retries.clear("t1", CONTRACT, [("crm_accounts", "1")])


MENDED: dict[str, tuple[Callable[[Product], object], Callable[[Product], object]]] = {
    "approved": (lambda shop: shop.one(), Product.approve),
    "applied": (lambda shop: shop.one(), applied),
    "connected": (lambda shop: broken(shop, AuthError("The token is not accepted.")), connected),
    "read again": (silent, Product.first_sync),
    "paused": (silent, lambda shop: shop.ports.tenants.switch("t1", CONTRACT, paused=True)),
    "removed": (silent, lambda shop: shop.ports.tenants.remove("t1")),
    "record mended": (given_up, mended),
    "mistake mended": (key_seen_twice, mended),
}


@pytest.mark.parametrize("case", list(MENDED))
def test_an_alert_closes_by_itself(open_shop: Open, case: str) -> None:
    """When its condition is gone, and whoever heard of it hears that it is over."""
    shop, heard = open_shop()
    happens, mend = MENDED[case]
    happens(shop)
    sweep(shop)
    opened = [e for e in heard.told if e[0] == "opened"]
    mend(shop)
    sweep(shop)
    assert opened
    assert shop.ports.alerting.book.find(None) == []
    assert sorted(heard.told[len(opened) :]) == sorted(("closed", tenant, kind) for _, tenant, kind in opened)


def test_writes_switched_off_are_no_trouble(open_shop: Open) -> None:
    """Nobody promised a tenant freshness before its writes are on."""
    shop, heard = open_shop()
    shop.ports.tenants.switch("t1", CONTRACT, enabled=False)
    shop.clock.sleep(48 * HOUR)
    sweep(shop)
    assert heard.told == []


def test_hourly_reads_of_what_changed_do_not_keep_a_tenant_fresh(open_shop: Open) -> None:
    """What was deleted shows in full reads only, so only those count."""
    shop, heard = open_shop()
    shop.first_sync()
    shop.clock.sleep(25 * HOUR)
    shop.crm().reads = Mode.DELTA
    assert shop.one().certified
    sweep(shop)
    assert heard.told == [("opened", "t1", "stale")]


def test_many_tenants_are_one_message_and_its_end(open_shop: Open) -> None:
    """Six silent tenants, a limit of five: one message; five of them read again, and then the last: one more."""
    names = [f"t{n}" for n in range(6)]
    shop, heard = open_shop(*names)
    for name in names:
        shop.ports.tenants.switch(name, CONTRACT, enabled=True)
    shop.clock.sleep(25 * HOUR)
    sweep(shop)
    assert heard.told == [("opened", EVERYBODY, "stale")]
    for name in names:
        shop.ports.tenants.switch(name, CONTRACT, paused=True)
        sweep(shop)
    assert heard.told[1:] == [("closed", EVERYBODY, "stale")]


def failing_sink(shop: Product, heard: Recorder, *answers: NotArrived) -> None:
    """A stale tenant, and a sink that answers so at first."""
    silent(shop)
    heard.answers = list(answers)


def test_a_message_is_tried_again_later_and_later(open_shop: Open) -> None:
    """After half a minute, one, two, and so on; then it arrives, once."""
    shop, heard = open_shop()
    failing_sink(shop, heard, *[NotArrived("It answered 503.")] * 3)
    tries = []
    for seconds in range(0, 300, 15):
        left = len(heard.answers)
        sweep(shop)
        if len(heard.answers) < left:
            tries.append(seconds)
        shop.clock.sleep(15)
    assert tries == [0, 30, 90]
    assert heard.told == [("opened", "t1", "stale")]


def test_a_sink_says_when_to_come_back(open_shop: Open) -> None:
    """Its word counts if it is later than ours."""
    shop, heard = open_shop()
    failing_sink(shop, heard, NotArrived("It answered 429.", after_seconds=600))
    sweep(shop)
    shop.clock.sleep(599)
    sweep(shop)
    assert heard.told == []
    shop.clock.sleep(2)
    sweep(shop)
    assert len(heard.told) == 1


@pytest.mark.parametrize(("answer", "hours"), [(NotArrived("It answered 400.", again=False), 0), (NotArrived("Down."), 80)])
def test_a_message_is_given_up_in_the_end(open_shop: Open, answer: NotArrived, hours: int) -> None:
    """At once if it will never be taken, else after three days; the alert itself stays open and is shown with the reason."""
    shop, heard = open_shop()
    failing_sink(shop, heard, *[answer] * 200)
    for _ in range(0, hours + 1, 8):
        sweep(shop)
        shop.clock.sleep(8 * HOUR)
    (alert,) = shop.ports.alerting.book.find(["t1"])
    first = next(d for d in shop.ports.alerting.book.deliveries([alert.alert_id]) if d.event is AlertEvent.OPENED)
    assert (first.state, first.error_text) == (DeliveryState.GIVEN_UP, answer.reason)


def test_one_sink_that_is_down_does_not_keep_the_others(open_shop: Open) -> None:
    """And of its own messages one is tried a time, the rest waits with it."""
    shop, heard = open_shop("t1", "t2")
    silent(shop)
    down = Recorder("down", [NotArrived("It cannot be reached.")] * 9)
    both = replace(shop.ports.alerting, sinks=lambda: (down, heard), sink_names=("down", heard.name))
    sweep(shop.with_ports(alerting=both))
    assert (len(heard.told), len(down.answers)) == (2, 8)


def test_what_was_never_heard_of_need_not_be_taken_back(open_shop: Open) -> None:
    """Mended before anything was sent: silence."""
    shop, heard = open_shop()
    shop.one()
    quiet = replace(shop.ports.alerting, sinks=lambda: ())
    assert sweep(shop.with_ports(alerting=quiet)).opened == 1
    shop.approve()
    assert sweep(shop).closed == 1
    assert heard.told == []


@pytest.mark.fault("P01")
def test_a_run_whose_process_died_is_ended_by_the_next_look(open_shop: Open, each_database: str) -> None:
    """A run without an end and without a living lease is over; one that still holds its lease is not, however long it takes."""
    shop, heard = open_shop("t1", "t2", url=each_database)
    for tenant in ("t1", "t2"):
        shop.ports.runs.start([Run(tenant, CONTRACT, f"run_{tenant}", "schedule", "full", shop.clock.now())])
    assert shop.ports.leases.take("t2", CONTRACT, "run_t2", 60.0)
    assert sweep(shop).died == 0  # both are young
    shop.clock.sleep(6 * 60)
    assert sweep(shop).died == 1
    assert [r.outcome for r in shop.ports.runs.last(None, CONTRACT)] == ["failed", None]
    assert heard.told == [("opened", "t1", "run_failed")]


@pytest.mark.fault("H22")
def test_a_key_that_the_partner_knows_with_another_content_raises_the_alarm(open_shop: Open, each_database: str) -> None:
    """Only a mistake of ours explains it, so people hear of it at once, as of nothing else in that run."""
    shop, heard = open_shop(url=each_database)
    shop.first_sync()
    shop.crm().refuse.add("1")
    shop.crm().refuse_as = ErrorKind.BUG
    shop.billing().objects["billing_subscriptions"]["sub_acme"]["status"] = "past_due"
    shop.one()
    sweep(shop)
    found = {str(a.finding.kind): a.finding.severity for _, a in heard.got}
    assert found == {"our_mistake": "critical", "check_failed": "warning"}


class ShutGate(OpenGate):
    """Finds every table wanting."""

    def judge(
        self, name: str, spec: SourceObject, observed: pa.Table, tenants: tuple[str, ...], *, few: bool = False
    ) -> GateResult:
        """Negative verdicts."""
        result = super().judge(name, spec, observed, tenants, few=few)
        return replace(result, verdicts=tuple(replace(v, passed=False, reason="It is empty.") for v in result.verdicts))


def test_a_gate_that_stops_a_tenant_is_a_failed_check(open_shop: Open) -> None:
    """Told apart from a run that failed otherwise, with what the gate found."""
    shop, heard = open_shop()
    shop.with_ports(gate=ShutGate()).one()
    sweep(shop)
    ((_, alert),) = heard.got
    assert (alert.finding.kind, alert.finding.subject) == ("check_failed", "gate")
    assert "It is empty." in alert.finding.text


def test_no_customer_data_is_in_an_alert(open_shop: Open) -> None:
    """Canaries in every text of every record, several troubles at once, and not one of them in any alert."""
    shop, heard = open_shop("t1", "t2")
    canary = "canary7f3a9"
    for account in shop.accounts.values():
        for record in (r for records in account.objects.values() for r in records.values()):
            record |= {k: f"{canary} {v}" for k, v in record.items() if k in {"name", "first_name", "last_name"}}
            record |= {k: v.replace("acme", f"{canary}-acme") for k, v in record.items() if k in {"email", "domain"}}
    refused_for_a_day(shop)
    shop.with_ports(gate=ShutGate()).one("t2")
    sweep(shop)
    said = [asdict(alert) for _, alert in heard.got]
    assert {a["finding"]["kind"] for a in said} >= {"writes_given_up", "stale", "check_failed"}
    assert canary not in repr(said)
    assert canary in str(shop.ports.diffs.load(["t1"], CONTRACT)["record_label"].to_pylist()), "the canary was never read"
