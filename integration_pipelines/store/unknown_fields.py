"""Partner fields that no contract knows, in SQL: names, types and counts, never values."""

from collections.abc import Sequence
from datetime import datetime

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from integration_pipelines.core.tables import UNKNOWN_FIELDS
from integration_pipelines.ports.evidence import UnknownFields
from integration_pipelines.store.bulk import read_table, staged, upsert
from integration_pipelines.store.schema import UNKNOWN

_U = UNKNOWN.c


class SqlUnknownFields(UnknownFields):
    """Unknown fields of all tenants."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def record(self, rows: pa.Table, at: datetime) -> None:
        """`UNKNOWN_FIELDS` rows; counts replace the earlier ones of the same name and type."""
        if rows.num_rows == 0:
            return
        with staged(self._engine, {"unknown": rows.select(UNKNOWN_FIELDS.names)}) as (connection, stage):
            seen = [sa.literal(at, _U.last_seen.type).label(n) for n in ("first_seen", "last_seen")]
            upsert(connection, UNKNOWN, sa.select(stage["unknown"], *seen), keep=("first_seen",))

    def load(self, tenant_ids: Sequence[str], integration: str) -> pa.Table:
        """`UNKNOWN_FIELDS` rows, by tenant, object and name."""
        mine = (_U.tenant_id.in_(tenant_ids), _U.integration == integration)
        query = sa.select(*(_U[n] for n in UNKNOWN_FIELDS.names)).where(*mine)
        return read_table(self._engine, query.order_by(_U.tenant_id, _U.object, _U.name, _U.type), UNKNOWN_FIELDS, tenant_ids)
