"""What HubSpot still tells of the past: the versions of every property, newest first, each with time and source.

A company's property keeps its newest 20 versions (developers.hubspot.com/docs/api-reference/crm-companies-v3, `propertiesWithHistory`),
and 50 companies at most are read at once with them. Companies that were archived can be read, those that were merged away or purged
cannot.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import pyarrow as pa

from integration_pipelines.core.contract import SourceObject
from integration_pipelines.core.history import ONE_DAY, RECORD, Coverage, DayTold, start_of_day, told
from integration_pipelines.core.tables import CHANGES
from integration_pipelines.partners.hubspot.columns import asked
from integration_pipelines.partners.hubspot.lists import results_of
from integration_pipelines.partners.hubspot.preimages import WITH_HISTORY
from integration_pipelines.partners.hubspot.session import Session
from integration_pipelines.partners.hubspot.translate import moment_of
from integration_pipelines.partners.hubspot.wire import property_of
from integration_pipelines.ports.history import HistoryRead

MOST_VERSIONS = 20
SOURCE = "HubSpot's property history"

_Row = dict[str, Any]


@dataclass(slots=True)
class _Gathered:
    """What was read, and what could not be told."""

    columns: Mapping[str, tuple[str, ...]]  # property → the contract's columns that rest on it
    since: datetime
    until: datetime
    rows: list[_Row] = field(default_factory=list)
    answered: set[str] = field(default_factory=set)
    cut: list[datetime] = field(default_factory=list)  # since when a property with older versions is told
    timeless: int = 0

    def take(self, record: Mapping[str, Any]) -> None:
        """The changes of one company that fall into the days asked for."""
        record_id = str(record.get("id"))
        self.answered.add(record_id)
        for named, what in (("createdAt", "created"), ("archivedAt", "archived")):
            at = moment_of(str(record.get(named)))
            if at is not None and self.since <= at < self.until:
                self._add(record_id, RECORD, at, (None, what), {})
        kept = record.get("propertiesWithHistory")
        for name, versions in (kept if isinstance(kept, dict) else {}).items():
            if isinstance(versions, list):
                self._versions(record_id, str(name), [v for v in versions if isinstance(v, dict)])

    def _versions(self, record_id: str, name: str, versions: Sequence[Mapping[str, Any]]) -> None:
        moments = [moment_of(str(version.get("timestamp"))) for version in versions]
        self.timeless += moments.count(None)
        whole = len(versions) < MOST_VERSIONS
        if not whole and moments[-1] is not None:
            self.cut.append(moments[-1])
        for place, (version, at) in enumerate(zip(versions, moments, strict=True)):
            if at is None or not self.since <= at < self.until:
                continue
            older = versions[place + 1 :]
            before = _text(older[0].get("value")) if older else "" if whole else None
            for column in self.columns.get(name, ()):
                self._add(record_id, column, at, (before, _text(version.get("value"))), version)

    def _add(self, record_id: str, column: str, at: datetime, values: tuple[str | None, str], version: Mapping[str, Any]) -> None:
        actor = " ".join(str(version[part]) for part in ("sourceType", "sourceId") if version.get(part))
        self.rows.append(
            {
                "record_id": record_id, "field": column, "changed_at": at, "old_value": values[0], "new_value": values[1], "actor": actor,
                "source": SOURCE,
            }
        )  # fmt: skip


def of_companies(
    session: Session, spec: SourceObject, record_ids: Sequence[str], days: Sequence[date], now: datetime
) -> HistoryRead:
    """Every version of a declared property that began on one of those days, of the companies named."""
    wanted = asked(spec, session.schema(fresh=False).by_name)
    gathered = _Gathered(_columns(spec), start_of_day(days[0]), start_of_day(days[-1] + ONE_DAY))
    for archived in (False, True):
        missing = [record_id for record_id in record_ids if record_id not in gathered.answered]
        for record in _read(session, missing, wanted.properties, archived=archived):
            gathered.take(record)
    unreadable = len(set(record_ids) - gathered.answered)
    able = [_limited(day, gathered, unreadable, wanted.missing) for day in told(days, now)]
    return HistoryRead(pa.Table.from_pylist(gathered.rows, CHANGES), tuple(able), SOURCE, of_known_records=True)


def _columns(spec: SourceObject) -> dict[str, tuple[str, ...]]:
    columns: dict[str, tuple[str, ...]] = {}
    for name, column in spec.columns.items():
        found = property_of(column.source)
        if found is not None:
            columns[found] = (*columns.get(found, ()), name)
    return columns


def _read(session: Session, ids: Sequence[str], properties: Sequence[str], *, archived: bool) -> Iterator[dict[str, Any]]:
    """Companies that answer under their own id, with their versions."""
    for start in range(0, len(ids), WITH_HISTORY):
        chunk = ids[start : start + WITH_HISTORY]
        body = {"inputs": [{"id": name} for name in chunk], "properties": [], "propertiesWithHistory": list(properties)}
        reply = session.http.request(
            "POST", f"{session.paths.companies()}/batch/read", params={"archived": str(archived).lower()}, json=body, exact=False
        )
        asked_for = set(chunk)
        yield from (record for record in results_of(reply) if str(record.get("id")) in asked_for)


def _limited(day: DayTold, gathered: _Gathered, unreadable: int, missing: Sequence[str]) -> DayTold:
    """A day with what keeps it from being told whole."""
    begins = start_of_day(day.day)
    forgotten = sum(1 for at in gathered.cut if at > begins)
    if forgotten:
        text = f"HubSpot keeps {MOST_VERSIONS} versions of a property, and {forgotten} may have had more of this day"
        day = day.at_most(Coverage.PART, text)
    if unreadable:
        day = day.at_most(Coverage.PART, f"{unreadable} known records cannot be read any more, such as merged ones")
    if missing:
        day = day.at_most(Coverage.PART, f"the account has no property for {', '.join(missing)}")
    if gathered.timeless:
        day = day.at_most(Coverage.PART, f"{gathered.timeless} versions came without a readable time")
    return day


def _text(value: object) -> str:
    return "" if value is None else str(value)
