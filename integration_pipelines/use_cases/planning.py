"""Decide which plan a tenant's run works on: held, ready, approved, or nothing to do; and keep it where people can see it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import pyarrow as pa
import pyarrow.compute as pc

from integration_pipelines.core.contract import Contract
from integration_pipelines.core.guards import GuardVerdict, PlanNumbers, Written, guard
from integration_pipelines.core.tables import PLANNED_WRITES, TEXT
from integration_pipelines.core.writes import WriteState
from integration_pipelines.ports.bundle import Ports
from integration_pipelines.ports.tenants import Installation
from integration_pipelines.ports.writing import PlanState, StoredPlan
from integration_pipelines.use_cases.observations import texts
from integration_pipelines.use_cases.outcome import BatchReport, RunOutcome, SyncMode, TenantReport

DAY = timedelta(hours=24)
WHOLE, RECORDS = "full", "records"
SCOPES = {True: WHOLE, False: RECORDS}
"""Whether a run looks at everything → the scope of its plan."""
PAUSED = "writes are paused"
_NO_WRITES = PLANNED_WRITES.empty_table()


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do with a tenant's writes: `writes` may go out now under `plan`; otherwise `outcome` and `reason` say why not."""

    plan: StoredPlan | None
    writes: pa.Table
    outcome: RunOutcome | None
    reason: str
    moved: tuple[tuple[str, str], ...] = ()  # (target, id) of approved writes that stand no more
    waits: frozenset[str] = frozenset()  # plans that go on standing after this run; what an interrupted run left of them stays
    covers: pa.Table | None = None  # the writes that belong to `plan`, if they are not all of this run's


def decide(
    tenant: TenantReport,
    contract: Contract,
    numbers: PlanNumbers,
    writes: pa.Table,
    *,
    mode: SyncMode,
    forecast: int,
    whole: bool = True,
    given_up: Collection[str] = (),
    ports: Ports,
) -> Decision:
    """Choose the plan of one tenant's run.

    A run for single records (not `whole`) is held to the limits together with what was written in the last 24 hours; records that are
    made count for a day in any case.

    An approved plan that waits is applied as approved: its writes that still stand go out, whatever else differs waits for the next plan.
    It waits until a whole run applied it: a run that may not write leaves it, and one for single records sends what it has of them.

    Writes that were given up (by `fingerprint`) go nowhere until their record or the contract changes. An approved plan that has only such
    ones left is done with, or nothing else would ever go out; and no person is asked about a plan of nothing else.
    """
    installation = ports.tenants.installation(tenant.tenant_id, contract.contract)
    why_not = _why_not(installation, mode)
    standing = _of_something(ports.plans.standing(tenant.tenant_id, contract.contract), whole and not why_not, ports)
    approved = [p for p in standing if p.state is PlanState.APPROVED]
    waits = frozenset(p.plan_id for p in standing if p in approved or (not whole and p.scope == WHOLE))
    if approved and whole:
        return _approved_whole(approved, writes, why_not, given_up, ports)
    part = None if why_not else _approved_part(approved, _without(writes, given_up), waits, ports)
    if part is not None:
        return part
    fresh = _Fresh(tenant, contract, installation, numbers, writes, forecast, whole, given_up, ports)
    return replace(_own(fresh, [p for p in standing if whole or p.scope != WHOLE], why_not), waits=waits)


def _of_something(standing: Sequence[StoredPlan], applies: bool, ports: Ports) -> list[StoredPlan]:
    """Plans but those of nothing that were approved: with its set-up such a plan is applied, and decides about no write."""
    empty = [p for p in standing if p.state is PlanState.APPROVED and p.numbers.get("records") == 0]
    for plan in empty if applies else ():
        ports.plans.decide(plan.plan_id, plan.plan_hash, PlanState.APPLIED, "system", ports.clock.now())
    return [p for p in standing if p not in empty]


def _approved_whole(
    approved: Sequence[StoredPlan], writes: pa.Table, why_not: str, given_up: Collection[str], ports: Ports
) -> Decision:
    """Apply the first approved plan of which something stands; those of which nothing does are done with.

    What is wanted now and was not approved waits for a plan of its own, made by the next run.
    """
    nothing = writes.slice(0, 0)
    waits = frozenset(p.plan_id for p in approved)
    moved: tuple[tuple[str, str], ...] = ()
    for plan in approved:
        still, others = _still_wanted(ports, plan, writes)
        if why_not:
            told = "; ".join(part for part in (why_not, "an approved plan waits", _left(writes, still)) if part)
            return Decision(plan, nothing, _outcome(why_not), told, waits=waits, covers=still)
        moved += tuple(record for record, state in others.items() if state == WriteState.PLANNED)
        waits -= {plan.plan_id}
        if _without(still, given_up).num_rows:
            return Decision(plan, still, None, _left(writes, still), moved, waits)
        ports.plans.decide(plan.plan_id, plan.plan_hash, PlanState.APPLIED, "system", ports.clock.now())
    if _without(writes, given_up).num_rows == 0:
        return Decision(None, writes, None, "", moved)
    done = ports.plans.find(approved[0].tenant_id, approved[0].plan_id)
    return Decision(done, nothing, RunOutcome.PLANNED, _left(writes, nothing), moved, covers=nothing)


def _approved_part(approved: Sequence[StoredPlan], writes: pa.Table, waits: frozenset[str], ports: Ports) -> Decision | None:
    """What an approved plan has of the records that this run is about; it goes on waiting for a whole run unless that was the last of it."""
    for plan in approved:
        still, left = _still_wanted(ports, plan, writes)
        if still.num_rows:
            return Decision(plan, still, None, _left(writes, still), waits=waits if left else waits - {plan.plan_id})
    return None


def _left(writes: pa.Table, still: pa.Table) -> str:
    left = writes.num_rows - still.num_rows
    return f"{left} records differ from the approved plan and wait for the next one" if left else ""


@dataclass(frozen=True, slots=True)
class _Fresh:
    """What this run would write, and for whom."""

    tenant: TenantReport
    contract: Contract
    installation: Installation
    numbers: PlanNumbers
    writes: pa.Table
    forecast: int
    whole: bool
    given_up: Collection[str]
    ports: Ports


def _without(writes: pa.Table, given_up: Collection[str]) -> pa.Table:
    """The writes that may go somewhere."""
    if not given_up:
        return writes
    return writes.filter(pc.invert(pc.is_in(writes["fingerprint"], value_set=pa.array(sorted(given_up), TEXT))))


def _own(fresh: _Fresh, standing: Sequence[StoredPlan], why_not: str) -> Decision:
    """The run's own plan: one of its kind that stands already if it says the very same, else a new one."""
    nothing, numbers, ports = _NO_WRITES, fresh.numbers, fresh.ports
    if numbers.records == 0 and not (standing and fresh.whole):
        return Decision(None, nothing, None, "")
    plan = next((p for p in standing if (p.scope, p.plan_hash) == (SCOPES[fresh.whole], numbers.plan_hash)), None)
    if plan is None:
        verdict = guard(fresh.contract.guards, numbers, _before(fresh))
        if not verdict.passed and numbers.records and not _without(fresh.writes, fresh.given_up).num_rows:
            return Decision(None, fresh.writes, None, "")
        plan = _save(fresh, verdict)
    if numbers.records == 0:
        now = ports.clock.now()
        return Decision(ports.plans.decide(plan.plan_id, plan.plan_hash, PlanState.APPLIED, "system", now), nothing, None, "")
    if plan.state is PlanState.HELD:
        return Decision(plan, nothing, RunOutcome.HELD, plan.reason)
    return Decision(plan, nothing, _outcome(why_not), why_not) if why_not else Decision(plan, fresh.writes, None, "")


def leave_to_the_plan_that_waits(report: BatchReport, contract: Contract, *, ports: Ports) -> None:
    """While a plan waits, or nothing may be written, a run for a few records plans nothing: what people know must not be replaced by it.

    A person who names records wants just them, and is shown a plan of them. A plan for single records that nobody has to decide about
    waits for nobody: it was only to be looked at, or its run died.
    """
    if report.trigger == "manual":
        return
    for tenant in report.alive():
        standing = ports.plans.standing(tenant.tenant_id, contract.contract)
        waits = next((p for p in standing if p.scope == WHOLE or p.state is not PlanState.READY), None)
        if waits is not None:
            tenant.outcome = RunOutcome.HELD
            tenant.reason = f"the plan {waits.plan_id} waits; what changed since is planned when it is decided and applied"
            continue
        installation = ports.tenants.installation(tenant.tenant_id, contract.contract)
        if not installation.enabled or installation.paused:
            tenant.outcome = RunOutcome.PAUSED if installation.paused else RunOutcome.PLANNED
            tenant.reason = _why_not(installation, report.mode)


def _why_not(installation: Installation, mode: SyncMode) -> str:
    """Why this run may not write, '' if it may."""
    if mode is SyncMode.PLAN:
        return "this run only plans"
    if installation.paused:
        return PAUSED
    return "" if installation.enabled else "writes are off for this integration"


def _outcome(why_not: str) -> RunOutcome:
    return RunOutcome.PAUSED if why_not == PAUSED else RunOutcome.PLANNED


def _still_wanted(ports: Ports, approved: StoredPlan, writes: pa.Table) -> tuple[pa.Table, dict[tuple[str, str], str]]:
    """The approved writes that a fresh look still wants, to the letter; and of the others those still open, with their state in the ledger."""
    stored = ports.lake.read([approved.file], PLANNED_WRITES)
    still = writes.filter(pc.is_in(writes["fingerprint"], value_set=stored["fingerprint"].combine_chunks()))
    gone = stored.filter(pc.invert(pc.is_in(stored["fingerprint"], value_set=still["fingerprint"].combine_chunks())))
    rows = ports.ledger.of_plan(approved.tenant_id, approved.plan_id).to_pylist()
    states = {(r["target"], r["target_id"]): str(r["state"]) for r in rows}
    records = zip(texts(gone, "target"), texts(gone, "target_id"), strict=True)
    found = ((record, states.get(record, WriteState.PLANNED)) for record in records)
    return still, {record: state for record, state in found if state in _OPEN_STATES}


_OPEN_STATES = {WriteState.PLANNED, WriteState.SENT, WriteState.UNKNOWN}


def _before(fresh: _Fresh) -> Written:
    """What counts on top of a plan: for single records all of the last 24 hours, for a whole plan the records that were made."""
    if fresh.whole and not fresh.numbers.creates:
        return Written()
    lately = _lately(fresh.tenant.tenant_id, fresh.contract, fresh.ports)
    return Written(creates=lately.creates) if fresh.whole else lately


def _lately(tenant_id: str, contract: Contract, ports: Ports) -> Written:
    return ports.ledger.written_since([tenant_id], contract.contract, ports.clock.now() - DAY).get(tenant_id, Written())


def _state(installation: Installation, numbers: PlanNumbers, verdict: GuardVerdict) -> tuple[PlanState, str]:
    if numbers.records and not installation.first_plan_approved:
        return PlanState.HELD, "the first plan of an installation waits for approval"
    if not verdict.passed:
        return PlanState.HELD, f"a guard stopped it: {verdict.reason}"
    return PlanState.READY, ""


def _save(fresh: _Fresh, verdict: GuardVerdict) -> StoredPlan:
    """Keep the plan."""
    tenant, ports, numbers, writes = fresh.tenant, fresh.ports, fresh.numbers, fresh.writes
    state, reason = _state(fresh.installation, numbers, verdict)
    file = ports.lake.write(
        tenant_id=tenant.tenant_id,
        dataset=f"{fresh.contract.contract}-plans",
        schema=PLANNED_WRITES,
        batches=writes.to_batches(),
    )
    plan = StoredPlan(
        plan_id=ports.ids.new("plan"),
        tenant_id=tenant.tenant_id,
        integration=fresh.contract.contract,
        run_id=tenant.run_id,
        plan_hash=numbers.plan_hash,
        state=state,
        reason=reason,
        numbers={**numbers.as_dict(), **verdict.limits, "calls_forecast": fresh.forecast},
        file=file,
        created_at=ports.clock.now(),
        scope=SCOPES[fresh.whole],
    )
    ports.plans.save([plan])
    return plan
