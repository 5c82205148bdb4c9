"""Failed writes, replaced edits and partners' own spellings in SQL."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from integration_pipelines.core.tables import SPELLINGS as SPELLING_ROWS
from integration_pipelines.ports.retries import Overwrite, Overwrites, Retries, Retry, Spellings
from integration_pipelines.store.bulk import read_table, upsert
from integration_pipelines.store.engine import EVERYONE, reading, writing
from integration_pipelines.store.schema import OVERWRITES, SPELLINGS, WRITE_RETRIES

_R = WRITE_RETRIES.c
_O = OVERWRITES.c
_S = SPELLINGS.c
AT_ONCE = 10_000
"""Records of one question: SQLite takes some ten thousand values."""


class SqlRetries(Retries):
    """Of all tenants."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def load(self, tenant_ids: Sequence[str], integration: str) -> list[Retry]:
        """Ordered by tenant and record."""
        query = sa.select(WRITE_RETRIES).where(_R.tenant_id.in_(tenant_ids), _R.integration == integration)
        with reading(self._engine, tenant_ids) as connection:
            rows = connection.execute(query.order_by(_R.tenant_id, _R.target, _R.target_id)).mappings()
            return [Retry(**_named(row, WRITE_RETRIES)) for row in rows]

    def due(self, at: datetime) -> list[tuple[str, str]]:
        """(tenant, integration) of all that have a write that may be tried again by then, ordered."""
        # any tenant: whoever starts runs works for all of them
        key = (_R.tenant_id, _R.integration)
        query = sa.select(*key).where(_R.next_try_at <= at).distinct().order_by(*key)
        with reading(self._engine, EVERYONE) as connection:
            return [(str(tenant), str(integration)) for tenant, integration in connection.execute(query)]

    def save(self, retries: Sequence[Retry]) -> None:
        """Insert or replace by record, in one transaction."""
        if retries:
            with writing(self._engine, {retry.tenant_id for retry in retries}) as connection:
                upsert(connection, WRITE_RETRIES, [asdict(retry) for retry in retries])

    def clear(self, tenant_id: str, integration: str, records: Sequence[tuple[str, str]]) -> None:
        """Forget those records, in one transaction."""
        if not records:
            return
        mine = (_R.tenant_id == tenant_id, _R.integration == integration)
        record = (_R.target == sa.bindparam("of_target"), _R.target_id == sa.bindparam("of_record"))
        rows = [{"of_target": target, "of_record": record_id} for target, record_id in records]
        with writing(self._engine, (tenant_id,)) as connection:
            connection.execute(sa.delete(WRITE_RETRIES).where(*mine, *record), rows)


class SqlOverwrites(Overwrites):
    """Of all tenants."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def record(self, overwrites: Sequence[Overwrite]) -> None:
        """Insert or replace by write and field, in one transaction."""
        if overwrites:
            with writing(self._engine, {o.tenant_id for o in overwrites}) as connection:
                upsert(connection, OVERWRITES, [asdict(overwrite) for overwrite in overwrites])

    def load(self, tenant_ids: Sequence[str], integration: str, *, since: datetime | None = None) -> list[Overwrite]:
        """Newest first."""
        query = sa.select(OVERWRITES).where(_O.tenant_id.in_(tenant_ids), _O.integration == integration)
        if since is not None:
            query = query.where(_O.detected_at >= since)
        return self._read(query.order_by(_O.detected_at.desc(), _O.write_id, _O.field), tenant_ids)

    def of_records(self, tenant_id: str, integration: str, target_ids: Sequence[str]) -> list[Overwrite]:
        """Newest first; put in order here, so that they are found by their record."""
        found: list[Overwrite] = []
        for first in range(0, len(target_ids), AT_ONCE):
            some = target_ids[first : first + AT_ONCE]
            mine = (_O.tenant_id == tenant_id, _O.integration == integration, _O.target_id.in_(some))
            found += self._read(sa.select(OVERWRITES).where(*mine), (tenant_id,))
        return sorted(found, key=lambda o: (-o.detected_at.timestamp(), o.write_id, o.field))

    def _read(self, query: sa.Select[Any], tenant_ids: Sequence[str]) -> list[Overwrite]:
        with reading(self._engine, tenant_ids) as connection:
            return [Overwrite(**_named(row, OVERWRITES)) for row in connection.execute(query).mappings()]


class SqlSpellings(Spellings):
    """Of all tenants."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def load(self, tenant_ids: Sequence[str], integration: str) -> pa.Table:
        """Ordered by tenant, record and field."""
        query = sa.select(*(_S[n] for n in SPELLING_ROWS.names)).where(
            _S.tenant_id.in_(tenant_ids), _S.integration == integration
        )
        ordered = query.order_by(_S.tenant_id, _S.target, _S.target_id, _S.field)
        return read_table(self._engine, ordered, SPELLING_ROWS, tenant_ids)

    def save(self, spellings: pa.Table, integration: str, at: datetime) -> None:
        """Insert or replace by record and field, in one transaction."""
        rows = [row | {"integration": integration, "seen_at": at} for row in spellings.to_pylist()]
        if rows:
            with writing(self._engine, {row["tenant_id"] for row in rows}) as connection:
                upsert(connection, SPELLINGS, rows)


def _named(row: Any, table: sa.Table) -> dict[str, Any]:  # noqa: ANN401 - a row of any table
    return {column.name: row[column.name] for column in table.columns}
