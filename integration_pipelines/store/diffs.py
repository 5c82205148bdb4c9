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
from integration_pipelines.store.bulk import read_table, staged, upsert
from integration_pipelines.store.schema import DIFF_IS_OPEN, DIFF_OBSERVATIONS, LINKS, RECONCILIATION_DIFFS

_D = RECONCILIATION_DIFFS.c
_OBSERVED = ("tenant_id", "diff_id", "integration", "kind", "action", "status", "left_value", "right_value", "resolved_value")


def _query(tenant_ids: Sequence[str], integration: str) -> sa.Select[Any]:
    return sa.select(*(_D[n] for n in DIFFS.names)).where(_D.tenant_id.in_(tenant_ids), _D.integration == integration)


class SqlDiffs(Diffs):
    """Diffs of all tenants."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def unresolved(self, tenant_ids: Sequence[str], integration: str, records: Sequence[str] | None = None) -> pa.Table:
        """Rows (`DIFFS`) whose `resolved_at` is null, of all records or of some, ordered by tenant and diff id."""
        query = _query(tenant_ids, integration).where(DIFF_IS_OPEN).order_by(_D.tenant_id, _D.diff_id)
        if records is not None:  # each way by an index of its own
            mine = (_D.tenant_id.in_(tenant_ids), DIFF_IS_OPEN)
            query = query.where(sa.or_(*(sa.and_(*mine, side.in_(records)) for side in (_D.left_id, _D.right_id))))
        return read_table(self._engine, query, DIFFS, tenant_ids)

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
        # Nearly every difference has a right record, and by that it is found; few have a left one only.
        rights = sa.select(LINKS.c.right_id).where(
            LINKS.c.tenant_id == tenant_id, LINKS.c.integration == integration, LINKS.c.left_id.in_(left_ids)
        )
        mine = _D.left_id.in_(left_ids)
        about = sa.or_(_D.right_id.in_(right_ids), sa.and_(_D.right_id.in_(rights), mine), sa.and_(_D.right_id.is_(None), mine))
        query = _query([tenant_id], integration).where(about)
        return read_table(
            self._engine, query.order_by(_D.last_seen_at.desc(), _D.first_seen_at.desc(), _D.diff_id), DIFFS, (tenant_id,)
        )
