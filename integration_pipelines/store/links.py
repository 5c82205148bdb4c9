"""The identity links in SQL."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from integration_pipelines.core.tables import IDENTITY_LINKS
from integration_pipelines.ports.evidence import Links
from integration_pipelines.store import dialect
from integration_pipelines.store.ahead import Ahead
from integration_pipelines.store.bulk import read_batches, read_table, staged
from integration_pipelines.store.engine import reading
from integration_pipelines.store.schema import LINK_IS_LIVE, LINK_IS_OVER, LINKS

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql, sqlite

_AHEAD = 4
"""Batches of links that may wait in memory."""
_WORDS = ("match_evidence", "decided_by")
"""What only people read, and what is long: nothing that a pass decides rests on it."""


class SqlLinks(Links):
    """Links of all tenants; the table itself refuses a right-hand record with two live links."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def load(self, tenant_ids: Sequence[str], integration: str) -> pa.Table:
        """Every link of those tenants in every state (`IDENTITY_LINKS`), ordered by tenant and link id."""
        mine = (LINKS.c.tenant_id.in_(tenant_ids), LINKS.c.integration == integration)
        query = sa.select(*(LINKS.c[n] for n in IDENTITY_LINKS.names)).where(*mine)
        return read_table(self._engine, query.order_by(LINKS.c.tenant_id, LINKS.c.link_id), IDENTITY_LINKS, tenant_ids)

    def batches(self, tenant_ids: Sequence[str], integration: str) -> pa.RecordBatchReader:
        """The same links in no order, some at a time, so that they need not be held whole; live ones without the words about them."""
        mine = (LINKS.c.tenant_id.in_(tenant_ids), LINKS.c.integration == integration)
        shape = pa.schema([field for field in IDENTITY_LINKS if field.name != "integration"])
        columns = [sa.case((LINKS.c.state != "live", LINKS.c[n])).label(n) if n in _WORDS else LINKS.c[n] for n in shape.names]
        query = sa.select(*columns).where(*mine)
        found = Ahead(
            lambda: (_with(batch, integration) for batch in read_batches(self._engine, query, shape, tenant_ids)), _AHEAD
        )
        return pa.RecordBatchReader.from_batches(IDENTITY_LINKS, found)

    def find(
        self, tenant_ids: Sequence[str], integration: str, *, states: Sequence[str] = (), records: Sequence[str] = ()
    ) -> pa.Table:
        """Links in those states that have one of those ids (`IDENTITY_LINKS`), ordered by tenant and link id."""
        mine = [LINKS.c.tenant_id.in_(tenant_ids), LINKS.c.integration == integration]
        named = [*mine] if not records else []
        if records:  # each way by an index of its own: the two over right records are for live links and for the others
            right = LINKS.c.right_id.in_(records)
            ways = [
                (LINKS.c.left_id.in_(records),),
                (LINKS.c.link_id.in_(records),),
                (LINK_IS_LIVE, right),
                (LINK_IS_OVER, right),
            ]
            named = [sa.or_(*(sa.and_(*mine, *way) for way in ways))]
        mine = named + ([LINKS.c.state.in_(states)] if states else [])
        query = sa.select(*(LINKS.c[n] for n in IDENTITY_LINKS.names)).where(*mine)
        return read_table(self._engine, query.order_by(LINKS.c.tenant_id, LINKS.c.link_id), IDENTITY_LINKS, tenant_ids)

    def live_counts(self, tenant_ids: Sequence[str], integration: str) -> dict[str, int]:
        """Counted by the index of live links."""
        key = LINKS.c.tenant_id
        query = (
            sa.select(key, sa.func.count())
            .where(key.in_(tenant_ids), LINKS.c.integration == integration, LINK_IS_LIVE)
            .group_by(key)
        )
        with reading(self._engine, tenant_ids) as connection:
            return {str(tenant): int(n) for tenant, n in connection.execute(query)}

    def save(self, links: pa.Table, *, decided: bool = False) -> None:
        """Insert new links and update known ones by `link_id`, in one transaction; words that are null stay as they were.

        Unless these are a person's decisions, what a person decided later than a link's `updated_at` stays as it is: a run that looked
        before must not undo it.

        Raises:
            ConflictError: a right-hand record would have two live links; nothing was saved.
        """
        with staged(self._engine, {"links": links.select(IDENTITY_LINKS.names)}) as (connection, stage):
            for live in (False, True):  # a link must end before another one to the same record begins
                rows = sa.select(stage["links"]).where((stage["links"].c.state == "live") == sa.literal(live))
                connection.execute(_upsert(connection, rows, decided=decided))


def _upsert(connection: Connection, rows: "sa.Select[Any]", *, decided: bool) -> "sqlite.Insert | postgresql.Insert":
    statement = dialect.insert(connection, LINKS).from_select(IDENTITY_LINKS.names, rows)
    key = [c.name for c in LINKS.primary_key]
    new = statement.excluded
    changed = {n: sa.func.coalesce(new[n], LINKS.c[n]) if n in _WORDS else new[n] for n in IDENTITY_LINKS.names if n not in key}
    stands = None if decided else sa.or_(LINKS.c.decided_by.is_(None), LINKS.c.updated_at <= new["updated_at"])
    return statement.on_conflict_do_update(index_elements=key, set_=changed, where=stands)


def _with(batch: pa.RecordBatch, integration: str) -> pa.RecordBatch:
    named = batch.append_column("integration", pa.repeat(pa.scalar(integration, pa.string()), batch.num_rows))
    return named.select(IDENTITY_LINKS.names)
