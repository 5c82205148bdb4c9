"""Reading companies and owners: everything, or what changed since the last time.

The search index lags behind and the clocks of both sides differ. So a read is never held back, but its watermark is: it is taken
`SEARCH_LAG` before the read began, by the earlier of both clocks, and the next read starts `OVERLAP` before it. What the index
had not shown yet is found then. How changes are found is `updates`.
"""

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa

from integration_pipelines.core.contract import SourceObject
from integration_pipelines.errors import BugError
from integration_pipelines.partners.hubspot.columns import Undeclared, asked
from integration_pipelines.partners.hubspot.session import Session
from integration_pipelines.partners.hubspot.translate import flattener, moment_of, spell_time
from integration_pipelines.partners.hubspot.updates import Page, changes
from integration_pipelines.partners.hubspot.wire import COMPANIES, OWNERS
from integration_pipelines.ports.clock import Clock
from integration_pipelines.ports.lake import Mode, Watermark
from integration_pipelines.ports.partner import Extraction, ExtractionSummary

OVERLAP = timedelta(minutes=5)
SEARCH_LAG = timedelta(minutes=5)
_ROWS = 1000  # a batch; several pages each, since small batches cost more to store than to read

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Start:
    """Where a read begins: `since` is None for everything."""

    since: datetime | None
    reason: str


def start_of(watermark: Watermark | None, now: datetime, horizon: timedelta) -> Start:
    """From the watermark if it is young enough, else from the beginning, with the reason in words."""
    if watermark is None:
        return Start(None, "This object was never read before.")
    since = moment_of(watermark.token)
    if since is None:
        return Start(None, "The stored place of the last read is not one of HubSpot's.")
    age = now - since
    if age > horizon:
        return Start(None, f"The last read is {age.days} days old; changes are followed for {horizon.days} days only.")
    return Start(since - OVERLAP, f"Changes since {spell_time(since)} with {OVERLAP.seconds // 60} minutes of overlap.")


class _Reading(Extraction):
    """What both objects share: pages to batches, each id once, and the summary at the end."""

    mode = Mode.FULL
    _object: str

    def __init__(self, session: Session, clock: Clock, tenant_id: str, spec: SourceObject) -> None:
        self._session = session
        self._clock = clock
        self._tenant = tenant_id
        self._spec = spec
        self._flattener = flattener(spec)
        self._summary: ExtractionSummary | None = None
        self.schema = self._flattener.schema

    @property
    def summary(self) -> ExtractionSummary:
        """Raises BugError before the last batch."""
        if self._summary is None:
            raise BugError("The summary of a read was asked for before its end.")
        return self._summary

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        """Batches of up to about a thousand records."""
        calls, started = self._session.http.calls, self._clock.now()
        schema = self._session.schema(fresh=True) if self._object == COMPANIES else None
        wanted = asked(self._spec, schema.by_name if schema else {})
        unknown = Undeclared(self._object, wanted.properties)
        yield from self._batches(self._pages(wanted.properties), unknown)
        theirs = schema.listed_at if schema else None
        taken_at = min(started, theirs) if theirs else started
        self._summary = ExtractionSummary(
            watermark=Watermark(spell_time(taken_at - SEARCH_LAG), taken_at),
            unknown_fields=unknown.counts(),
            missing_columns=wanted.missing,
            calls=self._session.http.calls - calls,
        )

    @abstractmethod
    def _pages(self, properties: tuple[str, ...]) -> Iterator[Page]:
        """Pages in the order in which the first sight of an id counts."""

    def _batches(self, pages: Iterator[Page], unknown: Undeclared) -> Iterator[pa.RecordBatch]:
        met: set[str] = set()
        records: list[Record] = []
        marks: list[bool] = []
        observed_at = self._clock.now()
        for page, deleted in pages:
            fresh = [record for record in page if record.get("id") not in met]
            met.update(str(record.get("id")) for record in fresh)
            unknown.see(fresh)
            records.extend({"id": record.get("id")} if deleted else record for record in fresh)
            marks.extend([deleted] * len(fresh))
            if len(records) >= _ROWS:
                yield self._batch(records, marks, observed_at)
                records, marks, observed_at = [], [], self._clock.now()
        if records:
            yield self._batch(records, marks, observed_at)

    def _batch(self, records: list[Record], marks: list[bool], observed_at: datetime) -> pa.RecordBatch:
        """One batch; `observed_at` is when its first page was asked for, so that no row claims to be younger than it is."""
        return self._flattener.batch(records, tenant_id=self._tenant, observed_at=observed_at, deleted=marks)


class CompaniesReading(_Reading):
    """Companies: the whole list, or what changed."""

    _object = COMPANIES

    def __init__(self, session: Session, clock: Clock, tenant_id: str, spec: SourceObject, start: Start) -> None:
        super().__init__(session, clock, tenant_id, spec)
        self._since = start.since
        self.mode = Mode.FULL if start.since is None else Mode.DELTA
        self.reason = start.reason

    def _pages(self, properties: tuple[str, ...]) -> Iterator[Page]:
        if self._since is None:
            for page in self._session.companies(properties, archived=False):
                yield page, False
            return
        yield from changes(self._session, properties, self._since)


class OwnersReading(_Reading):
    """Owners: always all, with those who left; there is no list of changes and they are few."""

    _object = OWNERS
    reason = "Owners are few and always read in full."

    def _pages(self, properties: tuple[str, ...]) -> Iterator[Page]:
        del properties
        for archived in (False, True):
            for page in self._session.owners(archived=archived):
                yield page, False
