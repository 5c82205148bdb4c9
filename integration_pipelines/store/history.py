"""Filled days of history in SQL. The changes of a day are a file of the lake."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from integration_pipelines.core.history import Coverage
from integration_pipelines.ports.history import History, HistoryDay
from integration_pipelines.store.bulk import upsert
from integration_pipelines.store.engine import reading, writing
from integration_pipelines.store.schema_memory import HISTORY_DAYS

_H = HISTORY_DAYS.c


class SqlHistory(History):
    """Of all tenants."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def record(self, days: Sequence[HistoryDay]) -> None:
        """Insert or replace by tenant, integration, object and day, in one transaction."""
        if days:
            rows = [asdict(d) | {"day": d.day.isoformat(), "coverage": d.coverage.value} for d in days]
            with writing(self._engine, {d.tenant_id for d in days}) as connection:
                upsert(connection, HISTORY_DAYS, rows)

    def forget(self, tenant_ids: Sequence[str], integration: str, before: date) -> None:
        """Remove the days before that day."""
        mine = (_H.tenant_id.in_(tenant_ids), _H.integration == integration)
        with writing(self._engine, tenant_ids) as connection:
            connection.execute(sa.delete(HISTORY_DAYS).where(*mine, _H.day < before.isoformat()))

    def load(
        self,
        tenant_ids: Sequence[str],
        integration: str,
        *,
        objects: Sequence[str] = (),
        first: date | None = None,
        last: date | None = None,
    ) -> list[HistoryDay]:
        """Ordered by tenant, object and day."""
        query = sa.select(HISTORY_DAYS).where(_H.tenant_id.in_(tenant_ids), _H.integration == integration)
        if objects:
            query = query.where(_H.object.in_(objects))
        if first is not None:
            query = query.where(_H.day >= first.isoformat())  # ISO dates sort as they follow each other
        if last is not None:
            query = query.where(_H.day <= last.isoformat())
        with reading(self._engine, tenant_ids) as connection:
            found = connection.execute(query.order_by(_H.tenant_id, _H.object, _H.day)).mappings()
            return [
                HistoryDay(**{**row, "day": date.fromisoformat(row["day"]), "coverage": Coverage(row["coverage"])})
                for row in found
            ]
