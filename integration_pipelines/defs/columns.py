"""Columns of the chain's tables as Dagster shows them, and which partner columns they come from; all derived from the contract."""

from collections.abc import Iterator

import dagster as dg
import pyarrow as pa

from integration_pipelines.core.contract import Column, Contract, SyncField
from integration_pipelines.core.merge import compared_fields
from integration_pipelines.core.tables import DIFFS, IDENTITY_LINKS, LEDGER, PLANNED_WRITES, QUARANTINE
from integration_pipelines.defs.names import asset_key
from integration_pipelines.defs.words import WORDS

_STORED = {
    "quarantined_records": QUARANTINE,
    "identity_links": IDENTITY_LINKS,
    "reconciliation_diffs": DIFFS,
    "write_plan": PLANNED_WRITES,
}
_ROLLED_UP = {
    "status": ["status", "cancel_at", "cancel_at_period_end"],
    "mrr": ["items", "discounts", "status"],
    "currency": ["currency"],
    "renewal_date": ["items", "trial_end"],
    "cancel_date": ["cancel_at", "ended_at"],
    "line_items": ["customer_id", "status", "currency", "items", "discounts", "trial_end"],
}
LEDGER_SCHEMA = LEDGER


def object_schema(columns: dict[str, Column]) -> dg.TableSchema:
    """What is kept of a partner's object, and why."""
    return dg.TableSchema(
        [
            dg.TableColumn(
                name, str(column.type), description=f"{column.purpose} (source: {column.source}; {column.data_class} data)"
            )
            for name, column in columns.items()
        ]
    )


def stage_schema(contract: Contract, name: str) -> dg.TableSchema | None:
    """The columns of a stage that is one table."""
    if name == "merged_customers":
        return _merged_schema(contract)
    return table_schema(contract, _STORED[name]) if name in _STORED else None


def table_schema(contract: Contract, shape: pa.Schema) -> dg.TableSchema:
    """A stored table's columns, in the contract's words where its view has them so."""
    return dg.TableSchema([_stored(contract, field.name, _kind(field.type)) for field in shape])


def _stored(contract: Contract, name: str, kind: str) -> dg.TableColumn:
    roles = contract.roles
    text = WORDS.get(name, "").format(left=roles.left.label, right=roles.right.label)
    return dg.TableColumn(spoken(contract, name), kind, description=text or None)


def spoken(contract: Contract, column: str) -> str:
    """`left_value` as `crm_value`, as the contract's views call it."""
    side, _, rest = column.partition("_")
    names = {"left": contract.roles.left.name, "right": contract.roles.right.name}
    return f"{names[side]}_{rest}" if side in names else column


def _kind(kind: pa.DataType) -> str:
    if pa.types.is_timestamp(kind):
        return "datetime (UTC)"
    names = {pa.string(): "text", pa.int64(): "integer", pa.bool_(): "boolean"}
    return names.get(kind, "list" if pa.types.is_list(kind) else str(kind))


def _merged_schema(contract: Contract) -> dg.TableSchema:
    ids = [_stored(contract, n, "text") for n in ("tenant_id", "link_id", "left_id", "right_id", "record_label")]
    fields = [
        dg.TableColumn(name, str(f.type), description=f"{f.label}: {f.purpose}. Owner: {f.owner}. {f.data_class} data.")
        for name, f in compared_fields(contract).items()
    ]
    parts = [] if contract.rollup is None else [_stored(contract, "parts", "list")]
    return dg.TableSchema([*ids, *fields, *parts])


def stage_lineage(contract: Contract, name: str) -> dg.TableColumnLineage | None:
    """Which partner columns the columns of a stage come from."""
    if name == "merged_customers":
        return dg.TableColumnLineage({n: list(_sources(contract, f)) for n, f in compared_fields(contract).items()})
    if name == "identity_links":
        return dg.TableColumnLineage(_link_sources(contract))
    return None


def _link_sources(contract: Contract) -> dict[str, list[dg.TableColumnDep]]:
    left, right = contract.main_object("left"), contract.main_object("right")
    rules = contract.matching.rules
    matched = [(left, column) for column in sorted({r.left for r in rules})] + [
        (right, column) for column in sorted({r.right for r in rules})
    ]
    ids = {spoken(contract, "left_id"): [_dep(contract, left, "id")], spoken(contract, "right_id"): [_dep(contract, right, "id")]}
    return ids | {"match_evidence": [_dep(contract, *place) for place in matched]}


def _sources(contract: Contract, field: SyncField) -> Iterator[dg.TableColumnDep]:
    side = contract.side_of(field.owner)
    place = field.left if side == "left" else field.right
    if place.rollup is not None and contract.rollup is not None:
        yield from (_dep(contract, contract.rollup.object, column) for column in _ROLLED_UP[place.rollup])
        return
    yield _dep(contract, contract.main_object(side), place.column or "")
    if place.lookup is not None:
        yield from (_dep(contract, place.lookup.object, column) for column in place.lookup.column.split())


def _dep(contract: Contract, name: str, column: str) -> dg.TableColumnDep:
    return dg.TableColumnDep(asset_key=asset_key(contract, name), column_name=column)
