"""Sensors that let people hear of trouble. What counts as trouble and who is told is the use case's; here is only when it looks."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

import dagster as dg

from integration_pipelines.defs.batches import RANGE_END, RANGE_START
from integration_pipelines.defs.partitions import TENANTS
from integration_pipelines.defs.resources import ProductResource
from integration_pipelines.use_cases.alerts import Launch, end_runs, note_lost_launch, sweep_alerts
from integration_pipelines.use_cases.launches import EVENTS_JOB
from integration_pipelines.use_cases.tell import tell_due

EVERY = timedelta(minutes=1)
_PARTITION = "dagster/partition"
_OF_TENANTS = {"reconcile_all", "reconcile_tenant", "__ASSET_JOB"}  # and those for events
_WATCHED = {"schedule", "event"}
"""Launches that nobody watches; who starts a run by hand sees how it ends."""


def alert_sensors() -> list[dg.SensorDefinition]:
    """Both are on as soon as a daemon runs."""
    return [_on_run_failure(), _every_minute()]


def _on_run_failure() -> dg.SensorDefinition:
    @dg.run_failure_sensor(
        name="alerts_on_run_failure",
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="When a run fails or its process dies, notes it for its tenants, opens alerts and sends them. On by default.",
    )
    def failed(context: dg.RunFailureSensorContext, product: ProductResource) -> None:
        with product.ports() as ports:
            now, run = ports.clock.now(), context.dagster_run
            known = ports.runs.of_run(run.run_id)
            end_runs(known, now, ports=ports)
            if not known and run.tags.get("trigger") in _WATCHED and "integration" in run.tags:
                tenants = tenants_of(context.instance, run.tags)
                launch = Launch(run.run_id, run.tags["integration"], run.tags["trigger"], run.tags.get("scope", "full"))
                note_lost_launch(launch, tenants, now, ports=ports)
            context.log.info(str(sweep_alerts(ports, now)))

    return failed


def _every_minute() -> dg.SensorDefinition:
    @dg.sensor(
        name="stale_tenants",
        minimum_interval_seconds=int(EVERY.total_seconds()),
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Every minute: looks for tenants without a certified full reconciliation within the contract's hours, held plans, "
        "failed checks, connections that are not accepted, writes that were given up, runs that died and jobs that failed; opens and closes alerts "
        "and sends them, and messages to people that did not go through before. On by default.",
    )
    def look(context: dg.SensorEvaluationContext, product: ProductResource) -> dg.SkipReason:
        with product.ports() as ports:
            tell_due(None, ports=ports)  # first, so that a message that is given up now is told of at once
            return dg.SkipReason(str(sweep_alerts(ports, ports.clock.now(), failed_jobs=_failed_jobs(context))))

    return look


def _failed_jobs(context: dg.SensorEvaluationContext) -> dict[str, str] | None:
    """Jobs beside the chains' whose newest run that ended failed; a tenant's runs are judged by the store."""
    if context.repository_def is None:
        return None
    found = {}
    names = {job.name for job in context.repository_def.get_all_jobs()} - _OF_TENANTS
    for job in sorted(name for name in names if not name.startswith(EVENTS_JOB)):
        ended = dg.RunsFilter(job_name=job, statuses=[dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE])
        for record in context.instance.get_run_records(ended, limit=1):
            if record.dagster_run.status is dg.DagsterRunStatus.FAILURE:
                found[job] = record.dagster_run.run_id
    return found


def tenants_of(instance: dg.DagsterInstance, tags: Mapping[str, str]) -> Sequence[str]:
    """The tenants that a run was launched for."""
    if _PARTITION in tags:
        return [tags[_PARTITION]]
    known = instance.get_dynamic_partitions(str(TENANTS.name))
    if tags.get(RANGE_START) not in known or tags.get(RANGE_END) not in known:
        return []
    return known[known.index(tags[RANGE_START]) : known.index(tags[RANGE_END]) + 1]
