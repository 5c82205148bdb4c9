"""What each side says of a field, as SQL expressions over the row in which `merge` joins both sides: in its own letters and in canonical form.

Most values need not be read as their type to see that both sides say the same, so the letters are kept apart from the form. Columns of
the joined row are named after where they come from: `l.name`, `r.name`, `g.mrr` (a roll-up), `l.owner_id.crm_owners.gone` (looked up by an id).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from integration_pipelines.core.canonical import canonical, fixed, minor_from_major, trimmed
from integration_pipelines.core.contract import Contract, FieldType, Lookup, Side, SyncField
from integration_pipelines.core.settled import MIXED, owner_side
from integration_pipelines.core.sql import mapped, name, text

ALIASES = {"left": "l", "right": "r"}


@dataclass(frozen=True, slots=True)
class Said:
    """A value of one side. What we made ourselves by a look-up, a roll-up or as an amount is `made` in its canonical form."""

    letters: str
    form: str
    made: bool = False


def said(contract: Contract, spec: SyncField, side: str) -> Said:
    """What a side says of a field."""
    value, place = _said(spec, side), place_of(spec, side)
    if (
        spec.type is not FieldType.MONEY or place.rollup is not None
    ):  # roll-ups are in minor units, partners' amounts in major ones
        return value
    currency = _said(contract.fields[spec.currency_field or ""], owner_side(contract, spec))
    return Said(minor_from_major(value.letters, currency.letters), minor_from_major(value.form, currency.form), made=True)


def verbatim(contract: Contract, fields: Mapping[str, SyncField]) -> str:
    """Whether every field is compared, and both sides and the base say the same of each to the letter.

    Then they are the same in canonical form, too: letters that are nobody's canonical form never count.
    """
    return " AND ".join(
        ("is_primary", "is_oldest", "dispute IS NULL", "NOT followed", *(_same(contract, f, s) for f, s in fields.items()))
    )


def _same(contract: Contract, field: str, spec: SyncField) -> str:
    left, right, base = said(contract, spec, "left"), said(contract, spec, "right"), name("z_" + field)
    parts = [f"{left.letters} = {right.letters}", f"{base} = {left.letters}"]
    if not (left.made or right.made):
        parts.append(fixed(spec.type, base))
    if spec.blank != "clear":
        parts.append(f"{base} <> ''")
    if spec.type is FieldType.MONEY:
        parts.append(f"{name(f'z_{spec.currency_field}')} <> '{MIXED}'")
    return " AND ".join(parts)


def lookups(fields: Mapping[str, SyncField]) -> Iterator[tuple[str, Side, Lookup, SyncField]]:
    """(side, place, look-up, field) of every value that stands behind an id."""
    for spec in fields.values():
        for side in ALIASES:
            place = place_of(spec, side)
            if place.lookup is not None:
                yield side, place, place.lookup, spec


def place_of(spec: SyncField, side: str) -> Side:
    """Where a field lives on a side."""
    return spec.left if side == "left" else spec.right


def key_of(side: str, place: Side, lookup: Lookup) -> str:
    """The name under which the table of looked-up values joins."""
    return f"{ALIASES[side]}.{place.column}.{lookup.object}"


def form_of(lookup: Lookup, spec: SyncField) -> str:
    """The column of a table of looked-up values in which a field's canonical form stands."""
    return f"{spec.type} {lookup.column}"


def _said(spec: SyncField, side: str) -> Said:
    """The same, but an amount as it stands there."""
    place = place_of(spec, side)
    if place.rollup is not None:
        return _made(name(f"g.{place.rollup}"))
    raw = name(f"{ALIASES[side]}.{place.column}")
    if place.lookup is not None:
        return _made(_looked_up(raw, key_of(side, place, place.lookup), place.lookup, spec))
    present = raw if place.create is None else f"CASE WHEN {raw} IS NULL AND setting_up THEN '' ELSE {raw} END"
    if spec.type is FieldType.MONEY:
        return Said(raw, present)
    if not place.map:
        return Said(raw, canonical(spec.type, present))
    met = {own: value for own, value in place.map.items() if own == own.strip()}  # what the map says of others is said of none
    return Said(mapped(raw, met), canonical(spec.type, mapped(trimmed(present), place.map)))


def _made(value: str) -> Said:
    return Said(value, value, made=True)


def _looked_up(reference: str, key: str, lookup: Lookup, spec: SyncField) -> str:
    """A value behind an id: blank id = blank, an unknown id = missing, an archived row as the contract says."""
    gone = text("") if lookup.when_archived == "clear" else text(None)
    found = f"CASE WHEN {name(f'{key}.gone')} THEN {gone} ELSE {name(f'{key}.{form_of(lookup, spec)}')} END"
    return f"CASE WHEN {reference} IS NULL THEN NULL WHEN {reference} = '' THEN '' ELSE {found} END"
