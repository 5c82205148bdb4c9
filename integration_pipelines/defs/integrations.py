"""What Dagster loads: for every packaged contract its chain, its jobs and the resource they use."""

import dagster as dg

from integration_pipelines.defs.chain import chain_assets
from integration_pipelines.defs.partitions import TENANTS
from integration_pipelines.defs.resources import ProductResource
from integration_pipelines.wiring import packaged_contracts


@dg.definitions
def integrations() -> dg.Definitions:
    """Chains and jobs derived from the contracts."""
    chains = [chain_assets(contract) for contract in packaged_contracts().values()]
    keys = [key for chain in chains for key in chain.keys]
    reconcile = dg.define_asset_job(
        "reconcile_tenant",
        selection=dg.AssetSelection.assets(*keys),
        partitions_def=TENANTS,
        executor_def=dg.in_process_executor,
        description="Reconcile one tenant or a range of tenants. Plans only, unless the run config says `mode: apply`.",
    )
    return dg.Definitions(
        assets=chains, jobs=[reconcile], resources={"product": ProductResource()}, executor=dg.in_process_executor
    )
