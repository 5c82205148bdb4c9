"""When runs start by themselves: every night everything, every hour what changed; and a tenant that failed gets a run of its own.

All of them are on as soon as a daemon runs. What they may write is decided by switches, approvals and guards, tenant by tenant.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

import dagster as dg

from integration_pipelines.core.contract import Contract
from integration_pipelines.defs.batches import range_request, ranges, ready_tenants, register, retry_request
from integration_pipelines.defs.resources import ProductResource
from integration_pipelines.known import packaged_contracts
from integration_pipelines.ports.tenants import TenantStore
from integration_pipelines.use_cases.launches import TENANT_TAG

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition as Job

NIGHTLY = "0 2 * * *"
HOURLY = "17 * * * *"  # not when everybody else's jobs start
ZONE = "UTC"
FAILED = "failed"
LOOK_EVERY = timedelta(minutes=2)
STILL_UNDER_WAY = timedelta(minutes=3)
"""A write that was planned so lately may still get its answer."""
SETTLE_AGAIN = timedelta(minutes=10)
"""So often at most a tenant gets such a run."""
SETTLED_WITHIN = timedelta(hours=24)
"""What is older waits for the hourly run."""


def schedules(job: "Job") -> list[dg.ScheduleDefinition]:
    """Both schedules of the job that covers all tenants."""
    return [
        _schedule(
            job, "nightly_full_reconcile", NIGHTLY, full=True,
            text="Every night at 02:00 UTC: read every tenant in full and reconcile. On by default.",
        ),
        _schedule(
            job, "hourly_incremental", HOURLY, full=False,
            text="Every hour at minute 17 UTC: read what changed since the last read and reconcile. On by default.",
        ),
    ]  # fmt: skip


def _schedule(job: "Job", name: str, cron: str, *, full: bool, text: str) -> dg.ScheduleDefinition:
    @dg.schedule(
        job=job, name=name, cron_schedule=cron, execution_timezone=ZONE, description=text,
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )  # fmt: skip
    def due(context: dg.ScheduleEvaluationContext, product: ProductResource) -> Iterator[dg.RunRequest]:
        at = context.scheduled_execution_time.strftime("%Y-%m-%dT%H:%M")
        with product.ports() as ports:
            yield from requests_for_all(context.instance, ports.tenants, f"{name}:{at}", full=full)

    return due


def requests_for_all(instance: dg.DagsterInstance, tenants: TenantStore, occasion: str, *, full: bool) -> Iterator[dg.RunRequest]:
    """One run for each stretch of connected tenants of every integration; tenants that are new become partitions.

    Args:
        instance: whose partitions.
        tenants: who has which integration, and who is connected.
        occasion: which schedule and when; the same occasion never launches twice.
        full: read everything.
    """
    for contract in packaged_contracts().values():
        ready = ready_tenants(tenants, contract)
        for stretch in ranges(register(instance, ready), ready):
            key = f"{occasion}:{contract.contract}:{stretch[0]}"
            yield range_request(contract, stretch, trigger="schedule", full=full, run_key=key)


def own_run_for_failed_tenants(monitored: "Job", own: "Job") -> dg.SensorDefinition:
    """A sensor: when a run over several tenants failed, each tenant that failed in it gets one run of its own, which fails visibly."""

    @dg.run_failure_sensor(
        name="own_run_for_failed_tenants",
        monitored_jobs=[monitored],
        request_jobs=[own],
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="A tenant that failed in a run of many gets one run of its own, at once. On by default.",
    )
    def failed(context: dg.RunFailureSensorContext, product: ProductResource) -> Iterator[dg.RunRequest]:
        run = context.dagster_run
        if TENANT_TAG in run.tags:  # it was one tenant's own run already: people hear of it, it is not repeated
            return
        with product.ports() as ports:
            rows = [r for r in ports.runs.of_run(run.run_id) if r.outcome in {FAILED, None}]  # None: the process died under it
        for row in rows:
            contract = _contract(row.integration)
            if contract is not None:
                yield retry_request(contract, row.tenant_id, run.run_id, full=True)

    return failed


def settle_what_was_interrupted(own: "Job") -> dg.SensorDefinition:
    """A sensor: writes whose fate is open, since a process died or an answer never came, are settled by a run of their tenant's own.

    The next hour's run would do it, too; but what a write replaced unseen is to be back within a quarter of an hour.
    """

    @dg.sensor(
        job=own,
        name="settle_interrupted_writes",
        minimum_interval_seconds=int(LOOK_EVERY.total_seconds()),
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Every two minutes: a tenant of whom a write is open, since a process died or an answer never came, gets a run that settles "
        "it by reading. On by default.",
    )
    def look(context: dg.SensorEvaluationContext, product: ProductResource) -> Iterator[dg.RunRequest]:
        with product.ports() as ports:
            now = ports.clock.now()
            for tenant, integration in ports.alerting.standings.unsettled((now - SETTLED_WITHIN, now - STILL_UNDER_WAY)):
                contract = _contract(integration)
                if contract is not None:
                    register(context.instance, [tenant])
                    key = f"settle:{integration}:{tenant}:{int(now.timestamp() // SETTLE_AGAIN.total_seconds())}"
                    yield range_request(contract, [tenant], trigger="schedule", full=False, run_key=key)

    return look


def _contract(name: str) -> Contract | None:
    return packaged_contracts().get(name)
