"""The write ledger in SQL: intent before the request, outcome after it, and no move but the allowed ones."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from integration_pipelines.core.guards import Written
from integration_pipelines.core.tables import LEDGER, TEXT
from integration_pipelines.core.writes import MOVES, WriteState
from integration_pipelines.errors import BugError, ConflictError, ErrorKind
from integration_pipelines.ports.writing import Lease, Ledger, Settled
from integration_pipelines.store import dialect
from integration_pipelines.store.bulk import Order, read_of_records, read_table, staged
from integration_pipelines.store.engine import EVERYONE, reading
from integration_pipelines.store.schema import LEASES, WRITE_CREATES, WRITE_IS_OPEN, WRITE_LEDGER, WRITE_PLANS

_W = WRITE_LEDGER.c
_P = WRITE_PLANS.c
_ITSELF = "system"  # who decides about plans when no person does
_UNSETTLED = [s.value for s in (WriteState.PLANNED, WriteState.SENT, WriteState.UNKNOWN, WriteState.APPLIED)]
_IDS = pa.schema([("write_id", TEXT)])
_RESULTS = pa.schema([(n, TEXT) for n in ("write_id", "state", "error_kind", "error_text", "record_id")])
_BY_ID: Order = (("tenant_id", "ascending"), ("write_id", "ascending"))
_NEWEST: Order = (("created_at", "descending"), ("write_id", "ascending"))
_NAMED = ("tenant_id", "target", "target_id", "record_id")
_SENT = [s.value for s in (WriteState.SENT, WriteState.UNKNOWN, WriteState.APPLIED, WriteState.CONFIRMED)]


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
        with staged(self._engine, {"ids": ids}, (lease.tenant_id,)) as (connection, stage):
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
        with staged(self._engine, {"results": pa.Table.from_pylist(rows, _RESULTS)}, EVERYONE) as (connection, stage):
            source = stage["results"].c
            _must_be_allowed(connection, stage["results"], len(results))
            confirmed = sa.case((source.state == WriteState.CONFIRMED.value, sa.literal(at, _W.confirmed_at.type)))
            values: dict[str, sa.ColumnElement[Any]] = {
                "state": source.state,
                "error_kind": source.error_kind,
                "error_text": source.error_text,
            }
            values["record_id"] = sa.func.coalesce(source.record_id, _W.record_id)
            # any tenant: a write's id is made of its plan, so it names one tenant's write
            moved = sa.update(WRITE_LEDGER).where(_W.write_id == source.write_id)
            connection.execute(moved.values(**values, confirmed_at=sa.func.coalesce(confirmed, _W.confirmed_at)))

    def unsettled(self, tenant_ids: Sequence[str], integration: str) -> pa.Table:
        """`LEDGER` rows in state planned, sent, unknown or applied (not yet confirmed), by tenant and write."""
        return self._load(tenant_ids, _W.tenant_id.in_(tenant_ids), _W.integration == integration, _W.state.in_(_UNSETTLED))

    def lost_since(self, tenant_ids: Sequence[str], integration: str, since: datetime) -> pa.Table:
        """`LEDGER` rows that were sent and failed in passing since then."""
        sent = (_W.state == WriteState.FAILED.value, _W.error_kind == ErrorKind.TRANSIENT.value, _W.attempts > 0)
        return self._load(tenant_ids, _W.tenant_id.in_(tenant_ids), _W.integration == integration, _W.created_at >= since, *sent)

    def written_since(self, tenant_ids: Sequence[str], integration: str, since: datetime) -> dict[str, Written]:
        """Per tenant what was sent since then by plans that no person approved."""
        columns = ("tenant_id", "target", "target_id", "operation", "before_image", "after_image")
        mine = (_W.tenant_id.in_(tenant_ids), _W.integration == integration, _W.created_at >= since, _W.state.in_(_SENT))
        plan = sa.and_(_P.tenant_id == _W.tenant_id, _P.plan_id == _W.plan_id)
        query = sa.select(*(_W[n] for n in columns)).join(WRITE_PLANS, plan)
        unapproved = sa.or_(_P.decided_by.is_(None), _P.decided_by == _ITSELF)
        with reading(self._engine, tenant_ids) as connection:
            rows = connection.execute(query.where(*mine, unapproved)).all()
        by_tenant: dict[str, list[sa.Row[Any]]] = {}
        for row in rows:
            by_tenant.setdefault(row.tenant_id, []).append(row)
        return {tenant: _counted(of) for tenant, of in by_tenant.items()}

    def written_records(self, tenant_id: str, integration: str, since: datetime) -> set[tuple[str, str]]:
        """(target, id) of the records that were written since then; of one that was made its own id."""
        mine = (_W.tenant_id == tenant_id, _W.integration == integration, _W.created_at >= since, _W.state.in_(_SENT))
        query = sa.select(_W.target, sa.func.coalesce(_W.record_id, _W.target_id)).where(*mine)
        with reading(self._engine, (tenant_id,)) as connection:
            return {(str(target), str(one)) for target, one in connection.execute(query)}

    def unanswered(self, before: datetime) -> list[tuple[str, str]]:
        """(tenant, integration) of all that have a write planned before then that was sent and whose outcome is open, ordered."""
        # any tenant: whoever starts runs works for all of them
        key = (_W.tenant_id, _W.integration)
        query = sa.select(*key).where(WRITE_IS_OPEN, _W.created_at < before).distinct().order_by(*key)
        with reading(self._engine, EVERYONE) as connection:
            return [(str(tenant), str(integration)) for tenant, integration in connection.execute(query)]

    def created(self, tenant_ids: Sequence[str], integration: str, records: Sequence[str] | None = None) -> pa.Table:
        """Records that we made and the partner named, all of them or those made under one of these values."""
        made: list[sa.ColumnElement[bool] | sa.TextClause] = [WRITE_CREATES, _W.record_id.is_not(None)]
        if records is not None:
            made.append(_W.target_id.in_(records))
        mine = (_W.tenant_id.in_(tenant_ids), _W.integration == integration)
        shape = pa.schema([(n, TEXT) for n in (*_NAMED, "write_id")])
        query = sa.select(*(_W[n] for n in shape.names)).where(*mine, sa.and_(*made))
        return read_of_records(self._engine, query, shape, tenant_ids, _BY_ID).select(_NAMED)

    def of_plan(self, tenant_id: str, plan_id: str) -> pa.Table:
        """`LEDGER` rows of that plan."""
        return self._load((tenant_id,), _W.tenant_id == tenant_id, _W.plan_id == plan_id)

    def of_records(self, tenant_id: str, integration: str, target_ids: Sequence[str]) -> pa.Table:
        """`LEDGER` rows of any time about those records, newest first."""
        mine = (_W.tenant_id == tenant_id, _W.integration == integration, _W.target_id.in_(target_ids))
        query = sa.select(*(_W[n] for n in LEDGER.names)).where(*mine)
        return read_of_records(self._engine, query, LEDGER, (tenant_id,), _NEWEST)

    def of_run(self, tenant_id: str, run_id: str) -> pa.Table:
        """`LEDGER` rows of that run."""
        return self._load((tenant_id,), _W.tenant_id == tenant_id, _W.run_id == run_id)

    def _load(self, tenants: Iterable[str], *conditions: sa.ColumnElement[bool]) -> pa.Table:
        query = sa.select(*(_W[n] for n in LEDGER.names)).where(*conditions).order_by(_W.tenant_id, _W.write_id)
        return read_table(self._engine, query, LEDGER, tenants)


def _counted(rows: Sequence[sa.Row[Any]]) -> Written:
    changed = {(r.target, r.target_id) for r in rows if r.operation == "update"}
    images = [(json.loads(r.before_image), json.loads(r.after_image)) for r in rows if r.operation == "update"]
    blanked = sum(1 for before, after in images for field, value in after.items() if value == "" and before.get(field))
    return Written(len(changed), blanked, sum(1 for r in rows if r.operation == "create"))


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
