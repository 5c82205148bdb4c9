"""The proof after the writes: read what was just written again by id, plan again, and find nothing left to write."""

from collections.abc import Mapping

import pyarrow as pa

from integration_pipelines.core.contract import Contract
from integration_pipelines.errors import IntegrationError
from integration_pipelines.ports.bundle import Ports
from integration_pipelines.use_cases.observations import lay_over, observed_schema
from integration_pipelines.use_cases.outcome import TenantReport
from integration_pipelines.use_cases.side_by_side import side_by_side

TENANTS_AT_ONCE = 8


def read_again(
    tenants: Mapping[str, TenantReport], contract: Contract, written: Mapping[str, Mapping[str, tuple[str, ...]]], *, ports: Ports
) -> None:
    """Fetch the written records (tenant → object → ids) by id and lay them over the observations; a tenant that fails is marked."""
    side_by_side(lambda t: _tenant(tenants[t], contract, written[t], ports), sorted(written), TENANTS_AT_ONCE)


def _tenant(tenant: TenantReport, contract: Contract, written: Mapping[str, tuple[str, ...]], ports: Ports) -> None:
    try:
        for name, ids in sorted(written.items()):
            if ids:
                lay_over(ports, contract, tenant.tenant_id, name, _fetched(tenant, contract, name, ids, ports), tenant.run_id)
    except IntegrationError as error:
        tenant.certified = False
        tenant.reason = f"The written records could not be read again: {error.message}"


def _fetched(tenant: TenantReport, contract: Contract, name: str, ids: tuple[str, ...], ports: Ports) -> pa.Table:
    spec = contract.objects[name]
    schema = observed_schema(spec)
    connector = ports.connectors.open(tenant.tenant_id, contract.role(contract.side_of(spec.role)).partner)
    try:
        batches = [ids[i : i + connector.write_batch] for i in range(0, len(ids), connector.write_batch)]
        return pa.concat_tables(connector.fetch(name, spec, batch).select(schema.names).cast(schema) for batch in batches)
    finally:
        tenant.calls += connector.calls
        connector.close()
