"""Lint rules about ownership: who may say what, where it is written, and that nothing goes round in circles."""

from collections import Counter
from collections.abc import Iterator, Mapping

from integration_pipelines.core.contract import Contract, DataClass, FieldType, ObjectKind, SyncField
from integration_pipelines.core.contract_findings import (
    SIDES,
    Catalogue,
    Finding,
    SideName,
    column_of,
    error,
    main_of,
    side_of,
    written_sides,
)  # fmt: skip

TEXT_LIKE = frozenset(
    {FieldType.TEXT, FieldType.ENUM, FieldType.ID, FieldType.IDS, FieldType.EMAIL, FieldType.DOMAIN, FieldType.CURRENCY}
)
AMOUNTS = frozenset({FieldType.DECIMAL, FieldType.INTEGER, FieldType.MONEY})


def owners(contract: Contract, _: Mapping[str, Catalogue]) -> Iterator[Finding]:
    """Every field has one owner, and the owner's side says something."""
    sides = (contract.roles.left.name, contract.roles.right.name)
    known = (*sides, "sync", "two_way")
    for name, field in contract.fields.items():
        here = f"fields.{name}"
        if field.owner not in known:
            yield error(f"{here}.owner", f"There is no owner {field.owner}.", f"Choose one of: {', '.join(known)}.")
        if field.owner == "two_way" and field.two_way_rule is None:
            yield error(here, "Both sides own this field and nobody says who wins.", "Add `two_way_rule`.")
        if field.owner != "two_way" and field.two_way_rule is not None:
            yield error(f"{here}.two_way_rule", "The field has one owner, so the rule would never apply.", "Remove it.")
        if field.owner in sides:
            own = side_of(field, contract.side_of(field.owner))
            if own.column is None and own.rollup is None:
                yield error(here, "The owner's side says nothing.", "Name a column or a roll-up on the owner's side.")
        if field.owner == "sync" and (field.type is not FieldType.DATETIME or not written_sides(contract, field)):
            yield error(here, "The sync itself can only say when it wrote.", "Make it a datetime with a column on one side.")


def sides(contract: Contract, _: Mapping[str, Catalogue]) -> Iterator[Finding]:
    """A side is one thing: a column, a column through a lookup, or a roll-up; and only a column's values are mapped."""
    for name, field in contract.fields.items():
        for side in SIDES:
            place, here = side_of(field, side), f"fields.{name}.{side}"
            if place.rollup is not None and (place.column is not None or place.lookup is not None):
                yield error(here, "It is a column and a roll-up at once.", "Keep one of them.")
            if place.rollup is not None and side == "left":
                yield error(here, "Only rows of the right side can be rolled up.", "Swap the sides, or name a column.")
            if place.column is None and (place.lookup is not None or place.create is not None):
                yield error(here, "A lookup or a property to create needs a column.", "Name the column.")
            if place.map and (place.column is None or place.lookup is not None or field.type is not FieldType.ENUM):
                yield error(f"{here}.map", "Only a column of a closed set has a map; this one would be ignored.", "Remove it.")


def targets(contract: Contract, catalogues: Mapping[str, Catalogue]) -> Iterator[Finding]:
    """What is written can be written, and by one field alone, whatever names it goes under."""
    written = Counter(t for _, _, t in _targets(contract))
    for name, side, target in _targets(contract):
        here = f"fields.{name}.{side}"
        place, main = side_of(contract.fields[name], side), main_of(contract, side)
        partner = contract.role(side).partner
        if target is None or place.lookup is not None or place.rollup is not None:
            yield error(here, "This side is written, and a lookup or roll-up cannot be.", "Name a plain column.")
            continue
        if written[target] > 1:
            yield error(here, "Another field writes the same place: ownership is ambiguous.", "Give each its own.")
        if not catalogues[partner].writable(main.partner_object, target[1]):
            yield error(here, f"{partner} does not let us write {target[1]}.", "Choose a writable place.")


def _targets(contract: Contract) -> Iterator[tuple[str, SideName, tuple[SideName, str] | None]]:
    """Field, side, and the place at the partner that it writes there."""
    for name, field in contract.fields.items():
        for side in written_sides(contract, field):
            column = column_of(contract, field, side)
            yield name, side, (side, column.source) if column is not None else None


def created(contract: Contract, catalogues: Mapping[str, Catalogue]) -> Iterator[Finding]:
    """Fields are made only where the partner lets them be made."""
    for name, field in contract.fields.items():
        for side in SIDES:
            column = column_of(contract, field, side)
            if side_of(field, side).create is None or column is None:
                continue
            partner = contract.role(side).partner
            if not catalogues[partner].creatable(main_of(contract, side).partner_object, column.source):
                message = f"{partner} has no property {column.source} that can be created."
                yield error(f"fields.{name}.{side}.create", message, "Choose a source that can be created, or remove it.")


def loops(contract: Contract, _: Mapping[str, Catalogue]) -> Iterator[Finding]:
    """A field must not read what another field writes on the same side: an edit would go round for ever."""
    writers = {target: name for name, _, target in _targets(contract) if target is not None}
    for name, field in contract.fields.items():
        for side in SIDES:
            column = column_of(contract, field, side)
            other = writers.get((side, column.source)) if column is not None else None
            if other is not None and side not in written_sides(contract, field):
                message = f"It reads what {other} writes: an edit would go round for ever."
                yield error(f"fields.{name}.{side}", message, "Read another column.")


def lookups(contract: Contract, _: Mapping[str, Catalogue]) -> Iterator[Finding]:
    """A lookup leads to a lookup object of its own side and to columns that it has."""
    for name, field in contract.fields.items():
        for side in SIDES:
            lookup, here = side_of(field, side).lookup, f"fields.{name}.{side}.lookup"
            if lookup is None:
                continue
            target = contract.objects_of(side).get(lookup.object)
            if target is None or target.kind is not ObjectKind.LOOKUP:
                yield error(here, f"There is no lookup object {lookup.object} on this side.", "Correct the name.")
                continue
            for column in sorted(set(lookup.column.split()) - set(target.columns)):
                yield error(here, f"{lookup.object} has no column {column}.", "Correct the name.")
            if "archived" not in target.columns:
                message = f"{lookup.object} does not tell who left, so `when_archived` could not apply."
                yield error(here, message, "Add a column `archived`.")


def privacy(contract: Contract, _: Mapping[str, Catalogue]) -> Iterator[Finding]:
    """What is personal at its owner is marked personal wherever it goes, since views and erasure go by the mark."""
    for name, field in contract.fields.items():
        marks = {f"fields.{name}": field.data_class}
        marks |= {
            f"objects.{contract.main_object(side)}.columns.{side_of(field, side).column}": column.data_class
            for side in written_sides(contract, field)
            if (column := column_of(contract, field, side)) is not None
        }
        if DataClass.PERSONAL in {*marks.values(), *_read_classes(contract, field)}:
            for place, mark in marks.items():
                if mark is not DataClass.PERSONAL:
                    yield error(place, "It holds personal data and is not marked so.", "Set `data_class: personal`.")


def _read_classes(contract: Contract, field: SyncField) -> Iterator[DataClass]:
    for side in SIDES:
        lookup = side_of(field, side).lookup
        if lookup is not None and lookup.object in contract.objects:
            columns = contract.objects[lookup.object].columns
            yield from (columns[c].data_class for c in lookup.column.split() if c in columns)
        elif side not in written_sides(contract, field) and (column := column_of(contract, field, side)) is not None:
            yield column.data_class
