"""Plans in SQL: immutable rows but for their state, which moves under a lock and only where the hash is the one that was seen."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from integration_pipelines.errors import BugError, ConfigError, ConflictError
from integration_pipelines.ports.lake import StoredFile
from integration_pipelines.ports.writing import Plans, PlanState, StoredPlan
from integration_pipelines.store.engine import EVERYONE, reading, writing
from integration_pipelines.store.schema import WRITE_PLANS

_P = WRITE_PLANS.c
_OPEN = (PlanState.HELD.value, PlanState.READY.value, PlanState.APPROVED.value)
_UNDECIDED = (PlanState.HELD.value, PlanState.READY.value)
WHOLE = "full"
_NEWEST = (_P.created_at.desc(), _P.plan_id.desc())
_MOVES = {
    PlanState.HELD: {PlanState.APPROVED, PlanState.REJECTED},
    PlanState.READY: {PlanState.APPROVED, PlanState.REJECTED, PlanState.APPLIED},
    PlanState.APPROVED: {PlanState.REJECTED, PlanState.APPLIED},
}
_LIST = "See the tenant's plans with `integration-pipelines plans list`."


class SqlPlans(Plans):
    """Plans of all tenants."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def save(self, plans: Sequence[StoredPlan]) -> None:
        """Insert; a plan that waits supersedes earlier held or ready ones of the same tenant and integration, in one transaction.

        A plan for single records takes the place of such plans only, a whole one of all.
        """
        with writing(self._engine, {p.tenant_id for p in plans}) as connection:
            for plan in plans:
                earlier = [_P.tenant_id == plan.tenant_id, _P.integration == plan.integration, _P.state.in_(_UNDECIDED)]
                if plan.scope != WHOLE:
                    earlier.append(_P.scope == plan.scope)
                if plan.state in _OPEN:
                    connection.execute(sa.update(WRITE_PLANS).where(*earlier).values(state=PlanState.SUPERSEDED.value))
                connection.execute(WRITE_PLANS.insert(), _row(plan))

    def standing(self, tenant_id: str, integration: str) -> list[StoredPlan]:
        """Every plan that is held, ready or approved: whole ones first, newest first."""
        query = sa.select(WRITE_PLANS).where(_P.tenant_id == tenant_id, _P.integration == integration, _P.state.in_(_OPEN))
        with reading(self._engine, (tenant_id,)) as connection:
            return [_plan(row) for row in connection.execute(query.order_by(_P.scope != WHOLE, *_NEWEST))]

    def find(self, tenant_id: str, plan_id_or_hash: str) -> StoredPlan:
        """By id or a unique beginning of id or hash; of plans with the very same content the newest. Raises ConfigError if none or several."""
        wanted = plan_id_or_hash.strip()
        if not wanted:
            raise ConfigError("No plan was named.", remedy=_LIST)
        begins = (sa.func.substr(c, 1, len(wanted)) == wanted for c in (_P.plan_id, _P.plan_hash))
        query = sa.select(WRITE_PLANS).where(_P.tenant_id == tenant_id, sa.or_(*begins)).order_by(*_NEWEST)
        with reading(self._engine, (tenant_id,)) as connection:
            found = [_plan(row) for row in connection.execute(query)]
        exact = [p for p in found if p.plan_id == wanted]
        by_content = {p.plan_hash: p for p in reversed(exact or found)}
        if not by_content:
            raise ConfigError(f"Tenant {tenant_id} has no plan {wanted[:80]!r}.", remedy=_LIST)
        if len(by_content) > 1:
            raise ConfigError(f"{len(found)} plans begin with {wanted[:80]!r}.", remedy="Give more of the id or hash.")
        return next(iter(by_content.values()))

    def list(self, tenant_id: str, integration: str | None = None, limit: int = 20) -> list[StoredPlan]:
        """Newest first."""
        query = sa.select(WRITE_PLANS).where(_P.tenant_id == tenant_id)
        if integration is not None:
            query = query.where(_P.integration == integration)
        with reading(self._engine, (tenant_id,)) as connection:
            return [_plan(row) for row in connection.execute(query.order_by(*_NEWEST).limit(limit))]

    def decide(self, plan_id: str, plan_hash: str, state: PlanState, actor: str, at: datetime) -> StoredPlan:
        """Approve, reject or mark applied. Raises ConflictError if the hash differs or the state does not allow it.

        Who approved a plan stays on record when it is applied.
        """
        if state not in {PlanState.APPROVED, PlanState.REJECTED, PlanState.APPLIED}:
            raise BugError(f"Nobody decides that a plan is {state}.")
        # any tenant: the plan's id is made by us, and its hash proves that the caller was shown this very plan
        mine = _P.plan_id == plan_id
        with writing(self._engine, EVERYONE) as connection:
            row = connection.execute(sa.select(WRITE_PLANS).where(mine).with_for_update()).one_or_none()
            if row is None:
                raise ConfigError(f"There is no plan {plan_id}.", remedy=_LIST)
            if row.plan_hash != plan_hash:
                raise ConflictError(f"Plan {plan_id} is not the one that was looked at.", remedy="Look at it again, then decide.")
            if state not in _MOVES.get(PlanState(row.state), set()):
                remedy = "Sync again to get a fresh plan, then decide."
                raise ConflictError(f"Plan {plan_id} is {row.state} and cannot become {state}.", remedy=remedy)
            decided: dict[str, Any] = {"state": state.value}
            if state is not PlanState.APPLIED or row.decided_by is None:
                decided |= {"decided_at": at, "decided_by": actor}
            connection.execute(sa.update(WRITE_PLANS).where(mine).values(**decided))
            return _plan(connection.execute(sa.select(WRITE_PLANS).where(mine)).one())


_SHARED = (
    "plan_id",
    "tenant_id",
    "integration",
    "run_id",
    "plan_hash",
    "reason",
    "created_at",
    "decided_at",
    "decided_by",
    "scope",
)


def _row(plan: StoredPlan) -> dict[str, Any]:
    file = {f"file_{n}": getattr(plan.file, n) for n in ("path", "sha256", "rows", "bytes")}
    numbers = json.dumps(plan.numbers, sort_keys=True)
    return {n: getattr(plan, n) for n in _SHARED} | file | {"state": plan.state.value, "numbers": numbers}


def _plan(row: sa.Row[Any]) -> StoredPlan:
    named = {n: getattr(row, n) for n in _SHARED}
    file = StoredFile(row.file_path, row.file_sha256, row.file_rows, row.file_bytes)
    return StoredPlan(**named, state=PlanState(row.state), numbers=json.loads(row.numbers), file=file)
