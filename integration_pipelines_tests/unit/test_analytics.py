"""What analysts get: typed frames, the same types full or empty, by tenant and by time."""

import re
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from integration_pipelines import analytics
from integration_pipelines.errors import ConfigError
from integration_pipelines.use_cases.history import backfill
from integration_pipelines_tests.kit.bench import product
from integration_pipelines_tests.kit.evidence import filled_store
from integration_pipelines_tests.kit.history_bench import Past, change, moment, remembering

HOME = "INTEGRATION_PIPELINES_HOME"
DOORS: list[Callable[[], pd.DataFrame]] = [
    analytics.tenants, analytics.diffs, analytics.open_diffs, analytics.diff_history, analytics.summary, analytics.mrr_at_risk,
    analytics.customers, analytics.links, analytics.quarantine, analytics.balance, analytics.field_counts, analytics.writes,
    analytics.written_fields, lambda: analytics.view("crm_billing_diffs"), lambda: analytics.view("crm_billing_links"),
    analytics.history, analytics.history_days,
]  # fmt: skip


NAMES = [("2026-11-20", "Old", "Older"), ("2026-11-21", "Older", "acme")]
"""What a customer was called."""


@pytest.fixture(scope="module", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Settings name an eventful store, with two days of history."""
    folder = tmp_path_factory.mktemp("filled")
    with pytest.MonkeyPatch.context() as patch, filled_store(folder) as made:
        told = [change("cus_acme", "name", old, new, moment(day)) for day, old, new in NAMES]
        bench = remembering(made, Past({"billing_customers": told}))
        days = [date.fromisoformat(day) for day, _, _ in NAMES]
        backfill("t1", bench.contract, days, ports=bench.ports, run_id="run_history")
        patch.setenv(HOME, str(folder))
        yield


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home where nothing was ever done."""
    monkeypatch.setenv(HOME, str(tmp_path))


def _kinds(frame: pd.DataFrame) -> dict[str, str]:
    return {str(c): str(t) for c, t in frame.dtypes.items()}


@pytest.mark.parametrize("door", DOORS)
def test_an_empty_store_gives_the_same_columns_and_types(
    door: Callable[[], pd.DataFrame], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A question before the first run is answered by an empty frame that a program can work with."""
    full = door()
    assert len(full)
    monkeypatch.setenv(HOME, str(tmp_path))
    assert len(door()) == 0
    assert _kinds(door()) == _kinds(full)


@pytest.mark.parametrize(
    ("door", "column", "kind"),
    [
        (analytics.diffs, "kind", "category"), (analytics.diffs, "amount_delta_minor", "Int64"), (analytics.diffs, "left_value", "string"),
        (analytics.diffs, "first_seen_at", "datetime64[us, UTC]"), (analytics.runs, "started_at", "datetime64[us, UTC]"),
        (analytics.runs, "certified", "boolean"), (analytics.runs, "rows_read", "Int64"), (analytics.writes, "attempts", "Int64"),
        (analytics.mrr_at_risk, "mrr_minor", "Int64"), (analytics.mrr_at_risk, "status_differs", "boolean"),
        (analytics.mrr_at_risk, "since", "datetime64[us, UTC]"), (analytics.summary, "compared", "Int64"),
        (analytics.customers, "mrr", "Int64"), (analytics.customers, "renewal_date", "datetime64[us, UTC]"),
        (analytics.quarantine, "expectation", "category"), (analytics.open_diffs, "readable_left_value", "string"),
        (analytics.history, "changed_at", "datetime64[us, UTC]"), (analytics.history, "coverage", "category"),
        (analytics.history_days, "rows", "Int64"), (analytics.history_days, "day", "datetime64[us, UTC]"),
    ],
)  # fmt: skip
def test_columns_have_the_types_they_promise(door: Callable[[], pd.DataFrame], column: str, kind: str) -> None:
    """Closed sets are categories, whole numbers nullable, times UTC."""
    assert _kinds(door())[column] == kind


@pytest.mark.parametrize("chosen", ["T1", "t1", ["T1"], ["t1"]])
def test_tenants_are_chosen_by_name_or_id(chosen: str | list[str]) -> None:
    """One or several, as people know them."""
    for frame in (analytics.diffs(tenants=chosen), analytics.open_diffs(tenants=chosen), analytics.balance(tenants=chosen)):
        assert set(frame["tenant_id"]) == {"t1"}
    assert set(analytics.diffs()["tenant_id"]) == {"t1", "t2"}


def test_history_is_told_oldest_first_and_since_a_moment() -> None:
    """Of the objects asked for; the days say how much of them could be told."""
    assert analytics.history()["new_value"].to_list() == ["Older", "acme"]
    assert analytics.history(since=moment("2026-11-20", 10))["new_value"].to_list() == ["acme"]
    assert len(analytics.history(objects=["crm_accounts"])) == len(analytics.history(tenants="T2")) == 0
    days = analytics.history_days(tenants="T1")
    mine = days[days["object"] == "billing_customers"]
    assert (mine["rows"].to_list(), mine["coverage"].to_list()) == ([1, 1], ["whole", "whole"])


def test_since_leaves_out_what_is_older() -> None:
    """The second run came an hour after the first."""
    started = analytics.runs(tenants="T1")["started_at"]
    middle: datetime = started.max() - timedelta(minutes=30)
    assert len(analytics.runs(tenants="T1", since=middle)) == 1
    assert set(analytics.writes(since=middle)["target_id"]) == {"1", "2"}
    assert len(set(analytics.balance(since=middle)["run_id"])) == 1
    assert analytics.diffs(since=middle)["last_seen_at"].min() >= middle
    assert 0 < len(analytics.diffs(since=middle)) < len(analytics.diffs())


def test_each_count_of_a_run_is_a_column_even_if_the_newest_run_lacks_it() -> None:
    """A held run writes nothing, and says so by a null instead of hiding the column."""
    runs = analytics.runs()
    held, written = (runs[runs["outcome"] == outcome] for outcome in ("held", "written"))
    assert held["writes_applied"].isna().all()
    assert written["writes_applied"].tolist() == [1, 6]
    assert written["certified"].tolist() == [False, True]


def test_written_fields_say_what_was_and_what_became() -> None:
    """One row per field, with the write's fate."""
    frame = analytics.written_fields(tenants="T1").query("field == 'subscription_status'")
    rows = list(frame[["target_id", "before", "after", "state"]].itertuples(index=False, name=None))
    assert sorted(rows[:2]) == [("1", "active", "past_due", "confirmed"), ("2", "active", "unpaid", "failed")]


def test_customers_add_up() -> None:
    """MRR by currency over the merged customers: two pay, the unpaid one does not."""
    frame = analytics.customers(tenants="T1")
    assert frame[frame["is_primary"]].groupby("mrr_currency", observed=True)["mrr"].sum().to_dict() == {"USD": 2000}


def test_the_balance_counts_every_record_once() -> None:
    """As many records as the run read."""
    run = analytics.runs(tenants="T1", limit=1)
    assert analytics.balance().query("run_id == @run.run_id[0]")["records"].sum() == run["rows_read"].sum()


@pytest.mark.usefixtures("empty")
@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: analytics.view("opendiffs"), "Choose one of: crm_billing_diffs"),
        (lambda: analytics.view("sync_runs; DROP TABLE tenants"), "no view"),
        (lambda: analytics.diffs(tenants="Nobody"), "no tenant"),
        (lambda: analytics.diffs(since=datetime(2026, 1, 1)), "time zone"),  # noqa: DTZ001 - the fault is the point
        (lambda: analytics.customers(integration="crm_helpdesk"), "Choose one of: crm_billing"),
    ],
)
def test_wrong_questions_are_answered_by_what_to_do(ask: Callable[[], pd.DataFrame], message: str) -> None:
    """Never by an empty frame."""
    with pytest.raises(ConfigError, match=re.escape(message)):
        ask()


def test_amounts_beyond_a_floats_reach_stay_exact(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Minor units of a large account are not rounded on their way through a view."""
    monkeypatch.setenv(HOME, str(tmp_path))
    with product(tmp_path) as made:
        made.crm().objects["crm_accounts"]["1"] |= {"billing_mrr": "90071992547409.93", "billing_mrr_currency": "USD"}
        made.one()
    frame = analytics.open_diffs().query("field == 'mrr' and left_id == '1'")
    assert frame["amount_delta_minor"].tolist() == [1000 - 9_007_199_254_740_993]
