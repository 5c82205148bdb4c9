"""Partner records (JSON) to observation batches (Arrow), for every partner alike, and the count of fields nobody declared.

The paths of a contract's columns are compiled once; after that a page is turned column by column, which costs a fraction of going
record by record. Meaning is kept apart: a missing key is null, JSON null and '' are '', every other value is text. A value of the
wrong shape becomes its JSON text, so that the gate can refuse that record; it never raises. How one partner spells times or lists
is its own `respell` and `unwrap`.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

import pyarrow as pa

from integration_pipelines.core.contract import Column, FieldType, NestedColumn, SourceObject
from integration_pipelines.core.tables import OBSERVED_PREFIX, TEXT, TIME
from integration_pipelines.partners.redact import safe_name

Json = dict[str, Any]
Respell = Callable[[object], str]
"""A present value (never missing) to neutral text."""

if TYPE_CHECKING:
    _Array = pa.Array[Any]
    _Field = pa.Field[Any]


class _Missing:
    __slots__ = ()


_MISSING = _Missing()
"""The key is not there, which is not the same as null."""


@dataclass(frozen=True, slots=True)
class _Wrong:
    """A value where an object was expected; whatever is looked for in it reads as this value's JSON text."""

    value: object


def observed_schema(spec: SourceObject) -> pa.Schema:
    """`OBSERVED_PREFIX` and the contract's columns, all text or nested lists of text."""
    return pa.schema([*OBSERVED_PREFIX, *(pa.field(name, _type(column)) for name, column in spec.columns.items())])


def neutral_text(value: object) -> str:
    """Any JSON value as text: null is '', booleans are `true` and `false`, numbers keep every digit, the rest stays JSON."""
    return _SPELLED.get(type(value), json_text)(value)


_SPELLED: dict[type, Callable[[Any], str]] = {
    str: str,
    type(None): lambda _: "",
    bool: lambda value: "true" if value else "false",
    int: str,
    Decimal: lambda value: format(value, "f"),
    float: lambda value: format(Decimal(repr(value)), "f"),
    _Wrong: lambda value: json_text(value.value),
}


def joined_ids(value: object) -> str:
    """A list of ids as `a;b`; anything else as `neutral_text`."""
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return ";".join(value)
    return neutral_text(value)


def json_text(value: object) -> str:
    """The JSON spelling of a value, in a stable order."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=str)


def _itself(value: Json) -> list[object]:
    return [value]


class Flattener:
    """Turns pages of one object's records into batches; stateless after construction, so threads may share it.

    Args:
        spec: the object as the contract reads it.
        respell: field types whose texts a partner spells in its own way, with what makes neutral text of any present value.
        otherwise: the same for values that are no text (null included); text passes as it is, which is much faster.
        open_maps: top-level objects in which an absent key means blank, since the partner has no null there.
        unwrap: the rows inside an object that stands where a list is declared; by default it is a list of one.
    """

    def __init__(
        self,
        spec: SourceObject,
        *,
        respell: Mapping[FieldType, Respell] | None = None,
        otherwise: Mapping[FieldType, Respell] | None = None,
        open_maps: frozenset[str] = frozenset(),
        unwrap: Callable[[Json], list[object]] = _itself,
    ) -> None:
        self.schema = observed_schema(spec)
        self._compiler = _Compiler(respell or {}, {FieldType.IDS: joined_ids, **(otherwise or {})}, open_maps, unwrap)
        self._root = self._compiler.tree(spec.columns)
        self._width = len(spec.columns)

    def batch(
        self,
        records: Sequence[Json],
        *,
        tenant_id: str,
        observed_at: datetime,
        ids: Sequence[str] | None = None,
        deleted: Sequence[bool] | None = None,
    ) -> pa.RecordBatch:
        """One row per record, in their order.

        Args:
            records: JSON objects.
            tenant_id: whose they are.
            observed_at: when the page was read.
            ids: the record ids; by default each record's `id`.
            deleted: marks; by default each record's `deleted`.
        """
        rows = len(records)
        named = ids if ids is not None else [neutral_text(record.get("id")) for record in records]
        marks = deleted if deleted is not None else [record.get("deleted") is True for record in records]
        prefix = [
            pa.repeat(pa.scalar(tenant_id, TEXT), rows),
            _texts(named),
            pa.repeat(pa.scalar(observed_at, TIME), rows),
            pa.array(marks, pa.bool_()),
        ]
        return pa.RecordBatch.from_arrays([*prefix, *self._root.arrays(records, self._width)], schema=self.schema)


@dataclass(slots=True)
class _Leaf:
    position: int
    respell: Respell | None
    otherwise: Respell

    def array(self, values: Sequence[Any]) -> "_Array":
        respell, otherwise = self.respell, self.otherwise
        if respell is None:
            return _texts([v if v.__class__ is str else None if v is _MISSING else otherwise(v) for v in values])
        return _texts([None if v is _MISSING else neutral_text(v) if v.__class__ is _Wrong else respell(v) for v in values])


@dataclass(slots=True)
class _Rows:
    """A nested list: all rows of all records are turned together, then cut by offsets."""

    position: int
    node: "_Node"
    fields: "list[_Field]"
    unwrap: Callable[[Json], list[object]]

    def array(self, values: Sequence[Any]) -> "_Array":
        flat: list[object] = []
        offsets: list[int | None] = []
        for value in values:
            offsets.append(None if value is _MISSING else len(flat))
            if value.__class__ is list:
                flat.extend(value)
            elif value.__class__ is dict:
                flat.extend(self.unwrap(value))
            elif value is not None and value is not _MISSING:
                flat.append(value)
        offsets.append(len(flat))
        columns = self.node.arrays(flat, len(self.fields))
        struct = pa.StructArray.from_arrays(columns, fields=self.fields)
        return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), struct)


@dataclass(slots=True)
class _Node:
    """One step of all paths that share it."""

    blank_if_absent: bool = False
    children: dict[str, "_Node"] = field(default_factory=dict)
    ends: list[_Leaf | _Rows] = field(default_factory=list)

    def arrays(self, parents: Sequence[Any], width: int) -> "list[_Array]":
        out: list[_Array | None] = [None] * width
        self._fill(parents, out)
        return cast("list[_Array]", out)

    def _fill(self, parents: Sequence[Any], out: "list[_Array | None]") -> None:
        absent = None if self.blank_if_absent else _MISSING
        for name, child in self.children.items():
            values = [p.get(name, absent) if p.__class__ is dict else _through(p) for p in parents]
            for end in child.ends:
                out[end.position] = end.array(values)
            if child.children:
                child._fill(values, out)  # noqa: SLF001 - the same class


def _through(parent: object) -> object:
    """What is found inside something that is no object: nothing stays nothing, anything else is wrong."""
    return parent if parent is None or parent is _MISSING or parent.__class__ is _Wrong else _Wrong(parent)


@dataclass(frozen=True, slots=True)
class _Compiler:
    respell: Mapping[FieldType, Respell]
    otherwise: Mapping[FieldType, Respell]
    open_maps: frozenset[str]
    unwrap: Callable[[Json], list[object]]

    def tree(self, columns: Mapping[str, Column | NestedColumn], *, top: bool = True) -> _Node:
        root = _Node()
        for position, column in enumerate(columns.values()):
            node = root
            for step in self._steps(column.source, top=top):
                node = node.children.setdefault(step, _Node(blank_if_absent=top and node is root and step in self.open_maps))
            node.ends.append(self._end(position, column))
        return root

    def _steps(self, source: str, *, top: bool) -> list[str]:
        first, _, rest = source.partition(".")
        return [first, rest] if top and rest and first in self.open_maps else source.split(".")

    def _end(self, position: int, column: Column | NestedColumn) -> _Leaf | _Rows:
        if column.type is not FieldType.LIST:
            return _Leaf(position, self.respell.get(column.type), self.otherwise.get(column.type, neutral_text))
        return _Rows(position, self.tree(column.fields, top=False), _fields(column), self.unwrap)


def _texts(values: Sequence[str | None]) -> "_Array":
    try:
        return pa.array(values, TEXT)
    except UnicodeEncodeError:  # lone surrogates are legal in JSON and in no text; they stay visible as \udxxx
        return pa.array([None if v is None else v.encode("utf-8", "backslashreplace").decode() for v in values], TEXT)


def _type(column: Column | NestedColumn) -> pa.DataType:
    return pa.list_(pa.struct(_fields(column))) if column.type is FieldType.LIST else TEXT


def _fields(column: Column | NestedColumn) -> "list[_Field]":
    return [pa.field(name, _type(nested)) for name, nested in column.fields.items()]


_JSON_TYPES: dict[type, str] = {str: "string", bool: "boolean", type(None): "null", list: "array", dict: "object"}


class UnknownCounter:
    """Counts top-level fields that the connector does not know: names and JSON types, never values."""

    def __init__(self, known: frozenset[str]) -> None:
        self._known = known
        self._counts: Counter[tuple[str, str]] = Counter()

    def see(self, records: Iterable[Json]) -> None:
        """Count one page."""
        known = self._known
        for record in records:
            if not known.issuperset(record):
                for name in record.keys() - known:
                    self._counts[safe_name(name), _JSON_TYPES.get(type(record[name]), "number")] += 1

    def counts(self) -> dict[tuple[str, str], int]:
        """(name, JSON type) → records that carried it, ordered."""
        return dict(sorted(self._counts.items()))
