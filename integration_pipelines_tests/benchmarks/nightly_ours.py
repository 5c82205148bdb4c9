"""The side of `nightly`: whole runs of the product over tenants whose partners answer out of memory."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pyarrow as pa

from integration_pipelines.ports.bundle import Ports
from integration_pipelines.use_cases.outcome import RunOutcome, SyncMode
from integration_pipelines.use_cases.sync import sync
from integration_pipelines_tests.benchmarks.landed_partners import LandedConnectors
from integration_pipelines_tests.benchmarks.landing import land, opened
from integration_pipelines_tests.benchmarks.meter import Answer, Given, Meter
from integration_pipelines_tests.benchmarks.reconcile_world import World, contract

TENANTS_A_RUN = 200
"""As many as one of Dagster's range runs takes."""


def night(meter: Meter, folder: Path, given: Given) -> Answer:
    """Every tenant once; answers how many ended written, balanced and certified, and how many writes that took."""
    held: dict[tuple[str, str], pa.Table] = {}
    tenant_ids: list[tuple[str, ...]] = []
    for world in (World(given["tenants"], given["accounts"]), World(2, 20, prefix="s")):
        land(world, folder, observations=False)
        held |= {(t, name): world.observed(name, t).read_all() for t in world.tenant_ids for name in contract().objects}
        tenant_ids.append(world.tenant_ids)
        world.close()
    with opened(folder, LandedConnectors(held)) as ports:
        _run(Meter(), tenant_ids[1], ports)  # loads what is loaded once a process
        return _run(meter, tenant_ids[0], ports)


def _run(meter: Meter, tenant_ids: Sequence[str], ports: Ports) -> Answer:
    good = writes = 0
    for start in range(0, len(tenant_ids), TENANTS_A_RUN):
        with _stages(meter) as tell:
            batch = tenant_ids[start : start + TENANTS_A_RUN]
            report = sync(
                batch, contract(), ports=ports, mode=SyncMode.APPLY, run_id=ports.ids.new("run"), trigger="schedule", tell=tell
            )
        for tenant in report.tenants.values():
            good += tenant.outcome is RunOutcome.WRITTEN and bool(tenant.balanced) and bool(tenant.certified)
            writes += sum(tenant.writes.values())
    return {"tenants": len(tenant_ids), "good": good, "writes": writes}


@contextmanager
def _stages(meter: Meter) -> Iterator[Callable[[str], None]]:
    """A `tell` that begins a lap with every stage it is told of."""
    with ExitStack() as lap:

        def tell(stage: str) -> None:
            lap.close()
            lap.enter_context(meter.lap(stage))

        tell("start")
        yield tell
