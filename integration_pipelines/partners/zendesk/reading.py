"""Reading escalations: from the incremental export of tickets, everything or what changed since the last time.

Audits are asked for where a ticket is escalated, or bears what we wrote on it in an earlier escalation; reading them for every ticket
would cost a request each. So an escalation that began and ended between two reads, and of which no webhook told, is found when the ticket
is escalated again: it counts then all the same.

The export leaves out the last minute, and clocks differ. So a read is never held back, but its watermark is.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from integration_pipelines.core.contract import SourceObject
from integration_pipelines.errors import BugError
from integration_pipelines.partners.observe import UnknownCounter
from integration_pipelines.partners.zendesk.looking import Access, Looker
from integration_pipelines.partners.zendesk.translate import TICKET_KEYS, flattener
from integration_pipelines.partners.zendesk.wire import EXPORT_LAG_SECONDS
from integration_pipelines.ports.lake import Mode, Watermark
from integration_pipelines.ports.partner import Extraction, ExtractionSummary

OVERLAP = timedelta(minutes=5)
HORIZON = timedelta(days=30)
"""Older watermarks lead to a full read: tickets are purged from the trash after 30 days, and no export tells of them any more."""
_BEGINNING = 1
_ROWS = 1000

Json = dict[str, Any]
Row = tuple[Json, bool]
"""A record, and whether it is gone."""


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
        return Start(None, "The stored place of the last read is not one of Zendesk's.")
    since = datetime.fromtimestamp(int(watermark.token), tz=UTC)
    if now - since > HORIZON:
        return Start(None, f"The last read is {(now - since).days} days old; changes are followed for {HORIZON.days} days only.")
    return Start(since - OVERLAP, f"Changes since {since:%Y-%m-%d %H:%M:%S} UTC with {OVERLAP.seconds // 60} minutes of overlap.")


class EscalationsReading(Extraction):
    """See `Extraction`; a ticket that comes twice counts once, since what changed meanwhile is behind the watermark."""

    def __init__(self, access: Access, spec: SourceObject, start: Start) -> None:
        self._access = access
        self._session = access.session
        self._clock = access.clock
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
        """Batches of up to about a thousand escalations."""
        calls, started = self._session.http.calls, [self._clock.now()]
        looker = Looker(self._access, self._spec, fresh=True)
        unknown = UnknownCounter(TICKET_KEYS)
        yield from self._batches(self._rows(looker, unknown, started))
        taken_at = min(started)
        place = taken_at - timedelta(seconds=EXPORT_LAG_SECONDS)
        missing = tuple(name for name, column in self._spec.columns.items() if column.source in looker.composer.missing)
        self._summary = ExtractionSummary(
            watermark=Watermark(str(int(place.timestamp())), taken_at),
            unknown_fields=unknown.counts(),
            missing_columns=missing,
            calls=self._session.http.calls - calls,
        )

    def _rows(self, looker: Looker, unknown: UnknownCounter, started: list[datetime]) -> Iterator[list[Row]]:
        start = _BEGINNING if self._since is None else int(self._since.timestamp())
        met: set[int] = set()
        for page in self._session.export(start, started.append, looker.sideloads):
            fresh = list({ticket["id"]: ticket for ticket in page if ticket["id"] not in met}.values())
            met.update(ticket["id"] for ticket in fresh)
            unknown.see(fresh)
            there = [ticket for ticket in fresh if ticket.get("status") != "deleted"]
            wanted = [ticket for ticket in there if looker.rule.holds(ticket) or looker.composer.marked(ticket)]
            yield [(record, False) for looked in looker.with_audits(wanted) for record in looker.records(looked)]
            if self.mode is Mode.DELTA:
                yield [({"id": gone_id(ticket["id"])}, True) for ticket in fresh if ticket.get("status") == "deleted"]

    def _batches(self, pages: Iterator[list[Row]]) -> Iterator[pa.RecordBatch]:
        waiting: list[Row] = []
        observed_at = self._clock.now()
        for page in pages:
            waiting += page
            if len(waiting) >= _ROWS:
                yield self._batch(waiting, observed_at)
                waiting, observed_at = [], self._clock.now()
        if waiting:
            yield self._batch(waiting, observed_at)

    def _batch(self, rows: list[Row], observed_at: datetime) -> pa.RecordBatch:
        """One batch; `observed_at` is when its first page was asked for, so that no row claims to be younger than it is."""
        records, marks = [record for record, _ in rows], [gone for _, gone in rows]
        return self._flattener.batch(records, tenant_id=self._access.tenant_id, observed_at=observed_at, deleted=marks)


def gone_id(number: int) -> str:
    """The escalation that a deleted ticket is told by. Its audits are gone with it; later ones are found gone by the next full read."""
    return f"{number}-1"
