"""What changed on a day, and how much of it a partner can still tell. Pure: windows of days, coverage, and changes in canonical form.

Reading a partner's history is the connectors' affair, keeping it the use case's. History is evidence for people; it is never merged.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from itertools import pairwise

import pyarrow as pa

from integration_pipelines.core.canonical import canonical
from integration_pipelines.core.contract import FieldType, SourceObject
from integration_pipelines.core.sql import Sql, text
from integration_pipelines.core.tables import CHANGES, HISTORY

RECORD = "*"
"""The field of a change that is about the whole record: made, ended, archived or deleted."""
ONE_DAY = timedelta(days=1)
LATE = timedelta(minutes=5)
"""Partners show a change a little after it happened: a day counts as over only then."""


class Coverage(StrEnum):
    """How much of a day the partner can still tell."""

    WHOLE = "whole"
    PART = "part"
    NONE = "none"


_RANK = {Coverage.NONE: 0, Coverage.PART: 1, Coverage.WHOLE: 2}


@dataclass(frozen=True, slots=True)
class DayTold:
    """What can be told of one day (UTC); `reason` says in words why it is not all, '' if it is."""

    day: date
    coverage: Coverage
    reason: str = ""

    def at_most(self, coverage: Coverage, reason: str) -> "DayTold":
        """The same day with one more limit; reasons add up, but for what cannot be told at all one reason is enough."""
        if self.coverage is Coverage.NONE:
            return self
        if coverage is Coverage.NONE:
            return DayTold(self.day, coverage, reason)
        least = min(self.coverage, coverage, key=lambda c: _RANK[c])
        return DayTold(self.day, least, "; ".join(part for part in (self.reason, reason) if part))


def tells_less(coverage: Coverage, than: Coverage) -> bool:
    """Whether one coverage says less than another."""
    return _RANK[coverage] < _RANK[than]


def start_of_day(day: date) -> datetime:
    """Midnight UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def days_between(first: date, last: date) -> list[date]:
    """Both ends included."""
    return [first + n * ONE_DAY for n in range((last - first).days + 1)]


def stretches(days: Iterable[date]) -> list[tuple[date, date]]:
    """Days as stretches without gaps, in order: (first, last)."""
    ordered = sorted(set(days))
    if not ordered:
        return []
    breaks = [(a, b) for a, b in pairwise(ordered) if b - a > ONE_DAY]
    return list(zip([ordered[0], *(b for _, b in breaks)], [*(a for a, _ in breaks), ordered[-1]], strict=True))


def window(now: datetime, history_days: int) -> tuple[date, date]:
    """The first and the last day of the rolling window: so many days, today included."""
    today = now.astimezone(UTC).date()
    return today - (history_days - 1) * ONE_DAY, today


def told(days: Sequence[date], now: datetime) -> list[DayTold]:
    """All of every day that is over; of a day that is not, what happened so far."""
    return [
        DayTold(day, Coverage.WHOLE)
        if start_of_day(day) + ONE_DAY + LATE <= now
        else DayTold(day, Coverage.PART, "the day is not over yet")
        for day in days
    ]


def since_horizon(days: Sequence[DayTold], horizon: datetime, reason: str) -> list[DayTold]:
    """The same days for a partner that remembers nothing from before a moment."""
    return [
        day.at_most(Coverage.NONE, reason)
        if start_of_day(day.day) + ONE_DAY <= horizon
        else day.at_most(Coverage.PART, reason)
        if start_of_day(day.day) < horizon
        else day
        for day in days
    ]


def canonical_changes(sql: Sql, spec: SourceObject, changes: pa.Table) -> pa.Table:
    """The changes with canonical values, without those that change nothing and each once; ordered. With a text column `day`.

    Money is compared elsewhere in minor units of its currency; here an amount stays the number that the partner states.
    """
    sql.put("told_changes", changes.select(CHANGES.names).cast(CHANGES))
    old, new = (_canonical(spec, name) for name in ("old_value", "new_value"))
    known = ", ".join(text(name) for name in (RECORD, *spec.columns))
    return sql.arrow(
        f"""SELECT DISTINCT record_id, field, changed_at, {old} AS old_value, {new} AS new_value, actor, source,
          strftime(changed_at, '%Y-%m-%d') AS day
        FROM told_changes WHERE field IN ({known}) AND {old} IS DISTINCT FROM {new}
        ORDER BY changed_at, record_id, field, source, old_value, new_value"""
    )


def _canonical(spec: SourceObject, value: str) -> str:
    """A value's canonical form by its field's type; lists and what is about the whole record stay as they are."""
    by_type: dict[FieldType, list[str]] = {}
    for name, column in spec.columns.items():
        if column.type is not FieldType.LIST:
            by_type.setdefault(column.type, []).append(name)
    whens = " ".join(
        f"WHEN field IN ({', '.join(text(n) for n in names)}) THEN {canonical(kind, value)}" for kind, names in by_type.items()
    )
    return f"CASE {whens} ELSE {value} END" if whens else value


def united(sql: Sql, kept: pa.Table, found: pa.Table) -> pa.Table:
    """What two looks at the same day found, each change once (`HISTORY`); the newer look's coverage counts."""
    sql.put("kept_history", kept.cast(HISTORY))
    sql.put("found_history", found.cast(HISTORY))
    same = ", ".join(name for name in HISTORY.names if name != "coverage")
    return sql.arrow(
        f"""SELECT * FROM found_history UNION ALL
        SELECT k.* FROM kept_history k ANTI JOIN found_history f
          ON {" AND ".join(f"k.{n} IS NOT DISTINCT FROM f.{n}" for n in same.split(", "))}
        ORDER BY changed_at, record_id, field, source, old_value, new_value""",
        HISTORY,
    )
