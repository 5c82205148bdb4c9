"""The step of the history assets: fill the days of each tenant, report them one by one, reconcile what they found.

A tenant that fails materialises nothing and fails the run at its end; the others go all the way. What the assets are is `history`.
"""

from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from datetime import date

import dagster as dg
from pydantic import Field

from integration_pipelines.core.contract import Contract
from integration_pipelines.core.history import stretches, window
from integration_pipelines.defs.names import asset_key
from integration_pipelines.defs.resources import ProductResource
from integration_pipelines.errors import IntegrationError
from integration_pipelines.ports.bundle import Ports
from integration_pipelines.ports.history import HistoryDay
from integration_pipelines.use_cases.history import Backfilled, Tell, backfill, history_objects
from integration_pipelines.use_cases.launches import TENANT_TAG, run_tags
from integration_pipelines.use_cases.outcome import SyncMode
from integration_pipelines.use_cases.records import sync_touched

DAY, TENANT = "day", "tenant"
TRIGGER = "backfill"
telling: ContextVar[Tell] = ContextVar("telling", default=lambda *_: None)
"""Who is told how far a step of this process is: a command that waits for it."""


class HistoryConfig(dg.Config):
    """What a launch may ask for; a click or a backfill in the UI asks for nothing and therefore only plans."""

    mode: str = Field(
        default="plan", description="for the records found changed. plan: show what would be written; apply: write it"
    )


def changes_asset(object_name: str) -> str:
    """The name of an object's history asset, e.g. `crm_accounts_changes`."""
    return f"{object_name}_changes"


def partition_key(day: date, tenant_id: str) -> dg.MultiPartitionKey:
    """The partition of one day of one tenant."""
    return dg.MultiPartitionKey({DAY: day.isoformat(), TENANT: tenant_id})


def fill_history(
    context: dg.AssetExecutionContext, config: HistoryConfig, contract: Contract, product: ProductResource
) -> Iterator[dg.AssetMaterialization]:
    """Fill the partitions of a run.

    Raises:
        dg.Failure: at the end, naming every tenant that did not go through and why.
    """
    if config.mode not in set(SyncMode):
        raise dg.Failure(description=f"There is no mode {config.mode}. Write `mode: plan` or `mode: apply`.", allow_retries=False)
    wanted = _wanted(context)
    _tag(context, contract, list(wanted))
    failed: dict[str, str] = {}
    with product.ports() as ports:
        having = {i.tenant_id for i in ports.tenants.installations(None, contract.contract)}
        for tenant_id, days in wanted.items():
            if tenant_id not in having:  # a job over several contracts reaches tenants that have one of them
                context.log.info("%s is not installed at %s", contract.contract, tenant_id)
                continue
            try:
                found = _fill(context, contract, tenant_id, days, ports)
                yield from _materializations(context, contract, found)
                fault = _reconcile(context, contract, found, SyncMode(config.mode), ports)
                failed |= {tenant_id: fault} if fault else {}
            except IntegrationError as error:
                failed[tenant_id] = str(error)
    if failed:
        text = "; ".join(f"{tenant}: {reason}" for tenant, reason in failed.items())
        description = f"{len(failed)} of {len(wanted)} tenants failed. {text}"
        raise dg.Failure(description=description, metadata={TENANT_TAG: ", ".join(failed)}, allow_retries=False)


def _wanted(context: dg.AssetExecutionContext) -> dict[str, list[date]]:
    """The days asked for, by tenant."""
    wanted: dict[str, list[date]] = {}
    for key in context.partition_keys:
        if not isinstance(key, dg.MultiPartitionKey):
            raise dg.Failure(description=f"{key} is no day of a tenant. Choose both.", allow_retries=False)
        wanted.setdefault(key.keys_by_dimension[TENANT], []).append(date.fromisoformat(key.keys_by_dimension[DAY]))
    return wanted


def _tag(context: dg.AssetExecutionContext, contract: Contract, tenants: Sequence[str]) -> None:
    """Give a run that was started in the UI the tags that every launch of ours carries."""
    tags = run_tags(
        integration=contract.contract, trigger=TRIGGER, scope="records", contract_version=contract.version,
        tenant=tenants[0] if len(tenants) == 1 else None,
    )  # fmt: skip
    missing = {name: value for name, value in tags.items() if name not in context.run.tags}
    context.instance.add_run_tags(context.run.run_id, missing)


def _fill(
    context: dg.AssetExecutionContext, contract: Contract, tenant_id: str, days: Sequence[date], ports: Ports
) -> Backfilled:
    """The days that lie in the window; of the others it is said that they were left out."""
    begins, ends = window(ports.clock.now(), contract.boundaries.history_days)
    inside = [day for day in days if begins <= day <= ends]
    for first, last in stretches(set(days) - set(inside)):
        context.log.warning("%s: %s to %s is outside the window from %s to %s and left out", tenant_id, first, last, begins, ends)
    objects = [n for n in history_objects(contract) if asset_key(contract, changes_asset(n)) in context.selected_asset_keys]
    return backfill(
        tenant_id, contract, inside or days, ports=ports, run_id=context.run.run_id, objects=objects, tell=telling.get()
    )


def _materializations(
    context: dg.AssetExecutionContext, contract: Contract, found: Backfilled
) -> Iterator[dg.AssetMaterialization]:
    """One for each object and day, with what can be told of it."""
    for day in sorted((*found.days, *found.kept), key=lambda d: (d.object, d.day)):
        yield dg.AssetMaterialization(
            asset_key=asset_key(contract, changes_asset(day.object)),
            partition=partition_key(day.day, day.tenant_id),
            metadata=_metadata(day, contract, kept=day.run_id != context.run.run_id),
        )


def _metadata(day: HistoryDay, contract: Contract, *, kept: bool) -> dict[str, dg.MetadataValue | int]:
    look = f'analytics.history(tenants="{day.tenant_id}", integration="{contract.contract}")'
    texts = {
        "coverage": day.coverage.value, "reason": day.reason or "-", "source": day.source or "-", "look": look,
        "filled_by": f"run {day.run_id}, which could tell more" if kept else "this run",
    }  # fmt: skip
    return {"dagster/row_count": day.rows} | {name: dg.MetadataValue.text(value) for name, value in texts.items()}


def _reconcile(context: dg.AssetExecutionContext, contract: Contract, found: Backfilled, mode: SyncMode, ports: Ports) -> str:
    """Let the touched records flow into the reconciliation; what went wrong there, '' if nothing did. The history stays."""
    touched = sum(len(ids) for ids in found.touched.values())
    context.log.info("%s: %s days filled, %s records changed on them", found.tenant_id, len(found.days), touched)
    report = sync_touched(found, contract, ports=ports, mode=mode, run_id=context.run.run_id)
    if report is None:
        return ""
    tenant = report.tenant(found.tenant_id)
    context.log.info("%s: %s%s", tenant.tenant_id, tenant.outcome, f" ({tenant.reason})" if tenant.reason else "")
    if tenant.fault is None:
        return ""
    text = f"The history is filled, but the records that changed could not be reconciled. {tenant.fault.text}"
    return f"{text} {tenant.fault.remedy}".strip()
