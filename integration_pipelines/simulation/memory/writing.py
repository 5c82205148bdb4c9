"""Plans, the write ledger and the leases, in memory, with the same refusals as the store's own."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from json import loads

import pyarrow as pa

from integration_pipelines.core.creates import NAMED_RECORDS
from integration_pipelines.core.guards import Written
from integration_pipelines.core.writes import MOVES, WriteState
from integration_pipelines.errors import BugError, ConfigError, ConflictError
from integration_pipelines.ports.clock import Clock
from integration_pipelines.ports.writing import Lease, Leases, Ledger, Metrics, Plans, PlanState, Settled, StoredPlan
from integration_pipelines.simulation.memory.state import Row, State
from integration_pipelines.simulation.process import Process
from integration_pipelines.use_cases.planning import WHOLE

_OPEN = frozenset({PlanState.HELD, PlanState.READY, PlanState.APPROVED})
_PLAN_MOVES: Mapping[PlanState, frozenset[PlanState]] = {
    PlanState.HELD: frozenset({PlanState.APPROVED, PlanState.REJECTED}),
    PlanState.READY: frozenset({PlanState.APPROVED, PlanState.REJECTED, PlanState.APPLIED}),
    PlanState.APPROVED: frozenset({PlanState.REJECTED, PlanState.APPLIED}),
}
_UNSETTLED = frozenset({WriteState.PLANNED, WriteState.SENT, WriteState.UNKNOWN, WriteState.APPLIED})
_SENT = frozenset({WriteState.SENT, WriteState.UNKNOWN, WriteState.APPLIED, WriteState.CONFIRMED})


class MemoryPlans(Plans):
    """Plans in the order in which they were made."""

    def __init__(self, state: State, process: Process) -> None:
        self._state, self._process = state, process

    def save(self, plans: Sequence[StoredPlan]) -> None:
        """One that waits supersedes those that nobody decided about."""
        for plan in plans:
            self._process.step(plan.tenant_id, "a plan was kept", partial(self._save, plan))

    def standing(self, tenant_id: str, integration: str) -> list[StoredPlan]:
        """Those that are held, ready or approved: whole ones first, newest first."""
        del integration
        newest_first = [p for p in reversed(self._state.plans[tenant_id]) if p.state in _OPEN]
        return sorted(newest_first, key=lambda p: p.scope != WHOLE)

    def find(self, tenant_id: str, plan_id_or_hash: str) -> StoredPlan:
        """By id or hash."""
        for plan in reversed(self._state.plans[tenant_id]):
            if plan_id_or_hash in {plan.plan_id, plan.plan_hash}:
                return plan
        raise ConfigError(f"Tenant {tenant_id} has no plan {plan_id_or_hash}.")

    def list(self, tenant_id: str, integration: str | None = None, limit: int = 20) -> list[StoredPlan]:
        """Newest first."""
        del integration
        return self._state.plans[tenant_id][::-1][:limit]

    def decide(self, plan_id: str, plan_hash: str, state: PlanState, actor: str, at: datetime) -> StoredPlan:
        """Only where hash and state allow it."""
        if plan_id not in self._state.plan_of:  # what the dead saved is nowhere
            self._process.must_live(self._process.current)
        tenant = self._state.plan_of[plan_id]
        mine = self._state.plans[tenant]
        place = next(n for n, p in enumerate(mine) if p.plan_id == plan_id)
        plan = mine[place]
        if plan.plan_hash != plan_hash:
            raise ConflictError(f"Plan {plan_id} is not the one that was looked at.")
        if state not in _PLAN_MOVES.get(plan.state, frozenset()):
            raise ConflictError(f"Plan {plan_id} is {plan.state} and cannot become {state}.")
        decided = replace(plan, state=state)
        if state is not PlanState.APPLIED or plan.decided_by is None:
            decided = replace(decided, decided_at=at, decided_by=actor)

        def keep() -> None:
            mine[place] = decided

        self._process.step(tenant, f"a plan became {state}", keep)
        return decided

    def _save(self, plan: StoredPlan) -> None:
        mine = self._state.plans[plan.tenant_id]
        if plan.state in _OPEN:
            undecided = {PlanState.HELD, PlanState.READY}
            mine[:] = [
                replace(p, state=PlanState.SUPERSEDED) if p.state in undecided and plan.scope in {WHOLE, p.scope} else p
                for p in mine
            ]
        mine.append(plan)
        self._state.plan_of[plan.plan_id] = plan.tenant_id


class MemoryLedger(Ledger):
    """Every intended write; no state but by an allowed move."""

    def __init__(self, state: State, process: Process) -> None:
        self._state, self._process = state, process

    def intend(self, writes: pa.Table) -> None:
        """Rows already there stay as they are."""
        rows = writes.to_pylist()
        for tenant in sorted({r["tenant_id"] for r in rows}):
            mine = [r for r in rows if r["tenant_id"] == tenant and r["write_id"] not in self._state.ledger.of[tenant]]
            if any(r["state"] != WriteState.PLANNED for r in mine):
                raise BugError("A write enters the ledger as planned and in no other state.")
            self._process.step(tenant, "writes were planned", partial(self._intend, tenant, mine))

    def send(self, write_ids: Sequence[str], lease: Lease) -> None:
        """Only under the newest token."""
        known = self._state.ledger.of[lease.tenant_id]
        held = self._state.leases[lease.tenant_id]
        if (held.token, held.holder) != (lease.token, lease.holder):
            raise ConflictError(f"Another run took over the writing for tenant {lease.tenant_id}; this one sends nothing more.")
        if any(w not in known or WriteState.SENT not in MOVES[known[w]["state"]] for w in write_ids):
            raise ConflictError("Some writes are not waiting to be sent.")
        moved = [known[w] | {"state": WriteState.SENT, "attempts": known[w]["attempts"] + 1} for w in sorted(set(write_ids))]
        keep = partial(self._state.ledger.put, lease.tenant_id, moved)
        self._process.step(lease.tenant_id, "writes were marked as sent", keep)

    def settle(self, results: Sequence[Settled], at: datetime) -> None:
        """Along the allowed moves, all or none of a tenant's."""
        if len({r.write_id for r in results}) != len(results):
            raise BugError("A write was to be settled twice at once.")
        by_tenant: dict[str, list[Row]] = {}
        for result in results:
            tenant = self._state.write_of.get(result.write_id)
            if tenant is None:
                if self._process.dead:
                    continue  # its intent was never kept: the process was killed before
                raise BugError(f"The ledger does not know {result.write_id}.")
            row = self._state.ledger.of[tenant][result.write_id]
            if WriteState(result.state) not in MOVES[row["state"]] and tenant not in self._process.dead:
                raise BugError(f"A write cannot go from {row['state']} to {result.state}.")
            by_tenant.setdefault(tenant, []).append(_settled(row, result, at))
        for tenant, rows in by_tenant.items():
            words = ", ".join(dict.fromkeys(str(r["state"]) for r in rows))
            self._process.step(tenant, f"writes were noted as {words}", partial(self._state.ledger.put, tenant, rows))

    def unsettled(self, tenant_ids: Sequence[str], integration: str) -> pa.Table:
        """Planned, sent, unknown or applied."""
        del integration
        return self._state.ledger.table(tenant_ids, lambda r: r["state"] in _UNSETTLED)

    def lost_since(self, tenant_ids: Sequence[str], integration: str, since: datetime) -> pa.Table:
        """Sent and failed in passing."""
        del integration
        return self._state.ledger.table(
            tenant_ids,
            lambda r: (
                r["state"] == WriteState.FAILED
                and r["error_kind"] == "transient"
                and r["attempts"] > 0
                and r["created_at"] >= since
            ),
        )

    def written_since(self, tenant_ids: Sequence[str], integration: str, since: datetime) -> dict[str, Written]:
        """By plans that no person approved."""
        del integration
        found = {}
        for tenant in tenant_ids:
            nobody = {p.plan_id for p in self._state.plans[tenant] if p.decided_by in {None, "system"}}
            mine = [
                r for r in self._state.ledger.of[tenant].values()
                if r["state"] in _SENT and r["created_at"] >= since and r["plan_id"] in nobody
            ]  # fmt: skip
            if mine:
                found[tenant] = _counted(mine)
        return found

    def written_records(self, tenant_id: str, integration: str, since: datetime) -> set[tuple[str, str]]:
        """Since then."""
        del integration
        mine = self._state.ledger.of[tenant_id].values()
        return {(r["target"], r["target_id"]) for r in mine if r["state"] in _SENT and r["created_at"] >= since}

    def unanswered(self, before: datetime) -> list[tuple[str, str]]:
        """Of all tenants."""
        open_states = {WriteState.SENT, WriteState.UNKNOWN}
        rows = [r for of in self._state.ledger.of.values() for r in of.values()]
        return sorted(
            {(r["tenant_id"], r["integration"]) for r in rows if r["state"] in open_states and r["created_at"] < before}
        )

    def created(self, tenant_ids: Sequence[str], integration: str, records: Sequence[str] | None = None) -> pa.Table:
        """Records that we made."""
        del integration
        rows = [
            {n: r[n] for n in NAMED_RECORDS.names}
            for t in sorted(tenant_ids) for _, r in sorted(self._state.ledger.of[t].items())
            if r["operation"] == "create" and r["record_id"] is not None and (records is None or r["target_id"] in records)
        ]  # fmt: skip
        return pa.Table.from_pylist(rows, NAMED_RECORDS)

    def of_plan(self, tenant_id: str, plan_id: str) -> pa.Table:
        """Of that plan."""
        return self._state.ledger.table([tenant_id], lambda r: r["plan_id"] == plan_id)

    def of_records(self, tenant_id: str, integration: str, target_ids: Sequence[str]) -> pa.Table:
        """About those records."""
        del integration
        return self._state.ledger.table([tenant_id], lambda r: r["target_id"] in target_ids)

    def of_run(self, tenant_id: str, run_id: str) -> pa.Table:
        """Of that run."""
        return self._state.ledger.table([tenant_id], lambda r: r["run_id"] == run_id)

    def _intend(self, tenant: str, rows: list[Row]) -> None:
        self._state.ledger.put(tenant, rows)
        self._state.write_of.update({r["write_id"]: tenant for r in rows})
        live = [link for link in self._state.links.of[tenant].values() if link["state"] == "live"]
        linked = {link[side] for link in live for side in ("left_id", "right_id")}
        self._state.unlinked.update(r["write_id"] for r in rows if r["target_id"] not in linked)


def _settled(row: Row, result: Settled, at: datetime) -> Row:
    confirmed = at if result.state == WriteState.CONFIRMED else row["confirmed_at"]
    named = {"record_id": result.record_id or row["record_id"], "confirmed_at": confirmed}
    return (
        row
        | named
        | {
            "state": str(result.state),
            "error_kind": result.error_kind and str(result.error_kind),
            "error_text": result.error_text,
        }
    )


def _counted(rows: Sequence[Row]) -> Written:
    updates = [r for r in rows if r["operation"] == "update"]
    images = [(loads(r["before_image"]), loads(r["after_image"])) for r in updates]
    blanked = sum(1 for before, after in images for field, value in after.items() if value == "" and before.get(field))
    records = {(r["target"], r["target_id"]) for r in updates}
    return Written(len(records), blanked, sum(1 for r in rows if r["operation"] == "create"))


class MemoryLeases(Leases):
    """By the rehearsal's clock, which never jumps for them."""

    def __init__(self, state: State, process: Process, clock: Clock) -> None:
        self._state, self._process, self._clock = state, process, clock

    def take_all(self, tenant_ids: Sequence[str], integration: str, holder: str, seconds: float) -> list[Lease]:
        """Those that are free, under a new token."""
        now = self._clock.now()
        taken = []
        for tenant in sorted(set(tenant_ids)):
            row = self._state.leases[tenant]
            if row.holder not in {"", holder} and row.until is not None and row.until > now:
                continue
            row.token, row.holder, row.until = row.token + 1, holder, now + timedelta(seconds=seconds)
            taken.append(Lease(tenant, integration, row.token, holder, seconds))
        return taken

    def renew_all(self, leases: Sequence[Lease], seconds: float) -> list[Lease]:
        """Those still held; the dead renew nothing."""
        until = self._clock.now() + timedelta(seconds=seconds)
        held = [lease for lease in leases if self._holds(lease)]
        for lease in held:
            self._state.leases[lease.tenant_id].until = until
        return held

    def held(self, tenant_ids: Sequence[str], integration: str) -> set[str]:
        """Those that somebody holds."""
        del integration
        now, known = self._clock.now(), self._state.leases
        return {t for t in tenant_ids if known[t].holder and known[t].until is not None and (known[t].until or now) > now}

    def give_back_all(self, leases: Sequence[Lease]) -> None:
        """Free for the next one; what a dead process held stays until it runs out."""
        for lease in leases:
            if self._holds(lease):
                row = self._state.leases[lease.tenant_id]
                row.holder, row.until = "", None

    def _holds(self, lease: Lease) -> bool:
        row = self._state.leases[lease.tenant_id]
        return (row.token, row.holder) == (lease.token, lease.holder) and lease.tenant_id not in self._process.dead


class NoMetrics(Metrics):
    """Nobody looks at figures here."""

    def figures(self) -> Mapping[str, list[tuple[dict[str, str], float]]]:
        """None."""
        return {}
