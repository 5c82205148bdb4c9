"""Asset and check specs derived from a contract: names, words, ways of the data. Columns are `columns`; what the assets do is `chain`."""

import warnings
from collections.abc import Iterator

import dagster as dg

from integration_pipelines.core.contract import Contract, Role
from integration_pipelines.defs.columns import LEDGER_SCHEMA, object_schema, stage_lineage, stage_schema, table_schema
from integration_pipelines.defs.names import asset_key
from integration_pipelines.defs.partitions import TENANTS

OWNERS = ["team:integrations"]
STAGES = {
    "accepted_records": (
        "gate",
        "Records that may go on: every record that was read is judged by the contract's expectations, and found good.",
    ),
    "quarantined_records": (
        "gate",
        "Records that the gate refused, with field, reason and remedy. Nothing of them is merged or written.",
    ),
    "identity_links": (
        "link",
        "Which records on both sides are the same customer, and by which rule. What is ambiguous is left alone and reported.",
    ),
    "merged_customers": (
        "reconcile",
        "One row per link with the value that every field should have, decided by the field's owner.",
    ),
    "reconciliation_diffs": (
        "reconcile",
        "One row per field that differs: both values, the last agreed value, who owns the field and what will happen.",
    ),
    "write_plan": ("push", "What would be written, hashed and guarded. Nothing is ever sent that is not in a plan."),
    "sync_certificate": ("push", "The proof: every source record has one outcome, and planning again finds nothing to write."),
}
KINDS = {
    "accepted_records": {"great_expectations", "parquet"},
    "quarantined_records": {"great_expectations", "sql"},
    "identity_links": {"duckdb", "sql"},
    "merged_customers": {"duckdb", "parquet"},
    "reconciliation_diffs": {"duckdb", "sql"},
    "write_plan": {"duckdb", "parquet"},
    "sync_certificate": {"duckdb", "sql"},
}


def writes_asset(contract: Contract, side: str) -> str:
    """The name of the asset with the writes to one side, e.g. `crm_writes`."""
    return f"{contract.role('left' if side == 'left' else 'right').name}_writes"


def writing_assets(contract: Contract) -> list[str]:
    """The assets that stand for writes to a partner."""
    return [writes_asset(contract, "left"), writes_asset(contract, "right")]


def chain_keys(contract: Contract) -> list[dg.AssetKey]:
    """The assets of the chain: what a run of a job over several contracts selects to run this one only."""
    return [asset_key(contract, name) for name in (*contract.objects, *STAGES, *writing_assets(contract))]


def asset_specs(contract: Contract) -> list[dg.AssetSpec]:
    """Every asset of the chain; outputs are skippable, since a tenant that fails materialises nothing."""
    return [*_object_specs(contract), *_stage_specs(contract), *_writes_specs(contract)]


def _spec(contract: Contract, name: str, group: str, text: str, *, deps: list[str], kinds: set[str], schema: dg.TableSchema | None = None,
          lineage: dg.TableColumnLineage | None = None, table: str = "") -> dg.AssetSpec:  # fmt: skip
    metadata = {
        "integration": contract.contract, "contract_version": contract.version, "dagster/column_schema": schema,
        "dagster/column_lineage": lineage, "dagster/table_name": table or None,
    }  # fmt: skip
    return dg.AssetSpec(
        asset_key(contract, name), deps=[asset_key(contract, dep) for dep in deps], description=text,
        group_name=group, kinds=kinds, owners=OWNERS, skippable=True, partitions_def=TENANTS,
        metadata={k: v for k, v in metadata.items() if v is not None}, tags={"integration": contract.contract, "layer": group},
    )  # fmt: skip


def _object_specs(contract: Contract) -> Iterator[dg.AssetSpec]:
    for name, spec in contract.objects.items():
        role = contract.role(contract.side_of(spec.role))
        text = f"{spec.description} Read from {role.partner} ({spec.partner_object}); only what the contract declares is kept."
        yield _spec(contract, name, "extract", text, deps=[], kinds={role.partner, "parquet"}, schema=object_schema(spec.columns))


def _stage_specs(contract: Contract) -> Iterator[dg.AssetSpec]:
    objects = list(contract.objects)
    deps = {
        "accepted_records": objects,
        "quarantined_records": objects,
        "identity_links": ["accepted_records"],
        "merged_customers": ["accepted_records", "identity_links"],
        "reconciliation_diffs": ["merged_customers"],
        "write_plan": ["reconciliation_diffs"],
        "sync_certificate": writing_assets(contract),
    }
    tables = {
        "quarantined_records": "quarantined_records", "identity_links": f"{contract.contract}_links",
        "reconciliation_diffs": f"{contract.contract}_diffs", "sync_certificate": "sync_runs",
    }  # fmt: skip
    for name, (group, text) in STAGES.items():
        yield _spec(
            contract, name, group, text, deps=deps[name], kinds=KINDS[name], schema=stage_schema(contract, name),
            lineage=stage_lineage(contract, name), table=tables.get(name, ""),
        )  # fmt: skip


def _writes_specs(contract: Contract) -> Iterator[dg.AssetSpec]:
    for side, role in (("left", contract.roles.left), ("right", contract.roles.right)):
        yield _spec(
            contract, writes_asset(contract, side), "push", _writes_text(role), deps=["write_plan"], kinds={role.partner, "sql"},
            schema=table_schema(contract, LEDGER_SCHEMA), table="write_ledger",
        )  # fmt: skip


def _writes_text(role: Role) -> str:
    return (
        f"Writes to {role.label} ({role.partner}) with before- and after-image and one outcome each. "
        "None are sent until the tenant's writes are enabled."
    )


def check_specs(contract: Contract) -> list[dg.AssetCheckSpec]:
    """The checks of the chain: one gate per object, the guard, the balance and the certificate; per tenant, as the assets are."""
    words = {f"gate_{name}": (name, "Every record was judged; counts only, never values.") for name in contract.objects} | {
        "guard": ("write_plan", "The plan stays within the contract's limits, or waits for approval."),
        "balance": ("sync_certificate", "Every source record that was read has exactly one outcome."),
        "certificate": ("sync_certificate", "Planning again after the run finds nothing to write."),
        "fresh_within_contract": (
            "sync_certificate",
            f"A full reconciliation was certified in the last {contract.latency.full_reconcile_hours} hours.",
        ),
    }
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", dg.PreviewWarning
        )  # checks by partition are a preview; without them no tenant has its own
        return [
            dg.AssetCheckSpec(name, asset=asset_key(contract, asset), description=text, partitions_def=TENANTS)
            for name, (asset, text) in words.items()
        ]
