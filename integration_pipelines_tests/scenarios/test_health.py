"""Health says for every installation how it stands and what a person has to do, if anything."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from integration_pipelines.errors import AuthError
from integration_pipelines.ports.lake import Mode
from integration_pipelines.use_cases.alerts import sweep_alerts
from integration_pipelines.use_cases.health import Health, health
from integration_pipelines_tests.kit.bench import Product, product


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Product]:
    """One tenant, installed and switched on."""
    with product(tmp_path) as made:
        yield made


def look(shop: Product) -> Health:
    """The health of the one installation."""
    return health("t1", ports=shop.ports)[0]


def refused(shop: Product) -> None:
    """A write that the partner refuses."""
    shop.first_sync()
    shop.crm().refuse.add("1")
    shop.billing().objects["billing_subscriptions"]["sub_acme"]["status"] = "past_due"
    shop.one()


def refused_for_a_day(shop: Product) -> None:
    """The same, again after 25 hours."""
    refused(shop)
    shop.clock.sleep(25 * 3600)
    shop.one()


def revoked(shop: Product) -> None:
    """A token that is not accepted any more."""
    shop.first_sync()
    shop.crm().broken = AuthError("The token is not accepted.", remedy="Connect again.")
    shop.one()


def quiet_for_two_days(shop: Product) -> None:
    """Nothing ran for longer than the contract promises."""
    shop.first_sync()
    shop.clock.sleep(48 * 3600)


def never_in_full_for_two_days(shop: Product) -> None:
    """What changed is read and certified every hour, and the nights are missing."""
    quiet_for_two_days(shop)
    shop.crm().reads = Mode.DELTA
    shop.one()


@pytest.mark.parametrize(
    ("happens", "status", "says"),
    [
        (lambda _: None, "never ran", "integration-pipelines sync"),
        (lambda shop: shop.one(), "attention", "A plan waits"),
        (lambda shop: shop.first_sync(), "ok", ""),
        (refused, "attention", "are tried again from"),
        (refused_for_a_day, "failing", "could not be written for 24 h"),
        (revoked, "failing", "Read the last error"),
        (quiet_for_two_days, "stale", "No certified full run in 24 h"),
        (never_in_full_for_two_days, "stale", "No certified full run in 24 h"),
    ],
    ids=[
        "new",
        "first plan",
        "in sync",
        "refused write",
        "refused for a day",
        "revoked token",
        "silent",
        "hours without a night",
    ],
)
def test_status_and_advice(shop: Product, happens: Callable[[Product], object], status: str, says: str) -> None:
    """What happened decides the status, and the advice names the next command or act."""
    happens(shop)
    found = look(shop)
    assert (found.status, says in found.what_to_do) == (status, True)


def test_health_counts_alerts_and_tells_what_the_newest_one_asks_for(shop: Product) -> None:
    """Those of the tenant alone, as of the last look."""
    shop.one()
    assert (look(shop).open_alerts, look(shop).newest_alert) == (0, "")
    sweep_alerts(shop.ports, shop.clock.now())
    assert (look(shop).open_alerts, "plans show t1" in look(shop).newest_alert) == (1, True)
    shop.approve()
    sweep_alerts(shop.ports, shop.clock.now())
    assert look(shop).open_alerts == 0
