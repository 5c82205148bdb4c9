"""Refused records in SQL."""

from collections.abc import Sequence
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from integration_pipelines.core.tables import QUARANTINE, TEXT
from integration_pipelines.errors import BugError
from integration_pipelines.ports.evidence import Quarantine
from integration_pipelines.store.bulk import read_of_records, read_table, staged, upsert
from integration_pipelines.store.schema import QUARANTINED

_Q = QUARANTINED.c
_KEY = ("tenant_id", "object", "record_id", "field", "expectation")
_RECORD = pa.schema([(n, TEXT) for n in ("tenant_id", "object", "record_id")])
_REFUSED = pa.schema([(n, TEXT) for n in (*_KEY, "reason", "remedy")])


class SqlQuarantine(Quarantine):
    """Refused records of all tenants; a record that passes again stays as resolved."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def replace(
        self, refused: pa.Table, tenant_ids: Sequence[str], integration: str, objects: Sequence[str] | pa.Table, at: datetime
    ) -> None:
        """The present truth for those tenants and objects, or of them for some records: what is seen no more is resolved at `at`."""
        rows = refused.select(_REFUSED.names).cast(_REFUSED)
        _inside(rows, "tenant_id", tenant_ids)
        among: pa.Table | None = None
        if isinstance(objects, pa.Table):
            among = objects.select(_RECORD.names).cast(_RECORD)
            names = [str(name) for name in among["object"].unique().to_pylist()]
        else:
            names = list(objects)
        _inside(rows, "object", names)
        tables = {"refused": rows} | ({} if among is None else {"among": among})
        with staged(self._engine, tables, tenant_ids) as (connection, stage):
            source = stage["refused"].c
            key = [sa.func.coalesce(source[n], "").label(n) for n in _KEY]  # a rule about whole records names no field
            still = sa.exists().where(*(_Q[c.name] == c.element for c in key))
            gone = [_Q.tenant_id.in_(tenant_ids), _Q.integration == integration, _Q.object.in_(names), _Q.resolved_at.is_(None)]
            if among is not None:
                looked_at = stage["among"].c
                gone.append(sa.exists().where(*(_Q[n] == looked_at[n] for n in _RECORD.names)))
            connection.execute(sa.update(QUARANTINED).values(resolved_at=at).where(*gone, ~still))
            seen = [sa.literal(at, _Q.last_seen.type).label(n) for n in ("first_seen", "last_seen")]
            texts = [sa.func.coalesce(sa.func.max(source[n]), "").label(n) for n in ("reason", "remedy")]
            fixed = [sa.literal(integration).label("integration"), sa.null().label("resolved_at")]
            found = sa.select(*key, *texts, *seen, *fixed).group_by(*(c.element for c in key))
            upsert(connection, QUARANTINED, found, keep=("first_seen",))

    def load(self, tenant_ids: Sequence[str], integration: str, *, include_resolved: bool = False) -> pa.Table:
        """Rows (`QUARANTINE`), by tenant, object and record."""
        mine = (_Q.tenant_id.in_(tenant_ids), _Q.integration == integration)
        query = sa.select(*(_Q[n] for n in QUARANTINE.names)).where(*mine)
        if not include_resolved:
            query = query.where(_Q.resolved_at.is_(None))
        return read_table(self._engine, query.order_by(*(_Q[n] for n in _KEY)), QUARANTINE, tenant_ids)

    def of_records(self, tenant_id: str, integration: str, records: Sequence[str]) -> pa.Table:
        """Rows (`QUARANTINE`) that are not resolved of records with those ids, by object and record."""
        mine = (_Q.tenant_id == tenant_id, _Q.integration == integration, _Q.record_id.in_(records), _Q.resolved_at.is_(None))
        query = sa.select(*(_Q[n] for n in QUARANTINE.names)).where(*mine)
        return read_of_records(self._engine, query, QUARANTINE, (tenant_id,), [(n, "ascending") for n in _KEY])


def _inside(rows: pa.Table, column: str, allowed: Sequence[str]) -> None:
    """A row outside could be added here and never be resolved."""
    if not pc.all(pc.is_in(rows[column], value_set=pa.array(allowed, TEXT)), min_count=0).as_py():
        raise BugError(f"Refused records name a {column} that is not being replaced.")
