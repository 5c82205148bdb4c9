"""Accepted events, in memory: each once, in the order in which they came, until they ended."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

from integration_pipelines.ports.inbox import EventKey, EventOutcome, EventTimes, Inbox, InboxEvent, Settled, Waiting
from integration_pipelines.simulation.memory.state import State
from integration_pipelines.simulation.process import Process


class MemoryInbox(Inbox):
    """By tenant, partner and the event's own id."""

    def __init__(self, state: State, process: Process) -> None:
        self._state, self._process = state, process

    def known(self, events: Collection[EventKey]) -> set[EventKey]:
        """Those that came before."""
        return {(t, p, e) for t, p, e in events if (p, e) in self._state.inbox.get(t, {})}

    def accept(self, events: Sequence[InboxEvent]) -> int:
        """The first delivery counts."""
        new = 0
        for event in events:
            mine = self._state.inbox[event.tenant_id]
            new += (event.partner, event.event_id) not in mine
            mine.setdefault((event.partner, event.event_id), event)
        return new

    def waiting(self) -> list[Waiting]:
        """By tenant; of a tenant for which its process was killed nobody asks any more."""
        found = []
        for tenant in sorted(self._state.inbox.keys() - self._process.dead):
            mine = self._open(tenant)
            if mine:
                times = [event.received_at for event in mine]
                found.append(Waiting(tenant, mine[0].integration, len(mine), min(times), max(times)))
        return found

    def seen(self, waiting: Sequence[Waiting], at: datetime) -> None:
        """Nobody asks how long it took."""

    def take(self, tenant_id: str, integration: str, *, limit: int, run_id: str, at: datetime) -> list[InboxEvent]:
        """The oldest ones."""
        del integration, run_id, at
        return self._open(tenant_id)[:limit]

    def settle(self, settled: Sequence[Settled], *, run_id: str, at: datetime) -> None:
        """Each tenant's for itself."""
        del run_id, at
        for tenant in sorted({one.event.tenant_id for one in settled}):
            mine = [one for one in settled if one.event.tenant_id == tenant]
            self._process.quietly(tenant, "events were settled", partial(self._settle, tenant, mine))

    def times(self, tenant_ids: Sequence[str] | None, since: datetime) -> list[EventTimes]:
        """Nobody asks how long it took."""
        del tenant_ids, since
        return []

    def forget(self, before: datetime) -> list[str]:
        """Nothing is forgotten."""
        del before
        return []

    def paths(self, before: datetime) -> set[str]:
        """There are no files."""
        del before
        return set()

    def _open(self, tenant: str) -> list[InboxEvent]:
        return [event for event in self._state.inbox[tenant].values() if event.outcome is EventOutcome.WAITING]

    def _settle(self, tenant: str, settled: Sequence[Settled]) -> None:
        for one in settled:
            event = replace(one.event, outcome=one.outcome, reason=one.reason)
            self._state.inbox[tenant][event.partner, event.event_id] = event
