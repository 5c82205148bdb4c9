"""Dagster runs of the real chain in this process, with the kit's ports in place of the product's."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest

from integration_pipelines.defs.integrations import integrations
from integration_pipelines.defs.resources import ProductResource
from integration_pipelines.defs.specs import chain_keys
from integration_pipelines.ports.bundle import Ports
from integration_pipelines_tests.kit.bench import Product, product, small_accounts


@dataclass(frozen=True, slots=True)
class Shop:
    """A product, a Dagster instance that knows its tenants, and the resource that brings them together."""

    product: Product
    instance: dg.DagsterInstance

    def run(
        self, *tenants: str, job: str = "reconcile_tenant", tags: Mapping[str, str] | None = None,
        select: tuple[str, ...] = (), **config: object,
    ) -> dg.ExecuteInProcessResult:  # fmt: skip
        """One run for those tenants (the first to the last, if there are several); never raises."""
        names = tenants or ("t1",)
        span = {"dagster/asset_partition_range_start": names[0], "dagster/asset_partition_range_end": names[-1]}
        loaded = integrations()
        resources = {"product": given(self.product.ports)}
        ours = dg.Definitions(assets=loaded.assets, jobs=loaded.jobs, resources=resources, executor=loaded.executor)
        return ours.resolve_job_def(job).execute_in_process(
            instance=self.instance,
            partition_key=names[0] if len(names) == 1 else None,
            asset_selection=[dg.AssetKey(name) for name in select] or chain_keys(self.product.contract),
            tags={**(span if len(names) > 1 else {}), **(tags or {})},
            run_config={"ops": {"crm_billing_chain": {"config": config}}} if config else None,
            raise_on_error=False,
        )

    def materialized(self, asset: str) -> set[str]:
        """Tenants for whom the stored event log has a materialisation of that asset."""
        return set(self.instance.get_materialized_partitions(dg.AssetKey(asset)))

    def checks(self, asset: str, check: str) -> dict[str | None, bool]:
        """Partition → passed, of the newest stored evaluation of a check."""
        key = dg.AssetCheckKey(dg.AssetKey(asset), check)
        records = self.instance.event_log_storage.get_asset_check_execution_history(key, limit=50)
        events = [r.event.dagster_event for r in records if r.event and r.event.dagster_event]
        found = [e.asset_check_evaluation_data for e in events if e.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION]
        return {evaluation.partition: evaluation.passed for evaluation in reversed(found)}  # they come newest first

    @property
    def writes(self) -> int:
        """How many records the partners of all tenants were made to change."""
        return sum(len(account.effects) for account in self.product.accounts.values())


def given(ports: Ports) -> ProductResource:
    """The chain's resource with these ports."""

    class Given(ProductResource):
        @contextmanager
        def ports(self) -> Iterator[Ports]:
            """Open already."""
            yield ports

    return Given()


QUIET = pytest.mark.filterwarnings("ignore:The `__fields__` attribute is deprecated:DeprecationWarning")
"""Dagster 1.13 reads its own models in a way that newer pydantic complains about."""
OpenShop = Callable[..., Shop]


@pytest.fixture
def shop_of(tmp_path: Path) -> Iterator[OpenShop]:
    """Open a shop with those tenants."""
    with ExitStack() as stack:

        def make(*tenants: str) -> Shop:
            opened = stack.enter_context(product(tmp_path, {name: small_accounts() for name in tenants}))
            instance = stack.enter_context(dg.DagsterInstance.ephemeral())
            instance.add_dynamic_partitions("tenants", list(tenants))
            return Shop(opened, instance)

        yield make


@pytest.fixture
def shop(shop_of: OpenShop) -> Shop:
    """A shop with one tenant."""
    return shop_of("t1")
