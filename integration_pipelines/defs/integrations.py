"""What Dagster loads: for every packaged contract its chain, its jobs and the resource they use."""

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from integration_pipelines.defs.alerts import alert_sensors
from integration_pipelines.defs.chain import chain_assets
from integration_pipelines.defs.expiry import forgetting, prune_history
from integration_pipelines.defs.history import backfill_job, history_assets
from integration_pipelines.defs.landed import landed_webhooks
from integration_pipelines.defs.pruning import prune_storage, pruning
from integration_pipelines.defs.resources import ProductResource
from integration_pipelines.defs.schedules import own_run_for_failed_tenants, schedules, settle_what_was_interrupted
from integration_pipelines.known import packaged_contracts
from integration_pipelines.store.clock import SystemClock
from integration_pipelines.use_cases.launches import EVENTS_FIRST, EVENTS_JOB, PRIORITY, events_job

JOBS = {
    "reconcile_all": "Reconcile ranges of tenants: what the schedules launch. Plans only, unless the run config says `mode: apply`.",
    "reconcile_tenant": "Reconcile one tenant or a range of tenants. Plans only, unless the run config says `mode: apply`.",
    EVENTS_JOB: "Work off the webhooks that wait (`inbox: true`), or reconcile the records named in `record_ids`, with all that decides about "
    "them. Plans only, unless it says `mode: apply`.",
}
PRIORITIES = {"reconcile_all": "5", "reconcile_tenant": "5", EVENTS_JOB: EVENTS_FIRST}
"""Place in the queue. A backfill of assets in the UI has Dagster's own 0, so that it waits behind everything that keeps tenants in sync."""


@dg.definitions
def integrations() -> dg.Definitions:
    """Chains and jobs derived from the contracts."""
    chains = [chain_assets(contract) for contract in packaged_contracts().values()]
    now = SystemClock().now()
    histories = [history_assets(contract, now) for contract in packaged_contracts().values()]
    selection = dg.AssetSelection.assets(*(key for chain in chains for key in chain.keys))
    jobs = {name: _job(name, selection, description, PRIORITIES[name]) for name, description in JOBS.items()}
    of_one = [
        _job(events_job(contract), dg.AssetSelection.assets(*chain.keys), JOBS[EVENTS_JOB], EVENTS_FIRST)
        for contract, chain in zip(packaged_contracts().values(), chains, strict=True)
    ]
    return dg.Definitions(
        assets=[*chains, *histories],
        jobs=[*jobs.values(), *of_one, backfill_job(histories), prune_storage, prune_history],
        schedules=[*schedules(jobs["reconcile_all"]), pruning, forgetting],
        sensors=[
            own_run_for_failed_tenants(jobs["reconcile_all"], jobs["reconcile_tenant"]),
            landed_webhooks(jobs[EVENTS_JOB]),
            settle_what_was_interrupted(jobs["reconcile_tenant"]),
            *alert_sensors(),
        ],
        resources={"product": ProductResource()},
        executor=dg.in_process_executor,
    )


def _job(name: str, selection: dg.AssetSelection, description: str, priority: str) -> UnresolvedAssetJobDefinition:
    return dg.define_asset_job(
        name, selection=selection, executor_def=dg.in_process_executor, description=description, tags={PRIORITY: priority}
    )
