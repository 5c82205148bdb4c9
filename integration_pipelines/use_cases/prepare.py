"""Before a run may write: settle what earlier runs left open, and create the properties that an approved plan needs."""

from collections.abc import Mapping, Sequence
from typing import Any

from integration_pipelines.core.contract import Contract
from integration_pipelines.core.contract_findings import SIDES
from integration_pipelines.core.contract_show import properties_to_create
from integration_pipelines.errors import IntegrationError
from integration_pipelines.ports.bundle import Ports
from integration_pipelines.ports.writing import PlanState
from integration_pipelines.use_cases.look import STILL_ARRIVING
from integration_pipelines.use_cases.outcome import BatchReport, SyncMode, TenantReport
from integration_pipelines.use_cases.overwrites import look_behind, not_yet_restored, put_back
from integration_pipelines.use_cases.retrying import note_lost
from integration_pipelines.use_cases.settle import settle_open_writes


def prepare(report: BatchReport, contract: Contract, *, ports: Ports) -> None:
    """In apply mode, for tenants whose writes are on: settle open writes and set up the partner's properties."""
    if report.mode is not SyncMode.APPLY:
        return
    lost = _lost(report, contract, ports)
    for tenant in report.alive():
        try:
            _tenant(tenant, contract, lost.get(tenant.tenant_id, ()), ports)
        except IntegrationError as error:
            tenant.fail(error)


def setting_up(report: BatchReport, contract: Contract, *, ports: Ports) -> Sequence[str]:
    """Tenants whose first plan nobody approved yet: there our own properties may not exist, and count as blank."""
    ids = [t.tenant_id for t in report.alive()]
    return [i.tenant_id for i in ports.tenants.installations(ids, contract.contract) if not i.first_plan_approved]


def _lost(report: BatchReport, contract: Contract, ports: Ports) -> dict[str, list[Mapping[str, Any]]]:
    """By tenant the writes that were given up and may still arrive, or have arrived since."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    tenants = [t.tenant_id for t in report.alive()]
    if tenants:
        for row in ports.ledger.lost_since(tenants, contract.contract, ports.clock.now() - STILL_ARRIVING).to_pylist():
            found.setdefault(row["tenant_id"], []).append(row)
    return found


def _tenant(tenant: TenantReport, contract: Contract, lost: Sequence[Mapping[str, Any]], ports: Ports) -> None:
    installation = ports.tenants.installation(tenant.tenant_id, contract.contract)
    if not installation.enabled or installation.paused:
        return
    settled = settle_open_writes(tenant, contract, ports=ports)
    if settled.carried_out:
        look_behind(tenant, contract, settled.carried_out, ports=ports)
        tenant.settled = frozenset(row["write_id"] for row in settled.carried_out)
    if lost:
        look_behind(tenant, contract, lost, ports=ports)
    note_lost(tenant, contract, settled.lost, ports=ports)
    tenant.again = settled.again
    put_back(tenant, contract, not_yet_restored(tenant.tenant_id, contract, ports=ports), ports=ports)
    if any(plan.state is PlanState.APPROVED for plan in ports.plans.standing(tenant.tenant_id, contract.contract)):
        created = _create_properties(tenant, contract, ports)
        tenant.counts["properties_created"] = created
        tenant.must_read_full = created > 0


def _create_properties(tenant: TenantReport, contract: Contract, ports: Ports) -> int:
    created = 0
    for side in SIDES:
        wanted = properties_to_create(contract, side)
        if not wanted:
            continue
        connector = ports.connectors.open(tenant.tenant_id, contract.role(side).partner)
        try:
            made = [name for where, specs in wanted.items() for name in connector.ensure_properties(where, specs)]
        finally:
            tenant.calls += connector.calls
            connector.close()
        created += len(made)
        if made:
            facts = {"partner": contract.role(side).partner, "properties": ", ".join(made)}
            ports.audit.append(tenant.tenant_id, "system", "properties_created", facts, ports.clock.now())
    return created
