"""What an operator and an analyst find in Dagster: names, groups, ways of the data, words and columns."""

import dagster as dg
import pytest

from integration_pipelines import definitions
from integration_pipelines.defs.integrations import integrations
from integration_pipelines.defs.specs import chain_keys
from integration_pipelines.known import packaged_contracts
from integration_pipelines_tests.defs.conftest import QUIET

pytestmark = QUIET
OBJECTS = ("crm_accounts", "crm_owners", "billing_customers", "billing_subscriptions")
CHAIN = {
    "crm_accounts": ("extract", (), {"hubspot", "parquet"}),
    "crm_owners": ("extract", (), {"hubspot", "parquet"}),
    "billing_customers": ("extract", (), {"stripe", "parquet"}),
    "billing_subscriptions": ("extract", (), {"stripe", "parquet"}),
    "accepted_records": ("gate", OBJECTS, {"great_expectations", "parquet"}),
    "quarantined_records": ("gate", OBJECTS, {"great_expectations", "sql"}),
    "identity_links": ("link", ("accepted_records",), {"duckdb", "sql"}),
    "merged_customers": ("reconcile", ("accepted_records", "identity_links"), {"duckdb", "parquet"}),
    "reconciliation_diffs": ("reconcile", ("merged_customers",), {"duckdb", "sql"}),
    "write_plan": ("push", ("reconciliation_diffs",), {"duckdb", "parquet"}),
    "crm_writes": ("push", ("write_plan",), {"hubspot", "sql"}),
    "billing_writes": ("push", ("write_plan",), {"stripe", "sql"}),
    "sync_certificate": ("push", ("crm_writes", "billing_writes"), {"duckdb", "sql"}),
}
HISTORY = {
    "crm_accounts_changes": ("history", ("crm_accounts",), {"hubspot", "parquet"}),
    "billing_customers_changes": ("history", ("billing_customers",), {"stripe", "parquet"}),
    "billing_subscriptions_changes": ("history", ("billing_subscriptions",), {"stripe", "parquet"}),
}
CHECKS = {f"gate_{name}": name for name in OBJECTS} | {
    "guard": "write_plan", "balance": "sync_certificate", "certificate": "sync_certificate", "fresh_within_contract": "sync_certificate",
}  # fmt: skip


SECOND = "support_incidents"


def own(name: str) -> bool:
    """Whether a name is one of the first integration's, which stand alone."""
    return not name.startswith(f"{SECOND}/")


def specs_of(integration: str) -> dict[str, dg.AssetSpec]:
    """The loaded asset specs of an integration, by name."""
    loaded = integrations().resolve_all_asset_specs()
    return {spec.key.to_user_string(): spec for spec in loaded if spec.tags["integration"] == integration}


@pytest.fixture
def specs() -> dict[str, dg.AssetSpec]:
    """Those of the first integration."""
    return specs_of("crm_billing")


def test_another_integration_has_the_same_chain_below_its_own_name() -> None:
    """Nothing of it is called like anything of the first one, and it depends on nothing outside."""
    found = specs_of(SECOND)
    ends = {name.removeprefix(f"{SECOND}/") for name in found}
    assert {"incidents", "support_escalations", "incident_writes", "support_writes", "write_plan", "sync_certificate"} <= ends
    assert [name for name in found if own(name)] == []
    assert {dep.asset_key.to_user_string() for spec in found.values() for dep in spec.deps} <= set(found)


def test_the_chain_reads_as_the_way_of_the_data(specs: dict[str, dg.AssetSpec]) -> None:
    """Every asset has its group, its kinds and what it is made from, and there is no other asset."""
    found = {
        name: (spec.group_name, {dep.asset_key.to_user_string() for dep in spec.deps}, set(spec.kinds))
        for name, spec in specs.items()
    }
    assert found == {name: (group, set(deps), kinds) for name, (group, deps, kinds) in (CHAIN | HISTORY).items()}


def test_every_asset_has_words_an_owner_and_tenants(specs: dict[str, dg.AssetSpec]) -> None:
    """A description in whole sentences, a team, the integration's tag, and partitions by tenant; history by day, too."""
    for name, spec in specs.items():
        assert (spec.description or "").endswith("."), name
        assert (list(spec.owners), spec.tags["integration"]) == (["team:integrations"], "crm_billing")
        parts = spec.partitions_def
        if isinstance(parts, dg.MultiPartitionsDefinition):
            assert (name in HISTORY, parts.partition_dimension_names) == (True, ["day", "tenant"])
            parts = parts.get_partitions_def_for_dimension("tenant")
        assert isinstance(parts, dg.DynamicPartitionsDefinition)
        assert parts.name == "tenants"


def test_columns_say_what_they_are_for(specs: dict[str, dg.AssetSpec]) -> None:
    """What is read of a partner carries its purpose, source and data class; stored tables carry their columns and their name in SQL."""
    domain = _columns(specs["crm_accounts"])["domain"]
    assert domain.description == "recognises the customer in billing (source: properties.domain; business data)"
    mrr = _columns(specs["merged_customers"])["mrr"]
    assert (mrr.type, "Owner: billing." in (mrr.description or "")) == ("money", True)
    assert {"crm_value", "billing_value", "action", "status"} <= set(_columns(specs["reconciliation_diffs"]))
    tables = {
        name: spec.metadata.get("dagster/table_name") for name, spec in specs.items() if "dagster/table_name" in spec.metadata
    }
    assert tables == {
        "quarantined_records": "quarantined_records", "identity_links": "crm_billing_links", "reconciliation_diffs": "crm_billing_diffs",
        "crm_writes": "write_ledger", "billing_writes": "write_ledger", "sync_certificate": "sync_runs",
    }  # fmt: skip


def test_a_merged_column_names_the_partner_columns_it_comes_from(specs: dict[str, dg.AssetSpec]) -> None:
    """Column lineage leads from a field to its owner's columns, and every column it names exists."""
    lineage = specs["merged_customers"].metadata["dagster/column_lineage"]
    assert isinstance(lineage, dg.TableColumnLineage)
    deps = {
        name: {(d.asset_key.to_user_string(), d.column_name) for d in found} for name, found in lineage.deps_by_column.items()
    }
    assert deps["mrr"] == {("billing_subscriptions", c) for c in ("items", "discounts", "status")}
    assert deps["customer_segment"] == {("crm_accounts", "customer_segment")}
    assert ("crm_owners", "email") in deps["account_owner"]
    missing = {(asset, c) for found in deps.values() for asset, c in found if c not in _columns(specs[asset])}
    assert not missing


def test_the_checks_stand_where_their_question_is() -> None:
    """A gate per object, the guard at the plan, balance and certificate at the end; all by tenant."""
    keys = [k for k in integrations().resolve_asset_graph().asset_check_keys if own(k.asset_key.to_user_string())]
    assert {key.name: key.asset_key.to_user_string() for key in keys} == CHECKS
    nodes = [integrations().resolve_asset_graph().get(key) for key in integrations().resolve_asset_graph().asset_check_keys]
    assert all(isinstance(node.partitions_def, dg.DynamicPartitionsDefinition) for node in nodes)


def test_the_jobs_run_the_whole_chain_by_tenant() -> None:
    """Both jobs hold every asset and every check, run in one process, and say that they only plan."""
    loaded = integrations()
    for name in ("reconcile_tenant", "sync_records"):
        job = loaded.resolve_job_def(name)
        selected = {key.to_user_string() for key in job.asset_layer.selected_asset_keys}
        assert {name for name in selected if own(name)} == set(CHAIN)
        assert f"{SECOND}/write_plan" in selected
        assert job.executor_def is dg.in_process_executor
        assert "Plans only" in (job.description or "")


def test_runs_for_events_have_a_job_for_every_contract() -> None:
    """It holds that contract's chain and nothing of another's, and goes first, as the job over all contracts does."""
    loaded = integrations()
    for contract in packaged_contracts().values():
        job = loaded.resolve_job_def(f"sync_records_of_{contract.contract}")
        assert set(job.asset_layer.selected_asset_keys) == set(chain_keys(contract))
        assert (job.tags["dagster/priority"], job.executor_def) == ("10", dg.in_process_executor)


def test_backfills_wait_behind_what_keeps_tenants_in_sync() -> None:
    """Records first, then tenants; a backfill of assets has Dagster's own 0, and one of history comes last."""
    loaded = integrations()
    names = ("sync_records", "reconcile_tenant", "reconcile_all", "backfill_history")
    assert [loaded.resolve_job_def(name).tags["dagster/priority"] for name in names] == ["10", "5", "5", "-10"]


def test_what_dagster_asks_for_again_and_again_is_built_once() -> None:
    """For every run a process is asked for its definitions several times; to build them takes as long as to carry out a small run."""
    assert definitions.defs() is definitions.defs()
    assert definitions.defs().get_repository_def() is definitions.defs().get_repository_def()


def test_the_history_job_fills_every_history_asset() -> None:
    """All of them and nothing else, behind everything else in the queue."""
    job = integrations().resolve_job_def("backfill_history")
    assert {n for k in job.asset_layer.selected_asset_keys if own(n := k.to_user_string())} == set(HISTORY)
    assert (job.tags["dagster/priority"], "Plans only" in (job.description or "")) == ("-10", True)


def _columns(spec: dg.AssetSpec) -> dict[str, dg.TableColumn]:
    schema = spec.metadata["dagster/column_schema"]
    assert isinstance(schema, dg.TableSchema)
    return {column.name: column for column in schema.columns}
