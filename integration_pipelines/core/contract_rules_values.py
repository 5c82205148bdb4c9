"""Lint rules about values: maps that come back as they went, closed sets, types that fit, money with its currency."""

from collections import Counter
from collections.abc import Iterator, Mapping

from integration_pipelines.core.contract import Column, Contract, FieldType, Side, SyncField
from integration_pipelines.core.contract_findings import (
    SIDES,
    Catalogue,
    Finding,
    SideName,
    column_of,
    error,
    listed,
    side_of,
    written_sides,
)  # fmt: skip
from integration_pipelines.core.contract_rules_fields import AMOUNTS, TEXT_LIKE


def maps(contract: Contract, _: Mapping[str, Catalogue]) -> Iterator[Finding]:
    """Value maps come back the way they went, and cover what is allowed."""
    for name, field in contract.fields.items():
        for side in SIDES:
            place, here = side_of(field, side), f"fields.{name}.{side}"
            if foreign := set(place.map.values()) - set(field.values):
                yield error(f"{here}.map", f"It maps to values that are not allowed: {listed(foreign)}.", "Add them to `values`.")
            if side in written_sides(contract, field) and place.map:
                yield from _spelling(field, place, f"{here}.map")
            options = set(place.create.options) if place.create is not None else set()
            if options and (lacking := _spellings(field, place) - options):
                yield error(
                    f"{here}.create.options", f"The options lack {listed(lacking)}.", "Add them, as that side spells them."
                )


def _spelling(field: SyncField, place: Side, here: str) -> Iterator[Finding]:
    """On a written side every allowed value has exactly one spelling."""
    for value, count in sorted(Counter(place.map.values()).items()):
        if count > 1:
            message = f"{value} has {count} spellings, so it would not come back as it was."
            yield error(here, message, "Keep one spelling on a written side.")
    if unspelt := set(field.values) - set(place.map.values()):
        yield error(here, f"There is no spelling for {listed(unspelt)}.", "Add one for every allowed value.")


def _spellings(field: SyncField, place: Side) -> set[str]:
    """How a side spells what is allowed."""
    return set(place.map) if place.map else set(field.values)


def gates(contract: Contract, _: Mapping[str, Catalogue]) -> Iterator[Finding]:
    """The gate lets through what the field understands, and what we write ourselves."""
    for name, field in contract.fields.items():
        for side in SIDES:
            column, place = column_of(contract, field, side), side_of(field, side)
            passing = _passing(column) if column is not None and place.lookup is None else None
            if passing is None or field.type is not FieldType.ENUM:
                continue
            spelt, here = _spellings(field, place), f"fields.{name}.{side}"
            if unknown := passing - spelt:
                yield error(
                    here, f"The gate lets {listed(unknown)} pass, which means nothing here.", "Add it to `values` and maps."
                )
            if side in written_sides(contract, field) and (stopped := spelt - passing):
                yield error(
                    here, f"The gate would refuse {listed(stopped)}, which we write.", "Add it to the column's expectation."
                )


def _passing(column: Column) -> set[str] | None:
    """The values that a column's closed sets let through; None if it has no closed set."""
    closed = [set(e.values) for e in column.expectations if e.expect == "in_set"]
    return set.intersection(*closed) if closed else None


def defaults(contract: Contract, _: Mapping[str, Catalogue]) -> Iterator[Finding]:
    """A default exists where one is asked for, is allowed, and is not forgotten."""
    for name, field in contract.fields.items():
        here = f"fields.{name}"
        if field.blank == "default" and field.default is None:
            yield error(f"{here}.blank", "A blank becomes the default, and there is none.", "Add `default`.")
        if field.blank != "default" and field.default is not None:
            yield error(f"{here}.default", "The default would never be used.", "Set `blank: default` or remove it.")
        if field.default is not None and field.values and field.default not in field.values:
            yield error(f"{here}.default", "The default is not an allowed value.", f"Choose one of: {', '.join(field.values)}.")
        if field.default is not None and field.type is FieldType.MONEY and not field.default.lstrip("-").isdecimal():
            yield error(f"{here}.default", "The default is no whole number of minor units.", 'Write it like "0".')


def types(contract: Contract, _: Mapping[str, Catalogue]) -> Iterator[Finding]:
    """Closed sets are named once each, lengths limit text, and columns can hold their field."""
    for name, field in contract.fields.items():
        here = f"fields.{name}"
        if field.type is FieldType.LIST:
            yield error(here, "A list cannot be kept the same on both sides.", "Choose another type.")
        if field.type is FieldType.ENUM and not field.values:
            yield error(here, "A closed set without values.", "List them in `values`.")
        if field.type is not FieldType.ENUM and field.values:
            yield error(
                f"{here}.values", "Only a closed set has values; these would be ignored.", "Remove them, or make it an enum."
            )
        if len(set(field.values)) != len(field.values):
            yield error(f"{here}.values", "A value stands twice.", "Keep one.")
        if field.max_length is not None and field.type not in TEXT_LIKE:
            yield error(f"{here}.max_length", "Only text has a length.", "Remove it.")
        for side in SIDES:
            column = column_of(contract, field, side)
            if column is not None and side_of(field, side).lookup is None and not _fits(contract, field, side, column.type):
                yield error(
                    f"{here}.{side}.column", f"A column of type {column.type} cannot hold {field.type}.", "Correct a type."
                )


def _fits(contract: Contract, field: SyncField, side: SideName, held: FieldType) -> bool:
    if field.type in TEXT_LIKE:
        return held in TEXT_LIKE
    if field.type in AMOUNTS:
        return held in AMOUNTS
    a_day_of = field.type is FieldType.DATE and held is FieldType.DATETIME and side not in written_sides(contract, field)
    return held is field.type or a_day_of


def money(contract: Contract, _: Mapping[str, Catalogue]) -> Iterator[Finding]:
    """An amount knows its currency, from the same owner."""
    for name, field in contract.fields.items():
        here, currency = f"fields.{name}", contract.fields.get(field.currency_field or "")
        if field.type is not FieldType.MONEY:
            if field.currency_field is not None:
                yield error(f"{here}.currency_field", "Only money has a currency.", "Remove it.")
            continue
        if currency is None or currency.type is not FieldType.CURRENCY:
            remedy = "Set `currency_field` to a field of type currency."
            yield error(here, "An amount without a currency means nothing.", remedy)
        elif currency.owner != field.owner:
            yield error(here, "The amount and its currency have different owners.", "Give both the same owner.")
        if field.owner == "two_way":
            yield error(here, "Two sides could state one amount in two currencies.", "Give it one owner.")
