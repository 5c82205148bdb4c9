"""A person decides about a held plan; the decision binds the plan's hash and is recorded."""

import hashlib

from integration_pipelines.core.contract import Contract
from integration_pipelines.core.tables import PLANNED_WRITES
from integration_pipelines.errors import ConflictError
from integration_pipelines.ports.bundle import Ports
from integration_pipelines.ports.writing import PlanState, StoredPlan
from integration_pipelines.use_cases.planning import WHOLE

NOTHING = "the first sync found nothing to write"
RUNS_LOOKED_AT = 20


def approve_plan(tenant_id: str, plan: str, *, actor: str, ports: Ports) -> StoredPlan:
    """Approve a held plan by id or hash; the next run in apply mode sends exactly its writes.

    Who approved a plan for single records has not seen the whole: the installation's first whole plan waits all the same.

    Raises:
        ConfigError: there is no such plan.
        ConflictError: the plan is not waiting any more.
    """
    found = ports.plans.find(tenant_id, plan)
    decided = ports.plans.decide(found.plan_id, found.plan_hash, PlanState.APPROVED, actor, ports.clock.now())
    if decided.scope == WHOLE:
        ports.tenants.first_plan_approved(tenant_id, found.integration)
    _record(tenant_id, "plan_approved", decided, actor, ports)
    return decided


def approve_nothing(tenant_id: str, contract: Contract, *, actor: str, ports: Ports) -> StoredPlan:
    """Let an integration go live whose first sync found nothing to write: a plan of nothing is kept, and approved like any other.

    Raises:
        ConfigError: the integration is not installed there.
        ConflictError: its first plan was approved before, or no sync has shown yet that nothing is to be written.
    """
    sync = f"integration-pipelines sync {tenant_id} --integration {contract.contract}"
    if ports.tenants.installation(tenant_id, contract.contract).first_plan_approved:
        raise ConflictError(
            "No plan of this tenant waits for a decision.", remedy=f"See what would be written: {sync} --plan-only"
        )
    runs = ports.runs.last([tenant_id], contract.contract, limit=RUNS_LOOKED_AT)
    newest = next((r for r in runs if r.outcome not in {None, "skipped"}), None)
    if newest is None or not newest.read_full or newest.outcome != "in_sync" or not newest.certified:
        raise ConflictError("No sync has shown yet what would be written.", remedy=f"Run it: {sync} --full")
    file = ports.lake.write(
        tenant_id=tenant_id,
        dataset=f"{contract.contract}-plans",
        schema=PLANNED_WRITES,
        batches=PLANNED_WRITES.empty_table().to_batches(),
    )
    content = hashlib.sha256(b"").hexdigest()  # as of every plan without a write
    plan = StoredPlan(
        ports.ids.new("plan"), tenant_id, contract.contract, newest.run_id, content, PlanState.HELD, NOTHING,
        {"records": 0, "updates": 0}, file, ports.clock.now(),
    )  # fmt: skip
    ports.plans.save([plan])
    return approve_plan(tenant_id, plan.plan_id, actor=actor, ports=ports)


def reject_plan(tenant_id: str, plan: str, *, actor: str, ports: Ports) -> StoredPlan:
    """Reject a plan; it is never applied, and the next run makes a new one.

    Raises:
        ConfigError: there is no such plan.
        ConflictError: the plan is not waiting any more.
    """
    found = ports.plans.find(tenant_id, plan)
    decided = ports.plans.decide(found.plan_id, found.plan_hash, PlanState.REJECTED, actor, ports.clock.now())
    _record(tenant_id, "plan_rejected", decided, actor, ports)
    return decided


def _record(tenant_id: str, act: str, plan: StoredPlan, actor: str, ports: Ports) -> None:
    facts = {"plan_id": plan.plan_id, "plan_hash": plan.plan_hash, "integration": plan.integration}
    ports.audit.append(tenant_id, actor, act, facts, ports.clock.now())
