"""The main job for a batch of tenants: read, judge, link, merge, diff, plan, write, prove. One tenant's fault is its own.

The stages are separate use cases; this file is only their order. A caller (Dagster, the command line, a test) reads the report.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

import pyarrow as pa

from integration_pipelines.core.contract import Contract
from integration_pipelines.core.guards import PlanNumbers
from integration_pipelines.core.passes import PassResult
from integration_pipelines.core.writes import WriteState
from integration_pipelines.errors import IntegrationError
from integration_pipelines.ports.bundle import Ports
from integration_pipelines.ports.evidence import Run
from integration_pipelines.ports.lake import Mode
from integration_pipelines.use_cases.alone import stay_alone, working_alone
from integration_pipelines.use_cases.certify import read_again
from integration_pipelines.use_cases.closure import Records
from integration_pipelines.use_cases.conclude import conclude, fate_rows
from integration_pipelines.use_cases.deltas import lay_together
from integration_pipelines.use_cases.disconnect import stop_where_access_ended
from integration_pipelines.use_cases.extract import extract
from integration_pipelines.use_cases.fetch import fetch_touched
from integration_pipelines.use_cases.judge import REFUSED, judge
from integration_pipelines.use_cases.keep_merged import keep_merged
from integration_pipelines.use_cases.look import Look, keep, look, observe, tallies
from integration_pipelines.use_cases.observations import Dataset, texts
from integration_pipelines.use_cases.outcome import BatchReport, RunOutcome, SyncMode, TenantReport
from integration_pipelines.use_cases.overwrites import look_behind
from integration_pipelines.use_cases.plan_story import named
from integration_pipelines.use_cases.planning import Decision, decide, leave_to_the_plan_that_waits
from integration_pipelines.use_cases.prepare import prepare, setting_up
from integration_pipelines.use_cases.push import Pushed, push
from integration_pipelines.use_cases.restored import stand_back_where_older
from integration_pipelines.use_cases.retrying import failed_writes, give_up_unsent, given_up, hold_back, remember
from integration_pipelines.use_cases.settle import settle_unanswered
from integration_pipelines.use_cases.shares import Shares
from integration_pipelines.use_cases.side_by_side import side_by_side
from integration_pipelines.use_cases.tell import note_news, tell_due
from integration_pipelines.use_cases.verdicts import require_verdicts
from integration_pipelines.use_cases.waiting import note_waiting

TENANTS_AT_ONCE = 8


def sync(
    tenant_ids: Sequence[str],
    contract: Contract,
    *,
    ports: Ports,
    mode: SyncMode,
    run_id: str,
    trigger: str = "manual",
    full: bool = True,
    only: Sequence[str] = (),
    touched: Mapping[str, Records] | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> BatchReport:
    """Reconcile a batch of tenants and, in apply mode, write what switches, approvals and guards allow.

    Args:
        tenant_ids: whose partitions; each has the integration installed.
        contract: the integration.
        ports: the outside.
        mode: plan only, or apply.
        run_id: one id for the whole batch, the same that Dagster shows.
        trigger: schedule, event, manual or backfill.
        full: read everything instead of what changed.
        only: plan writes for these records and what they are linked to.
        touched: tenant → object → ids: read these again and look at them and at all that decides about them, and at nothing else.
        tell: called with the name of each stage as it begins.
    """
    scope = "records" if only or touched is not None else "full"
    report = BatchReport(contract.contract, mode, scope, {t: TenantReport(t, run_id) for t in sorted(tenant_ids)}, trigger)
    started = ports.clock.now()
    ports.runs.start([Run(t, contract.contract, run_id, trigger, scope, started) for t in report.tenants])
    if touched is None:
        ports.gate.warm_up()
    with working_alone(report, contract, ports=ports):
        tell("prepare")
        stop_where_access_ended(report, contract, ports=ports)
        prepare(report, contract, ports=ports)
        if touched is None:
            tell("extract")
            extract(report, contract, ports=ports, full=full)
        else:
            tell("fetch")
            fetch_touched(report, contract, touched, ports=ports)
            leave_to_the_plan_that_waits(report, contract, ports=ports)
            only = [*only, *_mains(report)] if only else ()
        _stages(report, contract, ports, only=only, tell=tell)
        if report.closure is not None:
            lay_together(report, contract, ports=ports)
        for tenant in report.tenants.values():
            tenant.reason = "; ".join(
                part for part in (tenant.reason, _moved(tenant), tenant.read_anew, tenant.suspended) if part
            )
        # Before the leases go back: a run that has not ended and holds none is taken for dead.
        ports.runs.finish([finished(t, contract, trigger, scope, ports) for t in report.tenants.values()])
    if contract.notifications and mode is SyncMode.APPLY:  # all is stored and the tenants are free: nobody waits for it
        tell_due(list(report.tenants), ports=ports)
    return report


def _mains(report: BatchReport) -> list[str]:
    """The ids of the main records that the touched ones are, or belong to."""
    return sorted({one for tenant in report.tenants.values() for mains in tenant.mains.values() for _, one in mains})


def _stages(report: BatchReport, contract: Contract, ports: Ports, *, only: Sequence[str], tell: Callable[[str], None]) -> None:
    first: Look | None = None
    observed: dict[str, Dataset] = {}
    refused = REFUSED.empty_table()
    if report.alive():
        tell("gate")
        observed = observe(contract, [t.tenant_id for t in report.alive()], ports=ports, closure=report.closure)
        refused = judge(report, contract, observed, setting_up(report, contract, ports=ports), ports=ports)
    if report.alive():
        tell("reconcile")
        require_verdicts(report, contract, observed)
        first = _look(report, contract, observed, refused, ports, only)
        stay_alone(report, ports=ports)
        alive = [t.tenant_id for t in report.alive()]
        note_news(contract, first.result.news, {t: first.inputs.run_ids[t] for t in alive}, ports=ports)
        for tenant_id, error in keep(first, ports=ports, tenants=alive).items():
            report.tenant(tenant_id).fail(error)
        report.kept = tuple(t.tenant_id for t in report.alive())
        note_waiting(report, contract, first.result.waiting, refused, ports=ports)
        tell("push")
        pushed = _act(report, contract, first.result, ports)
        report.writes = first.result.writes
        keep_merged(first, ports=ports, tenants=report.kept)
        tell("certify")
        conclude(report, contract, first, pushed, refused, ports=ports, prove=_prove)
        first.close()


def _look(
    report: BatchReport,
    contract: Contract,
    observed: Mapping[str, Dataset],
    refused: pa.Table,
    ports: Ports,
    only: Sequence[str],
) -> Look:
    run_ids = {t.tenant_id: t.run_id for t in report.alive()}
    found = look(
        contract,
        run_ids,
        observed,
        refused,
        ports=ports,
        setting_up=setting_up(report, contract, ports=ports),
        only=only,
        closure=report.closure,
    )
    found.tally = tallies(contract, sorted(run_ids), ports=ports, closure=report.closure)
    return found


def _prove(
    report: BatchReport, contract: Contract, written: dict[str, dict[str, tuple[str, ...]]], refused: pa.Table, ports: Ports
) -> Look:
    """Read what was written again and look once more."""
    read_again(report.tenants, contract, written, ports=ports)
    run_ids = {t: report.tenant(t).run_id for t in written}
    closure = None if report.closure is None else report.closure.joined_by(written)
    observed = observe(contract, list(run_ids), ports=ports, closure=closure)
    if closure is not None and (more := closure.lacking(contract, observed)):
        closure = closure.joined_by(more)
        observed = observe(contract, list(run_ids), ports=ports, closure=closure)
    again = look(contract, run_ids, observed, refused, ports=ports, closure=closure)
    note_news(contract, again.result.news, run_ids, ports=ports)  # before the links are kept that make it no news any more
    for tenant_id, error in keep(again, ports=ports, tenants=run_ids).items():
        report.tenant(tenant_id).certified = False
        report.tenant(tenant_id).reason = f"What was read again could not be kept: {error.message}"
    keep_merged(again, ports=ports, tenants=run_ids)
    return again


def _act(report: BatchReport, contract: Contract, result: PassResult, ports: Ports) -> dict[str, Pushed]:
    """Decide, keep the diffs with the plan that takes care of them, and push, tenant by tenant, side by side.

    What differs is on record before anything is sent: a process that is killed in between would leave a value that a write replaced in no diff.
    """
    pushed: dict[str, Pushed] = {}
    decisions: dict[str, Decision] = {}
    alive, named = report.alive(), report.scope == "records" and report.trigger == "manual"
    of_all = _links_of_all(report, contract, result, ports)
    failed_before = failed_writes([t.tenant_id for t in alive], contract, ports=ports)
    writes = Shares(result.writes)

    def decided(tenant: TenantReport) -> None:
        try:
            mine = writes.of(tenant.tenant_id)
            numbers = result.numbers[tenant.tenant_id]
            numbers = replace(numbers, links=max(numbers.links, of_all.get(tenant.tenant_id, 0)))
            known = tenant.failed_before = tuple(failed_before.get(tenant.tenant_id, ()))
            decision = _decide(tenant, contract, numbers, mine, given_up(known, contract, named=named), report, ports)
            decision = hold_back(tenant, contract, decision, known, named=named, ports=ports)
            if decision.outcome is None and decision.plan is not None and decision.writes.num_rows:
                decision = stand_back_where_older(tenant, contract, decision, ports=ports)
            give_up_unsent(tenant, contract, decision, ports=ports)
            decisions[tenant.tenant_id] = decision
        except IntegrationError as error:
            tenant.fail(error)

    def sent(tenant: TenantReport) -> None:
        decision, known = decisions[tenant.tenant_id], tenant.failed_before
        try:
            if decision.outcome is None and decision.plan is not None and decision.writes.num_rows:
                pushed[tenant.tenant_id] = _push(tenant, contract, decision, ports)
            done = pushed.get(tenant.tenant_id)
            if done is not None or known:
                mine = writes.of(tenant.tenant_id)
                remember(tenant, contract, mine, done, known, looked_at=_looked_at(report, tenant), ports=ports)
        except IntegrationError as error:
            tenant.fail(error)

    side_by_side(decided, alive, min(ports.at_once, TENANTS_AT_ONCE))
    report.diffs = fate_rows(alive, result, decisions, ports)
    side_by_side(sent, [t for t in alive if t.tenant_id in decisions], min(ports.at_once, TENANTS_AT_ONCE))
    return pushed


def _links_of_all(report: BatchReport, contract: Contract, result: PassResult, ports: Ports) -> dict[str, int]:
    """How many live links each tenant has that a few writes are planned for: the whole that limits are shares of."""
    if report.closure is None:
        return {}
    planning = [t for t, numbers in result.numbers.items() if numbers.records]
    return ports.links.live_counts(planning, contract.contract) if planning else {}


def _looked_at(report: BatchReport, tenant: TenantReport) -> Callable[[tuple[str, str]], bool]:
    """Whether a look says of a record (target, id) that nothing is wanted of it, when it plans nothing for it."""
    if report.trigger == "manual" and report.scope == "records":  # planned was only what a person named
        return lambda _: False
    if report.closure is not None:
        mine = report.closure.records.get(tenant.tenant_id, {})
        return lambda record: record[1] in mine.get(record[0], ())
    return lambda _: report.scope == "full"


def _decide(
    tenant: TenantReport,
    contract: Contract,
    numbers: PlanNumbers,
    writes: pa.Table,
    never: Collection[str],
    report: BatchReport,
    ports: Ports,
) -> Decision:
    tenant.numbers = numbers
    forecast = _forecast(tenant, contract, writes, ports)
    whole = report.scope == "full"
    decision = decide(
        tenant, contract, numbers, writes, mode=report.mode, forecast=forecast, whole=whole, given_up=never, ports=ports
    )
    tenant.plan, tenant.reason, tenant.moved, tenant.waits = decision.plan, decision.reason, decision.moved, decision.waits
    tenant.calls_before_plan = tenant.calls
    if decision.outcome is not None:
        tenant.outcome = decision.outcome
    return decision


def _forecast(tenant: TenantReport, contract: Contract, writes: pa.Table, ports: Ports) -> int:
    """Calls that these writes will cost: read, write and read again, by each partner's batch size."""
    if writes.num_rows == 0:
        return 0
    total = 0
    for target, records in sorted(Counter(texts(writes, "target")).items()):
        connector = ports.connectors.open(
            tenant.tenant_id, contract.role(contract.side_of(contract.objects[target].role)).partner
        )
        total += connector.forecast(records)
        connector.close()
    return total


def _push(tenant: TenantReport, contract: Contract, decision: Decision, ports: Ports) -> Pushed:
    if decision.plan is None or tenant.lease is None:
        raise AssertionError("a push needs a plan and a lease")
    pushed = push(tenant, contract, decision.plan, decision.writes, tenant.lease, ports=ports)
    pushed = settle_unanswered(tenant, contract, pushed, ports=ports)
    tenant.moved += tuple(r for r, w in pushed.write_ids.items() if pushed.states.get(w) is WriteState.SUPERSEDED)
    applied = {w for w, s in pushed.states.items() if s is WriteState.APPLIED}
    if applied:
        look_behind(tenant, contract, [row for write, row in pushed.rows.items() if write in applied], ports=ports)
    return pushed


def _moved(tenant: TenantReport) -> str:
    if not tenant.moved:
        return ""
    return f"{len(tenant.moved)} records changed after the plan was made and were left alone: {named(tenant.moved)}"


def finished(tenant: TenantReport, contract: Contract, trigger: str, scope: str, ports: Ports) -> Run:
    """What the log of runs keeps of one tenant's run."""
    now = ports.clock.now()
    return Run(
        tenant.tenant_id,
        contract.contract,
        tenant.run_id,
        trigger,
        scope,
        started_at=now,
        finished_at=now,
        outcome=str(tenant.outcome or RunOutcome.IN_SYNC),
        counts=_counts(tenant),
        balanced=tenant.balanced,
        certified=tenant.certified,
        error_kind=str(tenant.fault.kind) if tenant.fault else None,
        error_text=f"{tenant.fault.text} {tenant.fault.remedy}".strip() if tenant.fault else None,
        reason=tenant.reason,
        read_full=len(tenant.reads) == len(contract.objects) and all(r.mode is Mode.FULL for r in tenant.reads.values()),
    )


def _counts(tenant: TenantReport) -> dict[str, int]:
    """The whole numbers of a run: what was planned, what became of it, every record's outcome, and what it cost."""
    counts = {**tenant.counts, "calls": tenant.calls, "rows_read": sum(r.rows for r in tenant.reads.values())}
    if tenant.numbers is not None:
        counts |= {
            "links": tenant.numbers.links,
            "planned_records": tenant.numbers.records,
            "planned_fields": tenant.numbers.updates,
        }
    if tenant.writes and tenant.plan is not None:
        counts |= {
            "calls_used": tenant.calls - tenant.calls_before_plan,
            "calls_forecast": tenant.plan.numbers.get("calls_forecast", 0),
        }
    counts |= {f"writes_{state}": n for state, n in tenant.writes.items()}
    return counts | {f"records_{outcome}": n for outcome, n in tenant.outcomes.items()}
