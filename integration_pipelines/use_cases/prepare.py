"""Before a run may write: settle what earlier runs left open, and create the properties that an approved plan needs."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from integration_pipelines.core.contract import Contract
from integration_pipelines.core.contract_findings import SIDES
from integration_pipelines.core.contract_show import properties_to_create
from integration_pipelines.errors import IntegrationError
from integration_pipelines.ports.bundle import Ports
from integration_pipelines.ports.retries import Overwrite
from integration_pipelines.ports.tenants import Installation
from integration_pipelines.ports.writing import PlanState
from integration_pipelines.use_cases.look import STILL_ARRIVING
from integration_pipelines.use_cases.outcome import BatchReport, SyncMode, TenantReport
from integration_pipelines.use_cases.overwrites import look_behind, not_yet_restored, put_back
from integration_pipelines.use_cases.retrying import note_lost
from integration_pipelines.use_cases.settle import Row, settle_open_writes


def prepare(report: BatchReport, contract: Contract, *, ports: Ports) -> None:
    """In apply mode, for tenants whose writes are on: settle open writes and set up the partner's properties."""
    if report.mode is not SyncMode.APPLY:
        return
    left = _left([t.tenant_id for t in report.alive()], contract, ports)
    for tenant in report.alive():
        try:
            _tenant(tenant, contract, left[tenant.tenant_id], ports)
        except IntegrationError as error:
            tenant.fail(error)


def setting_up(report: BatchReport, contract: Contract, *, ports: Ports) -> Sequence[str]:
    """Tenants whose first plan nobody approved yet: there our own properties may not exist, and count as blank."""
    ids = [t.tenant_id for t in report.alive()]
    return [i.tenant_id for i in ports.tenants.installations(ids, contract.contract) if not i.first_plan_approved]


@dataclass(slots=True)
class _Left:
    """What earlier runs left of one tenant."""

    installation: Installation | None = None
    unsettled: list[Row] = field(default_factory=list)
    lost: list[Row] = field(default_factory=list)
    """Writes that were given up and may still arrive, or have arrived since."""
    unrestored: list[Overwrite] = field(default_factory=list)


def _left(tenants: Sequence[str], contract: Contract, ports: Ports) -> dict[str, _Left]:
    """By tenant; all are asked about at once, since most have nothing."""
    found = {t: _Left() for t in tenants}
    if tenants:
        for installation in ports.tenants.installations(tenants, contract.contract):
            found[installation.tenant_id].installation = installation
        for row in ports.ledger.unsettled(tenants, contract.contract).to_pylist():
            found[row["tenant_id"]].unsettled.append(row)
        for row in ports.ledger.lost_since(tenants, contract.contract, ports.clock.now() - STILL_ARRIVING).to_pylist():
            found[row["tenant_id"]].lost.append(row)
        for overwrite in not_yet_restored(tenants, contract, ports=ports):
            found[overwrite.tenant_id].unrestored.append(overwrite)
    return found


def _tenant(tenant: TenantReport, contract: Contract, left: _Left, ports: Ports) -> None:
    installation = left.installation or ports.tenants.installation(tenant.tenant_id, contract.contract)
    if not installation.enabled or installation.paused:
        return
    settled = settle_open_writes(tenant, contract, left.unsettled, ports=ports)
    if settled.carried_out:
        look_behind(tenant, contract, settled.carried_out, ports=ports)
        tenant.settled = frozenset(row["write_id"] for row in settled.carried_out)
    if left.lost:
        look_behind(tenant, contract, left.lost, ports=ports)
    note_lost(tenant, contract, settled.lost, ports=ports)
    tenant.again = settled.again
    looked = bool(settled.carried_out or left.lost)  # which may have put something back, and found something else
    unrestored = not_yet_restored([tenant.tenant_id], contract, ports=ports) if looked else left.unrestored
    put_back(tenant, contract, unrestored, ports=ports)
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
