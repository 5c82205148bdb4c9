"""Refuses contracts that are well formed but dangerous: two owners, maps that lose values, rules that name nothing, silent columns.

A finding is data: severity, place, message, remedy. Rules are small functions over the contract; what a partner really has is asked of
its `Catalogue`, so that nothing here knows a partner.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, Protocol

from integration_pipelines.core.contract import Column, Contract, FieldType, NestedColumn, ObjectKind, Side, SyncField

STATUSES = ("trialing", "active", "past_due", "unpaid", "paused", "canceling", "canceled", "incomplete", "none")
TEXT_LIKE = {FieldType.TEXT, FieldType.ENUM, FieldType.ID, FieldType.IDS, FieldType.EMAIL, FieldType.DOMAIN, FieldType.CURRENCY}
SideName = Literal["left", "right"]
SIDES: tuple[SideName, SideName] = ("left", "right")


class Severity(StrEnum):
    """An error refuses the contract; a warning is worth a look."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, where, and what to do."""

    severity: Severity
    place: str
    message: str
    remedy: str


class Catalogue(Protocol):
    """What a partner really has; each partner's `wire` module offers it."""

    def knows(self, partner_object: str, path: str, nested: tuple[str, ...] = ()) -> bool:
        """Whether that path can be read."""

    def writable(self, partner_object: str, path: str) -> bool:
        """Whether that path may be written."""


def lint(contract: Contract, catalogues: Mapping[str, Catalogue]) -> list[Finding]:
    """All findings, in the order of the file's parts; no error among them means the contract may be used.

    Args:
        contract: a loaded contract.
        catalogues: partner → what it has.
    """
    rules: tuple[Callable[[Contract, Mapping[str, Catalogue]], Iterator[Finding]], ...] = (
        _shape, _partner_fields, _expectations, _owners, _targets, _maps, _types, _lookups, _matching, _rollup, _loops, _rest,
    )  # fmt: skip
    if broken := list(_roles(contract, catalogues)):
        return broken
    if broken := [f for f in _shape(contract, catalogues) if f.severity is Severity.ERROR]:
        return broken
    return [finding for rule in rules for finding in rule(contract, catalogues)]


def _error(place: str, message: str, remedy: str) -> Finding:
    return Finding(Severity.ERROR, place, message, remedy)


def _roles(contract: Contract, catalogues: Mapping[str, Catalogue]) -> Iterator[Finding]:
    names = (contract.roles.left.name, contract.roles.right.name)
    if names[0] == names[1]:
        yield _error("roles", "Both sides have the same name.", "Give each side a name of its own.")
    for side in SIDES:
        role = contract.role(side)
        if role.partner not in catalogues:
            known = ", ".join(sorted(catalogues))
            yield _error(f"roles.{side}.partner", f"There is no partner {role.partner}.", f"Choose one of: {known}.")
    for name, spec in contract.objects.items():
        if spec.role not in names:
            yield _error(f"objects.{name}.role", f"There is no role {spec.role}.", f"Choose {names[0]} or {names[1]}.")


def _shape(contract: Contract, _: Mapping[str, Catalogue]) -> Iterator[Finding]:
    """Exactly one main object a side; details know their parent; named columns exist; fields point at columns that exist."""
    for side in SIDES:
        role = contract.role(side).name
        mains = [n for n, o in contract.objects.items() if o.role == role and o.kind is ObjectKind.MAIN]
        if len(mains) != 1:
            yield _error("objects", f"The {role} side has {len(mains)} main objects.", "Mark exactly one object a side as main.")
    if any(
        sum(o.role == contract.role(s).name and o.kind is ObjectKind.MAIN for o in contract.objects.values()) != 1 for s in SIDES
    ):
        return
    yield from _columns_named(contract)


def _columns_named(contract: Contract) -> Iterator[Finding]:
    for name, spec in contract.objects.items():
        if spec.kind is ObjectKind.DETAIL and (spec.parent not in spec.columns or spec.parent_object not in contract.objects):
            yield _error(
                f"objects.{name}",
                "A detail needs `parent` (a column) and `parent_object`.",
                "Say to which record its rows belong.",
            )
        for column in (*spec.label, *spec.exclude_when, *([spec.aliases] if spec.aliases else [])):
            if column not in spec.columns:
                yield _error(f"objects.{name}", f"There is no column {column}.", "Correct the name or add the column.")
        if not any(c.source == "id" for c in spec.columns.values()):
            yield _error(f"objects.{name}.columns", "No column has the source id.", "Add the record's id.")
    for name, field in contract.fields.items():
        for side in SIDES:
            place = _place(field, side)
            main = contract.objects[contract.main_object(side)]
            if place.column is not None and place.column not in main.columns:
                yield _error(
                    f"fields.{name}.{side}.column",
                    f"There is no column {place.column}.",
                    f"Choose one of: {', '.join(main.columns)}.",
                )


def _place(field: SyncField, side: SideName) -> Side:
    return field.left if side == "left" else field.right


def _partner_fields(contract: Contract, catalogues: Mapping[str, Catalogue]) -> Iterator[Finding]:
    """Every source exists at the partner."""
    for name, spec in contract.objects.items():
        catalogue = catalogues[contract.role(contract.side_of(spec.role)).partner]
        for place, source, nested in _sources(f"objects.{name}.columns", spec.columns, ()):
            if not catalogue.knows(spec.partner_object, source, nested):
                path = ".".join((*nested, source))
                partner = contract.role(contract.side_of(spec.role)).partner
                yield _error(
                    place,
                    f"{partner} has no {path} on {spec.partner_object}.",
                    "Correct the source; see the partner's reference.",
                )


def _sources(
    place: str, columns: Mapping[str, Column | NestedColumn], nested: tuple[str, ...]
) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    for name, column in columns.items():
        yield f"{place}.{name}", column.source, nested
        yield from _sources(f"{place}.{name}.fields", column.fields, (*nested, column.source))


def _expectations(contract: Contract, _: Mapping[str, Catalogue]) -> Iterator[Finding]:
    """Every column is watched by the gate, and every expectation can be evaluated."""
    for name, spec in contract.objects.items():
        yield from _watched(f"objects.{name}.columns", spec.columns)


def _watched(place: str, columns: Mapping[str, Column | NestedColumn]) -> Iterator[Finding]:
    for name, column in columns.items():
        here = f"{place}.{name}"
        if column.type is FieldType.LIST:
            yield from _watched(f"{here}.fields", column.fields)
            continue
        if not column.expectations:
            yield _error(here, "No expectation watches this column.", "Add one, e.g. `{expect: type, reason: …, remedy: …}`.")
        needs = {"in_set": "values", "matches": "pattern", "max_length": "maximum"}
        for expectation in column.expectations:
            wanted = needs.get(expectation.expect)
            if wanted and not getattr(expectation, wanted):
                yield _error(here, f"The expectation {expectation.expect} lacks `{wanted}`.", f"Add `{wanted}`.")
            if expectation.expect == "between" and expectation.minimum is None and expectation.maximum is None:
                yield _error(here, "The expectation between has no limit.", "Add `minimum` or `maximum`.")
            if expectation.pattern is not None and not _compiles(expectation.pattern):
                yield _error(here, "The pattern is not a regular expression.", "Correct it.")


def _compiles(pattern: str) -> bool:
    try:
        re.compile(pattern)
    except re.error:
        return False
    return True


def _owners(contract: Contract, _: Mapping[str, Catalogue]) -> Iterator[Finding]:
    """Every field has one owner."""
    known = (contract.roles.left.name, contract.roles.right.name, "sync", "two_way")
    for name, field in contract.fields.items():
        if field.owner not in known:
            yield _error(f"fields.{name}.owner", f"There is no owner {field.owner}.", f"Choose one of: {', '.join(known)}.")
        if field.owner == "two_way" and field.two_way_rule is None:
            yield _error(f"fields.{name}", "Both sides own this field and nobody says who wins.", "Add `two_way_rule`.")
        if field.owner != "two_way" and field.two_way_rule is not None:
            yield _error(f"fields.{name}.two_way_rule", "The field has one owner, so the rule would never apply.", "Remove it.")
        if field.blank == "default" and field.default is None:
            yield _error(f"fields.{name}.blank", "A blank becomes the default, and there is none.", "Add `default`.")
        if field.default is not None and field.values and field.default not in field.values:
            yield _error(
                f"fields.{name}.default", "The default is not an allowed value.", f"Choose one of: {', '.join(field.values)}."
            )


def written_sides(contract: Contract, field: SyncField) -> tuple[SideName, ...]:
    """The sides that a field is written to."""
    if field.owner == "two_way":
        return SIDES
    if field.owner == "sync":
        return tuple(s for s in SIDES if _place(field, s).column is not None)
    return ("right",) if contract.side_of(field.owner) == "left" else ("left",)


def _targets(contract: Contract, catalogues: Mapping[str, Catalogue]) -> Iterator[Finding]:
    """What is written can be written, by this field alone, and its owner's side says something."""
    targets = Counter((side, _place(f, side).column) for f in contract.fields.values() for side in written_sides(contract, f))
    for name, field in contract.fields.items():
        for side in written_sides(contract, field):
            yield from _target(contract, catalogues, name, field, side)
            if targets[side, _place(field, side).column] > 1:
                yield _error(
                    f"fields.{name}.{side}", "Another field writes the same place: ownership is ambiguous.", "Give each its own."
                )
        if field.owner in {contract.roles.left.name, contract.roles.right.name}:
            own = _place(field, contract.side_of(field.owner))
            if own.column is None and own.rollup is None:
                yield _error(
                    f"fields.{name}", "The owner's side says nothing.", "Name a column or a roll-up on the owner's side."
                )


def _target(
    contract: Contract, catalogues: Mapping[str, Catalogue], name: str, field: SyncField, side: SideName
) -> Iterator[Finding]:
    place = _place(field, side)
    if place.column is None or place.lookup is not None or place.rollup is not None:
        yield _error(f"fields.{name}.{side}", "This side is written, and a lookup or roll-up cannot be.", "Name a plain column.")
        return
    main = contract.objects[contract.main_object(side)]
    source = main.columns[place.column].source
    if not catalogues[contract.role(side).partner].writable(main.partner_object, source):
        yield _error(
            f"fields.{name}.{side}", f"{contract.role(side).partner} does not let us write {source}.", "Choose a writable place."
        )


def _maps(contract: Contract, _: Mapping[str, Catalogue]) -> Iterator[Finding]:
    """Value maps come back the way they went, and cover what is allowed."""
    for name, field in contract.fields.items():
        for side in SIDES:
            place = _place(field, side)
            here = f"fields.{name}.{side}.map"
            foreign = sorted(set(place.map.values()) - set(field.values)) if field.values else []
            if place.map and foreign:
                yield _error(
                    here,
                    f"It maps to values that are not allowed: {', '.join(foreign)}.",
                    "Correct the map or add them to `values`.",
                )
            if side in written_sides(contract, field) and place.map:
                doubled = [v for v, n in Counter(place.map.values()).items() if n > 1]
                if doubled:
                    yield _error(
                        here,
                        f"{doubled[0]} has two spellings, so it would not come back as it was.",
                        "Keep one on a written side.",
                    )
                unspelt = sorted(set(field.values) - set(place.map.values()))
                if unspelt:
                    yield _error(here, f"There is no spelling for {', '.join(unspelt)}.", "Add one for every allowed value.")
            if place.create is not None and place.create.options and field.values:
                lacking = sorted(set(field.values) - set(place.create.options))
                if lacking:
                    yield _error(f"fields.{name}.{side}.create.options", f"The options lack {', '.join(lacking)}.", "Add them.")


def _types(contract: Contract, _: Mapping[str, Catalogue]) -> Iterator[Finding]:
    """Money knows its currency; closed sets are named; limits fit their type."""
    for name, field in contract.fields.items():
        currency = contract.fields.get(field.currency_field or "")
        if field.type is FieldType.MONEY and (currency is None or currency.type is not FieldType.CURRENCY):
            yield _error(
                f"fields.{name}",
                "An amount without a currency means nothing.",
                "Set `currency_field` to a field of type currency.",
            )
        if field.type is FieldType.MONEY and currency is not None and currency.owner != field.owner:
            yield _error(f"fields.{name}", "The amount and its currency have different owners.", "Give both the same owner.")
        if field.type is not FieldType.MONEY and field.currency_field is not None:
            yield _error(f"fields.{name}.currency_field", "Only money has a currency.", "Remove it.")
        if field.type is FieldType.ENUM and not field.values:
            yield _error(f"fields.{name}", "A closed set without values.", "List them in `values`.")
        if field.max_length is not None and field.type not in TEXT_LIKE:
            yield _error(f"fields.{name}.max_length", "Only text has a length.", "Remove it.")


def _lookups(contract: Contract, _: Mapping[str, Catalogue]) -> Iterator[Finding]:
    for name, field in contract.fields.items():
        for side in SIDES:
            lookup = _place(field, side).lookup
            if lookup is None:
                continue
            target = contract.objects.get(lookup.object)
            if target is None or target.kind is not ObjectKind.LOOKUP:
                yield _error(f"fields.{name}.{side}.lookup", f"There is no lookup object {lookup.object}.", "Correct the name.")
                continue
            for column in set(lookup.column.split()) - set(target.columns):
                yield _error(f"fields.{name}.{side}.lookup", f"{lookup.object} has no column {column}.", "Correct the name.")


def _matching(contract: Contract, _: Mapping[str, Catalogue]) -> Iterator[Finding]:
    matching = contract.matching
    columns = {side: contract.objects[contract.main_object(side)].columns for side in SIDES}
    for name, count in Counter(r.name for r in matching.rules).items():
        if count > 1:
            yield _error("matching.rules", f"The rule {name} stands twice.", "Keep one.")
    for rule in matching.rules:
        named = (("left", rule.left), ("right", rule.right), *((("right", rule.unique_right),) if rule.unique_right else ()))
        for side, column in named:
            if column not in columns["left" if side == "left" else "right"]:
                yield _error(f"matching.rules.{rule.name}", f"The {side} side has no column {column}.", "Correct the name.")
        if rule.exclude_free_mail and not matching.free_mail_domains:
            yield _error(
                f"matching.rules.{rule.name}", "Free-mail domains are excluded, and none is listed.", "List `free_mail_domains`."
            )
        if rule.compare == "email_domain" and not rule.exclude_free_mail:
            yield Finding(
                Severity.WARNING,
                f"matching.rules.{rule.name}",
                "Free-mail domains would link strangers.",
                "Set `exclude_free_mail`.",
            )
    if not matching.rules:
        yield Finding(Severity.WARNING, "matching.rules", "Without a rule only stored links connect records.", "Add a rule.")


def _rollup(contract: Contract, _: Mapping[str, Catalogue]) -> Iterator[Finding]:
    used = [n for n, f in contract.fields.items() if f.left.rollup or f.right.rollup]
    if contract.rollup is None:
        for name in used:
            yield _error(f"fields.{name}", "It is a roll-up, and the contract has none.", "Add `rollup`.")
        return
    spec = contract.objects.get(contract.rollup.object)
    if spec is None or spec.kind is not ObjectKind.DETAIL:
        yield _error(
            "rollup.object", f"There is no detail object {contract.rollup.object}.", "Name the object whose rows are added up."
        )
    lacking = [s for s in STATUSES if s not in contract.rollup.status_order]
    if lacking:
        yield _error("rollup.status_order", f"The order lacks {', '.join(lacking)}.", "Put every status in its place.")
    if len(set(contract.rollup.status_order)) != len(contract.rollup.status_order):
        yield _error("rollup.status_order", "A status stands twice.", "Keep one.")
    for name in used:
        field = contract.fields[name]
        if (field.left.rollup or field.right.rollup) == "status" and set(contract.rollup.status_order) - set(field.values):
            yield _error(
                f"fields.{name}.values", "The roll-up can say a status that is not allowed.", "Allow every status of the order."
            )


def _loops(contract: Contract, _: Mapping[str, Catalogue]) -> Iterator[Finding]:
    """A field must not read what another field writes on the same side: an edit would go round for ever."""
    written = {(s, _place(f, s).column): n for n, f in contract.fields.items() for s in written_sides(contract, f)}
    for name, field in contract.fields.items():
        for side in SIDES:
            if side in written_sides(contract, field):
                continue
            other = written.get((side, _place(field, side).column))
            if other is not None and _place(field, side).column is not None:
                yield _error(
                    f"fields.{name}.{side}",
                    f"It reads what {other} writes: an edit would go round for ever.",
                    "Read another column.",
                )


def _rest(contract: Contract, _: Mapping[str, Catalogue]) -> Iterator[Finding]:
    roles = {contract.roles.left.name, contract.roles.right.name}
    for scope in contract.scopes:
        if scope.role not in roles:
            yield _error(
                f"scopes.{scope.scope}", f"There is no role {scope.role}.", f"Choose one of: {', '.join(sorted(roles))}."
            )
        if not scope.reason.strip():
            yield _error(f"scopes.{scope.scope}", "A permission without a reason.", "Say why it is needed.")
    for role in sorted(roles - {s.role for s in contract.scopes}):
        yield _error("scopes", f"No permission is listed for {role}.", "List what is needed, each with its reason.")
    if contract.guards.max_update_percent > 50:  # noqa: PLR2004 - half of all customers
        yield Finding(
            Severity.WARNING, "guards.max_update_percent", "More than half of all records may change unseen.", "Lower it."
        )
