"""Which tenants a scheduled run covers: ranges of neighbours in Dagster's list of partitions, about two hundred a run.

A run for each tenant would cost more to launch than to do; a run for all would fail and be repeated as a whole.
"""

from collections.abc import Iterator, Sequence

import dagster as dg

from integration_pipelines.core.contract import Contract
from integration_pipelines.defs.partitions import TENANTS
from integration_pipelines.defs.specs import chain_keys
from integration_pipelines.ports.tenants import TenantStore
from integration_pipelines.use_cases.launches import OWN_RUNS, events_config, events_tags, run_tags

RANGE_START = "dagster/asset_partition_range_start"
RANGE_END = "dagster/asset_partition_range_end"
TENANTS_A_RUN = 200


def ready_tenants(tenants: TenantStore, contract: Contract) -> list[str]:
    """Tenants that have the integration and are connected on both sides; the others have nothing to read yet."""
    partners = {contract.roles.left.partner, contract.roles.right.partner}
    installed = [i.tenant_id for i in tenants.installations(None, contract.contract)]
    return [t for t in sorted(installed) if partners <= {c.partner for c in tenants.connections(t) if c.ended_at is None}]


def register(instance: dg.DagsterInstance, tenant_ids: Sequence[str]) -> list[str]:
    """Make tenants known as partitions, in one call; returns Dagster's whole list, in its order."""
    name = str(TENANTS.name)
    known = instance.get_dynamic_partitions(name)
    new = sorted(set(tenant_ids) - set(known))
    if new:
        instance.add_dynamic_partitions(name, new)
        known = instance.get_dynamic_partitions(name)
    return list(known)


def ranges(known: Sequence[str], wanted: Sequence[str], size: int = TENANTS_A_RUN) -> Iterator[list[str]]:
    """The wanted tenants in stretches of neighbours, none longer than `size`."""
    chosen, stretch = set(wanted), list[str]()
    for tenant in known:
        if tenant in chosen:
            stretch.append(tenant)
        if stretch and (tenant not in chosen or len(stretch) == size):
            yield stretch
            stretch = []
    if stretch:
        yield stretch


def range_request(contract: Contract, tenants: Sequence[str], *, trigger: str, full: bool, run_key: str) -> dg.RunRequest:
    """One run over a stretch of tenants, applying what switches, approvals and guards allow."""
    one = tenants[0] if len(tenants) == 1 else None
    tags = run_tags(integration=contract.contract, trigger=trigger, scope="full", contract_version=contract.version, tenant=one)
    place = {} if one else {RANGE_START: tenants[0], RANGE_END: tenants[-1]}
    return dg.RunRequest(
        run_key=run_key,
        partition_key=one,
        tags=tags | place,
        run_config=apply_config(contract, full=full),
        asset_selection=chain_keys(contract),
    )


def retry_request(contract: Contract, tenant: str, failed_run: str, *, full: bool) -> dg.RunRequest:
    """The own run of a tenant that failed in a run of many; `retry_of` names that run."""
    key = f"{failed_run}:{contract.contract}:{tenant}"
    request = range_request(contract, [tenant], trigger="schedule", full=full, run_key=key)
    return request.with_replaced_attrs(tags={**request.tags, "retry_of": failed_run})


def events_requests(contract: Contract, known: Sequence[str], due: Sequence[str]) -> Iterator[dg.RunRequest]:
    """Runs that work off what waits: one a tenant while few are due; many share runs over stretches of Dagster's list of tenants.

    A stretch may hold tenants of whom nothing waits; they cost nothing. The requests have no key: what waits is asked for until it is done.
    """
    if len(due) <= OWN_RUNS:
        for tenant in due:
            yield _events(contract, events_tags(contract, tenant), tenant)
        return
    wanted = set(due)
    for start in range(0, len(known), TENANTS_A_RUN):
        stretch = known[start : start + TENANTS_A_RUN]
        places = [place for place, tenant in enumerate(stretch) if tenant in wanted]
        if len(places) == 1:
            yield _events(contract, events_tags(contract, stretch[places[0]]), stretch[places[0]])
        elif places:
            place = {RANGE_START: stretch[places[0]], RANGE_END: stretch[places[-1]]}
            yield _events(contract, events_tags(contract, None) | place, None)


def _events(contract: Contract, tags: dict[str, str], tenant: str | None) -> dg.RunRequest:
    return dg.RunRequest(
        partition_key=tenant, tags=tags, run_config=events_config(contract), asset_selection=chain_keys(contract)
    )


def apply_config(contract: Contract, *, full: bool) -> dict[str, object]:
    """Run config of a launch that may write."""
    return {"ops": {f"{contract.contract}_chain": {"config": {"mode": "apply", "full": full}}}}
