"""The log of runs, their balances and their field counts, in SQL."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine, RowMapping

from integration_pipelines.core.tables import COUNT, OUTCOMES, TEXT
from integration_pipelines.ports.evidence import Run, Runs
from integration_pipelines.store.arrow import with_runs
from integration_pipelines.store.bulk import read_table, staged, upsert
from integration_pipelines.store.engine import EVERYONE, reading, scope, writing
from integration_pipelines.store.schema import FIELD_COUNTS, RUN_OUTCOMES, RUN_RECORDS, RUNS

_COUNTS = ("compared", "matched", "differing", "held")
_FIELD_COUNTS = pa.schema(dict.fromkeys(("tenant_id", "object", "field"), TEXT) | dict.fromkeys(_COUNTS, COUNT))
_BALANCE = pa.schema(dict.fromkeys(("tenant_id", "object", "outcome", "rule"), TEXT) | {"records": COUNT})


class SqlRuns(Runs):
    """Runs of all tenants."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def start(self, runs: Sequence[Run]) -> None:
        """Note that they began; a run that begins again starts afresh."""
        with writing(self._engine, {r.tenant_id for r in runs}) as connection:
            upsert(connection, RUNS, [_row(run) for run in runs])

    def finish(self, runs: Sequence[Run]) -> None:
        """Note how they ended; when and why they began stays as it was."""
        with writing(self._engine, {r.tenant_id for r in runs}) as connection:
            upsert(connection, RUNS, [_row(run) for run in runs], keep=("trigger", "scope", "started_at"))

    def last(self, tenant_ids: Sequence[str] | None, integration: str, limit: int = 1) -> list[Run]:
        """Per tenant, in the order of their ids, the newest runs, newest first."""
        newest = (RUNS.c.started_at.desc(), RUNS.c.run_id.desc())
        place = sa.func.row_number().over(partition_by=RUNS.c.tenant_id, order_by=newest).label("place")
        query = sa.select(RUNS, place).where(RUNS.c.integration == integration)
        if tenant_ids is not None:
            query = query.where(RUNS.c.tenant_id.in_(tenant_ids))
        ranked = query.subquery()
        wanted = sa.select(ranked).where(ranked.c.place <= limit).order_by(ranked.c.tenant_id, ranked.c.place)
        with reading(self._engine, scope(tenant_ids)) as connection:
            return [run_of(row) for row in connection.execute(wanted).mappings()]

    def since(self, tenant_ids: Sequence[str], integration: str, trigger: str, since: datetime) -> list[Run]:
        """Runs of those tenants that were so triggered and started since then, by tenant, newest first."""
        mine = (RUNS.c.tenant_id.in_(tenant_ids), RUNS.c.integration == integration, RUNS.c.started_at >= since)
        query = sa.select(RUNS).where(*mine, RUNS.c.trigger == trigger)
        ordered = query.order_by(RUNS.c.tenant_id, RUNS.c.started_at.desc(), RUNS.c.run_id.desc())
        with reading(self._engine, tenant_ids) as connection:
            return [run_of(row) for row in connection.execute(ordered).mappings()]

    def of_run(self, run_id: str) -> list[Run]:
        """The run as each of its tenants saw it, ordered by tenant."""
        # any tenant: the run's id is made by us, and a batch's run belongs to all its tenants
        query = sa.select(RUNS).where(RUNS.c.run_id == run_id).order_by(RUNS.c.tenant_id, RUNS.c.integration)
        with reading(self._engine, EVERYONE) as connection:
            return [run_of(row) for row in connection.execute(query).mappings()]

    def save_outcomes(self, outcomes: pa.Table, integration: str, run_ids: dict[str, str]) -> None:
        """Counts per tenant, object, outcome and rule of that run, and every record that is not `in_sync` (`OUTCOMES`)."""
        rows = with_runs(outcomes.select(OUTCOMES.names), run_ids)
        with staged(self._engine, {"outcomes": rows}, run_ids) as (connection, stage):
            for table in (RUN_OUTCOMES, RUN_RECORDS):
                _forget(connection, table, integration, run_ids)
            source = stage["outcomes"].c
            rule = sa.func.coalesce(source.rule, "")
            shared = [source.tenant_id, source.run_id, source.object, source.outcome]
            fixed = [rule.label("rule"), sa.literal(integration).label("integration")]
            counted = sa.select(*shared, *fixed, sa.func.count().label("records")).group_by(*shared, rule)
            upsert(connection, RUN_OUTCOMES, counted)
            noted = sa.select(*shared, source.record_id, *fixed).where(source.outcome != "in_sync").distinct()
            upsert(connection, RUN_RECORDS, noted)

    def save_field_counts(self, counts: pa.Table, integration: str, run_ids: dict[str, str]) -> None:
        """Per tenant, object and field of that run: compared, matched, differing, held; a later look of the same run replaces them."""
        rows = with_runs(counts.select(_FIELD_COUNTS.names).cast(_FIELD_COUNTS), run_ids)
        with staged(self._engine, {"counts": rows}) as (connection, stage):
            upsert(connection, FIELD_COUNTS, sa.select(stage["counts"], sa.literal(integration).label("integration")))

    def outcomes(self, tenant_id: str, integration: str, run_id: str) -> pa.Table:
        """`tenant_id, object, outcome, rule, records` of that run."""
        t = RUN_OUTCOMES.c
        query = sa.select(*(t[n] for n in _BALANCE.names))
        query = query.where(t.tenant_id == tenant_id, t.integration == integration, t.run_id == run_id)
        return read_table(self._engine, query.order_by(t.object, t.outcome, t.rule), _BALANCE, (tenant_id,))


def _forget(connection: Connection, table: sa.Table, integration: str, run_ids: Mapping[str, str]) -> None:
    mine = (table.c.tenant_id == sa.bindparam("of_tenant"), table.c.run_id == sa.bindparam("of_run"))
    rows = [{"of_tenant": tenant, "of_run": run} for tenant, run in run_ids.items()]
    if rows:
        connection.execute(sa.delete(table).where(*mine, table.c.integration == integration), rows)


def _row(run: Run) -> dict[str, Any]:
    plain = {c.name: getattr(run, c.name) for c in RUNS.columns}
    return plain | {"counts": json.dumps(run.counts, sort_keys=True)}


def run_of(row: RowMapping) -> Run:
    """A row of `sync_runs`, whole."""
    return Run(**{c.name: row[c.name] for c in RUNS.columns} | {"counts": json.loads(row["counts"])})
