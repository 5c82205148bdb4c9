"""What a backfill found flows into the same reconciliation: the records it touched are read again, and what differs becomes a diff.

Nothing of the history itself is merged: the present state of the records decides.
"""

from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from integration_pipelines.core.contract import Contract
from integration_pipelines.ports.bundle import Ports
from integration_pipelines.use_cases.history import Backfilled
from integration_pipelines.use_cases.observations import dataset, lay_over, observed_schema
from integration_pipelines.use_cases.outcome import BatchReport, SyncMode
from integration_pipelines.use_cases.sync import sync

MOST_FETCHED = 1000
"""With more touched records than this, reading everything page by page takes fewer requests."""


def sync_touched(
    found: Backfilled, contract: Contract, *, ports: Ports, mode: SyncMode = SyncMode.PLAN, run_id: str
) -> BatchReport | None:
    """Read the touched records again and reconcile them and what they are linked to; None if nothing was touched.

    While a plan waits, the whole tenant is looked at instead: a plan for a few records would take the place of the one people know.

    Raises:
        IntegrationError: a partner does not answer.
    """
    touched = {name: ids for name, ids in found.touched.items() if ids}
    if not touched:
        return None
    many = sum(len(ids) for ids in touched.values()) > MOST_FETCHED
    if not many:
        _fetch(found.tenant_id, contract, touched, run_id, ports)
    waits = ports.plans.open(found.tenant_id, contract.contract) is not None
    only = [] if waits else _mains(found.tenant_id, contract, touched, ports)
    return sync([found.tenant_id], contract, ports=ports, mode=mode, run_id=run_id, trigger="backfill", full=many, only=only)


def _fetch(tenant_id: str, contract: Contract, touched: Mapping[str, Sequence[str]], run_id: str, ports: Ports) -> None:
    """Lay the records' present state over what was observed before."""
    for name, ids in touched.items():
        spec = contract.objects[name]
        schema = observed_schema(spec)
        connector = ports.connectors.open(tenant_id, contract.role(contract.side_of(spec.role)).partner)
        try:
            batches = [ids[i : i + connector.write_batch] for i in range(0, len(ids), connector.write_batch)]
            fetched = [connector.fetch(name, spec, batch).select(schema.names).cast(schema) for batch in batches]
        finally:
            connector.close()
        lay_over(ports, contract, tenant_id, name, pa.concat_tables(fetched), run_id)


def _mains(tenant_id: str, contract: Contract, touched: Mapping[str, Sequence[str]], ports: Ports) -> list[str]:
    """The linked records that the touched ones are or belong to."""
    found: set[str] = set()
    for name, ids in touched.items():
        spec = contract.objects[name]
        if spec.parent is None:
            found.update(ids)
            continue
        rows = dataset(ports, [tenant_id], contract.contract, name, observed_schema(spec)).newest()
        mine = rows.filter(pc.is_in(rows["record_id"], value_set=pa.array(ids, pa.string())))
        found.update(parent for parent in mine[spec.parent].to_pylist() if parent)
    return sorted(found)
