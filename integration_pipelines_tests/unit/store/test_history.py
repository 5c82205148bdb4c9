"""Filled days of history, on each kind of database."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from integration_pipelines.core.history import Coverage
from integration_pipelines.ports.history import HistoryDay
from integration_pipelines.ports.lake import Mode, NewEntry, StoredFile
from integration_pipelines.store.open import Stores

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
DAY = HistoryDay("t1", "crm_billing", "crm_accounts", date(2026, 11, 20), 3, Coverage.PART, "it forgot", "events", "run_1", AT)


def test_a_day_comes_back_as_it_was_filled(stores: Stores) -> None:
    """Every fact of it, times in UTC."""
    stores.history.record([DAY])
    assert stores.history.load(["t1"], "crm_billing") == [DAY]


def test_filling_a_day_again_replaces_it(stores: Stores) -> None:
    """By tenant, integration, object and day; other days stay."""
    other = replace(DAY, tenant_id="t2", rows=9)
    again = replace(DAY, rows=5, coverage=Coverage.WHOLE, reason="", run_id="run_2", filled_at=AT + timedelta(hours=1))
    stores.history.record([DAY, other])
    stores.history.record([again])
    assert stores.history.load(["t1", "t2"], "crm_billing") == [again, other]


@pytest.mark.parametrize(
    ("objects", "first", "last", "found"),
    [
        ((), None, None, ["crm_accounts 19", "crm_accounts 20", "crm_accounts 21", "crm_owners 20"]),
        (("crm_owners",), None, None, ["crm_owners 20"]),
        ((), date(2026, 11, 20), None, ["crm_accounts 20", "crm_accounts 21", "crm_owners 20"]),
        ((), date(2026, 11, 20), date(2026, 11, 20), ["crm_accounts 20", "crm_owners 20"]),
    ],
)
def test_days_are_found_by_tenant_object_and_time(
    stores: Stores, objects: tuple[str, ...], first: date | None, last: date | None, found: list[str]
) -> None:
    """Ordered by object and day; nothing of other tenants or integrations."""
    days = [replace(DAY, day=date(2026, 11, n)) for n in (21, 19, 20)]
    others = [replace(DAY, object="crm_owners"), replace(DAY, tenant_id="t2"), replace(DAY, integration="crm_helpdesk")]
    stores.history.record([*days, *others])
    answer = stores.history.load(["t1"], "crm_billing", objects=objects, first=first, last=last)
    assert [f"{d.object} {d.day.day}" for d in answer] == found


def test_days_before_a_day_can_be_forgotten(stores: Stores) -> None:
    """Of those tenants and that integration only."""
    days = [replace(DAY, day=date(2026, 11, n)) for n in (19, 20, 21)]
    other = replace(DAY, tenant_id="t2", day=date(2026, 11, 19))
    stores.history.record([*days, other])
    stores.history.forget(["t1"], "crm_billing", date(2026, 11, 21))
    assert stores.history.load(["t1", "t2"], "crm_billing") == [days[2], other]


def test_datasets_can_be_forgotten(stores: Stores) -> None:
    """Every file of them, older ones too, stops counting, and is named; other tenants and datasets stay."""
    for number, (dataset, tenant) in enumerate((("a", "t1"), ("a", "t1"), ("b", "t1"), ("a", "t2"))):
        file = StoredFile(f"{tenant}/x/{dataset}{number}.parquet", "0" * 64, 1, 1)
        stores.manifest.append([NewEntry(tenant, "crm_billing", dataset, Mode.FULL, file, "run_1")], AT)
    assert stores.manifest.forget(["t1"], "crm_billing", ["a"]) == ["t1/x/a0.parquet", "t1/x/a1.parquet"]
    assert stores.manifest.paths() == {"t1/x/b2.parquet", "t2/x/a3.parquet"}
    assert stores.manifest.forget(["t1"], "crm_billing", []) == stores.manifest.forget([], "crm_billing", ["b"]) == []


def test_several_datasets_are_found_in_one_question(stores: Stores) -> None:
    """Of each the files that count, in the order of the question, as one question for each would find them."""

    def entry(dataset: str, mode: Mode, number: int, tenant: str = "t1") -> NewEntry:
        file = StoredFile(f"{tenant}/x/{dataset}{number}.parquet", "0" * 64, 1, 1)
        return NewEntry(tenant, "crm_billing", dataset, mode, file, "run_1")

    for number, dataset in enumerate(("a", "b", "a", "c")):
        stores.manifest.append([entry(dataset, Mode.FULL, number), entry(dataset, Mode.FULL, number, "t2")], AT)
    stores.manifest.append([entry("a", Mode.DELTA, 9)], AT)
    found = stores.manifest.current_of(["t1", "t2"], "crm_billing", ["b", "a"])
    assert found == [e for d in ("b", "a") for e in stores.manifest.current(["t1", "t2"], "crm_billing", d)]
    assert [e.file.path for e in found if e.tenant_id == "t1"] == [f"t1/x/{n}.parquet" for n in ("b1", "a2", "a9")]
    assert stores.manifest.current_of(["t1"], "crm_billing", []) == []
