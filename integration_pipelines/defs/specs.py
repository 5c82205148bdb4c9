"""Asset and check specs derived from a contract: names, words, columns and lineage. What the assets do is `chain`."""

from collections.abc import Iterator

import dagster as dg

from integration_pipelines.core.contract import Column, Contract, SyncField
from integration_pipelines.core.merge import compared_fields
from integration_pipelines.defs.partitions import TENANTS

OWNERS = ["team:integrations"]
STAGES = {
    "accepted_records": ("gate", "Records that may go on: read, judged and found good."),
    "quarantined_records": ("gate", "Records that the gate refused, with field, reason and remedy. Nothing of them is merged."),
    "identity_links": (
        "link",
        "Which records on both sides are the same customer, and by which rule. Ambiguity creates nothing.",
    ),
    "merged_customers": ("reconcile", "One row per link with the value that every field should have, by its owner."),
    "reconciliation_diffs": (
        "reconcile",
        "One row per field that differs: both values, the base, who owns it and what will happen.",
    ),
    "write_plan": ("push", "What would be written, hashed and guarded. Nothing is sent that is not in a plan."),
    "sync_certificate": ("push", "The proof: every source record has one outcome, and planning again finds nothing to write."),
}


def writes_asset(contract: Contract, side: str) -> str:
    """The name of the asset with the writes to one side, e.g. `crm_writes`."""
    return f"{(contract.roles.left if side == 'left' else contract.roles.right).name}_writes"


def stage_names(contract: Contract) -> list[str]:
    """All assets of a contract's chain, upstream first."""
    names = [*contract.objects, *STAGES]
    return [*names[:-1], writes_asset(contract, "left"), writes_asset(contract, "right"), names[-1]]


def asset_specs(contract: Contract) -> list[dg.AssetSpec]:
    """Every asset of the chain; outputs are skippable, since a tenant that fails materialises nothing."""
    return [*_object_specs(contract), *_stage_specs(contract)]


def _spec(contract: Contract, name: str, group: str, description: str, deps: list[str], kinds: set[str], schema: dg.TableSchema | None,
          lineage: dg.TableColumnLineage | None = None) -> dg.AssetSpec:  # fmt: skip
    metadata: dict[str, object] = {"integration": contract.contract, "contract_version": contract.version}
    if schema is not None:
        metadata["dagster/column_schema"] = schema
    if lineage is not None:
        metadata["dagster/column_lineage"] = lineage
    return dg.AssetSpec(
        name, deps=deps, description=description, group_name=group, kinds=kinds, owners=OWNERS, metadata=metadata, skippable=True,
        partitions_def=TENANTS, tags={"integration": contract.contract, "layer": group},
    )  # fmt: skip


def _object_specs(contract: Contract) -> Iterator[dg.AssetSpec]:
    for name, spec in contract.objects.items():
        role = contract.role(contract.side_of(spec.role))
        columns = [_column(column_name, column) for column_name, column in spec.columns.items()]
        text = f"{spec.description} Read from {role.partner} ({spec.partner_object}); only what the contract declares is kept."
        yield _spec(contract, name, "extract", text, [], {role.partner, "parquet"}, dg.TableSchema(columns))


def _column(name: str, column: Column) -> dg.TableColumn:
    text = f"{column.purpose} (source: {column.source}; data class: {column.data_class})"
    return dg.TableColumn(name, str(column.type), description=text)


def _stage_specs(contract: Contract) -> Iterator[dg.AssetSpec]:
    left, right = writes_asset(contract, "left"), writes_asset(contract, "right")
    objects = list(contract.objects)
    deps = {
        "accepted_records": objects,
        "quarantined_records": objects,
        "identity_links": ["accepted_records"],
        "merged_customers": ["accepted_records", "identity_links"],
        "reconciliation_diffs": ["merged_customers"],
        "write_plan": ["reconciliation_diffs"],
        "sync_certificate": [left, right],
    }
    kinds = {
        "accepted_records": {"great_expectations", "parquet"}, "quarantined_records": {"great_expectations", "sql"},
        "identity_links": {"duckdb", "sql"}, "merged_customers": {"duckdb", "parquet"}, "reconciliation_diffs": {"duckdb", "sql"},
        "write_plan": {"duckdb", "parquet"}, "sync_certificate": {"duckdb", "sql"},
    }  # fmt: skip
    for name, (group, text) in STAGES.items():
        if name == "sync_certificate":
            yield from (_writes_spec(contract, side, asset) for side, asset in (("left", left), ("right", right)))
        schema = merged_schema(contract) if name == "merged_customers" else None
        lineage = merged_lineage(contract) if name == "merged_customers" else None
        yield _spec(contract, name, group, text, deps[name], kinds[name], schema, lineage)


def _writes_spec(contract: Contract, side: str, asset: str) -> dg.AssetSpec:
    role = contract.roles.left if side == "left" else contract.roles.right
    text = f"Writes to {role.label} with before- and after-image, one outcome each. Off until the tenant enables them."
    return _spec(contract, asset, "push", text, ["write_plan"], {role.partner, "sql"}, None)


def merged_schema(contract: Contract) -> dg.TableSchema:
    """The columns of the merged customers."""
    ids = [dg.TableColumn(n, "text") for n in ("tenant_id", "link_id", "left_id", "right_id", "record_label")]
    fields = [
        dg.TableColumn(name, str(f.type), description=f"{f.label}: {f.purpose}. Owner: {f.owner}. Data class: {f.data_class}.")
        for name, f in compared_fields(contract).items()
    ]
    return dg.TableSchema([*ids, *fields])


def merged_lineage(contract: Contract) -> dg.TableColumnLineage:
    """Which partner columns each merged field comes from."""
    return dg.TableColumnLineage({name: list(_sources(contract, f)) for name, f in compared_fields(contract).items()})


def _sources(contract: Contract, field: SyncField) -> Iterator[dg.TableColumnDep]:
    side = contract.side_of(field.owner)
    place = field.left if side == "left" else field.right
    if place.rollup is not None and contract.rollup is not None:
        columns = {"status": ["status", "cancel_at", "cancel_at_period_end"], "mrr": ["items", "discounts", "status"],
                   "currency": ["currency"], "renewal_date": ["items", "trial_end"], "cancel_date": ["cancel_at", "ended_at"]}  # fmt: skip
        for column in columns[place.rollup]:
            yield dg.TableColumnDep(asset_key=dg.AssetKey(contract.rollup.object), column_name=column)
        return
    yield dg.TableColumnDep(asset_key=dg.AssetKey(contract.main_object(side)), column_name=place.column or "")
    if place.lookup is not None:
        for column in place.lookup.column.split():
            yield dg.TableColumnDep(asset_key=dg.AssetKey(place.lookup.object), column_name=column)


def check_specs(contract: Contract) -> list[dg.AssetCheckSpec]:
    """The checks of the chain: one gate per object, the guard, the balance and the certificate."""
    gates = [
        dg.AssetCheckSpec(f"gate_{name}", asset=name, description="Every record was judged; counts only, never values.")
        for name in contract.objects
    ]
    return [
        *gates,
        dg.AssetCheckSpec(
            "guard", asset="write_plan", description="The plan stays within the contract's limits, or waits for approval."
        ),
        dg.AssetCheckSpec(
            "balance", asset="sync_certificate", description="Every source record that was read has exactly one outcome."
        ),
        dg.AssetCheckSpec(
            "certificate", asset="sync_certificate", description="Planning again after the run finds nothing to write."
        ),
    ]
