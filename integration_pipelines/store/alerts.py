"""The book of alerts and their deliveries in SQL. Who compares and who sends is decided by locks here, so any number of processes may look."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine, RowMapping

from integration_pipelines.core.alerts import Alert, AlertEvent, AlertKind, Changes, Finding, Severity
from integration_pipelines.ports.alerts import AlertBook, Delivery, DeliveryState
from integration_pipelines.store import dialect
from integration_pipelines.store.bulk import upsert
from integration_pipelines.store.engine import EVERYONE, reading, scope, writing
from integration_pipelines.store.schema import ALERT_DELIVERIES, ALERTS

_A, _D = ALERTS.c, ALERT_DELIVERIES.c
_FINDING = tuple(f.name for f in fields(Finding))
_ALERT = tuple(f.name for f in fields(Alert) if f.name != "finding")
_UNSENT = (DeliveryState.WAITING.value, DeliveryState.SENDING.value)
_OPEN = _A.closed_at.is_(None)


class SqlAlertBook(AlertBook):
    """Of all tenants."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def revise(
        self, decide: Callable[[Sequence[Alert]], Changes], sinks: Sequence[str], *, forget_before: datetime | None = None
    ) -> Changes:
        """One process at a time looks at the open alerts and changes them."""
        with writing(self._engine, EVERYONE) as connection:
            dialect.serialise(connection, "alerts")
            # any tenant: the comparison is about all of them
            rows = connection.execute(sa.select(ALERTS).where(_OPEN).order_by(_A.opened_at, _A.alert_id)).mappings()
            changes = decide([_alert(row) for row in rows])
            # Closed first: what is opened anew at once may have the same key.
            for alerts in (changes.closed, changes.seen, changes.opened):
                upsert(connection, ALERTS, [_row(a) for a in alerts])
            told = [a for a in changes.opened if a.group_id is None]
            upsert(connection, ALERT_DELIVERIES, _asked(told, AlertEvent.OPENED, sinks))
            upsert(connection, ALERT_DELIVERIES, _asked(changes.reminded, AlertEvent.REMINDED, sinks))
            _close(connection, [a for a in changes.closed if a.group_id is None], sinks)
            if forget_before is not None:
                _forget(connection, forget_before)
        return changes

    def find(
        self,
        tenant_ids: Sequence[str] | None,
        *,
        kind: AlertKind | None = None,
        include_closed: bool = False,
        limit: int | None = None,
    ) -> list[Alert]:
        """Newest first."""
        query = sa.select(ALERTS).order_by(_A.opened_at.desc(), _A.alert_id.desc()).limit(limit)
        if tenant_ids is not None:
            query = query.where(_A.tenant_id.in_(tenant_ids))
        if kind is not None:
            query = query.where(_A.kind == kind.value)
        if not include_closed:
            query = query.where(_OPEN)
        with reading(self._engine, scope(tenant_ids)) as connection:
            return [_alert(row) for row in connection.execute(query).mappings()]

    def deliveries(self, alert_ids: Sequence[str]) -> list[Delivery]:
        """By alert, sink and time."""
        # any tenant: the ids are made by us, and the caller was given them for the tenants it may see
        query = _joined().where(_A.alert_id.in_(alert_ids)).order_by(_D.alert_id, _D.sink, _D.asked_at, _D.event)
        with reading(self._engine, EVERYONE) as connection:
            return [_delivery(row) for row in connection.execute(query).mappings()]

    def claim(self, sink: str, now: datetime, until: datetime, limit: int) -> list[Delivery]:
        """Oldest first; one whose sender died is due again when its claim ends."""
        due = (_D.sink == sink, _D.state.in_(_UNSENT), _D.next_try_at <= now)
        with writing(self._engine, EVERYONE) as connection:
            dialect.serialise(connection, "alert_deliveries")
            # any tenant: one sink gets everybody's messages
            query = _joined().where(*due).order_by(_D.asked_at, _D.alert_id, _D.event).limit(limit)
            found = [_delivery(row) for row in connection.execute(query).mappings()]
            _store(connection, found, {"state": DeliveryState.SENDING.value, "next_try_at": until})
        return found

    def note(self, deliveries: Sequence[Delivery], at: datetime) -> None:
        """State, attempts, next try and why; a message that was dropped meanwhile stays dropped unless it arrived."""
        with writing(self._engine, EVERYONE) as connection:
            for d in deliveries:
                values = {
                    "state": d.state.value,
                    "attempts": d.attempts,
                    "next_try_at": d.next_try_at,
                    "error_text": d.error_text,
                }
                _store(connection, [d], values | {"last_tried_at": at}, even_dropped=d.state is DeliveryState.DELIVERED)


def _joined() -> sa.Select[Any]:
    """Deliveries with their alerts; the columns of both by name, those of deliveries prefixed where they would clash."""
    same = sa.and_(_D.tenant_id == _A.tenant_id, _D.alert_id == _A.alert_id)
    own = (_D.sink, _D.event, _D.state, _D.attempts, _D.asked_at, _D.next_try_at, _D.error_text)
    return sa.select(ALERTS, *own).join(ALERT_DELIVERIES, same)


def _asked(alerts: Iterable[Alert], event: AlertEvent, sinks: Sequence[str]) -> list[dict[str, Any]]:
    """A message for each sink, due at once; a reminder that comes again replaces the one before."""
    return [
        {
            "tenant_id": a.finding.tenant_id, "alert_id": a.alert_id, "sink": sink, "event": event.value, "attempts": 0,
            "state": DeliveryState.WAITING.value, "asked_at": at, "last_tried_at": None, "next_try_at": at, "error_text": None,
        }
        for a in alerts for sink in sinks for at in (a.closed_at or a.told_at,)
    ]  # fmt: skip


def _close(connection: Connection, closed: Sequence[Alert], sinks: Sequence[str]) -> None:
    """Messages that nobody got need not be sent any more; who was told that it began, or may have been, is told that it ended."""
    ids = [a.alert_id for a in closed]
    # any tenant: the ids are those of the alerts that were just closed
    tried = sa.select(_D.alert_id, _D.sink, _D.state, _D.next_try_at).where(
        _D.alert_id.in_(ids), (_D.attempts > 0) | (_D.state != DeliveryState.WAITING.value)
    )
    under_way: dict[tuple[str, str], datetime | None] = {}
    for told in connection.execute(tried):
        until = told.next_try_at if told.state == DeliveryState.SENDING.value else None
        under_way[told.alert_id, told.sink] = until or under_way.get((told.alert_id, told.sink))
    unsent = sa.update(ALERT_DELIVERIES).where(_D.alert_id.in_(ids), _D.state.in_(_UNSENT))
    connection.execute(unsent.values(state=DeliveryState.DROPPED.value, next_try_at=None))
    rows = [r for r in _asked(closed, AlertEvent.CLOSED, sinks) if (r["alert_id"], r["sink"]) in under_way]
    for row in rows:  # never before the message that is on its way now
        row["next_try_at"] = under_way[row["alert_id"], row["sink"]] or row["next_try_at"]
    upsert(connection, ALERT_DELIVERIES, rows)


def _forget(connection: Connection, before: datetime) -> None:
    # any tenant: what is over for long enough is forgotten for everybody
    old = sa.select(_A.alert_id).where(_A.closed_at < before)
    connection.execute(sa.delete(ALERT_DELIVERIES).where(_D.alert_id.in_(old)))
    connection.execute(sa.delete(ALERTS).where(_A.closed_at < before))


def _store(connection: Connection, deliveries: Sequence[Delivery], values: dict[str, Any], *, even_dropped: bool = False) -> None:
    if not deliveries:
        return
    mine = (_D.tenant_id == sa.bindparam("of_tenant"), _D.alert_id == sa.bindparam("of_alert"))
    which = (_D.sink == sa.bindparam("of_sink"), _D.event == sa.bindparam("of_event"))
    wanted = () if even_dropped else (_D.state != DeliveryState.DROPPED.value,)
    rows = [
        {"of_tenant": d.alert.finding.tenant_id, "of_alert": d.alert.alert_id, "of_sink": d.sink, "of_event": d.event.value}
        for d in deliveries
    ]
    connection.execute(sa.update(ALERT_DELIVERIES).where(*mine, *which, *wanted).values(**values), rows)


def _row(alert: Alert) -> dict[str, Any]:
    finding = {n: getattr(alert.finding, n) for n in _FINDING}
    plain = {n: getattr(alert, n) for n in _ALERT}
    return finding | plain | {"kind": alert.finding.kind.value, "severity": alert.finding.severity.value}


def _alert(row: RowMapping) -> Alert:
    typed = {"kind": AlertKind(row["kind"]), "severity": Severity(row["severity"])}
    return Alert(finding=Finding(**{n: row[n] for n in _FINDING} | typed), **{n: row[n] for n in _ALERT})


def _delivery(row: RowMapping) -> Delivery:
    return Delivery(
        _alert(row), row["sink"], AlertEvent(row["event"]), DeliveryState(row["state"]), row["attempts"], row["asked_at"],
        row["next_try_at"], row["error_text"],
    )  # fmt: skip
