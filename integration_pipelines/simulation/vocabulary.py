"""What people and programs may enter into the columns of a contract: good values by type and expectation, and bad ones that a gate refuses.

Nothing is known of any partner: a column's type, its expectations and the fields that rest on it say what fits.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation

from integration_pipelines.core.contract import Column, Contract, Expectation, FieldType, NestedColumn, ObjectKind, SourceObject
from integration_pipelines.gate.readings import READABLE, SHAPES, reading
from integration_pipelines.simulation.accounts import Side
from integration_pipelines.simulation.patterns import sample

_TYPICAL: dict[FieldType, tuple[str, ...]] = {
    FieldType.TEXT: ("North", "South Ltd", "Zo\u00eb & Co", "west", "East Side"),
    FieldType.EMAIL: ("ann@people.example", "Bo@People.example", "cy@people.example", "di@other.example"),
    FieldType.DOMAIN: ("north.example", "south.example"),
    FieldType.DECIMAL: ("10", "20.50", "99.95", "1234.5"),
    FieldType.MONEY: ("10.00", "20.50", "99.95"),
    FieldType.INTEGER: ("1", "2", "30"),
    FieldType.DATE: ("2026-12-01", "2027-01-31", "2028-02-29"),
    FieldType.DATETIME: ("2026-12-01T00:00:00Z", "2027-01-31T12:30:00Z"),
    FieldType.CURRENCY: ("USD", "EUR", "usd"),
    FieldType.BOOLEAN: ("true", "false"),
    FieldType.ENUM: ("alpha", "beta", "gamma"),
    FieldType.ID: ("101", "cus_101", "rec-101", "A101"),
    FieldType.IDS: ("101", "101;102"),
}  # fmt: skip
"""Tried in turn; what a column's expectations refuse is left out."""
_LONG_AGO = ("2026-10-01T08:00:00Z",)
"""Before any rehearsed integration was installed."""
_ODD = ("A\u0301gnes \U0001f984 \u202eevil", "=HYPERLINK(1)", "<b>x</b>", "  spaced  ", "n\u0303", "NULL")
"""Texts that look like something else."""
_WRONG = ("not this at all", "x y z", "\u2603", "nonsense!", "-")


@dataclass(frozen=True, slots=True)
class Words:
    """One column's values."""

    good: tuple[str, ...]
    bad: tuple[str, ...]
    odd: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Of every column of a contract's objects, by object and column."""

    words: dict[tuple[str, str], Words] = field(default_factory=dict)

    def of(self, name: str, column: str) -> Words:
        """A column's values."""
        return self.words[name, column]


def vocabulary(contract: Contract) -> Vocabulary:
    """What fits where."""
    found = Vocabulary()
    for name, spec in contract.objects.items():
        for column, how in spec.columns.items():
            if how.type is not FieldType.LIST:
                found.words[name, column] = _words(contract, spec, column, how)
    return found


def _words(contract: Contract, spec: SourceObject, column: str, how: Column) -> Words:
    wanted = list(dict.fromkeys((*_named(contract, spec, column), *_listed(how.expectations), *_TYPICAL[how.type])))
    if how.type is FieldType.ENUM and len(wanted) > len(_TYPICAL[how.type]):
        wanted = [w for w in wanted if w not in _TYPICAL[FieldType.ENUM]]
    good = tuple(w for w in wanted if fits(how, w)) or tuple(like(how, str(n)) for n in (1, 2, 3) if fits(how, like(how, str(n))))
    bad = tuple(w for w in _WRONG if not fits(how, w))
    odd = tuple(w for w in _ODD if fits(how, w)) if how.type is FieldType.TEXT else ()
    return Words(good, bad, odd)


def like(how: Column | NestedColumn, number: str) -> str:
    """A text with a number in it of the form that a column's expectations ask for; blank if they ask for none. It need not fit."""
    return next((sample(e.pattern, number) for e in how.expectations if e.expect == "matches" and e.pattern), "")


def _named(contract: Contract, spec: SourceObject, column: str) -> Iterable[str]:
    """What the fields say that this column may hold, and the rule by which records are made."""
    side = contract.side_of(spec.role)
    if spec.kind is not ObjectKind.MAIN:
        return
    rule = contract.matching.create
    if rule is not None and side == "right":
        yield from rule.when.get(column, ())
        yield from _LONG_AGO if column == rule.since else ()
    for one in contract.fields.values():
        place = one.left if side == "left" else one.right
        if place.column == column and place.lookup is None:
            yield from place.map or one.values


def _listed(expectations: Iterable[Expectation]) -> Sequence[str]:
    return [value for e in expectations if e.expect == "in_set" for value in e.values]


_JUDGED: dict[tuple[int, str], tuple[Column | NestedColumn, bool]] = {}
"""A column by its identity, and a value → whether it fits; holding the column keeps its identity its own."""


def fits(how: Column | NestedColumn, value: str) -> bool:
    """Whether a value meets a column's expectations, as far as one value can be judged alone; blank fits unless it must not be."""
    known = _JUDGED.get((id(how), value))
    if known is None:
        known = _JUDGED[id(how), value] = (how, _fits(how, value))
    return known[1]


def _fits(how: Column | NestedColumn, value: str) -> bool:
    text = value.strip("\t\n\x0b\x0c\r \xa0")
    if not text:
        return all(e.expect != "not_blank" for e in how.expectations)
    return all(_meets(e, how.type, text) for e in how.expectations)


def _meets(wanted: Expectation, kind: FieldType, text: str) -> bool:
    match wanted.expect:
        case "in_set":
            return text in wanted.values
        case "matches":
            return re.match(wanted.pattern or "", text) is not None
        case "max_length":
            return len(text) <= int(wanted.maximum or 0)
        case "type":
            return re.match(SHAPES[kind], text) is not None if kind in SHAPES else reading(kind).word(text) == READABLE
        case "between":
            return reading(kind, wanted.minimum, wanted.maximum).word(text) == READABLE
        case _:
            return True


def exact(text: str) -> Decimal | None:
    """A number, if it is one."""
    try:
        found = Decimal(text)
    except InvalidOperation:
        return None
    return found if found.is_finite() else None


def columns_of(contract: Contract, side: Side) -> dict[str, list[str]]:
    """Of a side's main object, by what a column is to the contract: `owner` is shown on the other side, `shown` shows the other side's."""
    main = contract.main_object(side)
    found: dict[str, list[str]] = {"owner": [], "shown": [], "shared": [], "match": [], "stamp": []}
    for one in contract.fields.values():
        place = one.left if side == "left" else one.right
        if place.column is None or contract.objects[main].columns[place.column].source == "id":
            continue
        kind = "stamp" if one.owner == "sync" else "shared" if one.owner == "two_way" else "shown"
        if one.owner not in {"sync", "two_way"} and contract.side_of(one.owner) == side:
            kind = "owner"
        found[kind].append(place.column)
    for rule in contract.matching.rules:
        found["match"].append(rule.left if side == "left" else rule.right)
    return {kind: list(dict.fromkeys(names)) for kind, names in found.items()}


def other(side: Side) -> Side:
    """The other one."""
    return "right" if side == "left" else "left"
