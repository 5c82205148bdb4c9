"""Lint rules about what is read: sides, names, objects and their columns, the partner's fields, the gate's expectations."""

import re
from collections.abc import Iterator, Mapping

from integration_pipelines.core.contract import Column, Contract, FieldType, NestedColumn, ObjectKind, SourceObject
from integration_pipelines.core.contract_findings import SIDES, Catalogue, Finding, error, listed, main_of, side_of, warning
from integration_pipelines.core.contract_rules_creates import reads_of_creates
from integration_pipelines.core.contract_rules_messages import columns_told
from integration_pipelines.core.rollup_inputs import DETAIL_COLUMNS, PARENT_COLUMNS

ROLE_WORDS = frozenset({"left", "right", "sync", "two_way"})
ASSET_WORDS = frozenset(
    {
        "accepted_records", "quarantined_records", "identity_links", "merged_customers", "reconciliation_diffs", "write_plan",
        "sync_certificate",
    }
)  # fmt: skip
MERGED_WORDS = frozenset({"record_label", "is_primary"})
COLUMN_WORDS = frozenset({"tenant_id", "record_id", "observed_at", "deleted", "link_id", "left_id", "right_id"})


def roles(contract: Contract, catalogues: Mapping[str, Catalogue]) -> Iterator[Finding]:
    """Two sides with names of their own and partners that exist; every object belongs to one of them."""
    names = (contract.roles.left.name, contract.roles.right.name)
    if names[0] == names[1]:
        yield error("roles", "Both sides have the same name.", "Give each side a name of its own.")
    for side in SIDES:
        role = contract.role(side)
        if role.name in ROLE_WORDS:
            yield error(f"roles.{side}.name", f"{role.name} has a meaning of its own.", "Choose another name.")
        if role.partner not in catalogues:
            known = ", ".join(sorted(catalogues))
            yield error(f"roles.{side}.partner", f"There is no partner {role.partner}.", f"Choose one of: {known}.")
    for name, spec in contract.objects.items():
        if spec.role not in names:
            yield error(f"objects.{name}.role", f"There is no role {spec.role}.", f"Choose {names[0]} or {names[1]}.")


def reserved_names(contract: Contract, _: Mapping[str, Catalogue]) -> Iterator[Finding]:
    """No name hides one that the product uses itself."""
    taken = ASSET_WORDS | {f"{contract.role(side).name}_writes" for side in SIDES}
    for name, spec in contract.objects.items():
        if name in taken:
            yield error(f"objects.{name}", "An asset of the product has this name.", "Choose another name.")
        for hidden in sorted(COLUMN_WORDS & set(spec.columns)):
            yield error(f"objects.{name}.columns.{hidden}", "The product has a column of this name.", "Choose another name.")
    for field in sorted((COLUMN_WORDS | ROLE_WORDS | MERGED_WORDS) & set(contract.fields)):
        yield error(f"fields.{field}", "The product uses this name itself.", "Choose another name.")


def mains(contract: Contract, _: Mapping[str, Catalogue]) -> Iterator[Finding]:
    """Exactly one main object a side."""
    for side in SIDES:
        count = sum(o.kind is ObjectKind.MAIN for o in contract.objects_of(side).values())
        if count != 1:
            role = contract.role(side).name
            yield error("objects", f"The {role} side has {count} main objects.", "Mark exactly one object a side as main.")


def columns_named(contract: Contract, _: Mapping[str, Catalogue]) -> Iterator[Finding]:
    """Whatever names a column of an object names one that exists, and every object has its record's id."""
    for name, spec in contract.objects.items():
        for named in (*spec.label, *spec.exclude_when, *(c for c in (spec.aliases, spec.born) if c)):
            if named not in spec.columns:
                yield error(f"objects.{name}", f"There is no column {named}.", "Correct the name or add the column.")
        if not any(c.source == "id" for c in spec.columns.values()):
            yield error(f"objects.{name}.columns", "No column has the source id.", "Add the record's id.")
    for name, field in contract.fields.items():
        for side in SIDES:
            column = side_of(field, side).column
            known = main_of(contract, side).columns
            if column is not None and column not in known:
                place = f"fields.{name}.{side}.column"
                yield error(place, f"There is no column {column}.", f"Choose one of: {', '.join(known)}.")


def parents(contract: Contract, _: Mapping[str, Catalogue]) -> Iterator[Finding]:
    """Details, and nothing else, say to which main record of their own side they belong."""
    for name, spec in contract.objects.items():
        here = f"objects.{name}"
        if spec.kind is not ObjectKind.DETAIL:
            if spec.parent is not None or spec.parent_object is not None:
                yield error(
                    here, f"A {spec.kind} object has no parent.", "Remove `parent` and `parent_object`, or make it a detail."
                )
            continue
        parent = contract.objects.get(spec.parent_object or "")
        if spec.parent not in spec.columns or parent is None:
            yield error(here, "A detail needs `parent` (a column) and `parent_object`.", "Say to which record its rows belong.")
        elif parent.kind is not ObjectKind.MAIN or parent.role != spec.role:
            yield error(here, f"{spec.parent_object} is not the main object of {spec.role}.", "Name the side's main object.")


def partner_fields(contract: Contract, catalogues: Mapping[str, Catalogue]) -> Iterator[Finding]:
    """Every source exists at the partner."""
    for name, spec in contract.objects.items():
        partner = contract.role(contract.side_of(spec.role)).partner
        for place, source, nested in _sources(f"objects.{name}.columns", spec.columns, ()):
            if not catalogues[partner].knows(spec.partner_object, source, nested):
                path = ".".join((*nested, source))
                message = f"{partner} has no {path} on {spec.partner_object}."
                yield error(place, message, "Correct the source; see the partner's reference.")


def options(contract: Contract, catalogues: Mapping[str, Catalogue]) -> Iterator[Finding]:
    """What a partner is asked to mean by an object is something that it understands."""
    for name, spec in contract.objects.items():
        partner = contract.role(contract.side_of(spec.role)).partner
        for option, values in spec.options.items():
            place, known = f"objects.{name}.options.{option}", catalogues[partner].option(spec.partner_object, option)
            if known is None:
                yield error(
                    place, f"{partner} has no option {option} for {spec.partner_object}.", "Remove it or correct its name."
                )
            elif known and (strange := set(values) - known):
                yield error(place, f"It cannot say {listed(strange)}.", f"Choose among: {listed(known)}.")


def _sources(
    place: str, columns: Mapping[str, Column | NestedColumn], nested: tuple[str, ...]
) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    for name, column in columns.items():
        yield f"{place}.{name}", column.source, nested
        yield from _sources(f"{place}.{name}.fields", column.fields, (*nested, column.source))


def expectations(contract: Contract, _: Mapping[str, Catalogue]) -> Iterator[Finding]:
    """Every column is watched by the gate, and every expectation can be evaluated."""
    for name, spec in contract.objects.items():
        yield from _watched(f"objects.{name}.columns", spec.columns)


def _watched(place: str, columns: Mapping[str, Column | NestedColumn]) -> Iterator[Finding]:
    needs = {"in_set": ("values",), "matches": ("pattern",), "max_length": ("maximum",), "between": ("minimum", "maximum")}
    for name, column in columns.items():
        here = f"{place}.{name}"
        if column.type is FieldType.LIST:
            if not column.fields:
                yield error(here, "A list without columns keeps nothing.", "Name its columns in `fields`.")
            yield from _watched(f"{here}.fields", column.fields)
            continue
        if column.fields:
            yield error(here, f"A column of type {column.type} has no columns of its own.", "Make it a list or remove `fields`.")
        if not column.expectations:
            yield error(here, "No expectation watches this column.", "Add one, e.g. `{expect: type, reason: …, remedy: …}`.")
        for expectation in column.expectations:
            wanted = needs.get(expectation.expect, ())
            if wanted and not any(getattr(expectation, w) for w in wanted):
                missing = " or ".join(f"`{w}`" for w in wanted)
                yield error(here, f"The expectation {expectation.expect} lacks {missing}.", f"Add {missing}.")
            if expectation.pattern is not None and not _compiles(expectation.pattern):
                yield error(here, "The pattern is not a regular expression.", "Correct it.")


def _compiles(pattern: str) -> bool:
    try:
        re.compile(pattern)
    except re.error:
        return False
    return True


def used(contract: Contract, _: Mapping[str, Catalogue]) -> Iterator[Finding]:
    """Nothing is read that no rule needs: what is not stored cannot leak."""
    for name, spec in contract.objects.items():
        needed = _needed(contract, name, spec)
        for column, content in spec.columns.items():
            if column not in needed and content.source != "id":
                place = f"objects.{name}.columns.{column}"
                yield warning(place, "It is read and stored, and nothing uses it.", "Remove it, or use it in a field or rule.")


def _started(contract: Contract) -> set[str]:
    """Columns that new records start with."""
    rule = contract.matching.create
    return set() if rule is None else {rule.unique, *rule.columns, *rule.texts}


def _needed(contract: Contract, name: str, spec: SourceObject) -> set[str]:
    needed = {*spec.label, *spec.exclude_when, *(c for c in (spec.aliases, spec.born, spec.parent) if c), "archived"}
    for side in SIDES:
        for field in contract.fields.values():
            place = side_of(field, side)
            if contract.main_object(side) == name and place.column is not None:
                needed.add(place.column)
            if place.lookup is not None and place.lookup.object == name:
                needed |= set(place.lookup.column.split())
        if contract.main_object(side) == name:
            for rule in contract.matching.rules:
                needed |= {rule.left} if side == "left" else {rule.right, rule.unique_right or rule.right}
            needed |= columns_told(contract, side) | (_started(contract) if side == "left" else reads_of_creates(contract))
    if contract.rollup is not None and contract.rollup.object == name:
        needed |= set(DETAIL_COLUMNS)
    detail = contract.objects.get(contract.rollup.object) if contract.rollup is not None else None
    return needed | (set(PARENT_COLUMNS) if detail is not None and detail.parent_object == name else set())
