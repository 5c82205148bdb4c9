"""The latency of events, by tenant and integration, beside what the contract promises."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from integration_pipelines.core.latency import Latency, Moments, latency
from integration_pipelines.ports.bundle import Ports
from integration_pipelines.ports.inbox import EventTimes

DAY = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class EventFigures:
    """What became of one installation's events in some time, and how long the written ones took."""

    tenant_id: str
    integration: str
    events: int
    outcomes: dict[str, int]
    target_seconds: int
    latency: Latency | None

    @property
    def too_slow(self) -> bool:
        """Whether more than one event in twenty took longer than the contract says."""
        return self.latency is not None and self.latency.seconds["p95"] > self.target_seconds


def event_figures(tenant_ids: Sequence[str] | None, *, ports: Ports, since: datetime | None = None) -> list[EventFigures]:
    """By tenant and integration, of the last 24 hours unless told otherwise; installations without an event are left out.

    Args:
        tenant_ids: whose; None means everybody's.
        ports: the outside.
        since: events received from then on.
    """
    by_installation: dict[tuple[str, str], list[EventTimes]] = {}
    for event in ports.inbox.times(tenant_ids, since or ports.clock.now() - DAY):
        if event.integration in ports.contracts:
            by_installation.setdefault((event.tenant_id, event.integration), []).append(event)
    return [_figures(*key, events, ports) for key, events in sorted(by_installation.items())]


def _figures(tenant_id: str, integration: str, events: Sequence[EventTimes], ports: Ports) -> EventFigures:
    outcomes: dict[str, int] = {}
    for event in events:
        outcomes[str(event.outcome)] = outcomes.get(str(event.outcome), 0) + 1
    moments = (Moments(e.received_at, e.landed_at, e.seen_at, e.started_at, e.written_at) for e in events)
    target = ports.contracts[integration].latency.target_seconds
    return EventFigures(tenant_id, integration, len(events), dict(sorted(outcomes.items())), target, latency(moments))
