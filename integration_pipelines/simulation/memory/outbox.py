"""Messages to people, in memory: each noted once under its key, claimed by one process at a time, until it was said or given up."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

from integration_pipelines.ports.messages import Note, NoteState, Outbox
from integration_pipelines.simulation.memory.state import State
from integration_pipelines.simulation.process import Process

_OPEN = (NoteState.WAITING, NoteState.SENDING)


class MemoryOutbox(Outbox):
    """By tenant and event key; there is one integration."""

    def __init__(self, state: State, process: Process) -> None:
        self._state, self._process = state, process

    def note(self, notes: Sequence[Note]) -> None:
        """All of a tenant's or none; what is known stays as it is."""
        for tenant in sorted({note.tenant_id for note in notes}):
            mine = [note for note in notes if note.tenant_id == tenant]
            self._process.quietly(tenant, "messages were noted", partial(self._note, mine))

    def claim(self, installed: Sequence[tuple[str, str]], now: datetime, until: datetime, limit: int) -> list[Note]:
        """As many as that, and all that the last tenant has due: where a batch ends must not be decided by a tenant's neighbours."""
        found: list[Note] = []
        for tenant in sorted({tenant for tenant, _ in installed} & self._state.talking):
            due = self._due(tenant, now)[:limit]
            if due:
                claimed = [replace(note, state=NoteState.SENDING, next_try_at=until) for note in due]
                self._process.quietly(tenant, "messages were claimed", partial(self._put, claimed))
                found += due if tenant not in self._process.dead else []
            if len(found) >= limit:
                break
        return found

    def settle(self, notes: Sequence[Note]) -> None:
        """One by one."""
        for note in notes:
            self._process.quietly(note.tenant_id, f"a message was noted as {note.state}", partial(self._put, [note]))

    def find(self, tenant_ids: Sequence[str] | None, *, states: Sequence[NoteState] = (), limit: int | None = None) -> list[Note]:
        """Newest first."""
        tenants = sorted(self._state.outbox) if tenant_ids is None else sorted(set(tenant_ids))
        mine = [note for t in tenants for note in self._state.outbox[t].values() if not states or note.state in states]
        by_key = sorted(mine, key=lambda note: note.event_key)
        return sorted(by_key, key=lambda note: note.asked_at, reverse=True)[:limit]

    def forget(self, before: datetime) -> int:
        """Nothing is forgotten."""
        del before
        return 0

    def _due(self, tenant: str, now: datetime) -> list[Note]:
        mine = self._state.outbox[tenant].values()
        due = (n for n in mine if n.state in _OPEN and n.next_try_at is not None and n.next_try_at <= now)
        return sorted(due, key=lambda note: (note.asked_at, note.event_key))

    def _note(self, notes: Sequence[Note]) -> None:
        known = self._state.outbox[notes[0].tenant_id]
        self._put([replace(n, next_try_at=n.next_try_at or n.asked_at) for n in notes if n.event_key not in known])

    def _put(self, notes: Sequence[Note]) -> None:
        for note in notes:
            mine = self._state.outbox[note.tenant_id]
            mine[note.event_key] = note
            if note.state in _OPEN:
                self._state.talking.add(note.tenant_id)
            elif not any(one.state in _OPEN for one in mine.values()):
                self._state.talking.discard(note.tenant_id)
