"""Make arrived events durable: files first, then their rows, in one go for all that came together. Only then may a sender be told so.

An event that is known is not landed again. A crash in between leaves a file that no row names, which is swept; the sender, who was told
nothing, delivers again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson

from integration_pipelines.ports.clock import Clock
from integration_pipelines.ports.inbox import EventKey, EventOutcome, Inbox, InboxEvent
from integration_pipelines.ports.landing import LandingZone
from integration_pipelines.use_cases.receive import Arrival


@dataclass(frozen=True, slots=True)
class Landed:
    """What one call did."""

    new: tuple[Arrival, ...]
    known: int  # came before, or twice in this call
    waiting: frozenset[tuple[str, str]]  # (tenant, integration) that got something to look at


def land_events(arrivals: Sequence[Arrival], *, inbox: Inbox, landing: LandingZone, clock: Clock) -> Landed:
    """Store them all, or none.

    Raises:
        TransientError: the disk or the store does not take them now; nothing counts.
        NotDurableError: the disk did not confirm; the process should end.
    """
    first: dict[EventKey, Arrival] = {}
    for arrival in arrivals:
        first.setdefault((arrival.tenant_id, arrival.partner, arrival.event.event_id), arrival)
    known = inbox.known(first.keys()) if first else set()
    new = [arrival for key, arrival in first.items() if key not in known]
    if not new:
        return Landed((), len(arrivals), frozenset())
    at = clock.now()
    lines: dict[str, list[bytes]] = {}
    for arrival in new:
        lines.setdefault(arrival.tenant_id, []).append(_line(arrival))
    paths = landing.land(lines, at)
    landed_at = max(clock.now(), *(a.received_at for a in new))
    rows = [_row(a, integration, paths[a.tenant_id], landed_at) for a in new for integration in a.integrations or ("",)]
    inbox.accept(rows)
    waiting = frozenset((r.tenant_id, r.integration) for r in rows if r.outcome is EventOutcome.WAITING)
    return Landed(tuple(new), len(arrivals) - len(new), waiting)


def _line(arrival: Arrival) -> bytes:
    """What is kept of the event for people: as it was said, and when."""
    told = {
        "partner": arrival.partner,
        "event_id": arrival.event.event_id,
        "type": arrival.event.type,
        "received_at": arrival.received_at,
        "event": arrival.event.text,
    }
    return orjson.dumps(told)


def _row(arrival: Arrival, integration: str, path: str, landed_at: datetime) -> InboxEvent:
    event = arrival.event
    outcome = EventOutcome.WAITING
    if event.quarantined:
        outcome = EventOutcome.QUARANTINED
    elif event.ignored:
        outcome = EventOutcome.IGNORED
    return InboxEvent(
        tenant_id=arrival.tenant_id, integration=integration, partner=arrival.partner, event_id=event.event_id, type=event.type,
        records=event.records, occurred_at=event.occurred_at, received_at=arrival.received_at, landed_path=path, landed_at=landed_at,
        outcome=outcome, reason=event.quarantined or event.ignored, echo_key=event.echo_key, kind=event.kind,
    )  # fmt: skip
