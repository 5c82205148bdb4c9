"""`backfill` as a Dagster run inside the command: what it fills, prints and refuses."""

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from integration_pipelines import analytics, wiring
from integration_pipelines.core.history import Coverage
from integration_pipelines.errors import AuthError
from integration_pipelines.ports.bundle import Connectors
from integration_pipelines.store.clock import SystemClock
from integration_pipelines_tests.kit.bench import Product, product
from integration_pipelines_tests.kit.history_bench import Past, change, moment, remembering
from integration_pipelines_tests.unit.cli.conftest import Command
from integration_pipelines_tests.unit.cli.test_sync import DAGSTER

CUSTOMERS = "billing_customers"


def ago(days: int) -> date:
    """A day of the past, by the machine's clock, as the command sees it."""
    return SystemClock().now().date() - timedelta(days=days)


@pytest.fixture
def past() -> Past:
    """One change three days ago."""
    return Past({CUSTOMERS: [change("cus_acme", "name", "Old", "acme", moment(ago(3).isoformat()))]})


@pytest.fixture
def installed(home: Path, monkeypatch: pytest.MonkeyPatch, past: Past) -> Iterator[Product]:
    """A tenant at fake partners that the command's own wiring opens."""
    (home / "dagster.yaml").write_text(DAGSTER, encoding="utf-8")
    monkeypatch.chdir(home)
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    with product(home) as made:
        made.clock.moment = SystemClock().now()
        connectors: Connectors = remembering(made, past).ports.connectors
        monkeypatch.setattr(wiring, "PartnerConnectors", lambda *_: connectors)
        yield made


def asked(first: int, last: int, *more: str) -> tuple[str, ...]:
    """The words of a backfill from so many days ago to so many days ago."""
    return ("backfill", "--tenant", "T1", "--from", ago(first).isoformat(), "--to", ago(last).isoformat(), *more)


def test_a_backfill_prints_changes_and_coverage_by_object_and_days(command: Command, installed: Product, past: Past) -> None:
    """Neighbouring days that say the same are one line; the rest of the story is where to look for the plan. Analysts see the rows."""
    past.coverage[ago(5)] = Coverage.NONE
    said = command(*asked(5, 2))
    assert said.code == 0, said.err
    lines = [[cell.strip() for cell in line.split("│")[1:-1]] for line in said.out.splitlines() if CUSTOMERS in line]
    assert lines == [
        [CUSTOMERS, ago(5).isoformat(), "0", "none", "it forgot"],
        [CUSTOMERS, f"{ago(4)} to {ago(2)}", "1", "whole", ""],
    ]
    assert "reconciled: held." in said.out
    assert "integration-pipelines plans show t1" in said.out
    frame = analytics.history(tenants="T1")
    assert frame[["record_id", "field", "old_value", "new_value"]].to_numpy().tolist() == [["cus_acme", "name", "Old", "acme"]]
    assert installed.crm().effects == []


def test_json_has_every_day(command: Command, installed: Product) -> None:
    """For programs: what was clipped, how the reconciliation ended, and each day."""
    said = command(*asked(95, 88, "--json"))
    data = json.loads(said.out)
    assert (said.code, data["tenant_id"], data["first"], data["last"]) == (0, "t1", ago(89).isoformat(), ago(88).isoformat())
    assert data["note"] == f"Left out: {ago(95)} to {ago(90)} (older than 90 days)."
    days = [d for d in data["days"] if d["object"] == CUSTOMERS]
    assert [(d["day"], d["rows"], d["coverage"]) for d in days] == [
        (ago(89).isoformat(), 0, "whole"),
        (ago(88).isoformat(), 0, "whole"),
    ]
    assert installed.ports.tenants.all()


def test_a_fault_of_the_partner_ends_with_its_reason(command: Command, installed: Product, past: Past) -> None:
    """Exit 1, one line, nothing filled."""
    past.broken["t1"] = AuthError("No.", remedy="Connect again.")
    said = command(*asked(2, 1))
    assert (said.code, "Nothing was filled." in said.out) == (1, True)
    assert "t1: No. Connect again." in said.err
    assert installed.ports.history.load(["t1"], "crm_billing") == []


@pytest.mark.parametrize(
    ("first", "last", "reason"), [(120, 100, "older than the 90 days"), (-2, -3, "have not come yet"), (1, 2, "is before")]
)
def test_a_range_outside_the_window_is_refused(command: Command, installed: Product, first: int, last: int, reason: str) -> None:
    """Exit 1 with the reason and the days that can be had, before anything is read."""
    said = command(*asked(first, last))
    assert (said.code, reason in said.err, "What to do: " in said.err) == (1, True, True)
    assert installed.ports.history.load(["t1"], "crm_billing") == []


@pytest.mark.parametrize(
    "words",
    [
        ("backfill", "--tenant", "T1"),
        ("backfill", "--tenant", "T1", "--from", "yesterday", "--to", "2026-11-20"),
        ("backfill", "--from", "2026-11-20", "--to", "2026-11-20"),
    ],
)
def test_wrong_use_exits_2(command: Command, words: tuple[str, ...]) -> None:
    """Tenant and both days are needed, days as dates."""
    assert command(*words).code == 2


@pytest.mark.usefixtures("home")
def test_an_unknown_tenant_is_named(command: Command) -> None:
    """Exit 1."""
    said = command("backfill", "--tenant", "Nobody", "--from", "2026-11-20", "--to", "2026-11-20")
    assert (said.code, "There is no tenant" in said.err) == (1, True)
