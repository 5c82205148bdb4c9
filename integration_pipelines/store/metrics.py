"""Figures per tenant and integration, counted in the store when somebody asks."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from integration_pipelines.core.latency import QUANTILES, quantiles
from integration_pipelines.ports.clock import Clock
from integration_pipelines.ports.writing import Metrics
from integration_pipelines.store.engine import EVERYONE, reading
from integration_pipelines.store.schema import (
    ALERTS,
    INSTALLATIONS,
    NOTIFICATIONS,
    QUARANTINED,
    RECONCILIATION_DIFFS,
    RUN_OUTCOMES,
    RUNS,
    WEBHOOK_EVENTS,
    WRITE_LEDGER,
)
from integration_pipelines.store.schema_webhooks import IS_WAITING

_E = WEBHOOK_EVENTS.c
LATELY = timedelta(hours=1)
PREFIX = "integration_pipelines_"
_Figures = list[tuple[dict[str, str], float]]


class SqlMetrics(Metrics):
    """Figures of all tenants."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    def figures(self) -> Mapping[str, _Figures]:
        """Metric name → (labels, value) rows; labels are tenant, integration and what is counted.

        `runs` by outcome (`running` while it runs), `records` of the newest balanced run over everything by outcome, `open_diffs` by
        kind, `writes` by state, `write_failures` by error kind, `messages` to people by state, `quarantined_records`, `open_alerts` by
        kind, `certified_age_seconds` since the newest certified run ended, `enabled` and `paused` as 0 or 1; of events `events_waiting`,
        `oldest_event_seconds` of those and `event_latency_seconds` by quantile, from received to written in the last hour; each with the
        product's prefix.
        """
        with reading(self._engine, EVERYONE) as connection:
            found = {
                "runs": _counted(connection, RUNS, sa.func.coalesce(RUNS.c.outcome, "running").label("outcome")),
                "records": _records(connection),
                "open_diffs": _counted(
                    connection, RECONCILIATION_DIFFS, RECONCILIATION_DIFFS.c.kind, RECONCILIATION_DIFFS.c.resolved_at.is_(None)
                ),
                "writes": _counted(connection, WRITE_LEDGER, WRITE_LEDGER.c.state),
                "write_failures": _counted(
                    connection, WRITE_LEDGER, WRITE_LEDGER.c.error_kind.label("kind"), WRITE_LEDGER.c.state == "failed"
                ),
                "messages": _counted(connection, NOTIFICATIONS, NOTIFICATIONS.c.state),
                "quarantined_records": _quarantined(connection),
                "open_alerts": _counted(connection, ALERTS, ALERTS.c.kind, ALERTS.c.closed_at.is_(None)),
                "certified_age_seconds": self._ages(connection),
                "enabled": _switches(connection, INSTALLATIONS.c.enabled),
                "paused": _switches(connection, INSTALLATIONS.c.paused),
                "event_latency_seconds": self._latencies(connection),
            } | self._waiting(connection)
        return {PREFIX + name: rows for name, rows in found.items()}

    def _ages(self, connection: Connection) -> _Figures:
        now = self._clock.now()
        newest = sa.func.max(RUNS.c.finished_at, type_=RUNS.c.finished_at.type).label("newest")
        query = sa.select(RUNS.c.tenant_id, RUNS.c.integration, newest).where(
            RUNS.c.certified.is_(True), RUNS.c.finished_at.isnot(None)
        )
        rows = connection.execute(_by_tenant(query, RUNS))
        return [(_labels(r.tenant_id, r.integration), (now - r.newest).total_seconds()) for r in rows]

    def _waiting(self, connection: Connection) -> dict[str, _Figures]:
        now = self._clock.now()
        oldest = sa.func.min(_E.received_at, type_=_E.received_at.type)
        query = sa.select(_E.tenant_id, _E.integration, sa.func.count(), oldest).where(IS_WAITING)
        rows = connection.execute(_by_tenant(query, WEBHOOK_EVENTS)).all()
        return {
            "events_waiting": [(_labels(t, i), float(n)) for t, i, n, _ in rows],
            "oldest_event_seconds": [(_labels(t, i), (now - at).total_seconds()) for t, i, _, at in rows],
        }

    def _latencies(self, connection: Connection) -> _Figures:
        query = sa.select(_E.tenant_id, _E.integration, _E.received_at, _E.written_at).where(
            _E.landed_at >= self._clock.now() - LATELY, _E.written_at.is_not(None)
        )
        seconds: dict[tuple[str, str], list[float]] = {}
        for t, i, received, written in connection.execute(query.order_by(_E.tenant_id, _E.integration)):
            seconds.setdefault((t, i), []).append((written - received).total_seconds())
        return [
            (_labels(t, i, quantile=f"{QUANTILES[name]:g}"), value)
            for (t, i), values in seconds.items()
            for name, value in quantiles(values).items()
        ]


def _labels(tenant: str, integration: str, **more: str) -> dict[str, str]:
    return {"tenant": tenant, "integration": integration, **more}


def _by_tenant(query: sa.Select[Any], table: sa.Table, *more: sa.ColumnElement[Any]) -> sa.Select[Any]:
    key = (table.c.tenant_id, table.c.integration, *more)
    return query.group_by(*key).order_by(*key)


def _counted(connection: Connection, table: sa.Table, label: Any, *conditions: sa.ColumnElement[bool]) -> _Figures:  # noqa: ANN401 - a column or a label
    query = sa.select(table.c.tenant_id, table.c.integration, label, sa.func.count()).where(*conditions)
    rows = connection.execute(_by_tenant(query, table, label))
    return [(_labels(t, i, **{label.name: str(what)}), float(n)) for t, i, what, n in rows]


def _records(connection: Connection) -> _Figures:
    o = RUN_OUTCOMES.c
    same = (RUNS.c.tenant_id == o.tenant_id, RUNS.c.integration == o.integration, RUNS.c.run_id == o.run_id)
    every = sa.select(o.tenant_id, o.integration, o.run_id, RUNS.c.started_at).join(RUNS, sa.and_(*same))
    started = every.where(RUNS.c.scope == "full").distinct().subquery()
    place = sa.func.row_number().over(
        partition_by=(started.c.tenant_id, started.c.integration), order_by=(started.c.started_at.desc(), started.c.run_id.desc())
    )
    newest = sa.select(started, place.label("place")).subquery()
    mine = [newest.c[n] == o[n] for n in ("tenant_id", "integration", "run_id")]
    query = sa.select(o.tenant_id, o.integration, o.outcome, sa.func.sum(o.records)).join(newest, sa.and_(*mine))
    rows = connection.execute(_by_tenant(query.where(newest.c.place == 1), RUN_OUTCOMES, o.outcome))
    return [(_labels(t, i, outcome=what), float(n)) for t, i, what, n in rows]


def _quarantined(connection: Connection) -> _Figures:
    """Records, not broken rules: one record may break several."""
    q = QUARANTINED.c
    records = sa.select(q.tenant_id, q.integration, q.object, q.record_id).where(q.resolved_at.is_(None)).distinct().subquery()
    key = (records.c.tenant_id, records.c.integration)
    rows = connection.execute(sa.select(*key, sa.func.count()).group_by(*key).order_by(*key))
    return [(_labels(t, i), float(n)) for t, i, n in rows]


def _switches(connection: Connection, switch: sa.Column[bool]) -> _Figures:
    i = INSTALLATIONS.c
    rows = connection.execute(sa.select(i.tenant_id, i.integration, switch).order_by(i.tenant_id, i.integration))
    return [(_labels(t, name), float(on)) for t, name, on in rows]
