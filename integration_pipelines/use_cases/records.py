"""Sync named records: the test sync of a person, and what a backfill of history touched. The way is that of events.

They are read again, and they and all that decides about them are looked at; nothing else of the tenant is.
"""

from collections.abc import Callable, Sequence

from integration_pipelines.core.contract import Contract, ObjectKind
from integration_pipelines.core.kin import Kinship
from integration_pipelines.ports.bundle import Ports
from integration_pipelines.use_cases.closure import Known, Records
from integration_pipelines.use_cases.history import Backfilled
from integration_pipelines.use_cases.outcome import BatchReport, SyncMode
from integration_pipelines.use_cases.sync import sync


def sync_named(
    tenant_ids: Sequence[str],
    contract: Contract,
    record_ids: Sequence[str],
    *,
    ports: Ports,
    mode: SyncMode,
    run_id: str,
    tell: Callable[[str], None] = lambda _: None,
) -> BatchReport:
    """Plan and write the records that a person named by their ids, and what they are linked to: the test sync.

    A tenant of whom nothing was read yet is read whole first; so is one of whose records too many decide about each other.
    """
    if all(_was_read(tenant, contract, ports) for tenant in tenant_ids):
        touched = {tenant: _objects(tenant, contract, record_ids, ports) for tenant in tenant_ids}
        report = sync(
            tenant_ids, contract, ports=ports, mode=mode, run_id=run_id, touched=touched, only=record_ids, tell=tell
        )  # fmt: skip
        if not any(tenant.too_many for tenant in report.tenants.values()):
            return report
    return sync(tenant_ids, contract, ports=ports, mode=mode, run_id=run_id, full=False, only=record_ids, tell=tell)


def sync_touched(
    found: Backfilled, contract: Contract, *, ports: Ports, mode: SyncMode = SyncMode.PLAN, run_id: str
) -> BatchReport | None:
    """Reconcile the records that a backfill touched; None if it touched none. Nothing of the history itself is merged.

    While a plan waits, the whole tenant is looked at instead: a plan for a few records would take the place of the one people know.

    Raises:
        IntegrationError: a partner does not answer.
    """
    tenant_id = found.tenant_id
    named: Records = {name: ids for name, ids in found.touched.items() if ids}
    if not named:
        return None
    many = sum(len(ids) for ids in named.values()) > MOST_NAMED
    if not many and ports.plans.open(tenant_id, contract.contract) is None and _was_read(tenant_id, contract, ports):
        report = sync(
            [tenant_id], contract, ports=ports, mode=mode, run_id=run_id, trigger="backfill", touched={tenant_id: named}
        )  # fmt: skip
        if not report.tenant(tenant_id).too_many:
            return report
    return sync([tenant_id], contract, ports=ports, mode=mode, run_id=run_id, trigger="backfill", full=many)


MOST_NAMED = 1000
"""With more touched records than this, reading everything page by page takes fewer requests."""


def _was_read(tenant_id: str, contract: Contract, ports: Ports) -> bool:
    return all(ports.manifest.watermark(tenant_id, contract.contract, name) is not None for name in contract.objects)


def _objects(tenant_id: str, contract: Contract, record_ids: Sequence[str], ports: Ports) -> dict[str, set[str]]:
    """By the objects that have records of those ids; an id that nobody knows may be of any of them."""
    known = Known(tenant_id, Kinship.of(contract), ports)
    names = [name for name, spec in contract.objects.items() if spec.kind is not ObjectKind.LOOKUP]
    found = {name: known.of(name).present(record_ids) for name in names}
    strange = set(record_ids) - set().union(*found.values())
    return {name: ids | strange for name, ids in found.items()}
