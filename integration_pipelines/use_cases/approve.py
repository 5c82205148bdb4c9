"""A person decides about a held plan; the decision binds the plan's hash and is recorded."""

from integration_pipelines.ports.bundle import Ports
from integration_pipelines.ports.writing import PlanState, StoredPlan


def approve_plan(tenant_id: str, plan: str, *, actor: str, ports: Ports) -> StoredPlan:
    """Approve a held plan by id or hash; the next run in apply mode sends exactly its writes.

    Raises:
        ConfigError: there is no such plan.
        ConflictError: the plan is not waiting any more.
    """
    found = ports.plans.find(tenant_id, plan)
    decided = ports.plans.decide(found.plan_id, found.plan_hash, PlanState.APPROVED, actor, ports.clock.now())
    ports.tenants.first_plan_approved(tenant_id, found.integration)
    _record(tenant_id, "plan_approved", decided, actor, ports)
    return decided


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
