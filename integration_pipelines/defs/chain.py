"""The chain of one contract as one multi-asset step over one tenant or a range of them.

One step, because a range-run step that returns normally would mark every partition of the range as materialised: here every tenant
that went all the way is reported by itself before the step fails for those that did not, and a tenant that failed materialises nothing.
"""

from collections.abc import Callable, Iterator, Sequence

import dagster as dg
import structlog
from pydantic import Field

from integration_pipelines.core.contract import Contract
from integration_pipelines.defs.events import AssetEvent, evaluations, materializations
from integration_pipelines.defs.facts import Facts, facts_of
from integration_pipelines.defs.names import asset_key
from integration_pipelines.defs.resources import ProductResource
from integration_pipelines.defs.specs import asset_specs, check_specs, writing_assets
from integration_pipelines.errors import IntegrationError
from integration_pipelines.logs import logger
from integration_pipelines.ports.bundle import Ports
from integration_pipelines.use_cases.approve import approve_plan
from integration_pipelines.use_cases.events import drain
from integration_pipelines.use_cases.launches import EVENTS_JOB, TENANT_TAG, events_job, run_tags
from integration_pipelines.use_cases.outcome import BatchReport, SyncMode
from integration_pipelines.use_cases.records import sync_named
from integration_pipelines.use_cases.sync import sync


class ChainConfig(dg.Config):
    """What a launch may ask for; a click in the UI asks for nothing and therefore only plans."""

    mode: str = Field(default="plan", description="plan: show what would be written; apply: write what switches and guards allow")
    full: bool = Field(default=True, description="read everything instead of what changed since the last read")
    inbox: bool = Field(
        default=False, description="work off the webhooks that wait for these tenants, and the failed writes that are due"
    )
    record_ids: list[str] = Field(default_factory=list, description="plan writes for these records and what they are linked to")
    approve_plan_hash: str = Field(default="", description="approve the held plan with this hash before the run; one tenant only")


def chain_assets(contract: Contract) -> dg.AssetsDefinition:
    """All assets of a contract's chain."""

    @dg.multi_asset(
        name=f"{contract.contract}_chain", specs=asset_specs(contract), check_specs=check_specs(contract), can_subset=True
    )
    def chain(context: dg.AssetExecutionContext, config: ChainConfig, product: ProductResource) -> Iterator[AssetEvent]:
        tenants = list(context.partition_keys)
        bound = {"integration": contract.contract, "run": context.run.run_id} | (
            {"tenant": tenants[0]} if len(tenants) == 1 else {}
        )
        with structlog.contextvars.bound_contextvars(**bound), product.ports() as ports:
            tenants = _installed(tenants, contract, ports)
            if not tenants:
                context.log.info("%s is not installed there", contract.contract)
                return
            _check_request(context, config, contract, tenants)
            _tag(context, config, contract, tenants)
            try:
                report = _run(context, config, contract, tenants, ports)
            except IntegrationError as error:  # a fault of the whole batch, e.g. a plan to approve that does not exist
                raise dg.Failure(description=str(error), metadata={"kind": str(error.kind)}, allow_retries=False) from error
            facts = facts_of(report, contract, ports)
        yield from _events(context, report, contract, facts)
        _conclude(context, report)

    return chain


def _check_request(context: dg.AssetExecutionContext, config: ChainConfig, contract: Contract, tenants: Sequence[str]) -> None:
    """Refuse what cannot be meant, before anything is read."""
    if config.mode not in set(SyncMode):
        raise _refusal(f"There is no mode {config.mode}.", "Write `mode: plan` or `mode: apply`.")
    unselected = {asset_key(contract, name) for name in writing_assets(contract)} - context.selected_asset_keys
    if config.mode == SyncMode.APPLY and unselected:
        names = ", ".join(sorted(key.to_user_string() for key in unselected))
        raise _refusal(f"`mode: apply` writes, but {names} are not selected.", "Select them too, or leave the mode at plan.")
    if config.inbox and config.record_ids:
        raise _refusal("A run works off the inbox or looks at named records.", "Leave `inbox` or `record_ids` away.")
    if context.run.job_name in {EVENTS_JOB, events_job(contract)} and not config.record_ids and not config.inbox:
        raise _refusal(
            f"{EVENTS_JOB} was given no records.", "Name them in `record_ids`, say `inbox: true`, or run reconcile_tenant."
        )
    if config.approve_plan_hash and len(tenants) != 1:
        raise _refusal("A plan's hash belongs to one tenant, and this run has several.", "Approve tenant by tenant.")


def _refusal(text: str, remedy: str) -> dg.Failure:
    return dg.Failure(description=f"{text} {remedy}", allow_retries=False)


def _tag(context: dg.AssetExecutionContext, config: ChainConfig, contract: Contract, tenants: Sequence[str]) -> None:
    """Give a run that was started by a click or a backfill the tags that every launch of ours carries."""
    tags = run_tags(
        integration=contract.contract,
        trigger="backfill" if "dagster/backfill" in context.run.tags else "manual",
        scope="records" if config.record_ids or config.inbox else "full",
        contract_version=contract.version,
        tenant=tenants[0] if len(tenants) == 1 else None,
    )
    missing = {name: value for name, value in tags.items() if name not in context.run.tags}
    context.instance.add_run_tags(context.run.run_id, missing)


def _run(
    context: dg.AssetExecutionContext, config: ChainConfig, contract: Contract, tenants: Sequence[str], ports: Ports
) -> BatchReport:
    if config.inbox:
        tell = _teller(context)
        return drain(tenants, contract, ports=ports, run_id=context.run.run_id, mode=SyncMode(config.mode), tell=tell)
    if config.approve_plan_hash:
        approve_plan(tenants[0], config.approve_plan_hash, actor="dagster", ports=ports)
    if config.record_ids:
        mode, run_id = SyncMode(config.mode), context.run.run_id
        return sync_named(tenants, contract, config.record_ids, ports=ports, mode=mode, run_id=run_id, tell=_teller(context))
    default = "backfill" if "dagster/backfill" in context.run.tags else "manual"
    return sync(
        tenants,
        contract,
        ports=ports,
        mode=SyncMode(config.mode),
        run_id=context.run.run_id,
        trigger=context.run.tags.get("trigger", default),
        full=config.full,
        tell=_teller(context),
    )


def _teller(context: dg.AssetExecutionContext) -> Callable[[str], None]:
    return lambda stage: context.log.info("stage: %s", stage)


def _installed(tenants: Sequence[str], contract: Contract, ports: Ports) -> list[str]:
    """A run over a range, or of a job over all integrations, meets tenants that do not have this one."""
    has = {i.tenant_id for i in ports.tenants.installations(tenants, contract.contract)}
    return [tenant for tenant in tenants if tenant in has]


def _events(context: dg.AssetExecutionContext, report: BatchReport, contract: Contract, facts: Facts) -> Iterator[AssetEvent]:
    """What the selected checks found for every tenant, and the selected assets of every tenant that went all the way."""
    for tenant in report.tenants.values():
        for check in evaluations(contract, tenant, facts):
            if check.asset_check_key in context.selected_asset_check_keys:
                yield check
        if tenant.fault is None and tenant.numbers is not None:  # a skipped tenant was not looked at
            for event in materializations(report, contract, tenant, facts):
                if event.asset_key in context.selected_asset_keys:
                    yield event


def _conclude(context: dg.AssetExecutionContext, report: BatchReport) -> None:
    """Say how every tenant ended, then fail the run if any failed."""
    log = logger(__name__).bind(integration=report.integration, run=context.run.run_id)
    for tenant in report.tenants.values():
        tell = context.log.info if tenant.fault is None else context.log.error
        tell("%s: %s%s", tenant.tenant_id, tenant.outcome, f" ({tenant.reason})" if tenant.reason else "")
        log.info(
            "tenant_ended", tenant=tenant.tenant_id, outcome=str(tenant.outcome), balanced=tenant.balanced, calls=tenant.calls
        )
    hashes = [t.numbers.plan_hash for t in report.tenants.values() if t.numbers is not None and t.numbers.records]
    if len(report.tenants) == 1 and hashes:
        context.instance.add_run_tags(context.run.run_id, {"plan_hash": hashes[0]})
    failed = {t.tenant_id: t.fault for t in report.tenants.values() if t.fault is not None}
    if failed:
        text = "; ".join(f"{tenant}: {fault.text} {fault.remedy}" for tenant, fault in failed.items())
        raise dg.Failure(
            description=f"{len(failed)} of {len(report.tenants)} tenants failed. {text}",
            metadata={TENANT_TAG: ", ".join(failed), "kinds": ", ".join(sorted({str(f.kind) for f in failed.values()}))},
            allow_retries=False,
        )
