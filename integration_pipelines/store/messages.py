"""Messages to people at other products in SQL. Who sends one is decided by claims, so any number of processes may look."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine, RowMapping

from integration_pipelines.ports.messages import Note, NoteState, Outbox
from integration_pipelines.store import dialect
from integration_pipelines.store.bulk import upsert
from integration_pipelines.store.engine import EVERYONE, reading, scope, writing
from integration_pipelines.store.schema import NOTIFICATIONS

_N = NOTIFICATIONS.c
_NOTE = [_N[f.name] for f in fields(Note)]
_KEY = ("tenant_id", "integration", "event_key")
_OPEN = (NoteState.WAITING.value, NoteState.SENDING.value)
_OVER = (NoteState.SENT.value, NoteState.GIVEN_UP.value)


class SqlOutbox(Outbox):
    """Of all tenants."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def note(self, notes: Sequence[Note]) -> None:
        """In one transaction."""
        if notes:
            rows = [_row(note) | {"next_try_at": note.next_try_at or note.asked_at} for note in notes]
            with writing(self._engine, {note.tenant_id for note in notes}) as connection:
                upsert(connection, NOTIFICATIONS, rows, keep=[c.name for c in NOTIFICATIONS.columns if c.name not in _KEY])

    def claim(self, installed: Sequence[tuple[str, str]], now: datetime, until: datetime, limit: int) -> list[Note]:
        """One process at a time."""
        tenants = sorted({tenant for tenant, _ in installed})
        due = (_N.state.in_(_OPEN), _N.next_try_at <= now, _N.tenant_id.in_(tenants))
        chosen = set(installed)
        with writing(self._engine, tenants) as connection:
            dialect.serialise(connection, "notifications")
            rows = connection.execute(sa.select(*_NOTE).where(*due).order_by(_N.asked_at, _N.event_key)).mappings()
            found = [_note(row) for row in rows if (row["tenant_id"], row["integration"]) in chosen][:limit]
            claimed = {"state": NoteState.SENDING.value, "next_try_at": until}
            _store(connection, ({k: getattr(note, k) for k in _KEY} | claimed for note in found))
        return found

    def settle(self, notes: Sequence[Note]) -> None:
        """In one transaction."""
        if notes:
            with writing(self._engine, {note.tenant_id for note in notes}) as connection:
                _store(connection, [_row(note) for note in notes])

    def find(self, tenant_ids: Sequence[str] | None, *, states: Sequence[NoteState] = (), limit: int | None = None) -> list[Note]:
        """By time and key."""
        query = sa.select(*_NOTE).order_by(_N.asked_at.desc(), _N.event_key).limit(limit)
        if tenant_ids is not None:
            query = query.where(_N.tenant_id.in_(tenant_ids))
        if states:
            query = query.where(_N.state.in_([state.value for state in states]))
        with reading(self._engine, scope(tenant_ids)) as connection:
            return [_note(row) for row in connection.execute(query).mappings()]

    def forget(self, before: datetime) -> int:
        """In one transaction."""
        # any tenant: everybody's messages are forgotten alike
        old = sa.delete(NOTIFICATIONS).where(_N.state.in_(_OVER), _N.asked_at < before)
        with writing(self._engine, EVERYONE) as connection:
            return connection.execute(old).rowcount


def _store(connection: Connection, rows: Iterable[dict[str, Any]]) -> None:
    """Change those rows, each named by its key."""
    for row in rows:
        mine = [_N[name] == row[name] for name in _KEY]
        # any tenant: each row's key begins with its tenant
        connection.execute(sa.update(NOTIFICATIONS).where(*mine).values(**{k: v for k, v in row.items() if k not in _KEY}))


def _row(note: Note) -> dict[str, Any]:
    return asdict(note) | {"state": note.state.value}


def _note(row: RowMapping) -> Note:
    return Note(**{**row, "state": NoteState(row["state"])})
