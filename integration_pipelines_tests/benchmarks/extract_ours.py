"""The connectors' side of `extract`: one object of one tenant, read in full into a Parquet file of the lake."""

import logging
from collections.abc import Mapping
from pathlib import Path

import structlog

from integration_pipelines.known import packaged_contracts
from integration_pipelines.partners.hubspot.client import HubSpotConnector
from integration_pipelines.partners.stripe.client import StripeConnector
from integration_pipelines.ports.lake import StoredFile
from integration_pipelines.ports.quota import Quota
from integration_pipelines.store.clock import SortableIds, SystemClock
from integration_pipelines.store.lake import ParquetLake
from integration_pipelines_tests.benchmarks.meter import Answer, Meter
from integration_pipelines_tests.benchmarks.task import Task, which

_CONNECTORS: dict[str, type[StripeConnector | HubSpotConnector]] = {"stripe": StripeConnector, "hubspot": HubSpotConnector}


class Lifted(Quota):
    """Every permit at once: the sandbox has no limits here, and the other side keeps none."""

    def acquire(self, bucket: str, per_second: float, burst: int, timeout: float) -> None:
        """Granted."""

    def park(self, bucket: str, seconds: float) -> None:
        """Never asked for here."""


def ours(meter: Meter, folder: Path, task: Task) -> Answer:
    """Read one object through its connector into the lake; answers how many records there were, and which."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.INFO))  # as the product's own default
    lake = ParquetLake(folder / "lake", SortableIds(SystemClock()))
    _read(task, task["small"], lake)
    with meter.lap("extract"):
        stored = _read(task, task["large"], lake)
    return which(lake.read([stored])["record_id"].to_pylist())


def _read(task: Task, account: Mapping[str, str], lake: ParquetLake) -> StoredFile:
    connector = _CONNECTORS[task["partner"]](
        tenant_id="t1", base_url=account["base_url"], token=lambda: account["token"], quota=Lifted(), clock=SystemClock()
    )
    extraction = connector.extract(task["object"], packaged_contracts()["crm_billing"].objects[task["object"]], None)
    stored = lake.write(tenant_id="t1", dataset=task["object"], schema=extraction.schema, batches=extraction)
    connector.close()
    return stored
