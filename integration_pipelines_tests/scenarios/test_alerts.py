"""Alerts from what happens to tenants: what opens one, what closes it, who is told how often, and what never stands in one."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from integration_pipelines.core.alerts import Rules
from integration_pipelines.errors import AuthError, IntegrationError, TransientError
from integration_pipelines.use_cases.alerts import Swept, sweep_alerts
from integration_pipelines_tests.kit.alerts import RULES, Recorder
from integration_pipelines_tests.kit.bench import Product, product, small_accounts

Open = Callable[..., tuple[Product, Recorder]]
HOUR = 3600


@pytest.fixture
def open_shop(tmp_path: Path) -> Iterator[Open]:
    """Open a product with those tenants and a recorder that hears its alerts."""
    with ExitStack() as stack:

        def make(*tenants: str, url: str = "", rules: Rules = RULES) -> tuple[Product, Recorder]:
            accounts = {t: small_accounts() for t in tenants or ("t1",)}
            shop = stack.enter_context(product(tmp_path, accounts, database_url=url))
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


def silent(shop: Product) -> None:
    """Nothing ran for longer than the contract promises."""
    shop.first_sync()
    shop.clock.sleep(25 * HOUR)


@pytest.mark.parametrize(
    ("happens", "expected"),
    [
        (lambda _: None, set()),
        (synced, set()),
        (lambda shop: shop.one(), {("plan_held", "")}),
        (lambda shop: broken(shop, AuthError("The token is not accepted.")), {("needs_reconnect", "")}),
        (lambda shop: broken(shop, TransientError("It does not answer.")), {("run_failed", "")}),
        (refused_for_a_day, {("writes_given_up", ""), ("stale", ""), ("check_failed", "certificate")}),
        (silent, {("stale", "")}),
    ],
    ids=["new", "in sync", "first plan", "revoked token", "partner down", "refused for a day", "silent"],
)
def test_what_opens_an_alert(
    open_shop: Open, each_database: str, happens: Callable[[Product], None], expected: set[tuple[str, str]]
) -> None:
    """What happened to a tenant decides which alerts are open, on both databases; a second look opens nothing more."""
    shop, heard = open_shop(url=each_database)
    happens(shop)
    sweep(shop)
    again = sweep(shop)
    found = {(str(a.finding.kind), a.finding.subject) for a in shop.ports.alerting.book.find(["t1"])}
    assert found == expected
    assert (again.opened, again.closed, len(heard.got)) == (0, 0, len(expected))
