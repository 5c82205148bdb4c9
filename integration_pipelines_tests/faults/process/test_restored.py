"""The store is put back from a backup while the partners went on: nothing is written until a person has looked."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from integration_pipelines.use_cases.outcome import RunOutcome
from integration_pipelines.use_cases.switch import switch_writes
from integration_pipelines_tests.kit.bench import CONTRACT, Product, product

STORE = "store.db"


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Product]:
    """A tenant in sync."""
    with product(tmp_path, database_url=f"sqlite:///{tmp_path / STORE}") as made:
        made.first_sync()
        yield made


def copy(source: Path, target: Path) -> None:
    """Copy a store as a backup tool does, connections or not."""
    with closing(sqlite3.connect(source)) as one, closing(sqlite3.connect(target)) as other:
        one.backup(other)


def fall_overdue(shop: Product, name: str) -> None:
    """Billing says something new of a customer."""
    shop.billing().objects["billing_subscriptions"][f"sub_{name}"]["status"] = "past_due"


@pytest.mark.fault("P17")
def test_after_a_restore_nothing_is_written_until_somebody_has_looked(shop: Product, tmp_path: Path) -> None:
    """Runs read and plan, once and again; who resumes gets what is new since, and not a second time what was written before."""
    copy(tmp_path / STORE, tmp_path / "backup.db")
    fall_overdue(shop, "bolt")
    assert shop.one().outcome is RunOutcome.WRITTEN
    fall_overdue(shop, "core")
    before = len(shop.crm().effects)
    copy(tmp_path / "backup.db", tmp_path / STORE)
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
def test_who_resumes_is_told_why_it_was_paused(shop: Product, tmp_path: Path) -> None:
    """The first run says what it found and what to do, and the record of acts keeps it."""
    copy(tmp_path / STORE, tmp_path / "backup.db")
    fall_overdue(shop, "bolt")
    shop.one()
    fall_overdue(shop, "core")
    copy(tmp_path / "backup.db", tmp_path / STORE)
    assert "older than what was already written" in shop.one().reason
    with closing(sqlite3.connect(tmp_path / STORE)) as store:
        acts = [act for (act,) in store.execute("SELECT act FROM audit_log WHERE tenant_id = 't1' ORDER BY rowid")]
    assert acts[-2:] == ["writes_switched", "store_is_older"]
    assert shop.ports.audit.verify("t1")[1] == []


def test_a_restore_of_a_store_that_wrote_nothing_since_changes_nothing(shop: Product, tmp_path: Path) -> None:
    """Whoever is behind by idle runs only knows all that was done."""
    copy(tmp_path / STORE, tmp_path / "backup.db")
    assert shop.one().outcome is RunOutcome.IN_SYNC
    copy(tmp_path / "backup.db", tmp_path / STORE)
    fall_overdue(shop, "bolt")
    assert shop.one().outcome is RunOutcome.WRITTEN
