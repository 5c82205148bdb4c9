"""Accepted webhooks in SQL. What became of one is written over its row; what it was stays as it came."""

import json
from collections.abc import Collection, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from integration_pipelines.core.tables import TEXT
from integration_pipelines.ports.inbox import (
    EventKey,
    EventKind,
    EventOutcome,
    EventTimes,
    Inbox,
    InboxEvent,
    Settled,
    TouchedRecord,
    Waiting,
)
from integration_pipelines.store import dialect
from integration_pipelines.store.bulk import staged
from integration_pipelines.store.engine import EVERYONE, reading, scope, writing
from integration_pipelines.store.schema import WEBHOOK_EVENTS

_E = WEBHOOK_EVENTS.c
BATCH = 10_000
"""Rows that are forgotten in one transaction: SQLite is locked for its length."""
_KEY = ("tenant_id", "partner", "event_id", "integration")
_EVENT = [_E[f.name] for f in fields(InboxEvent)]
_WAITS = _E.outcome == sa.literal_column(f"'{EventOutcome.WAITING.value}'")
"""Spelt out, as in the index that holds only what waits: a parameter might be anything."""
_TEXTS = pa.schema([(n, TEXT) for n in (*_KEY, "outcome", "reason")])
_SETTLED = _TEXTS.append(pa.field("written_at", pa.timestamp("us", "UTC")))


class SqlInbox(Inbox):
    """Events of all tenants."""

    def __init__(self, engine: Engine, batch: int = BATCH) -> None:
        self._engine = engine
        self._batch = batch
        # Asked for every delivery, so they are made once.
        self._known = _known(engine)
        self._accept = dialect.insert(engine, WEBHOOK_EVENTS).on_conflict_do_nothing().returning(_E.event_id)

    def known(self, events: Collection[EventKey]) -> set[EventKey]:
        """Which of those events were accepted before, whatever became of them."""
        if not events:
            return set()
        with reading(self._engine, {tenant for tenant, _, _ in events}) as connection:
            return {(t, p, e) for t, p, e in connection.execute(self._known, {"asked": json.dumps(list(events))})}

    def accept(self, events: Sequence[InboxEvent]) -> int:
        """Store events in one transaction and return how many were new; one that is known stays as it is."""
        if not events:
            return 0
        with writing(self._engine, {e.tenant_id for e in events}) as connection:
            return len(connection.execute(self._accept, [_row(e) for e in events]).all())

    def waiting(self) -> list[Waiting]:
        """What waits, by tenant and integration, the oldest first."""
        # any tenant: the sensor works for all of them
        first, last = (f(_E.received_at, type_=_E.received_at.type) for f in (sa.func.min, sa.func.max))
        query = sa.select(_E.tenant_id, _E.integration, sa.func.count(), first, last).where(_WAITS)
        grouped = query.group_by(_E.tenant_id, _E.integration).order_by(first, _E.tenant_id, _E.integration)
        with reading(self._engine, EVERYONE) as connection:
            return [Waiting(*row) for row in connection.execute(grouped)]

    def seen(self, waiting: Sequence[Waiting], at: datetime) -> None:
        """Note when the sensor first saw what waits there; in one transaction."""
        if not waiting:
            return
        mine = (_E.tenant_id == sa.bindparam("of_tenant"), _E.integration == sa.bindparam("of_integration"))
        unseen = (_WAITS, _E.seen_at.is_(None), _E.received_at <= sa.bindparam("until"))
        rows = [
            {"of_tenant": w.tenant_id, "of_integration": w.integration, "until": w.newest_received_at, "at": at} for w in waiting
        ]
        with writing(self._engine, {w.tenant_id for w in waiting}) as connection:
            noted = sa.update(WEBHOOK_EVENTS).where(*mine, *unseen).values(seen_at=sa.bindparam("at"))
            connection.execute(noted, rows)

    def take(self, tenant_id: str, integration: str, *, limit: int, run_id: str, at: datetime) -> list[InboxEvent]:
        """The oldest waiting events, noted as started by that run. They wait on until they are settled, whoever took them."""
        mine = (_E.tenant_id == tenant_id, _E.integration == integration, _WAITS)
        oldest = sa.select(_E.partner, _E.event_id).where(*mine).order_by(_E.received_at, _E.partner, _E.event_id).limit(limit)
        chosen = sa.tuple_(_E.partner, _E.event_id).in_(oldest)
        noted = sa.update(WEBHOOK_EVENTS).where(*mine, chosen).values(started_at=at, run_id=run_id).returning(*_EVENT)
        with writing(self._engine, (tenant_id,)) as connection:
            events = [_event(row) for row in connection.execute(noted)]
        return sorted(events, key=lambda e: (e.received_at, e.partner, e.event_id))

    def settle(self, settled: Sequence[Settled], *, run_id: str, at: datetime) -> None:
        """Note how events ended, in one transaction."""
        if not settled:
            return
        rows = pa.Table.from_pylist([_end(s) for s in settled], _SETTLED)
        # any tenant: each end names the whole key of its event, the tenant first
        with staged(self._engine, {"settled": rows}) as (connection, stage):
            ends = stage["settled"].c
            same = [_E[n] == ends[n] for n in _KEY]
            values = {n: ends[n] for n in ("outcome", "reason", "written_at")}
            connection.execute(sa.update(WEBHOOK_EVENTS).where(*same).values(**values, applied_at=at, run_id=run_id))

    def times(self, tenant_ids: Sequence[str] | None, since: datetime) -> list[EventTimes]:
        """Events received since then, oldest first; None means every tenant."""
        columns = [_E[f.name] for f in fields(EventTimes)]
        query = sa.select(*columns).where(_E.landed_at >= since, _E.received_at >= since)  # landed after it was received
        if tenant_ids is not None:
            query = query.where(_E.tenant_id.in_(tenant_ids))
        ordered = query.order_by(_E.received_at, *(_E[n] for n in _KEY))
        with reading(self._engine, scope(tenant_ids)) as connection:
            return [
                EventTimes(**{**row, "outcome": EventOutcome(row["outcome"])}) for row in connection.execute(ordered).mappings()
            ]

    def forget(self, before: datetime) -> list[str]:
        """Some rows at a time, and the rows go first: a crash leaves files without a row, which a sweep of the landing zone finds."""
        # any tenant: everybody's events are forgotten alike
        key = [_E[n] for n in _KEY]
        some = sa.select(*key).where(_E.landed_at < before, ~_WAITS).order_by(_E.landed_at).limit(self._batch)
        gone = sa.delete(WEBHOOK_EVENTS).where(sa.tuple_(*key).in_(some)).returning(_E.landed_path)
        paths: set[str] = set()
        more = True
        while more:
            with writing(self._engine, EVERYONE) as connection:
                removed = connection.scalars(gone).all()
            paths.update(removed)
            more = len(removed) == self._batch
        return sorted(paths - self.paths(before))  # a file's events landed at one moment: what may still name it is as old

    def paths(self, before: datetime) -> set[str]:
        """The landing files that events of before then still name."""
        # any tenant: everybody's files are swept alike
        with reading(self._engine, EVERYONE) as connection:
            return set(connection.scalars(sa.select(_E.landed_path).where(_E.landed_at < before).distinct()))


def _known(engine: Engine) -> sa.Select[Any]:
    """The question for the keys, JSON, in the parameter `asked`."""
    asked, named = dialect.rows_of(engine, "asked", 3)
    # any tenant: every key names its tenant, and the transaction is theirs
    key = (_E.tenant_id, _E.partner, _E.event_id)
    same = sa.and_(*(column == value for column, value in zip(key, named, strict=True)))
    return sa.select(*key).distinct().join_from(asked, WEBHOOK_EVENTS, same)


def _row(event: InboxEvent) -> dict[str, Any]:
    return {
        "tenant_id": event.tenant_id, "partner": event.partner, "event_id": event.event_id, "integration": event.integration,
        "type": event.type, "kind": event.kind.value, "records": _text(event.records),
        "occurred_at": event.occurred_at, "received_at": event.received_at, "landed_path": event.landed_path,
        "landed_at": event.landed_at, "outcome": event.outcome.value, "reason": event.reason, "echo_key": event.echo_key,
    }  # fmt: skip


def _text(records: Sequence[TouchedRecord]) -> str:
    return json.dumps([[r.partner_object, r.record_id] for r in records], separators=(",", ":"))


def _event(row: sa.Row[Any]) -> InboxEvent:
    values = dict(zip((c.name for c in _EVENT), row, strict=True))
    records = tuple(TouchedRecord(*pair) for pair in json.loads(values["records"]))
    return InboxEvent(
        **{**values, "records": records, "outcome": EventOutcome(values["outcome"]), "kind": EventKind(values["kind"])}
    )


def _end(settled: Settled) -> dict[str, Any]:
    key = {n: getattr(settled.event, n) for n in _KEY}
    return key | {"outcome": settled.outcome.value, "reason": settled.reason, "written_at": settled.written_at}
