"""Small files that many runs over a few records leave behind are laid together, so that reading stays cheap until the next full read.

Nothing is forgotten that counts: of each record the newest rows stay, in one file instead of many. Needs the tenant's lease.
"""

from collections.abc import Sequence

import pyarrow as pa

from integration_pipelines.core.contract import Contract
from integration_pipelines.core.shapes import base_schema
from integration_pipelines.errors import IntegrationError
from integration_pipelines.ports.bundle import Ports
from integration_pipelines.ports.lake import ManifestEntry, Mode
from integration_pipelines.use_cases.merged import DATASET, kept_schema
from integration_pipelines.use_cases.observations import (
    SEQUENCE,
    TALLY_ROWS,
    Dataset,
    new_entry,
    newest_rows,
    observed_schema,
    tally_of,
)
from integration_pipelines.use_cases.outcome import BatchReport, TenantReport

MOST_DELTAS = 8


def lay_together(report: BatchReport, contract: Contract, *, ports: Ports) -> None:
    """For every tenant that did not fail: where more than `MOST_DELTAS` deltas follow a full file, make one of them."""
    tenants = [t for t in report.tenants.values() if t.lease is not None and t.fault is None]
    deltas: dict[tuple[str, str], list[ManifestEntry]] = {}
    shapes = _shapes(contract)
    for entry in ports.manifest.current_of([t.tenant_id for t in tenants], contract.contract, list(shapes)):
        if entry.mode is Mode.DELTA:
            deltas.setdefault((entry.tenant_id, entry.dataset), []).append(entry)
    for (tenant_id, name), entries in deltas.items():
        if len(entries) > MOST_DELTAS:
            tenant = report.tenant(tenant_id)
            try:
                _together(tenant, contract, entries, *shapes[name], ports)
            except IntegrationError as error:
                tenant.fail(error)


def _shapes(contract: Contract) -> dict[str, tuple[pa.Schema, str]]:
    """Dataset → its schema and what names a record in it."""
    shapes = {name: (observed_schema(spec), "record_id") for name, spec in contract.objects.items()}
    shapes |= {tally_of(name): (TALLY_ROWS, "record_id") for name in contract.objects}
    return shapes | {"base": (base_schema(contract), "link_id"), DATASET: (kept_schema(contract), "link_id")}


def _together(
    tenant: TenantReport, contract: Contract, entries: Sequence[ManifestEntry], schema: pa.Schema, key: str, ports: Ports
) -> None:
    rows = Dataset(ports, tuple(entries), schema).rows().read_all()
    together: pa.Table = newest_rows(rows, key, SEQUENCE.name).select(schema.names)
    name = entries[0].dataset
    entry = new_entry(ports, tenant.tenant_id, contract.contract, name, Mode.DELTA, together.to_reader(), tenant.run_id)
    ports.manifest.replace(entries, entry, ports.clock.now())
