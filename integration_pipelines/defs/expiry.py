"""Days of history that left the contracts' rolling windows go every night. What goes is decided by `use_cases.history_expire`."""

import dagster as dg

from integration_pipelines.defs.resources import ProductResource
from integration_pipelines.use_cases.history_expire import expire_history


@dg.op(description="Remove the files and notes of days that are older than their contract's window.")
def remove_old_history(context: dg.OpExecutionContext, product: ProductResource) -> None:
    """Forget what is older than people were told."""
    with product.ports() as ports:
        gone = {name: expire_history(contract, ports=ports) for name, contract in ports.contracts.items()}
    context.log.info("days of history removed: %s", gone)
    context.add_output_metadata({f"{name}_days_removed": days for name, days in gone.items()})


@dg.job(
    description="Remove history that is older than the contracts' rolling windows.",
    executor_def=dg.in_process_executor,
)
def prune_history() -> None:
    """Keep evidence no longer than people were told."""
    remove_old_history()


@dg.schedule(
    job=prune_history,
    cron_schedule="50 4 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Every night at 04:50 UTC. On by default.",
)
def forgetting(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """One run a night."""
    return dg.RunRequest(run_key=context.scheduled_execution_time.strftime("%Y-%m-%d"))
