"""Days, windows and coverage; and what counts as a change."""

from datetime import UTC, date, datetime, timedelta
from functools import cache

import pyarrow as pa
import pytest

from integration_pipelines.core.history import (
    Coverage,
    DayTold,
    canonical_changes,
    days_between,
    since_horizon,
    stretches,
    tells_less,
    told,
    window,
)
from integration_pipelines.core.sql import Sql
from integration_pipelines.core.tables import CHANGES
from integration_pipelines_tests.kit.core import connect, crm_billing

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@cache
def sql() -> Sql:
    """One connection for all questions."""
    return Sql(connect())


def november(*days: int) -> list[date]:
    """Days of November."""
    return [date(2026, 11, day) for day in days]


@pytest.mark.parametrize(
    ("now", "days", "expected"),
    [
        (NOON, 90, ("2026-08-26", "2026-11-23")),
        (NOON, 1, ("2026-11-23", "2026-11-23")),
        (datetime.fromisoformat("2026-11-23T23:30:00-05:00"), 2, ("2026-11-23", "2026-11-24")),
    ],
)
def test_the_window_ends_today_in_utc(now: datetime, days: int, expected: tuple[str, str]) -> None:
    """So many days, today included."""
    first, last = window(now, days)
    assert (first.isoformat(), last.isoformat(), len(days_between(first, last))) == (*expected, days)


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        ((), []),
        ((3,), [(3, 3)]),
        ((5, 3, 4, 4), [(3, 5)]),
        ((1, 2, 4, 7, 8), [(1, 2), (4, 4), (7, 8)]),
    ],
)
def test_days_are_told_in_stretches(days: tuple[int, ...], expected: list[tuple[int, int]]) -> None:
    """Without gaps, in order, each day once."""
    assert [(a.day, b.day) for a, b in stretches(november(*days))] == expected


@pytest.mark.parametrize(("minutes", "coverage"), [(-1, "part"), (0, "part"), (4, "part"), (5, "whole"), (600, "whole")])
def test_a_day_is_told_whole_once_it_is_over_for_the_partner_too(minutes: int, coverage: str) -> None:
    """Partners show a change a little late."""
    midnight = datetime(2026, 11, 21, tzinfo=UTC)
    (day,) = told(november(20), midnight + timedelta(minutes=minutes))
    assert str(day.coverage) == coverage


def test_what_is_older_than_a_partners_memory_is_not_told() -> None:
    """The day in which it begins is told in part, what is before not at all."""
    horizon = datetime(2026, 11, 20, 6, tzinfo=UTC)
    days = since_horizon(told(november(19, 20, 21), NOON), horizon, "it forgets")
    assert [(str(d.coverage), d.reason) for d in days] == [("none", "it forgets"), ("part", "it forgets"), ("whole", "")]
    exact = since_horizon(told(november(19, 20), NOON), datetime(2026, 11, 20, tzinfo=UTC), "it forgets")
    assert [str(d.coverage) for d in exact] == ["none", "whole"]


def test_limits_of_a_day_add_up() -> None:
    """The least counts; reasons are all said, but for a day of which nothing can be told."""
    whole = DayTold(date(2026, 11, 20), Coverage.WHOLE)
    part = whole.at_most(Coverage.PART, "one").at_most(Coverage.PART, "two")
    assert (part.coverage, part.reason) == (Coverage.PART, "one; two")
    none = part.at_most(Coverage.NONE, "nothing at all").at_most(Coverage.PART, "late")
    assert (none.coverage, none.reason) == (Coverage.NONE, "nothing at all")
    assert [tells_less(a, b) for a, b in ((part.coverage, whole.coverage), (whole.coverage, part.coverage))] == [True, False]


@pytest.mark.parametrize(
    ("field", "old", "new", "kept"),
    [
        ("name", "Acme", "Bolt", ("Acme", "Bolt")),
        ("name", "Acme", " Acme ", None),
        ("domain", "acme.com", "WWW.Acme.com", None),
        ("billing_mrr", "10.50", "10.5", None),
        ("billing_mrr", "10.5", "11.0", ("10.5", "11")),
        ("name", "", "Acme", ("", "Acme")),
        ("name", None, "", (None, "")),
        ("billing_renewal_date", "2026-12-01", "2026-12-02", ("2026-12-01", "2026-12-02")),
        ("*", None, "created", (None, "created")),
        ("about_us", "a", "b", None),
    ],
)
def test_a_change_is_a_difference_of_canonical_values(
    field: str, old: str | None, new: str | None, kept: tuple[str | None, str | None] | None
) -> None:
    """Of declared columns only; missing and blank are two values."""
    row = {"record_id": "1", "field": field, "changed_at": NOON, "old_value": old, "new_value": new, "actor": "a", "source": "s"}
    given = pa.Table.from_pylist([row, row], CHANGES)
    found = canonical_changes(sql(), crm_billing().objects["crm_accounts"], given).to_pylist()
    assert [(r["old_value"], r["new_value"]) for r in found] == ([kept] if kept else [])
    assert all(r["day"] == "2026-11-23" for r in found)
