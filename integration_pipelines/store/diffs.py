"""Reconciliation diffs in SQL, and what every run saw of them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from integration_pipelines.core.tables import DIFFS
from integration_pipelines.ports.evidence import Diffs
from integration_pipelines.store.arrow import with_runs
from integration_pipelines.store.bulk import Order, read_of_records, read_table, staged, upsert
from integration_pipelines.store.schema import DIFF_IS_OPEN, DIFF_OBSERVATIONS, RECONCILIATION_DIFFS

_D = RECONCILIATION_DIFFS.c
_OBSERVED = ("tenant_id", "diff_id", "integration", "kind", "action", "status", "left_value", "right_value", "resolved_value")
_BY_ID: Order = (("tenant_id", "ascending"), ("diff_id", "ascending"))
_NEWEST: Order = (("last_seen_at", "descending"), ("first_seen_at", "descending"), ("diff_id", "ascending"))


def _query(tenant_ids: Sequence[str], integration: str) -> sa.Select[Any]:
    return sa.select(*(_D[n] for n in DIFFS.names)).where(_D.tenant_id.in_(tenant_ids), _D.integration == integration)


def _about(tenant_ids: Sequence[str], integration: str, left_ids: Sequence[str], right_ids: Sequence[str]) -> sa.Select[Any]:
    """Those of these records, each side by an index of its own: of two ways in one question SQLite takes neither."""
    mine = _query(tenant_ids, integration)
    either = sa.union(mine.where(_D.left_id.in_(left_ids)), mine.where(_D.right_id.in_(right_ids))).subquery()
    return sa.select(either)


class SqlDiffs(Diffs):
    """Diffs of all tenants."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def unresolved(self, tenant_ids: Sequence[str], integration: str, records: Sequence[str] | None = None) -> pa.Table:
        """Rows (`DIFFS`) whose `resolved_at` is null, of all records or of some, ordered by tenant and diff id."""
        if records is None:
            query = _query(tenant_ids, integration).where(DIFF_IS_OPEN).order_by(_D.tenant_id, _D.diff_id)
            return read_table(self._engine, query, DIFFS, tenant_ids)
        query = _about(tenant_ids, integration, records, records).where(DIFF_IS_OPEN)
        return read_of_records(self._engine, query, DIFFS, tenant_ids, _BY_ID)

    def record(self, diffs: pa.Table, run_ids: dict[str, str]) -> None:
        """Insert or update by `diff_id`, and note each row under its tenant's run for `diff_history`; one transaction."""
        if diffs.num_rows == 0:
            return
        with staged(self._engine, {"diffs": with_runs(diffs.select(DIFFS.names), run_ids, "seen_in")}) as (connection, stage):
            source = stage["diffs"].c
            upsert(connection, RECONCILIATION_DIFFS, sa.select(*(source[n] for n in DIFFS.names)))
            seen_at = sa.func.coalesce(source.resolved_at, source.last_seen_at).label("seen_at")
            noted = sa.select(*(source[n] for n in _OBSERVED), source.seen_in.label("run_id"), seen_at)
            upsert(connection, DIFF_OBSERVATIONS, noted)

    def load(
        self, tenant_ids: Sequence[str], integration: str, *, since: datetime | None = None, fields: Sequence[str] = ()
    ) -> pa.Table:
        """Rows (`DIFFS`) last seen since then, newest first."""
        query = _query(tenant_ids, integration)
        if since is not None:
            query = query.where(_D.last_seen_at >= since)
        if fields:
            query = query.where(_D.field.in_(fields))
        return read_table(self._engine, query.order_by(_D.last_seen_at.desc(), _D.tenant_id, _D.diff_id), DIFFS, tenant_ids)

    def of_records(self, tenant_id: str, integration: str, left_ids: Sequence[str], right_ids: Sequence[str]) -> pa.Table:
        """Rows (`DIFFS`) of any time about those records, newest first."""
        query = _about([tenant_id], integration, left_ids, right_ids)
        return read_of_records(self._engine, query, DIFFS, (tenant_id,), _NEWEST)
