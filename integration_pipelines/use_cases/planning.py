"""Decide which plan a tenant's run works on: held, ready, approved, or nothing to do; and keep it where people can see it."""

from dataclasses import dataclass
from datetime import timedelta

import pyarrow as pa
import pyarrow.compute as pc

from integration_pipelines.core.contract import Contract
from integration_pipelines.core.guards import GuardVerdict, PlanNumbers, Written, guard
from integration_pipelines.core.tables import PLANNED_WRITES
from integration_pipelines.ports.bundle import Ports
from integration_pipelines.ports.tenants import Installation
from integration_pipelines.ports.writing import PlanState, StoredPlan
from integration_pipelines.use_cases.observations import texts
from integration_pipelines.use_cases.outcome import BatchReport, RunOutcome, SyncMode, TenantReport

DAY = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do with a tenant's writes: `writes` may go out now under `plan`; otherwise `outcome` and `reason` say why not."""

    plan: StoredPlan | None
    writes: pa.Table
    outcome: RunOutcome | None
    reason: str
    moved: tuple[tuple[str, str], ...] = ()  # (target, id) of approved writes that stand no more


def decide(
    tenant: TenantReport,
    contract: Contract,
    numbers: PlanNumbers,
    writes: pa.Table,
    *,
    mode: SyncMode,
    forecast: int,
    whole: bool = True,
    ports: Ports,
) -> Decision:
    """Choose the plan of one tenant's run.

    A run for single records (not `whole`) is held to the limits together with what was written in the last 24 hours; records that are
    made count for a day in any case.

    An approved plan that waits is applied as approved: its writes that still stand go out, whatever else differs waits for the next plan.
    """
    installation = ports.tenants.installation(tenant.tenant_id, contract.contract)
    waiting = ports.plans.open(tenant.tenant_id, contract.contract)
    nothing = PLANNED_WRITES.empty_table()
    may_write = mode is SyncMode.APPLY and installation.enabled and not installation.paused
    if may_write and waiting is not None and waiting.state is PlanState.APPROVED:
        still, moved = _still_wanted(ports, waiting, writes)
        left = writes.num_rows - still.num_rows
        reason = f"{left} records differ from the approved plan and wait for the next one" if left else ""
        if still.num_rows:
            return Decision(waiting, still, None, reason, moved)
        # Nothing of it stands any more: it is done with, and what is wanted now is a plan of its own.
        ports.plans.decide(waiting.plan_id, waiting.plan_hash, PlanState.APPLIED, "system", ports.clock.now())
        waiting = None
    if numbers.records == 0 and waiting is None:
        return Decision(None, nothing, None, "")
    if waiting is not None and waiting.plan_hash == numbers.plan_hash:  # the same content as the plan that waits is that plan
        plan = waiting
    else:
        verdict = guard(contract.guards, numbers, _before(tenant.tenant_id, contract, numbers, whole, ports))
        plan = _save(tenant, contract, _state(installation, numbers, verdict), numbers, verdict.limits, writes, forecast, ports)
    if numbers.records == 0:
        return Decision(
            ports.plans.decide(plan.plan_id, plan.plan_hash, PlanState.APPLIED, "system", ports.clock.now()), nothing, None, ""
        )
    if plan.state is PlanState.APPROVED:
        return Decision(plan, nothing, RunOutcome.PLANNED, _why_not(installation, mode))
    if plan.state is PlanState.HELD:
        return Decision(plan, nothing, RunOutcome.HELD, plan.reason)
    if not may_write:
        outcome = RunOutcome.PAUSED if installation.paused and mode is SyncMode.APPLY else RunOutcome.PLANNED
        return Decision(plan, nothing, outcome, _why_not(installation, mode))
    return Decision(plan, writes, None, "")


def leave_to_the_plan_that_waits(report: BatchReport, contract: Contract, *, ports: Ports) -> None:
    """While a plan waits, or nothing may be written, a run for a few records plans nothing: what people know must not be replaced by it.

    A person who names records wants just them, and is shown a plan of them.
    """
    if report.trigger == "manual":
        return
    for tenant in report.alive():
        waits = ports.plans.open(tenant.tenant_id, contract.contract)
        if waits is not None:
            tenant.outcome = RunOutcome.HELD
            tenant.reason = f"the plan {waits.plan_id} waits; what changed since is planned when it is decided and applied"
            continue
        installation = ports.tenants.installation(tenant.tenant_id, contract.contract)
        if not installation.enabled or installation.paused:
            tenant.outcome = RunOutcome.PAUSED if installation.paused else RunOutcome.PLANNED
            tenant.reason = _why_not(installation, report.mode)


def _why_not(installation: Installation, mode: SyncMode) -> str:
    if mode is SyncMode.PLAN:
        return "this run only plans"
    if installation.paused:
        return "writes are paused"
    return "" if installation.enabled else "writes are off for this integration"


def _still_wanted(ports: Ports, approved: StoredPlan, writes: pa.Table) -> tuple[pa.Table, tuple[tuple[str, str], ...]]:
    """The approved writes that a fresh look still wants, to the letter; and the records of those that it does not, or not so."""
    stored = ports.lake.read([approved.file], PLANNED_WRITES)
    still = writes.filter(pc.is_in(writes["fingerprint"], value_set=stored["fingerprint"].combine_chunks()))
    gone = stored.filter(pc.invert(pc.is_in(stored["fingerprint"], value_set=still["fingerprint"].combine_chunks())))
    records = zip(texts(gone, "target"), texts(gone, "target_id"), strict=True)
    sent = {(r["target"], r["target_id"]) for r in ports.ledger.of_plan(approved.tenant_id, approved.plan_id).to_pylist()}
    return still, tuple(record for record in records if record not in sent)


def _before(tenant_id: str, contract: Contract, numbers: PlanNumbers, whole: bool, ports: Ports) -> Written:
    """What counts on top of a plan: for single records all of the last 24 hours, for a whole plan the records that were made."""
    if whole and not numbers.creates:
        return Written()
    lately = _lately(tenant_id, contract, ports)
    return Written(creates=lately.creates) if whole else lately


def _lately(tenant_id: str, contract: Contract, ports: Ports) -> Written:
    return ports.ledger.written_since([tenant_id], contract.contract, ports.clock.now() - DAY).get(tenant_id, Written())


def _state(installation: Installation, numbers: PlanNumbers, verdict: GuardVerdict) -> tuple[PlanState, str]:
    if numbers.records and not installation.first_plan_approved:
        return PlanState.HELD, "the first plan of an installation waits for approval"
    if not verdict.passed:
        return PlanState.HELD, f"a guard stopped it: {verdict.reason}"
    return PlanState.READY, ""


def _save(
    tenant: TenantReport,
    contract: Contract,
    state: tuple[PlanState, str],
    numbers: PlanNumbers,
    limits: dict[str, int],
    writes: pa.Table,
    forecast: int,
    ports: Ports,
) -> StoredPlan:
    """Keep the plan."""
    file = ports.lake.write(
        tenant_id=tenant.tenant_id, dataset=f"{contract.contract}-plans", schema=PLANNED_WRITES, batches=writes.to_batches()
    )
    plan = StoredPlan(
        plan_id=ports.ids.new("plan"),
        tenant_id=tenant.tenant_id,
        integration=contract.contract,
        run_id=tenant.run_id,
        plan_hash=numbers.plan_hash,
        state=state[0],
        reason=state[1],
        numbers={**numbers.as_dict(), **limits, "calls_forecast": forecast},
        file=file,
        created_at=ports.clock.now(),
    )
    ports.plans.save([plan])
    return plan
