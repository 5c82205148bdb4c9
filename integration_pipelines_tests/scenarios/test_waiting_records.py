"""A record that names another one which was not read: nothing is written because of it, it is looked for again, and people hear of it."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from integration_pipelines_tests.kit.bench import CONTRACT, Product, product
from integration_pipelines_tests.kit.core import subscription


@pytest.fixture
def shop(tmp_path: Path, each_database: str) -> Iterator[Product]:
    """A tenant in sync, then a subscription whose customer is not listed yet, and a company whose owner nobody knows."""
    with product(tmp_path, database_url=each_database) as made:
        made.first_sync()
        late = subscription("sub_late", "cus_late")
        del late["record_id"]
        made.billing().objects["billing_subscriptions"]["sub_late"] = late
        made.crm().objects["crm_accounts"]["1"]["owner_id"] = "404"
        yield made


def listed(shop: Product) -> list[tuple[str, str, str]]:
    """What people are told."""
    rows = shop.ports.quarantine.load(["t1"], CONTRACT).to_pylist()
    return [(r["object"], r["record_id"], r["field"]) for r in rows if r["expectation"] == "parent_present"]


@pytest.mark.fault("D31")
def test_an_absent_parent_defers_its_records_and_no_orphan_is_written(shop: Product) -> None:
    """They are counted, everything balances, and an unknown owner clears nothing on the other side."""
    before = len(shop.crm().effects) + len(shop.billing().effects)
    report = shop.one()
    assert (report.balanced, report.counts["waiting_for_parent"], listed(shop)) == (True, 2, [])
    assert len(shop.crm().effects) + len(shop.billing().effects) == before


@pytest.mark.fault("D31")
@pytest.mark.parametrize(("runs", "hours"), [(4, 1), (2, 25)])
def test_what_waits_for_too_long_is_told_with_a_remedy(shop: Product, runs: int, hours: int) -> None:
    """After some full reads, or after a day, whichever comes first."""
    for _ in range(runs - 1):
        shop.one()
        assert listed(shop) == []
        shop.clock.sleep(timedelta(hours=hours).total_seconds())
    shop.one()
    assert listed(shop) == [("billing_subscriptions", "sub_late", "customer_id"), ("crm_accounts", "1", "owner_id")]


@pytest.mark.fault("D31")
def test_the_parent_that_arrives_ends_the_waiting(shop: Product) -> None:
    """The deferred records are taken up as if they had come in order, and the list is empty again."""
    for _ in range(4):
        shop.one()
    shop.crm().objects["crm_owners"]["404"] = {
        "email": "new@crm.com",
        "first_name": "New",
        "last_name": "Hand",
        "archived": "false",
    }
    shop.billing().objects["billing_customers"]["cus_late"] = {"name": "late", "email": "x@lonely.com"}
    report = shop.one()
    assert (report.certified, "waiting_for_parent" in report.counts, listed(shop)) == (True, False, [])
    assert shop.billing().objects["billing_customers"]["cus_acme"]["crm_owner_email"] == "new@crm.com"
    assert shop.crm().objects["crm_accounts"]["9"]["billing_subscription_status"] == "active"
