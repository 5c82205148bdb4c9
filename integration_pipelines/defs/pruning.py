"""Dagster's own storage stays small: of every asset and check each partition keeps its newest run, older runs go with their events.

Nothing of a tenant is lost by it: what the sync knows is in the product's own tables and files. Of those goes what `use_cases.prune` says.
"""

from datetime import UTC, datetime, timedelta

import dagster as dg
from pydantic import Field

from integration_pipelines.defs.resources import ProductResource
from integration_pipelines.defs.specs import check_specs
from integration_pipelines.known import packaged_contracts
from integration_pipelines.use_cases.prune import prune

KEEP_DAYS = 7
MOST_RUNS = 10_000
_PAGE = 500
_ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]


class PruneConfig(dg.Config):
    """What is kept besides."""

    keep_days: int = Field(default=KEEP_DAYS, ge=0, description="runs younger than this stay whatever they did")


@dg.op(description="Remove ended runs of which no partition of any asset or check needs the events any more.")
def remove_superseded_runs(context: dg.OpExecutionContext, config: PruneConfig) -> None:
    """Delete old runs; the newest run of each partition stays, so that no partition looks as if it had never run."""
    instance = context.instance
    before = datetime.now(tz=UTC) - timedelta(days=config.keep_days)
    kept = newest_runs(instance)
    removed = 0
    for run_id in _ended_before(instance, before):
        if run_id not in kept and run_id != context.run_id:
            instance.delete_run(run_id)
            removed += 1
    context.log.info("%s runs removed, %s kept for the state of a partition", removed, len(kept))
    context.add_output_metadata({"runs_removed": removed, "runs_kept": len(kept)})


def newest_runs(instance: dg.DagsterInstance) -> set[str]:
    """The runs that hold the newest materialisation of any partition, or the newest evaluation of any check."""
    kept: set[str] = set()
    for asset in instance.get_asset_keys():
        newest = instance.get_latest_storage_id_by_partition(asset, dg.DagsterEventType.ASSET_MATERIALIZATION)
        ids = sorted(newest.values())
        for start in range(0, len(ids), _PAGE):
            chunk = ids[start : start + _PAGE]
            query = dg.AssetRecordsFilter(asset_key=asset, storage_ids=chunk)
            kept |= {record.run_id for record in instance.fetch_materializations(query, limit=len(chunk)).records}
    checks = [spec.key for contract in packaged_contracts().values() for spec in check_specs(contract)]
    found = instance.event_log_storage.get_asset_check_partition_info(checks)
    return kept | {info.latest_planned_run_id for info in found}


def _ended_before(instance: dg.DagsterInstance, moment: datetime) -> list[str]:
    filters = dg.RunsFilter(statuses=_ENDED, created_before=moment)
    return [record.dagster_run.run_id for record in instance.get_run_records(filters, limit=MOST_RUNS, ascending=True)]


@dg.op(description="Remove notes of old runs, replaced files and orphans of the product's own store and lake.")
def remove_what_nobody_needs(context: dg.OpExecutionContext, product: ProductResource) -> None:
    """Forget what is older than people may ask about, and files that newer ones replaced."""
    with product.ports() as ports:
        pruned = prune(ports=ports)
    context.log.info("pruned: %s", pruned)
    context.add_output_metadata(
        {f"{table}_rows_removed": n for table, n in pruned.rows.items()}
        | {"replaced_files_removed": pruned.replaced_files, "orphans_removed": pruned.orphans}
        | {"landed_files_removed": pruned.landed_files}
    )


@dg.job(
    description="Remove runs, notes and files that nothing needs any more; each partition keeps its newest run.",
    executor_def=dg.in_process_executor,
)
def prune_storage() -> None:
    """Keep Dagster's storage, the store and the lake small."""
    remove_superseded_runs()
    remove_what_nobody_needs()


@dg.schedule(
    job=prune_storage,
    cron_schedule="40 4 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Every night at 04:40 UTC. On by default.",
)
def pruning(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """One run a night."""
    return dg.RunRequest(run_key=context.scheduled_execution_time.strftime("%Y-%m-%d"))
