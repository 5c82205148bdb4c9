"""The chain of one contract as one multi-asset step over a range of tenants.

One step, because a range-run step that returns normally would mark every partition of the range as materialised: here every tenant
that went all the way is logged by itself, outputs are skippable, and a tenant that failed materialises nothing.
"""

from collections.abc import Iterator

import dagster as dg
from pydantic import Field

from integration_pipelines.core.contract import Contract
from integration_pipelines.defs.events import evaluations, materializations
from integration_pipelines.defs.partitions import TENANTS
from integration_pipelines.defs.resources import ProductResource
from integration_pipelines.defs.specs import asset_specs, check_specs
from integration_pipelines.use_cases.approve import approve_plan
from integration_pipelines.use_cases.outcome import BatchReport, SyncMode
from integration_pipelines.use_cases.sync import sync


class ChainConfig(dg.Config):
    """What a launch may ask for; a click in the UI asks for nothing and therefore only plans."""

    mode: str = Field(default="plan", description="plan: show what would be written; apply: write what switches and guards allow")
    full: bool = Field(default=True, description="read everything instead of what changed since the last read")
    record_ids: list[str] = Field(default_factory=list, description="plan writes for these records and what they are linked to")
    approve_plan_hash: str = Field(default="", description="approve the held plan with this hash before the run")


def chain_assets(contract: Contract) -> dg.AssetsDefinition:
    """All assets of a contract's chain."""

    @dg.multi_asset(
        name=f"{contract.contract}_chain", specs=asset_specs(contract), check_specs=check_specs(contract), can_subset=True
    )
    def chain(
        context: dg.AssetExecutionContext, config: ChainConfig, product: ProductResource
    ) -> Iterator[dg.AssetMaterialization]:
        tenants = list(context.partition_keys)
        with product.ports() as ports:
            if config.approve_plan_hash:
                for tenant_id in tenants:
                    approve_plan(tenant_id, config.approve_plan_hash, actor="dagster", ports=ports)
            report = sync(
                tenants,
                contract,
                ports=ports,
                mode=SyncMode(config.mode),
                run_id=context.run_id,
                trigger=context.run.tags.get("trigger", "manual"),
                full=config.full,
                only=config.record_ids,
                tell=lambda stage: context.log.info("stage: %s", stage),
            )
        _log(context, report, contract)
        yield from ()

    return chain


def _log(context: dg.AssetExecutionContext, report: BatchReport, contract: Contract) -> None:
    """Log what succeeded; then fail the run if anything failed."""
    selected = context.selected_asset_keys
    for tenant in report.tenants.values():
        for check in evaluations(tenant):
            if check.asset_check_key in context.selected_asset_check_keys:
                context.log_event(check)
        if tenant.fault is None:
            for event in materializations(report, contract, tenant):
                if event.asset_key in selected:
                    context.log_event(event)
    failed = {t.tenant_id: t.fault for t in report.tenants.values() if t.fault is not None}
    if failed:
        text = "; ".join(f"{tenant}: {fault.text} {fault.remedy}" for tenant, fault in failed.items())
        raise dg.Failure(description=f"{len(failed)} of {len(report.tenants)} tenants failed. {text}", allow_retries=False)


__all__ = ["TENANTS", "ChainConfig", "chain_assets"]
