"""Amounts that people can read, in SQL that every database understands: no regular expressions, no formatting functions.

One expression per value, made of digits cut at places counted from their end, so that a database evaluates little per row. Text only.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from integration_pipelines.core.canonical import THREE_DECIMALS, ZERO_DECIMALS

_DIGITS = 19  # amounts are 64-bit


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
    twins = [f"{readable(v.expression, is_money, currency)} AS {v.readable}" for v in values]
    return f"SELECT {', '.join([*columns, *twins])} FROM {source}"


def readable(value: str, is_money: str, currency: str) -> str:
    """Minor units as `1,234.50 USD`, blank as `(blank)`, and what is no amount of a known currency as it stands."""
    digits = f"ltrim({value}, '-')"
    amount = f"({is_money}) AND length({currency}) = 3 AND {digits} <> '' AND ltrim({digits}, '0123456789') = '' AND {value} NOT LIKE '--%'"
    sign = f"CASE WHEN {value} LIKE '-%' THEN '-' ELSE '' END"
    by_places = f"""CASE WHEN {currency} IN ({_listed(ZERO_DECIMALS)}) THEN {_major(digits, 0)}
      WHEN {currency} IN ({_listed(THREE_DECIMALS)}) THEN {_major(digits, 3)} ELSE {_major(digits, 2)} END"""
    return f"CASE WHEN {value} = '' THEN '(blank)' WHEN {amount} THEN {sign} || {by_places} || ' ' || {currency} ELSE {value} END"


def _major(digits: str, places: int) -> str:
    """Digits of minor units as major units, by how many digits there are."""
    groups = range(1, (_DIGITS - places + 2) // 3 + 1)
    cases = [f"WHEN length({digits}) <= {places + 3 * g} THEN {_grouped(digits, places, g)}" for g in groups]
    if places:
        cases.insert(
            0, f"WHEN length({digits}) <= {places} THEN '0.' || substr('000', 1, {places} - length({digits})) || {digits}"
        )
    return f"CASE {' '.join(cases)} ELSE {digits} END"


def _grouped(digits: str, places: int, groups: int) -> str:
    """Digits with exactly that many groups before the point."""
    tail = 3 * (groups - 1) + places
    parts = [f"substr({digits}, 1, length({digits}) - {tail})"]
    for group in range(groups - 1, 0, -1):
        parts += ["','", f"substr({digits}, length({digits}) - {3 * group + places - 1}, 3)"]
    if places:
        parts += ["'.'", f"substr({digits}, length({digits}) - {places - 1})"]
    return " || ".join(parts)


def _listed(codes: Sequence[str]) -> str:
    return ", ".join(f"'{c}'" for c in codes)
