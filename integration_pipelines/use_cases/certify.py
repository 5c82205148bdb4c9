"""The proof after the writes: read what was just written again by id, plan again, and find nothing left to write."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from integration_pipelines.core.contract import Contract
from integration_pipelines.core.ledger_rows import images
from integration_pipelines.core.writes import WriteState
from integration_pipelines.errors import IntegrationError
from integration_pipelines.ports.bundle import Ports
from integration_pipelines.use_cases.observations import lay_over, observed_schema, shaped
from integration_pipelines.use_cases.outcome import TenantReport
from integration_pipelines.use_cases.shown import says
from integration_pipelines.use_cases.side_by_side import side_by_side

Row = Mapping[str, Any]

TENANTS_AT_ONCE = 8
MADE: tuple[dict[str, str], dict[str, str]] = ({}, {})
"""Stands for the images of a record that did not exist before."""
WAITS = (1.0, 2.0, 4.0)
"""Seconds between looks at records that a replica of the partner still shows as they were before our write."""


def read_again(
    tenants: Mapping[str, TenantReport], contract: Contract, written: Mapping[str, Mapping[str, tuple[str, ...]]], *, ports: Ports
) -> None:
    """Fetch the written records (tenant → object → ids) by id and lay them over the observations; a tenant that fails is marked."""
    applied: dict[str, list[Row]] = defaultdict(list)
    for row in ports.ledger.unsettled(sorted(written), contract.contract).to_pylist():
        if row["state"] == WriteState.APPLIED:
            applied[row["tenant_id"]].append(row)
    side_by_side(
        lambda t: _tenant(tenants[t], contract, written[t], applied.get(t, ()), ports),
        sorted(written),
        min(ports.at_once, TENANTS_AT_ONCE),
    )


def _tenant(
    tenant: TenantReport, contract: Contract, written: Mapping[str, tuple[str, ...]], rows: Sequence[Row], ports: Ports
) -> None:
    try:
        for name, ids in sorted(written.items()):
            if ids:
                sent = {r["target_id"]: images(r) for r in rows if r["target"] == name and r["operation"] == "update"}
                sent |= {r["record_id"]: MADE for r in rows if r["target"] == name and r["operation"] == "create"}
                found = _caught_up(tenant, contract, name, ids, sent, ports)
                lay_over(ports, contract, tenant.tenant_id, name, found, tenant.run_id)
    except IntegrationError as error:
        tenant.certified = False
        tenant.reason = f"The written records could not be read again: {error.message}"


def _caught_up(
    tenant: TenantReport,
    contract: Contract,
    name: str,
    ids: tuple[str, ...],
    sent: Mapping[str, tuple[dict[str, str], dict[str, str]]],
    ports: Ports,
) -> pa.Table:
    """The records; those that still look as before our confirmed write are asked for again a little later."""
    found = fetched(tenant, contract, name, ids, ports)
    for wait in WAITS:
        rows: Sequence[dict[str, Any]] = found.to_pylist()
        stale = {r["record_id"] for r in rows if r["record_id"] in sent and _is_stale(contract, name, r, *sent[r["record_id"]])}
        if not stale:
            break
        ports.clock.sleep(wait)
        fresh = fetched(tenant, contract, name, tuple(sorted(stale)), ports)
        kept = pa.array([r["record_id"] not in stale for r in rows], pa.bool_())
        found = pa.concat_tables([found.filter(kept), fresh])
    return found


def _is_stale(contract: Contract, name: str, record: Mapping[str, Any], before: dict[str, str], after: dict[str, str]) -> bool:
    if (before, after) == MADE:
        return bool(record["deleted"])
    return says(contract, name, record, before) and not says(contract, name, record, after)


def fetched(tenant: TenantReport, contract: Contract, name: str, ids: tuple[str, ...], ports: Ports) -> pa.Table:
    """The present state of those records of one object, asked for by id."""
    spec = contract.objects[name]
    schema = observed_schema(spec)
    connector = ports.connectors.open(tenant.tenant_id, contract.role(contract.side_of(spec.role)).partner)
    try:
        batches = [ids[i : i + connector.write_batch] for i in range(0, len(ids), connector.write_batch)]
        return pa.concat_tables(shaped(connector.fetch(name, spec, batch), schema) for batch in batches)
    finally:
        tenant.calls += connector.calls
        connector.close()
