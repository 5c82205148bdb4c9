"""How every installation stands, in SQL: the newest runs that say something, the plan that waits, the writes that were given up.

For each installation the newest matching run is looked up by the index over its start, so the length of the log hardly matters.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine, RowMapping

from integration_pipelines.core.alert_words import RunFacts, Standing
from integration_pipelines.core.contract import Contract
from integration_pipelines.core.writes import WriteState
from integration_pipelines.errors import ErrorKind
from integration_pipelines.ports.alerts import Standings
from integration_pipelines.ports.evidence import Run
from integration_pipelines.ports.messages import NoteState
from integration_pipelines.ports.writing import PlanState
from integration_pipelines.store import dialect
from integration_pipelines.store.engine import EVERYONE, reading, scope
from integration_pipelines.store.lease_clock import BootClock, DatabaseClock, LeaseClock
from integration_pipelines.store.plans import WHOLE
from integration_pipelines.store.runs import run_of
from integration_pipelines.store.schema import (
    INSTALLATIONS,
    LEASES,
    NOTIFICATIONS,
    RUNS,
    WRITE_LEDGER,
    WRITE_PLANS,
    WRITE_RETRIES,
)

_I, _P, _W, _L, _N = INSTALLATIONS.c, WRITE_PLANS.c, WRITE_RETRIES.c, LEASES.c, NOTIFICATIONS.c
_S = WRITE_LEDGER.c
_OPEN = [s.value for s in (WriteState.SENT, WriteState.UNKNOWN, WriteState.APPLIED)]
_SAYING: dict[str, Callable[[Any], tuple[sa.ColumnElement[bool], ...]]] = {
    "newest": lambda r: (r.outcome.isnot(None), r.outcome != "skipped"),
    "balance": lambda r: (r.balanced.isnot(None), sa.or_(r.scope == "full", r.balanced.is_(False))),
    "certificate": lambda r: (r.certified.isnot(None), sa.or_(r.scope == "full", r.certified.is_(False))),
    "last_full": lambda r: (
        r.certified.is_(True),
        r.read_full.is_(True),
        r.scope == "full",
        r.outcome.in_(("in_sync", "written")),
    ),
}
"""What a run must be to be the newest of its sort. A run for a few records can find something wrong, and cannot say that all is well."""
_Key = tuple[str, str]


class SqlStandings(Standings):
    """Of all tenants."""

    def __init__(self, engine: Engine, clock: LeaseClock | None = None) -> None:
        self._engine = engine
        self._clock = clock or (BootClock() if dialect.is_sqlite(engine) else DatabaseClock())

    def load(self, contracts: Mapping[str, Contract], tenant_ids: Sequence[str] | None = None) -> list[Standing]:
        """One state of the store, a handful of queries whatever the number of tenants."""
        mine = [_I.integration.in_(list(contracts))]
        if tenant_ids is not None:
            mine.append(_I.tenant_id.in_(tenant_ids))
        query = sa.select(INSTALLATIONS).where(*mine).order_by(_I.tenant_id, _I.integration)
        with reading(self._engine, scope(tenant_ids)) as connection:
            rows = connection.execute(query).mappings().all()
            runs = {sort: _newest(connection, sort, mine) for sort in _SAYING}
            plans = _held(connection, mine)
            failing = _failing(connection, mine)
            untold = _untold(connection, mine)
        return [_standing(row, runs, plans, failing, untold) for row in rows]

    def abandoned(self, started_before: datetime) -> list[Run]:
        """A run holds leases from just after its start until it has stored how it ended."""
        # any tenant: who died with a run is all its tenants
        with reading(self._engine, EVERYONE) as connection:
            era, now = self._clock.read(connection)
            alive = sa.select(_L.holder).where(_L.holder.isnot(None), _L.era == era, _L.expires_ns > now)
            query = sa.select(RUNS).where(
                RUNS.c.finished_at.is_(None), RUNS.c.started_at < started_before, RUNS.c.run_id.not_in(alive)
            )
            ordered = query.order_by(RUNS.c.started_at, RUNS.c.tenant_id)
            return [run_of(row) for row in connection.execute(ordered).mappings()]

    def unsettled(self, planned: tuple[datetime, datetime]) -> list[tuple[str, str]]:
        """Looked up per installation by the ledger's index over states."""
        # any tenant: whoever has something open
        with reading(self._engine, EVERYONE) as connection:
            era, now = self._clock.read(connection)
            here = (_L.tenant_id == _I.tenant_id, _L.integration == _I.integration)
            working = sa.exists().where(*here, _L.holder.isnot(None), _L.era == era, _L.expires_ns > now)
            mine = (_S.tenant_id == _I.tenant_id, _S.integration == _I.integration, _S.state.in_(_OPEN))
            left = sa.exists().where(*mine, _S.created_at.between(*planned))
            query = sa.select(_I.tenant_id, _I.integration).where(_I.enabled, sa.not_(_I.paused), left, sa.not_(working))
            return [(t, i) for t, i in connection.execute(query.order_by(_I.tenant_id, _I.integration))]


def _newest(connection: Connection, sort: str, mine: Sequence[sa.ColumnElement[bool]]) -> dict[_Key, RowMapping]:
    """Per installation its newest run of a sort."""
    inner, outer = RUNS.alias("candidate"), RUNS.alias("run")
    of_installation = (inner.c.tenant_id == _I.tenant_id, inner.c.integration == _I.integration)
    found = sa.select(inner.c.run_id).where(*of_installation, *_SAYING[sort](inner.c)).correlate(INSTALLATIONS)
    newest = found.order_by(inner.c.started_at.desc(), inner.c.run_id.desc()).limit(1).scalar_subquery()
    # Materialised: joined as a plain condition it would be looked up for each run of the installation.
    chosen = (
        sa.select(_I.tenant_id, _I.integration, newest.label("run_id")).where(*mine).cte("chosen").prefix_with("MATERIALIZED")
    )
    same = [outer.c[n] == chosen.c[n] for n in ("tenant_id", "integration", "run_id")]
    query = sa.select(outer).select_from(chosen).join(outer, sa.and_(*same))
    return {(row["tenant_id"], row["integration"]): row for row in connection.execute(query).mappings()}


def _held(connection: Connection, mine: Sequence[sa.ColumnElement[bool]]) -> dict[_Key, RowMapping]:
    """Per installation the plan that is held: the newest whole one, or else the newest for single records."""
    same = (_P.tenant_id == _I.tenant_id, _P.integration == _I.integration, _P.state == PlanState.HELD.value)
    query = sa.select(_P.tenant_id, _P.integration, _P.plan_id, _P.run_id, _P.reason).join(INSTALLATIONS, sa.and_(*same))
    rows = connection.execute(query.where(*mine).order_by(_P.scope == WHOLE, _P.created_at, _P.plan_id)).mappings()
    return {(row["tenant_id"], row["integration"]): row for row in rows}


def _failing(connection: Connection, mine: Sequence[sa.ColumnElement[bool]]) -> dict[_Key, dict[str, Any]]:
    """Per installation how many records' writes are not tried again, what the last of them got for an answer, and how many we are to blame for."""
    same = (_W.tenant_id == _I.tenant_id, _W.integration == _I.integration)
    mistake = _W.error_kind == ErrorKind.BUG.value
    counts = {"given_up": sa.and_(_W.next_try_at.is_(None), sa.not_(mistake)), "our_mistakes": mistake}
    columns = [sa.func.sum(sa.case((condition, 1), else_=0)).label(name) for name, condition in counts.items()]
    query = sa.select(_W.tenant_id, _W.integration, *columns).join(INSTALLATIONS, sa.and_(*same)).where(*mine)
    rows = connection.execute(query.group_by(_W.tenant_id, _W.integration)).mappings()
    found = {(row["tenant_id"], row["integration"]): dict(row) for row in rows}
    lost = sa.select(_W.tenant_id, _W.integration, _W.error_kind, _W.error_text).join(INSTALLATIONS, sa.and_(*same)).where(*mine)
    ended = lost.where(_W.next_try_at.is_(None)).order_by(_W.last_failed_at, _W.target, _W.target_id)
    for tenant, integration, kind, text in connection.execute(ended):
        found[tenant, integration]["given_up_error"] = f"{kind}: {text}"
    return found


def _untold(connection: Connection, mine: Sequence[sa.ColumnElement[bool]]) -> dict[_Key, dict[str, Any]]:
    """Per installation how many messages to people were given up, when the newest was asked for and why it was not heard."""
    same = (_N.tenant_id == _I.tenant_id, _N.integration == _I.integration, _N.state == NoteState.GIVEN_UP.value)
    columns = (_N.tenant_id, _N.integration, _N.asked_at, _N.error_kind, _N.error_text)
    query = sa.select(*columns).join(INSTALLATIONS, sa.and_(*same)).where(*mine).order_by(_N.asked_at, _N.event_key)
    found: dict[_Key, dict[str, Any]] = {}
    for tenant, integration, asked_at, kind, text in connection.execute(query):
        before = found.get((tenant, integration), {"untold": 0})
        told = {"untold": before["untold"] + 1, "untold_at": asked_at, "untold_error": f"{kind}: {text}"}
        found[tenant, integration] = told
    return found


def _standing(
    row: RowMapping,
    runs: Mapping[str, Mapping[_Key, RowMapping]],
    plans: Mapping[_Key, RowMapping],
    failing: Mapping[_Key, Mapping[str, Any]],
    untold: Mapping[_Key, Mapping[str, Any]],
) -> Standing:
    key = (row["tenant_id"], row["integration"])
    plan, full, writes = plans.get(key), runs["last_full"].get(key), failing.get(key)
    held: dict[str, Any] = {} if plan is None else {
        "held_plan": plan["plan_id"], "held_run": plan["run_id"], "held_reason": plan["reason"],
    }  # fmt: skip
    return Standing(
        tenant_id=row["tenant_id"],
        integration=row["integration"],
        enabled=row["enabled"],
        paused=row["paused"],
        installed_at=row["installed_at"],
        last_full=None if full is None else full["finished_at"],
        newest=_facts(runs["newest"].get(key)),
        balance=_facts(runs["balance"].get(key)),
        certificate=_facts(runs["certificate"].get(key)),
        given_up=int(writes["given_up"]) if writes else 0,
        given_up_error=str(writes.get("given_up_error", "")) if writes else "",
        our_mistakes=int(writes["our_mistakes"]) if writes else 0,
        **untold.get(key, {}),
        **held,
    )


def _facts(row: RowMapping | None) -> RunFacts | None:
    if row is None:
        return None
    return RunFacts(
        run_id=row["run_id"],
        outcome=row["outcome"] or "",
        balanced=row["balanced"],
        certified=row["certified"],
        error_kind=row["error_kind"] or "",
        error_text=row["error_text"] or "",
        gate_stopped="gate_stopped" in json.loads(row["counts"]),
    )
