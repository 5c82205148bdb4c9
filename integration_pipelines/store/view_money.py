"""Amounts that people can read, in SQL that every database understands: no regular expressions, no formatting functions.

Digits are cut at places counted from their end. What is used often has a name, which keeps the text of a view short: whoever connects
to SQLite reads the text of every view first. What a name stands for may be worked out each time that it is used, so that is kept short, too.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from integration_pipelines.core.canonical import THREE_DECIMALS, ZERO_DECIMALS

_DIGITS = 19  # amounts are 64-bit
_PLACES = dict.fromkeys(("USD", "EUR", "GBP"), 2) | dict.fromkeys(ZERO_DECIMALS, 0) | dict.fromkeys(THREE_DECIMALS, 3)
"""Of currencies, those first that most amounts are in."""


@dataclass(frozen=True, slots=True)
class Value:
    """A column of canonical text (or an expression for one) and the name of its readable twin."""

    expression: str
    readable: str


def with_readable(source: str, columns: Sequence[str], values: Sequence[Value], is_money: str, currency: str = "currency") -> str:
    """A SELECT of those columns (`name` or `expression AS name`) and a readable twin per value.

    Args:
        source: what stands after FROM.
        columns: what is selected besides.
        values: what is made readable.
        is_money: a condition on the source's columns.
        currency: the column with the upper-case code.
    """
    numbered = list(enumerate(values))
    known = " ".join(f"WHEN '{code}' THEN {count}" for code, count in _PLACES.items())
    places = f"CASE {currency} {known} ELSE 2 END"
    digits = [f"ltrim({v.expression}, '-') AS digits_{n}" for n, v in numbered]
    whole = [f"{_whole(f'digits_{n}')} AS whole_{n}" for n, _ in numbered]
    twins = [f"{_readable(v.expression, n, is_money, currency)} AS {v.readable}" for n, v in numbered]
    told = f"SELECT *, {places} AS places, {', '.join(digits)} FROM {source}"
    return f"SELECT {', '.join([*columns, *twins])} FROM (SELECT *, {', '.join(whole)} FROM ({told}) AS told) AS cut"


def _readable(value: str, number: int, is_money: str, currency: str) -> str:
    """Minor units as `1,234.50 USD`, blank as `(blank)`, and what is no amount of a known currency as it stands."""
    digits, whole = f"digits_{number}", f"whole_{number}"
    plain = f"length({digits}) BETWEEN 1 AND {_DIGITS} AND ltrim({digits}, '0123456789') = '' AND {value} NOT LIKE '--%'"
    sign = f"CASE WHEN {value} LIKE '-%' THEN '-' ELSE '' END"
    minor = f"CASE WHEN places > 0 THEN '.' || substr('000' || {digits}, length({digits}) + 4 - places) ELSE '' END"
    return f"""CASE WHEN {value} = '' THEN '(blank)' WHEN ({is_money}) AND length({currency}) = 3 AND {plain}
      THEN {sign} || {_grouped(whole)} || {minor} || ' ' || {currency} ELSE {value} END"""


def _whole(digits: str) -> str:
    """Those before the point."""
    return f"CASE WHEN length({digits}) > places THEN substr({digits}, 1, length({digits}) - places) ELSE '0' END"


def _grouped(digits: str, behind: int = 0) -> str:
    """Digits in groups of three, without those groups that stand behind."""
    last = 3 * behind
    first = f"substr({digits}, 1, length({digits}) - {last})"
    if last + 3 >= _DIGITS:
        return first
    more = f"{_grouped(digits, behind + 1)} || ',' || substr({digits}, length({digits}) - {last + 2}, 3)"
    return f"CASE WHEN length({digits}) <= {last + 3} THEN {first} ELSE {more} END"
