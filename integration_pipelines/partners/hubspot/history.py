"""What HubSpot still tells of the past: the versions of every property, newest first, each with time and source.

A company's property keeps its newest 20 versions (developers.hubspot.com/docs/api-reference/crm-companies-v3, `propertiesWithHistory`),
and 50 companies at most are read at once with them. Companies that were archived can be read for 90 days. One that was merged away
answers as its survivor, which tells since when.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import pyarrow as pa

from integration_pipelines.core.contract import FieldType, SourceObject
from integration_pipelines.core.history import ONE_DAY, RECORD, Coverage, DayTold, start_of_day, told
from integration_pipelines.core.tables import CHANGES
from integration_pipelines.partners.hubspot.columns import asked
from integration_pipelines.partners.hubspot.fetching import merged_into
from integration_pipelines.partners.hubspot.lists import results_of
from integration_pipelines.partners.hubspot.preimages import WITH_HISTORY
from integration_pipelines.partners.hubspot.session import Session
from integration_pipelines.partners.hubspot.translate import RESPELL, moment_of
from integration_pipelines.partners.hubspot.wire import MERGED_IDS, property_of
from integration_pipelines.partners.observe import neutral_text
from integration_pipelines.ports.history import HistoryRead

MOST_VERSIONS = 20
SOURCE = "HubSpot's property history"

_Row = dict[str, Any]
Columns = tuple[tuple[str, FieldType], ...]
"""Columns of the contract that rest on one property, with their types."""


@dataclass(slots=True)
class _Gathered:
    """What was read, and what could not be told."""

    columns: Mapping[str, Columns]  # property → the contract's columns that rest on it
    wanted: frozenset[str]
    since: datetime
    until: datetime
    parts: list[pa.Table] = field(default_factory=list)
    answered: set[str] = field(default_factory=set)
    merged: dict[str, datetime] = field(default_factory=dict)  # known record → when it was merged into another one
    cut: list[datetime] = field(default_factory=list)  # since when a property with older versions is told
    timeless: int = 0

    def take(self, records: Iterable[Mapping[str, Any]]) -> None:
        """The changes of one page of companies that fall into the days asked for."""
        rows: list[_Row] = []
        for record in records:
            self._note_merged(record)
            if str(record.get("id")) in self.wanted:
                self.answered.add(str(record["id"]))
                rows += self._record(record)
        self.parts.append(pa.Table.from_pylist(rows, CHANGES))

    def _record(self, record: Mapping[str, Any]) -> Iterator[_Row]:
        record_id = str(record["id"])
        for named, what in (("createdAt", "created"), ("archivedAt", "archived")):
            at = moment_of(str(record.get(named)))
            if at is not None and self.since <= at < self.until:
                yield _row(record_id, RECORD, at, (None, what), {})
        for name, columns in self.columns.items():
            yield from self._versions(record_id, columns, _versions_of(record, name))

    def _versions(self, record_id: str, columns: Columns, versions: Sequence[Mapping[str, Any]]) -> Iterator[_Row]:
        moments = [moment_of(str(version.get("timestamp"))) for version in versions]
        self.timeless += moments.count(None)
        whole = len(versions) < MOST_VERSIONS
        if not whole and moments[-1] is not None:
            self.cut.append(moments[-1])
        for place, (version, at) in enumerate(zip(versions, moments, strict=True)):
            if at is None or not self.since <= at < self.until:
                continue
            for column, kind in columns:
                older = [_text(one.get("value"), kind) for one in versions[place + 1 : place + 2]]
                before = older[0] if older else "" if whole else None
                yield _row(record_id, column, at, (before, _text(version.get("value"), kind)), version)

    def _note_merged(self, record: Mapping[str, Any]) -> None:
        """Which known records this one swallowed, and when: the first version that names them."""
        versions = _versions_of(record, MERGED_IDS)
        for old in self.wanted.intersection(merged_into(record)):
            naming = [v for v in versions if old in _text(v.get("value")).split(";")]
            moments = [at for v in naming if (at := moment_of(str(v.get("timestamp")))) is not None]
            self.merged[old] = min(moments, default=self.until)


def _row(record_id: str, column: str, at: datetime, values: tuple[str | None, str], version: Mapping[str, Any]) -> _Row:
    actor = " ".join(str(version[part]) for part in ("sourceType", "sourceId") if version.get(part))
    return {
        "record_id": record_id, "field": column, "changed_at": at, "old_value": values[0], "new_value": values[1], "actor": actor,
        "source": SOURCE,
    }  # fmt: skip


def _versions_of(record: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """The versions of a property, newest first."""
    kept = record.get("propertiesWithHistory")
    versions = kept.get(name) if isinstance(kept, dict) else None
    return [v for v in versions if isinstance(v, dict)] if isinstance(versions, list) else []


def of_companies(
    session: Session, spec: SourceObject, record_ids: Sequence[str], days: Sequence[date], now: datetime
) -> HistoryRead:
    """Every version of a declared property that began on one of those days, of the companies named."""
    wanted = asked(spec, session.schema(fresh=False).by_name)
    gathered = _Gathered(_columns(spec), frozenset(record_ids), start_of_day(days[0]), start_of_day(days[-1] + ONE_DAY))
    for archived in (False, True):
        missing = sorted(gathered.wanted - gathered.answered - gathered.merged.keys())
        for page in _pages(session, missing, wanted.properties, archived=archived):
            gathered.take(page)
    able = [_limited(day, gathered, wanted.missing) for day in told(days, now)]
    changes = pa.concat_tables([CHANGES.empty_table(), *gathered.parts])
    return HistoryRead(changes, tuple(able), SOURCE, of_known_records=True)


def _columns(spec: SourceObject) -> dict[str, Columns]:
    columns: dict[str, Columns] = {}
    for name, column in spec.columns.items():
        found = property_of(column.source)
        if found is not None:
            columns[found] = (*columns.get(found, ()), (name, column.type))
    return columns


def _pages(session: Session, ids: Sequence[str], properties: Sequence[str], *, archived: bool) -> Iterator[list[dict[str, Any]]]:
    """Companies by id with their versions; one that was merged away answers as its survivor."""
    named = sorted({*properties, MERGED_IDS})
    for start in range(0, len(ids), WITH_HISTORY):
        inputs = [{"id": name} for name in ids[start : start + WITH_HISTORY]]
        body = {"inputs": inputs, "properties": [MERGED_IDS], "propertiesWithHistory": named}
        query = {"archived": "true" if archived else "false"}
        yield results_of(
            session.http.request("POST", f"{session.paths.companies()}/batch/read", params=query, json=body, exact=False)
        )


def _limited(day: DayTold, gathered: _Gathered, missing: Sequence[str]) -> DayTold:
    """A day with what keeps it from being told whole."""
    begins = start_of_day(day.day)
    forgotten = sum(1 for at in gathered.cut if at > begins)
    merged = sum(1 for at in gathered.merged.values() if at > begins)
    purged = len(gathered.wanted - gathered.answered - gathered.merged.keys())
    limits = {
        f"HubSpot keeps {MOST_VERSIONS} versions of a property, and {forgotten} may have had more of this day": forgotten,
        f"{merged} known records were merged into others since, and their own past went with them": merged,
        f"{purged} known records were deleted for good": purged,
        f"{len(missing)} declared properties do not exist at the account": len(missing),
        f"{gathered.timeless} versions came without a readable time": gathered.timeless,
    }
    for reason, count in limits.items():
        day = day.at_most(Coverage.PART, reason) if count else day
    return day


def _text(value: object, kind: FieldType = FieldType.TEXT) -> str:
    """A version's value in neutral text, as a read of the company would spell it; what is no proper Unicode stays visible."""
    text = RESPELL.get(kind, neutral_text)(value)
    return text.encode("utf-8", "backslashreplace").decode()
