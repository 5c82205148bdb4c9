"""The sensor that starts runs for what waits: accepted webhooks, and failed writes that are due. What is due is the use case's to say.

It reads the inbox's table and Dagster's own list of runs and remembers nothing: whatever was lost or late, the next look sees what still
waits. Anything faster than it is only a nudge.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

import dagster as dg

from integration_pipelines.defs.alerts import tenants_of
from integration_pipelines.defs.batches import events_requests, register
from integration_pipelines.defs.resources import ProductResource
from integration_pipelines.use_cases.due import due_tenants

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition as Job

EVERY = timedelta(seconds=1)
"""Dagster looks at most every five seconds whatever a sensor says."""
UNDER_WAY = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
]
MOST_RUNS = 1_000


def landed_webhooks(job: "Job") -> dg.SensorDefinition:
    """The sensor, on as soon as a daemon runs."""

    @dg.sensor(
        job=job,
        name="landed_webhooks",
        minimum_interval_seconds=int(EVERY.total_seconds()),
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Starts a run for every tenant whose accepted webhooks wait, or whose failed writes are due, unless one is queued or under way. "
        "On by default.",
    )
    def landed(context: dg.SensorEvaluationContext, product: ProductResource) -> Iterator[dg.RunRequest]:
        with product.ports() as ports:
            due = due_tenants(ports.contracts, ports=ports)
            for name, tenants in due.items():
                known = register(context.instance, tenants)
                busy = under_way(context.instance, name)
                yield from events_requests(ports.contracts[name], known, [t for t in tenants if t not in busy])

    return landed


def under_way(instance: dg.DagsterInstance, integration: str) -> set[str]:
    """Tenants for whom a run for events is queued or under way; such a run takes what arrives until it ends."""
    active = dg.RunsFilter(statuses=UNDER_WAY, tags={"integration": integration, "trigger": "event"})
    return {tenant for run in instance.get_runs(active, limit=MOST_RUNS) for tenant in tenants_of(instance, run.tags)}
