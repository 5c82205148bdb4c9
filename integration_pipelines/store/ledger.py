"""The write ledger in SQL: intent before the request, outcome after it, and no move but the allowed ones."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from integration_pipelines.core.tables import LEDGER, TEXT
from integration_pipelines.core.writes import MOVES, WriteState
from integration_pipelines.errors import BugError, ConflictError, ErrorKind
from integration_pipelines.ports.writing import Lease, Ledger, Settled
from integration_pipelines.store import dialect
from integration_pipelines.store.bulk import read_table, staged
from integration_pipelines.store.schema import LEASES, WRITE_LEDGER

_W = WRITE_LEDGER.c
_UNSETTLED = [s.value for s in (WriteState.PLANNED, WriteState.SENT, WriteState.UNKNOWN, WriteState.APPLIED)]
_IDS = pa.schema([("write_id", TEXT)])
_RESULTS = pa.schema([(n, TEXT) for n in ("write_id", "state", "error_kind", "error_text")])


class SqlLedger(Ledger):
    """The ledger of all tenants."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def intend(self, writes: pa.Table) -> None:
        """Insert `LEDGER` rows in state planned, in one transaction; rows already there (same write_id) are left as they are."""
        if set(writes["state"].to_pylist()) - {WriteState.PLANNED.value}:
            raise BugError("A write enters the ledger as planned and in no other state.")
        with staged(self._engine, {"writes": writes.select(LEDGER.names)}) as (connection, stage):
            rows = sa.select(stage["writes"]).where(sa.true())
            statement = dialect.insert(connection, WRITE_LEDGER).from_select(LEDGER.names, rows)
            connection.execute(statement.on_conflict_do_nothing())

    def send(self, write_ids: Sequence[str], lease: Lease) -> None:
        """Planned (or unknown, for a repeat under the same key) → sent, attempts + 1, only while the lease's token is the newest.

        Raises:
            ConflictError: the lease was lost, or one of the writes is not waiting to be sent; no write was changed.
        """
        ids = pa.Table.from_pylist([{"write_id": w} for w in sorted(set(write_ids))], _IDS)
        with staged(self._engine, {"ids": ids}) as (connection, stage):
            _must_hold(connection, lease)
            wanted = stage["ids"].c.write_id
            allowed = [s.value for s, next_states in MOVES.items() if WriteState.SENT in next_states]
            moving = (_W.write_id.in_(sa.select(wanted)), _W.tenant_id == lease.tenant_id, _W.state.in_(allowed))
            sent = sa.update(WRITE_LEDGER).where(*moving, _W.integration == lease.integration)
            done = connection.execute(sent.values(state=WriteState.SENT.value, attempts=_W.attempts + 1))
            if done.rowcount != ids.num_rows:
                raise ConflictError(
                    f"{ids.num_rows - done.rowcount} of {ids.num_rows} writes are not waiting to be sent.",
                    remedy="Sync again; the next plan decides anew.",
                )

    def settle(self, results: Sequence[Settled], at: datetime) -> None:
        """Move states along the allowed paths. Raises BugError on any other move; then nothing was changed."""
        if not results:
            return
        if len({r.write_id for r in results}) != len(results):
            raise BugError("A write was to be settled twice at once.")
        rows = [{n: _plain(getattr(r, n)) for n in _RESULTS.names} for r in results]
        with staged(self._engine, {"results": pa.Table.from_pylist(rows, _RESULTS)}) as (connection, stage):
            source = stage["results"].c
            _must_be_allowed(connection, stage["results"], len(results))
            confirmed = sa.case((source.state == WriteState.CONFIRMED.value, sa.literal(at, _W.confirmed_at.type)))
            values = {"state": source.state, "error_kind": source.error_kind, "error_text": source.error_text}
            # any tenant: a write's id is made of its plan, so it names one tenant's write
            moved = sa.update(WRITE_LEDGER).where(_W.write_id == source.write_id)
            connection.execute(moved.values(**values, confirmed_at=sa.func.coalesce(confirmed, _W.confirmed_at)))

    def unsettled(self, tenant_ids: Sequence[str], integration: str) -> pa.Table:
        """`LEDGER` rows in state planned, sent, unknown or applied (not yet confirmed), by tenant and write."""
        return self._load(_W.tenant_id.in_(tenant_ids), _W.integration == integration, _W.state.in_(_UNSETTLED))

    def lost_since(self, tenant_ids: Sequence[str], integration: str, since: datetime) -> pa.Table:
        """`LEDGER` rows that were sent and failed in passing since then."""
        sent = (_W.state == WriteState.FAILED.value, _W.error_kind == ErrorKind.TRANSIENT.value, _W.attempts > 0)
        return self._load(_W.tenant_id.in_(tenant_ids), _W.integration == integration, _W.created_at >= since, *sent)

    def of_plan(self, tenant_id: str, plan_id: str) -> pa.Table:
        """`LEDGER` rows of that plan."""
        return self._load(_W.tenant_id == tenant_id, _W.plan_id == plan_id)

    def of_run(self, tenant_id: str, run_id: str) -> pa.Table:
        """`LEDGER` rows of that run."""
        return self._load(_W.tenant_id == tenant_id, _W.run_id == run_id)

    def _load(self, *conditions: sa.ColumnElement[bool]) -> pa.Table:
        query = sa.select(*(_W[n] for n in LEDGER.names)).where(*conditions).order_by(_W.tenant_id, _W.write_id)
        return read_table(self._engine, query, LEDGER)


def _plain(value: str | None) -> str | None:
    return None if value is None else str(value)  # enums are their text


def _must_hold(connection: Connection, lease: Lease) -> None:
    """The fence: locks the lease's row, so that nobody takes it between this look and the commit."""
    mine = (LEASES.c.tenant_id == lease.tenant_id, LEASES.c.integration == lease.integration)
    row = connection.execute(sa.select(LEASES.c.token, LEASES.c.holder).where(*mine).with_for_update()).one_or_none()
    if row is None or row.token != lease.token or row.holder != lease.holder:
        raise ConflictError(
            f"Another run took over the writing for tenant {lease.tenant_id}; this one sends nothing more.",
            remedy="Let the other run finish, then sync again.",
        )


def _must_be_allowed(connection: Connection, results: sa.Table, expected: int) -> None:
    # any tenant: a batch of tenants is settled at once, each write by its id
    joined = sa.select(_W.state, results.c.state).join_from(WRITE_LEDGER, results, _W.write_id == results.c.write_id)
    moves = connection.execute(joined.with_for_update(of=WRITE_LEDGER)).all()
    if len(moves) != expected:
        raise BugError(f"{expected} writes were to be settled, but the ledger knows {len(moves)} of them.")
    known: set[Any] = set(WriteState)
    wrong = sorted({(a, b) for a, b in moves if b not in known or WriteState(b) not in MOVES[WriteState(a)]})
    if wrong:
        raise BugError("A write cannot go " + ", ".join(f"from {a} to {b}" for a, b in wrong) + ".")
