"""A product's home in which everything was read already: partner objects, base and links lie in lake and store as real runs leave them.

What is made is `reconcile_world`; what is measured over it are the benchmarks.
"""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from integration_pipelines.core.tables import IDENTITY_LINKS
from integration_pipelines.ports.bundle import Connectors, Ports
from integration_pipelines.ports.lake import Mode, NewEntry
from integration_pipelines.ports.tenants import Tenant
from integration_pipelines.settings import Settings
from integration_pipelines.use_cases.observations import TALLY_ROWS, tally_of
from integration_pipelines.wiring import open_ports
from integration_pipelines_tests.benchmarks.reconcile_world import NOW, World, contract

LINKS = "links.parquet"
"""In the home, by tenant: the links once more as a file, for those who have no store."""
_LINKS_AT_ONCE = 500_000
_LANDED = "run_0"


@contextmanager
def opened(home: Path, connectors: Connectors | None = None, **settings: str) -> Iterator[Ports]:
    """The product at that home, as in production but for the partners."""
    key = base64.b64encode(bytes(32)).decode()
    with open_ports(Settings.model_validate({"home": home, "master_key": key, "log_level": "ERROR", **settings})) as ports:
        yield ports if connectors is None else replace(ports, connectors=connectors)


def land(world: World, home: Path, *, observations: bool = True) -> None:
    """Install every tenant, switched on and past its first plan; put down links and bases and, if wanted, what was read of the partners."""
    with opened(home) as ports:
        for tenant_id in world.tenant_ids:
            _install(ports, tenant_id)
            _entries(ports, world, tenant_id, observations=observations)
            _links(ports, world, home, tenant_id)


def files(home: Path, tenant_id: str, name: str) -> list[str]:
    """The Parquet files of a tenant's dataset, for those who read them without the product."""
    return sorted(str(path) for path in (home / "data" / "lake" / tenant_id / f"{contract().contract}-{name}").glob("*.parquet"))


def _install(ports: Ports, tenant_id: str) -> None:
    ports.tenants.add(Tenant(tenant_id, tenant_id, NOW))
    ports.tenants.install(tenant_id, contract().contract, contract().version, NOW)
    ports.tenants.switch(tenant_id, contract().contract, enabled=True)
    ports.tenants.first_plan_approved(tenant_id, contract().contract)


def _entries(ports: Ports, world: World, tenant_id: str, *, observations: bool) -> None:
    sets = {"base": world.base(tenant_id)}
    for name in contract().objects if observations else ():
        sets[name] = world.observed(name, tenant_id)
        ids = world.observed(name, tenant_id)
        sets[tally_of(name)] = pa.RecordBatchReader.from_batches(TALLY_ROWS, (b.select(TALLY_ROWS.names) for b in ids))
    entries = [_entry(ports, tenant_id, name, rows) for name, rows in sets.items()]
    ports.manifest.append(entries, NOW)


def _entry(ports: Ports, tenant_id: str, name: str, rows: pa.RecordBatchReader) -> NewEntry:
    integration = contract().contract
    file = ports.lake.write(tenant_id=tenant_id, dataset=f"{integration}-{name}", schema=rows.schema, batches=rows)
    return NewEntry(tenant_id, integration, name, Mode.FULL, file, _LANDED)


def _links(ports: Ports, world: World, home: Path, tenant_id: str) -> None:
    path = home / f"{tenant_id}-{LINKS}"
    with pq.ParquetWriter(path, IDENTITY_LINKS) as copy:
        for batch in world.links(tenant_id):
            copy.write_batch(batch)
    for batch in pq.ParquetFile(path).iter_batches(batch_size=_LINKS_AT_ONCE):
        ports.links.save(pa.Table.from_batches([batch]))
