"""The chain as Dagster runs it: what it shows, that a click only plans, and that one tenant's failure is its own."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import dagster as dg
import pytest

from integration_pipelines.defs.chain import chain_assets
from integration_pipelines.defs.integrations import integrations
from integration_pipelines.defs.partitions import run_tags
from integration_pipelines.defs.resources import ProductResource
from integration_pipelines.defs.specs import asset_specs, check_specs, stage_names
from integration_pipelines.errors import AuthError
from integration_pipelines.ports.bundle import Ports
from integration_pipelines_tests.kit.bench import CONTRACT, Product, product, small_accounts
from integration_pipelines_tests.kit.core import crm_billing

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
TENANTS = ("t1", "t2", "t3")


class KitResource(ProductResource):
    """Gives the chain a test's ports; Dagster makes a resource anew for every run, so they stand on the class."""

    given: ClassVar[Ports]

    @contextmanager
    def ports(self) -> Iterator[Ports]:
        """The test's ports, which the test closes."""
        yield self.given


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Product]:
    """Three tenants, installed and switched on."""
    with product(tmp_path, {t: small_accounts() for t in TENANTS}) as made:
        yield made


def run(shop: Product, instance: dg.DagsterInstance, tenants: tuple[str, ...] = ("t1",), config: dict[str, Any] | None = None,
        selection: list[str] | None = None) -> dg.ExecuteInProcessResult:  # fmt: skip
    """One run of the chain for a tenant or a range of them."""
    instance.add_dynamic_partitions("tenants", list(TENANTS))
    KitResource.given = shop.ports
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Dagster's own notices about parts of it that may still change
        defs = dg.Definitions(assets=[chain_assets(crm_billing())], resources={"product": KitResource()})
        job = dg.define_asset_job("j", selection=selection or "*", executor_def=dg.in_process_executor)
        resolved = dg.Definitions.merge(defs, dg.Definitions(jobs=[job])).resolve_job_def("j")
        edges = {"dagster/asset_partition_range_start": tenants[0], "dagster/asset_partition_range_end": tenants[-1]}
        return resolved.execute_in_process(
            instance=instance,
            partition_key=tenants[0] if len(tenants) == 1 else None,
            tags=edges if len(tenants) > 1 else {},
            raise_on_error=False,
            run_config={"ops": {f"{CONTRACT}_chain": {"config": config or {}}}, **QUIET},
        )


def materialized(instance: dg.DagsterInstance, asset: str) -> set[str]:
    """Tenants whose partition of an asset is materialised."""
    return instance.get_materialized_partitions(dg.AssetKey(asset))


def test_the_assets_read_as_the_way_of_the_data() -> None:
    """Names, groups and dependencies lead from partner objects to the certificate; each asset has owner, kinds and a description."""
    specs = {s.key.to_user_string(): s for s in asset_specs(crm_billing())}
    assert list(specs) == stage_names(crm_billing())
    assert {n: s.group_name for n, s in specs.items() if n in {"crm_accounts", "identity_links", "write_plan"}} == {
        "crm_accounts": "extract", "identity_links": "link", "write_plan": "push"
    }  # fmt: skip
    assert {d.asset_key.to_user_string() for d in specs["merged_customers"].deps} == {"accepted_records", "identity_links"}
    assert {d.asset_key.to_user_string() for d in specs["sync_certificate"].deps} == {"crm_writes", "billing_writes"}
    assert all(s.owners and s.kinds and s.description and s.partitions_def is not None for s in specs.values())


def test_columns_and_their_lineage_are_stated() -> None:
    """An analyst sees what a column means and from which partner columns a merged field comes."""
    specs = {s.key.to_user_string(): s for s in asset_specs(crm_billing())}
    columns = {c.name: c for c in specs["crm_accounts"].metadata["dagster/column_schema"].columns}
    assert "data class: business" in columns["domain"].description
    lineage = specs["merged_customers"].metadata["dagster/column_lineage"].deps_by_column
    assert {(d.asset_key.to_user_string(), d.column_name) for d in lineage["account_owner"]} == {
        ("crm_accounts", "owner_id"), ("crm_owners", "email")
    }  # fmt: skip


def test_there_is_a_gate_for_every_object_and_a_guard_balance_and_certificate() -> None:
    """The checks an operator looks for exist under their names."""
    names = {c.name for c in check_specs(crm_billing())}
    assert names == {f"gate_{o}" for o in crm_billing().objects} | {"guard", "balance", "certificate"}


def test_the_job_and_its_tags_have_their_names() -> None:
    """Everything that launches uses one job and one set of tags."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert integrations().resolve_job_def("reconcile_tenant").name == "reconcile_tenant"
    tags = run_tags(integration=CONTRACT, trigger="manual", scope="full", contract_version=1, tenant="t1")
    assert set(tags) == {"integration", "trigger", "scope", "contract_version", "tenant"}


def test_a_click_only_plans(shop: Product) -> None:
    """Without run config nothing is written, even when a plan is approved; the partition is materialised with its plan."""
    with dg.DagsterInstance.ephemeral() as instance:
        shop.one()
        shop.approve()
        assert run(shop, instance).success
        assert shop.crm("t1").effects == []
        assert materialized(instance, "write_plan") == {"t1"}


def test_apply_writes_and_shows_checks(shop: Product) -> None:
    """`mode: apply` with the held plan's hash approves, writes, proves, and every check is there with its counts."""
    with dg.DagsterInstance.ephemeral() as instance:
        run(shop, instance, config={"mode": "apply"})
        plan = shop.ports.plans.open("t1", CONTRACT)
        assert plan is not None
        result = run(shop, instance, config={"mode": "apply", "approve_plan_hash": plan.plan_hash})
        assert result.success
        checks = {e.check_name: e for e in result.get_asset_check_evaluations()}
        assert {n for n, e in checks.items() if e.passed} == {c.name for c in check_specs(crm_billing())}
        assert len(shop.crm("t1").effects) == 3


def test_in_a_range_one_tenants_failure_is_its_own(shop: Product) -> None:
    """The others are materialised with their metadata, the failed one is not, and the run fails naming it."""
    shop.crm("t2").broken = AuthError("The token is not accepted.", remedy="Connect again.")
    with dg.DagsterInstance.ephemeral() as instance:
        result = run(shop, instance, TENANTS)
        assert not result.success
        assert materialized(instance, "sync_certificate") == {"t1", "t3"}
        failures = [e for e in result.all_events if e.is_step_failure]
        text = str(failures[0].step_failure_data.user_failure_data)
        assert "1 of 3 tenants failed" in text
        assert "t2: The token is not accepted. Connect again." in text


def test_choosing_some_assets_materialises_only_those(shop: Product) -> None:
    """A subset is a view of the same run."""
    with dg.DagsterInstance.ephemeral() as instance:
        assert run(shop, instance, selection=["identity_links", "reconciliation_diffs"]).success
        assert materialized(instance, "identity_links") == {"t1"}
        assert materialized(instance, "crm_accounts") == set()
