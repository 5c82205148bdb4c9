"""Forgetting in SQL. What is kept for people (diffs, links, the ledger, runs, the audit log) is never touched here."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from integration_pipelines.ports.lake import Mode
from integration_pipelines.ports.pruning import Pruning
from integration_pipelines.ports.writing import PlanState
from integration_pipelines.store.engine import EVERYONE, reading, writing
from integration_pipelines.store.schema import (
    DIFF_OBSERVATIONS,
    FIELD_COUNTS,
    LAKE_MANIFEST,
    RUN_OUTCOMES,
    RUN_RECORDS,
    RUNS,
    WRITE_PLANS,
)

BATCH = 10_000
"""Rows of one transaction: SQLite is locked for its length."""
_NOTES = (DIFF_OBSERVATIONS, RUN_RECORDS, RUN_OUTCOMES, FIELD_COUNTS)
_KEY = ("tenant_id", "integration", "run_id")
_OVER = [s.value for s in (PlanState.APPLIED, PlanState.REJECTED, PlanState.SUPERSEDED)]
_M, _P = LAKE_MANIFEST.c, WRITE_PLANS.c


class SqlPruning(Pruning):
    """Of all tenants."""

    def __init__(self, engine: Engine, batch: int = BATCH) -> None:
        self._engine = engine
        self._batch = batch

    def forget_runs(self, before: datetime) -> dict[str, int]:
        """Run by run, some rows at a time."""
        return {table.name: self._forget(table, before) for table in _NOTES}

    def forget_files(self, before: datetime, limit: int) -> list[str]:
        """The rows go first: a crash leaves files without a row, which a sweep finds."""
        # any tenant: everybody's files are pruned alike
        newer = LAKE_MANIFEST.alias("newer")
        same = [newer.c[n] == _M[n] for n in ("tenant_id", "integration", "dataset")]
        superseded = sa.exists().where(*same, newer.c.mode == Mode.FULL.value, newer.c.sequence > _M.sequence)
        query = sa.select(_M.path).where(_M.written_at < before, superseded).order_by(_M.written_at, _M.path).limit(limit)
        with writing(self._engine, EVERYONE) as connection:
            paths = [str(path) for path in connection.scalars(query)]
            gone = [{"of_path": path} for path in paths]
            if gone:
                connection.execute(sa.delete(LAKE_MANIFEST).where(_M.path == sa.bindparam("of_path")), gone)
        return paths

    def plan_files(self, before: datetime) -> set[str]:
        """The plan's row stays, with its hash, numbers and decision."""
        # any tenant: everybody's files are pruned alike
        over = sa.and_(_P.state.in_(_OVER), _P.created_at < before)
        query = sa.except_(sa.select(_P.file_path).where(over), sa.select(_P.file_path).where(~over))
        with reading(self._engine, EVERYONE) as connection:
            return {str(path) for path in connection.scalars(query)}

    def _forget(self, table: sa.Table, before: datetime) -> int:
        with reading(self._engine, EVERYONE) as connection:
            runs = _old_runs(connection, table, before)
        return sum(self._forget_run(table, run) for run in runs)

    def _forget_run(self, table: sa.Table, run: Sequence[str]) -> int:
        mine = [table.c[n] == value for n, value in zip(_KEY, run, strict=True)]
        key = sa.tuple_(*table.primary_key.columns)
        some = sa.select(*table.primary_key.columns).where(*mine).limit(self._batch)
        removed = 0
        while True:
            with writing(self._engine, (run[0],)) as connection:
                done = connection.execute(sa.delete(table).where(*mine, key.in_(some))).rowcount
            removed += done
            if done < self._batch:
                return removed


def _old_runs(connection: Connection, table: sa.Table, before: datetime) -> list[tuple[str, ...]]:
    """Runs with rows in that table that began before that, but the newest with rows of each tenant and integration."""
    r = RUNS.c
    noted = sa.exists().where(*(table.c[n] == r[n] for n in _KEY))
    newest = (r.started_at.desc(), r.run_id.desc())
    place = sa.func.row_number().over(partition_by=(r.tenant_id, r.integration), order_by=newest).label("place")
    # any tenant: everybody's notes are pruned alike
    ranked = sa.select(*(r[n] for n in _KEY), r.started_at, place).where(noted).subquery()
    query = sa.select(*(ranked.c[n] for n in _KEY)).where(ranked.c.place > 1, ranked.c.started_at < before)
    ordered = query.order_by(ranked.c.started_at, *(ranked.c[n] for n in _KEY))
    return [tuple(map(str, row)) for row in connection.execute(ordered)]
