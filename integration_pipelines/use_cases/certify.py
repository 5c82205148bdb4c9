"""The proof after the writes: read what was just written again by id, plan again, and find nothing left to write."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa

from integration_pipelines.core.contract import Contract
from integration_pipelines.errors import IntegrationError
from integration_pipelines.ports.bundle import Ports
from integration_pipelines.ports.lake import Mode, NewEntry
from integration_pipelines.use_cases.observations import TALLY_ROWS, new_entry, observed_schema, tally_of
from integration_pipelines.use_cases.outcome import TenantReport


def read_again(
    tenants: Mapping[str, TenantReport], contract: Contract, written: Mapping[str, Mapping[str, tuple[str, ...]]], *, ports: Ports
) -> None:
    """Fetch the written records (tenant → object → ids) by id and lay them over the observations; a tenant that fails is marked."""
    with ThreadPoolExecutor(max_workers=8) as pool:
        list(pool.map(lambda t: _tenant(tenants[t], contract, written[t], ports), sorted(written)))


def _tenant(tenant: TenantReport, contract: Contract, written: Mapping[str, tuple[str, ...]], ports: Ports) -> None:
    entries: list[NewEntry] = []
    try:
        for name, ids in sorted(written.items()):
            if ids:
                entries += _object(tenant, contract, name, ids, ports)
        if entries:
            ports.manifest.append(entries, ports.clock.now())
    except IntegrationError as error:
        tenant.certified = False
        tenant.reason = f"The written records could not be read again: {error.message}"


def _object(tenant: TenantReport, contract: Contract, name: str, ids: tuple[str, ...], ports: Ports) -> list[NewEntry]:
    spec = contract.objects[name]
    schema = observed_schema(spec)
    connector = ports.connectors.open(tenant.tenant_id, contract.role(contract.side_of(spec.role)).partner)
    try:
        batches = [ids[i : i + connector.write_batch] for i in range(0, len(ids), connector.write_batch)]
        rows = pa.concat_tables(connector.fetch(name, spec, batch).select(schema.names).cast(schema) for batch in batches)
    finally:
        tenant.calls += connector.calls
        connector.close()
    tally = rows.select(TALLY_ROWS.names).cast(TALLY_ROWS)
    return [
        new_entry(ports, tenant.tenant_id, contract.contract, dataset, Mode.DELTA, table, tenant.run_id)
        for dataset, table in ((name, rows), (tally_of(name), tally))
    ]
