"""How a text reads as its type: exactly, without binary floats, and never more generously than the merge reads it.

`type` and `between` are judged here value by value, each distinct value once; the words that come out are a column which Great
Expectations then evaluates row by row. Types that are a matter of spelling alone have a pattern in `SHAPES` instead.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa

from integration_pipelines.core.contract import FieldType
from integration_pipelines.errors import ContractError

READABLE = "ok"
_UNREADABLE, _BELOW, _ABOVE = "unreadable", "below", "above"

_WHOLE_DIGITS, _PLACES = 26, 12  # what DECIMAL(38, 12), the merge's own type, holds without rounding
_DECIMAL = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
_INTEGER = re.compile(r"[+-]?\d{1,38}", re.ASCII)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2})", re.ASCII)
_LONGEST = 100

SHAPES: Mapping[FieldType, str] = {
    FieldType.BOOLEAN: r"\A(?i:true|false)\Z",
    FieldType.CURRENCY: r"\A(?:[A-Za-z]{3}|MIXED)\Z",
    FieldType.EMAIL: r"\A[^@\s]+@[^@\s]+\Z",
    FieldType.DOMAIN: r"\A[^\s@/]+\.[^\s@/]+\Z",
    FieldType.ID: r"\A\S+\Z",
    FieldType.IDS: r"\A[^;\s]+(?:;[^;\s]+)*\Z",
    FieldType.TEXT: r"\A[^\x00]*\Z",
    FieldType.ENUM: r"\A[^\x00]*\Z",
}


def _decimal(text: str) -> Decimal | None:
    number = Decimal(text) if _DECIMAL.fullmatch(text) else None
    if not number:
        return number
    _, digits, exponent = number.as_tuple()
    places = len("".join(map(str, digits)).rstrip("0")) - len(digits) - int(exponent)
    return number if number.adjusted() < _WHOLE_DIGITS and places <= _PLACES else None


def _integer(text: str) -> Decimal | None:
    return Decimal(text) if _INTEGER.fullmatch(text) else None


def _date(text: str) -> date | None:
    return date.fromisoformat(text) if _DATE.fullmatch(text) else None


def _datetime(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if _TIME.fullmatch(text) else None


_READERS: Mapping[FieldType, Callable[[str], Any]] = {
    FieldType.DECIMAL: _decimal,
    FieldType.MONEY: _decimal,
    FieldType.INTEGER: _integer,
    FieldType.DATE: _date,
    FieldType.DATETIME: _datetime,
}


@dataclass(frozen=True, slots=True)
class Reading:
    """How to judge a text: it must read as that type and, where given, lie within the bounds, ends included."""

    kind: FieldType
    minimum: Any = None
    maximum: Any = None

    def word(self, text: str) -> str:
        """`ok`, or what is wrong."""
        value = _read(self.kind, text)
        if value is None:
            return _UNREADABLE
        if self.minimum is not None and value < self.minimum:
            return _BELOW
        return _ABOVE if self.maximum is not None and value > self.maximum else READABLE


def reading(kind: FieldType, minimum: str | None = None, maximum: str | None = None) -> Reading:
    """A reading with its bounds parsed as that type.

    Raises:
        ContractError: a type without values that can be compared, or a bound that is not of that type.
    """
    if kind not in _READERS:
        raise ContractError(f"Values of type {kind} have no order.", remedy="Use matches, in_set or max_length instead.")
    bounds = [None if bound is None else _read(kind, bound) for bound in (minimum, maximum)]
    if [b is None for b in bounds] != [minimum is None, maximum is None]:
        raise ContractError(f"A bound is not of type {kind}.", remedy="Correct the contract's minimum or maximum.")
    return Reading(kind, bounds[0], bounds[1])


def words(values: "pa.Array[Any]", how: Reading) -> "pa.Array[Any]":
    """The word for every text; null stays null. Distinct values are read once."""
    coded = values.dictionary_encode()
    distinct = pa.array([how.word(str(text)) for text in coded.dictionary.to_pylist()], pa.string())
    return distinct.take(coded.indices)


def _read(kind: FieldType, text: str) -> Any:  # noqa: ANN401 - Decimal, date or datetime, by type
    """The value, or None if the text does not read as that type."""
    if len(text) > _LONGEST:
        return None
    try:
        return _READERS[kind](text)
    except ValueError:  # no such day or hour
        return None
