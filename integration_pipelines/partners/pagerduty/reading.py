"""Reading incidents: all of the contract's service, or what changed since the last time.

PagerDuty lists incidents by when they were made or resolved, not by when they changed. So what changed is found in two lists: everything
that is open, and what was resolved since. Incidents are never deleted.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from integration_pipelines.core.contract import SourceObject
from integration_pipelines.errors import BugError
from integration_pipelines.partners.observe import UnknownCounter
from integration_pipelines.partners.pagerduty.session import Session, moment, of_services
from integration_pipelines.partners.pagerduty.translate import flattener, record, severities_of
from integration_pipelines.partners.pagerduty.wire import OPEN, TOP_LEVEL
from integration_pipelines.ports.clock import Clock
from integration_pipelines.ports.lake import Mode, Watermark
from integration_pipelines.ports.partner import Extraction, ExtractionSummary

OVERLAP = timedelta(minutes=5)
HORIZON = timedelta(days=30)
"""Older watermarks lead to a full read: going back through what was resolved would take more requests."""
_ROWS = 1000
_AHEAD = timedelta(days=1)

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Access:
    """One tenant's conversation with PagerDuty, and whose and when it is."""

    session: Session
    clock: Clock
    tenant_id: str


@dataclass(frozen=True, slots=True)
class Start:
    """Where a read begins: `since` is None for everything."""

    since: datetime | None
    reason: str


def start_of(watermark: Watermark | None, now: datetime) -> Start:
    """From the watermark if it is young enough, else from the beginning, with the reason in words."""
    if watermark is None:
        return Start(None, "This object was never read before.")
    if not watermark.token.isascii() or not watermark.token.isdigit():
        return Start(None, "The stored place of the last read is not one of PagerDuty's.")
    since = datetime.fromtimestamp(int(watermark.token), tz=UTC)
    if now - since > HORIZON:
        return Start(None, f"The last read is {(now - since).days} days old; changes are followed for {HORIZON.days} days only.")
    return Start(since - OVERLAP, f"Changes since {since:%Y-%m-%d %H:%M:%S} UTC with {OVERLAP.seconds // 60} minutes of overlap.")


class IncidentsReading(Extraction):
    """See `Extraction`; an incident that comes twice counts once, since what changed meanwhile is behind the watermark."""

    def __init__(self, access: Access, spec: SourceObject, start: Start) -> None:
        self._access = access
        self._spec = spec
        self._since = start.since
        self._flattener = flattener(spec)
        self._summary: ExtractionSummary | None = None
        self.mode = Mode.FULL if start.since is None else Mode.DELTA
        self.reason = start.reason
        self.schema = self._flattener.schema

    @property
    def summary(self) -> ExtractionSummary:
        """Raises BugError before the last batch."""
        if self._summary is None:
            raise BugError("The summary of a read was asked for before its end.")
        return self._summary

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        """Batches of up to about a thousand incidents."""
        session = self._access.session
        calls, started = session.http.calls, [self._access.clock.now()]
        severities = severities_of(self._spec, session.priorities(fresh=True))
        unknown = UnknownCounter(TOP_LEVEL)
        waiting: list[Json] = []
        observed_at = started[0]
        for page in self._fresh(self._pages(started)):
            unknown.see(page)
            waiting += [record(incident, severities) for incident in page]
            if len(waiting) >= _ROWS:
                yield self._batch(waiting, observed_at)
                waiting, observed_at = [], self._access.clock.now()
        if waiting:
            yield self._batch(waiting, observed_at)
        missing = tuple(name for name, column in self._spec.columns.items() if column.source in severities.missing)
        watermark = Watermark(str(int(min(started).timestamp())), min(started))
        self._summary = ExtractionSummary(watermark, unknown.counts(), missing, session.http.calls - calls)

    def _pages(self, started: list[datetime]) -> Iterator[list[Json]]:
        session = self._access.session
        services = session.services(self._spec.options.get("service", ()))
        until = self._access.clock.now() + _AHEAD
        if self._since is None:
            yield from session.all(of_services(services), until, started.append)
            return
        still_open = [("statuses[]", status) for status in OPEN]
        for page in session.all([*still_open, *of_services(services)], until, started.append):
            yield [one for one in page if moment(one.get("updated_at")) >= self._since]
        for page in session.resolved_since(services, self._since):
            yield [one for one in page if max(moment(one.get("resolved_at")), moment(one.get("updated_at"))) >= self._since]

    @staticmethod
    def _fresh(pages: Iterator[list[Json]]) -> Iterator[list[Json]]:
        met: set[str] = set()
        for page in pages:
            fresh = list({one["id"]: one for one in page if one["id"] not in met}.values())
            met.update(one["id"] for one in fresh)
            yield fresh

    def _batch(self, records: list[Json], observed_at: datetime) -> pa.RecordBatch:
        """One batch; `observed_at` is when its first page was asked for, so that no row claims to be younger than it is."""
        return self._flattener.batch(records, tenant_id=self._access.tenant_id, observed_at=observed_at)
