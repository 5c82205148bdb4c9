"""Declared columns that a partner's schema no longer has: what rests on them is not compared, everything else goes on.

The values are missing, not blank, so nothing is ever cleared because of them. Here they are named for people.
"""

from collections.abc import Collection

from integration_pipelines.core.contract import Contract, ObjectKind
from integration_pipelines.core.contract_findings import SIDES, side_of
from integration_pipelines.ports.gate import CheckCount
from integration_pipelines.use_cases.outcome import TenantReport

CHECK = "column_exists"


def suspended_columns(tenant: TenantReport, contract: Contract, setting_up: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Object → columns that are missing at a tenant; before the set-up, properties that it will create are not expected yet."""
    found = {}
    for name, read in tenant.reads.items():
        ours = _created(contract, name) if tenant.tenant_id in setting_up else set()
        missing = tuple(column for column in read.missing_columns if column not in ours)
        if missing:
            found[name] = missing
    return found


def words(contract: Contract, suspended: dict[str, tuple[str, ...]]) -> str:
    """One sentence per column: what is missing, and what is therefore not compared."""
    return "; ".join(
        f"{name} has no usable column {column} any more: {_resting(contract, name, column)}; correct the partner's schema or the contract"
        for name, columns in sorted(suspended.items())
        for column in columns
    )


def checks(columns: tuple[str, ...]) -> tuple[CheckCount, ...]:
    """The same as counts, beside the gate's own."""
    return tuple(CheckCount(CHECK, column, 1, 1) for column in columns)


def _resting(contract: Contract, name: str, column: str) -> str:
    fields = [f.label for f in contract.fields.values() if any(_rests(contract, name, column, side_of(f, s), s) for s in SIDES)]
    return f"{', '.join(fields)} not compared" if fields else "no field rests on it"


def _rests(contract: Contract, name: str, column: str, place: object, side: str) -> bool:
    spec = contract.objects[name]
    found_column, lookup, rollup = (getattr(place, part) for part in ("column", "lookup", "rollup"))
    if spec.kind is ObjectKind.MAIN and contract.side_of(spec.role) == side:
        return bool(found_column == column)
    if spec.kind is ObjectKind.LOOKUP:
        return lookup is not None and lookup.object == name and column in lookup.column.split()
    return spec.kind is ObjectKind.DETAIL and rollup is not None


def _created(contract: Contract, name: str) -> set[str]:
    spec = contract.objects[name]
    if spec.kind is not ObjectKind.MAIN:
        return set()
    places = [side_of(f, s) for f in contract.fields.values() for s in SIDES if s == contract.side_of(spec.role)]
    return {place.column for place in places if place.create is not None and place.column is not None}
