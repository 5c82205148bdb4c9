"""The store is put back from a backup while the partners went on: nothing is written until a person has looked. On both databases."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from integration_pipelines.use_cases.outcome import RunOutcome
from integration_pipelines.use_cases.switch import switch_writes
from integration_pipelines_tests.kit.bench import CONTRACT, Product, product
from integration_pipelines_tests.kit.databases import admin_url, backup


@pytest.fixture
def shop(tmp_path: Path, each_database: str) -> Iterator[Product]:
    """A tenant in sync."""
    with product(tmp_path, database_url=each_database) as made:
        made.first_sync()
        yield made


def fall_overdue(shop: Product, name: str) -> None:
    """Billing says something new of a customer."""
    shop.billing().objects["billing_subscriptions"][f"sub_{name}"]["status"] = "past_due"


def acts_of(shop: Product) -> list[str]:
    """What is on record of the tenant, in its order."""
    engine = sa.create_engine(admin_url(shop.database_url))
    with engine.connect() as connection:
        acts = list(connection.scalars(sa.text("SELECT act FROM audit_log WHERE tenant_id = 't1' ORDER BY seq")))
    engine.dispose()
    return acts


@pytest.mark.fault("P17")
def test_after_a_restore_nothing_is_written_until_somebody_has_looked(shop: Product) -> None:
    """Runs read and plan, once and again; who resumes gets what is new since, and not a second time what was written before."""
    put_back = backup(shop.database_url)
    fall_overdue(shop, "bolt")
    assert shop.one().outcome is RunOutcome.WRITTEN
    fall_overdue(shop, "core")
    before = len(shop.crm().effects)
    put_back()
    for _ in range(2):
        report = shop.one()
        assert (report.outcome, len(shop.crm().effects)) == (RunOutcome.PAUSED, before)
    plan = shop.ports.plans.open("t1", CONTRACT)
    assert plan is not None
    assert plan.numbers["records"] == 1
    switch_writes("t1", CONTRACT, paused=False, actor="ann", ports=shop.ports)
    report = shop.one()
    assert (report.outcome, report.certified, len(shop.crm().effects) - before) == (RunOutcome.WRITTEN, True, 1)
    fall_overdue(shop, "acme")
    assert shop.one().outcome is RunOutcome.WRITTEN


@pytest.mark.fault("P17")
def test_who_resumes_is_told_why_it_was_paused(shop: Product) -> None:
    """The first run says what it found and what to do, and the record of acts keeps it."""
    put_back = backup(shop.database_url)
    fall_overdue(shop, "bolt")
    shop.one()
    fall_overdue(shop, "core")
    put_back()
    assert "older than what was already written" in shop.one().reason
    assert acts_of(shop)[-2:] == ["writes_switched", "store_is_older"]
    assert shop.ports.audit.verify("t1")[1] == []


def test_a_restore_of_a_store_that_wrote_nothing_since_changes_nothing(shop: Product) -> None:
    """Whoever is behind by idle runs only knows all that was done."""
    put_back = backup(shop.database_url)
    assert shop.one().outcome is RunOutcome.IN_SYNC
    put_back()
    fall_overdue(shop, "bolt")
    assert shop.one().outcome is RunOutcome.WRITTEN
