"""Which records decide about each other: what a change of one of them may change about another one.

A pass over a few records says the same about them as a pass over everything if no record outside decides about one inside. Records decide
about each other when a matching rule may compare them, when they share what must be unique, when one was merged into the other, when one
is a part of the other, and when they are linked; whatever else is shared, an account's owner say, is only looked up.

Values are compared *loosely*: two that are the same in canonical form are the same here, too, and some that differ may be. What is
found to decide may therefore be more than need be and is never less; nothing is decided here.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from integration_pipelines.core.canonical import BLANKS
from integration_pipelines.core.contract import Contract, FieldType, MatchRule, ObjectKind
from integration_pipelines.core.tables import TEXT
from integration_pipelines.core.waiting import references

_WWW = "^(www\\.)+"
_ASCII_BLANKS = 6
_DIGITS = 60
_NUMBERS = frozenset({FieldType.INTEGER, FieldType.DECIMAL, FieldType.MONEY})
_TIMES = frozenset({FieldType.DATE, FieldType.DATETIME})
CREATE = "create"
"""The key under which a record is found that another one is made for."""
_ALL = "*"
"""Stands for every value of a kind that cannot be compared loosely any better."""


Texts: TypeAlias = "pa.Array[Any]"
"""Texts of some rows; of a form that finds several in one, lists of texts."""


@dataclass(frozen=True, slots=True)
class Form:
    """What values say when they are compared loosely, both ways the same: of few rows it is quickest found text by text."""

    one: Callable[[str], Iterable[str]]
    many: Callable[[Texts], Texts]


@dataclass(frozen=True, slots=True)
class Key:
    """Under `name`, records whose `column` holds the same value decide about each other; so do objects that share a name."""

    name: str
    column: str
    form: Form
    without: frozenset[str] = field(default_factory=frozenset)  # values that say nothing


@dataclass(frozen=True, slots=True)
class Kinship:
    """What a contract says about which records decide about each other, worked out once."""

    contract: Contract
    keys: Mapping[str, tuple[Key, ...]]
    """By object."""
    lookups: Mapping[str, tuple[tuple[str, str], ...]]
    """See `lookups`."""
    columns: Mapping[str, tuple[str, ...]]
    """By object those that keys and lookups rest on, the record's id first."""

    @classmethod
    def of(cls, contract: Contract) -> "Kinship":
        """Of a contract."""
        by_object, named = keys(contract), lookups(contract)
        columns = {
            name: tuple(dict.fromkeys(("record_id", *(key.column for key in mine), *(c for c, _ in named.get(name, ())))))
            for name, mine in by_object.items()
        }
        return cls(contract, by_object, named, columns)


def keys(contract: Contract) -> dict[str, tuple[Key, ...]]:
    """Per object the keys under which its records decide about others."""
    found: dict[str, list[Key]] = {name: [] for name in contract.objects}
    left, right = contract.main_object("left"), contract.main_object("right")
    for rule in contract.matching.rules:
        _of_rule(contract, rule, found[left], found[right])
    create = contract.matching.create
    if create is not None:
        kind = contract.objects[left].columns[create.unique].type
        found[left].append(Key(CREATE, create.unique, _loosely(kind)))
        found[right].append(Key(CREATE, create.value, _loosely(kind)))
        found[left].append(Key("record", "record_id", AS_IS))
        found[right].append(Key("record", "record_id", AS_IS))
    for name, spec in contract.objects.items():
        if spec.aliases is not None:
            found[name] += [Key(f"merged {name}", "record_id", PLAIN), Key(f"merged {name}", spec.aliases, ID_SET)]
        if spec.kind is ObjectKind.DETAIL and spec.parent is not None and spec.parent_object is not None:
            found[name].append(Key(f"part {name}", spec.parent, AS_IS))
            found[spec.parent_object].append(Key(f"part {name}", "record_id", AS_IS))
    return {name: tuple(dict.fromkeys(listed)) for name, listed in found.items()}


def lookups(contract: Contract) -> dict[str, tuple[tuple[str, str], ...]]:
    """Main object → (column, object that its values name): what is looked up, and decides about nobody but who looks."""
    found: dict[str, list[tuple[str, str]]] = {}
    for name, column, named in references(contract):
        if contract.objects[named].kind is ObjectKind.LOOKUP:
            found.setdefault(name, []).append((column, named))
    return {name: tuple(pairs) for name, pairs in found.items()}


def loose(key: Key, values: Texts) -> tuple[Texts, Texts]:
    """What rows say under a key: the places of the rows that say something, and what they say, as often as they say it."""
    formed = key.form.many(values)
    if pa.types.is_list(formed.type):
        places, formed = pc.list_parent_indices(formed), pc.list_flatten(formed)
    else:
        places = pa.array(range(len(formed)), pa.int64())
    unsaid = pa.array(["", *sorted(key.without)], TEXT)
    said = pc.and_(pc.is_valid(formed), pc.invert(pc.is_in(formed, value_set=unsaid)))
    return places.filter(said), formed.filter(said)


def loose_text(key: Key, value: str) -> set[str]:
    """What a row says under a key if its column holds that text."""
    return {said for said in key.form.one(value) if said and said not in key.without}


def loose_value(kinship: Kinship, name: str, key: str, value: str) -> set[str]:
    """What a record of an object says under the keys of that name if their column holds that value."""
    return {said for k in kinship.keys[name] if k.name == key for said in loose_text(k, value)}


def _of_rule(contract: Contract, rule: MatchRule, left: list[Key], right: list[Key]) -> None:
    spec = contract.objects[contract.main_object("left")]
    kind = spec.columns[rule.left].type
    if rule.compare == "email_domain":
        free = frozenset(_folded(d) for d in contract.matching.free_mail_domains) if rule.exclude_free_mail else frozenset()
        left.append(Key(rule.name, rule.left, DOMAIN, free))
        right.append(Key(rule.name, rule.right, DOMAIN_OF_EMAIL, free))
    else:
        left.append(Key(rule.name, rule.left, _loosely(kind)))
        right.append(Key(rule.name, rule.right, _loosely(kind)))
        if spec.columns[rule.left].source == "id" and spec.aliases is not None:  # the id of a merged record means its survivor
            left.append(Key(rule.name, spec.aliases, ID_SET))
    if rule.unique_right is not None:
        mine = contract.objects[contract.main_object("right")].columns[rule.unique_right].type
        right.append(Key(f"unique {rule.unique_right}", rule.unique_right, _loosely(mine)))


def _loosely(kind: FieldType) -> Form:
    if kind in _NUMBERS:
        return NUMBER
    if kind in _TIMES:
        return TIME
    return {FieldType.DOMAIN: DOMAIN, FieldType.IDS: ID_SET}.get(kind, PLAIN)


def _as_is(values: Texts) -> Texts:
    return values


def _text(values: Texts) -> Texts:
    """Without the blanks at its ends, the case of its letters and their marks; ASCII, as nearly all of it is, in one go."""
    plain: Texts = pc.ascii_lower(pc.ascii_trim(values, characters=BLANKS[:_ASCII_BLANKS]))
    filled: Any = values.fill_null("")
    other = pc.invert(pc.string_is_ascii(filled))
    if not pc.any(other, min_count=0).as_py():
        return plain
    folded: Texts = pa.array([_folded(str(value)) for value in values.filter(other).to_pylist()], TEXT)
    mixed: Texts = pc.replace_with_mask(plain, other, folded)
    return mixed


def _domain(values: Texts) -> Texts:
    bare = _text(values)
    if not pc.any(pc.starts_with(bare, "www."), min_count=0).as_py():
        return bare
    short = pc.replace_substring_regex(bare, _WWW, "")
    # What is nothing but `www.` is a domain of its own.
    found: Texts = pc.if_else(pc.equal(short, pa.scalar("", TEXT)), bare, short)
    return found


def _domain_of_email(values: Texts) -> Texts:
    parts = pc.split_pattern(values.fill_null(""), "@")
    padded = pc.list_slice(parts, 0, 2, return_fixed_size_list=True)  # null where there is no @
    return _domain(pc.list_element(padded, 1).cast(TEXT))


def _id_set(values: Texts) -> Texts:
    listed = pc.split_pattern(values.fill_null(""), ";")
    return pa.ListArray.from_arrays(listed.offsets, _text(listed.values))


def _numbers(values: Texts) -> Texts:
    return pa.array([_number(v) if v is not None else None for v in values.to_pylist()], TEXT)


def _times(values: Texts) -> Texts:
    """Zones and spellings of one moment are many, and few contracts recognise anybody by a time."""
    return pa.array([None if v is None else _ALL if v else "" for v in _text(values).to_pylist()], TEXT)


def _bare_domain(value: str) -> str:
    bare = _folded(value)
    return re.sub(_WWW, "", bare) or bare


def _domain_after_at(value: str) -> str:
    _, _, after = value.partition("@")
    return _bare_domain(after.partition("@")[0])


def _any_time(value: str) -> str:
    return _ALL if _folded(value) else ""


def _number(value: str) -> str:
    bare = _folded(value)
    try:
        number = Decimal(bare)
    except InvalidOperation:
        return bare
    return f"{number.normalize() + 0:f}" if number.is_finite() and abs(number.adjusted()) < _DIGITS else bare


def _folded(value: str) -> str:
    """Case and marks taken off, so that whatever spells the same letters in Unicode is the same."""
    bare = value.strip(BLANKS)
    if bare.isascii():
        return bare.lower()
    parts = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", bare).upper().casefold())
    return "".join(c for c in parts if not unicodedata.combining(c)) or parts  # marks and nothing else are something, too


AS_IS = Form(lambda value: (value,), _as_is)
PLAIN = Form(lambda value: (_folded(value),), _text)
DOMAIN = Form(lambda value: (_bare_domain(value),), _domain)
DOMAIN_OF_EMAIL = Form(lambda value: (_domain_after_at(value),), _domain_of_email)
ID_SET = Form(lambda value: map(_folded, value.split(";")), _id_set)
NUMBER = Form(lambda value: (_number(value),), _numbers)
TIME = Form(lambda value: (_any_time(value),), _times)
