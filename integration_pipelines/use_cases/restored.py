"""A store that was put back from a backup knows less than what was already done: nothing is written until a person has looked.

The partners are ahead of such a store, and so is the lake: beside a tenant's files stands which run wrote last. A run that is about to
write and whose store does not know that run pauses the tenant instead. It has read everything by then, so what the partners hold now is
what the next plan starts from; the person who lets writes go on has seen that plan.
"""

from dataclasses import replace

from integration_pipelines.core.contract import Contract
from integration_pipelines.ports.bundle import Ports
from integration_pipelines.use_cases.outcome import RunOutcome, TenantReport
from integration_pipelines.use_cases.planning import Decision
from integration_pipelines.use_cases.switch import switch_writes

OLDER = (
    "the store is older than what was already written, as one that was put back from a backup is; writes are paused until a person has "
    "looked at the plan and resumes them"
)


def stand_back_where_older(tenant: TenantReport, contract: Contract, decision: Decision, *, ports: Ports) -> Decision:
    """The decision, and a note that this run writes; or, where the store does not know who wrote last, a pause in its place.

    The pause is stored before the note is replaced: a run that dies in between is followed by one that pauses again.
    """
    integration = contract.contract
    last = ports.lake.last_writer(tenant.tenant_id, integration)
    known = not last or any(run.tenant_id == tenant.tenant_id for run in ports.runs.of_run(last))
    if not known:
        switch_writes(tenant.tenant_id, integration, paused=True, actor="system", ports=ports)
        facts = {"integration": integration, "unknown_run": last}
        ports.audit.append(tenant.tenant_id, "system", "store_is_older", facts, ports.clock.now())
        tenant.outcome, tenant.reason = RunOutcome.PAUSED, OLDER
        decision = replace(decision, writes=decision.writes.slice(0, 0), outcome=RunOutcome.PAUSED, reason=OLDER)
    if last != tenant.run_id:
        ports.lake.note_writer(tenant.tenant_id, integration, tenant.run_id)
    return decision
