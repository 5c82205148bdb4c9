"""Amounts that people can read, in SQL that every database understands: no regular expressions, no formatting functions.

Layer by layer: sign and digits, digits padded to at least one before the point, groups of three. Text only, no I/O.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from integration_pipelines.core.canonical import decimals

_GROUPS = 7  # thousands separators up to 10^21; amounts are 64-bit


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
        values: what is made readable: money as `1,234.50 USD`, blank as `(blank)`, anything else as it is.
        is_money: a condition on the source's columns.
        currency: an expression with the upper-case code.
    """
    names = [c.rsplit(" AS ", 1)[-1] for c in columns]
    n = range(len(values))
    digits = ", ".join(
        f"{v.expression} AS v{i}, CASE WHEN {v.expression} LIKE '-%' THEN substr({v.expression}, 2) ELSE {v.expression} END AS d{i}"
        for i, v in enumerate(values)
    )
    places = decimals(currency)
    coded = f"{currency} IS NOT NULL AND length({currency}) = 3"
    money = f"CASE WHEN ({is_money}) AND {coded} THEN 1 ELSE 0 END AS money"
    signs = f"SELECT {', '.join(columns)}, {digits}, {places} AS places, {currency} AS code, {money} FROM {source}"
    padded = f"SELECT s.*, {', '.join(_padded(i) for i in n)} FROM ({signs}) s"
    parted = f"SELECT p.*, {', '.join(_parted(i) for i in n)} FROM ({padded}) p"
    return f"SELECT {', '.join(names)}, {', '.join(_readable(i, v.readable) for i, v in enumerate(values))} FROM ({parted}) w"


def _padded(i: int) -> str:
    """Null where the text is no whole number: it is shown as it stands."""
    missing = f"CASE WHEN length(d{i}) <= places THEN places + 1 - length(d{i}) ELSE 0 END"
    return f"CASE WHEN money = 1 AND d{i} <> '' AND ltrim(d{i}, '0123456789') = '' THEN substr('0000', 1, {missing}) || d{i} END AS p{i}"


def _parted(i: int) -> str:
    return f"substr(p{i}, 1, length(p{i}) - places) AS w{i}, substr(p{i}, length(p{i}) - places + 1) AS f{i}"


def _readable(i: int, name: str) -> str:
    cases = [f"WHEN length(w{i}) <= {3 * g} THEN {_grouped(f'w{i}', g)}" for g in range(1, _GROUPS + 1)]
    sign = f"CASE WHEN v{i} LIKE '-%' THEN '-' ELSE '' END"
    rest = f"CASE WHEN places = 0 THEN '' ELSE '.' || f{i} END"
    amount = f"{sign} || CASE {' '.join(cases)} ELSE w{i} END || {rest} || ' ' || code"
    return f"CASE WHEN v{i} = '' THEN '(blank)' WHEN p{i} IS NULL THEN v{i} ELSE {amount} END AS {name}"


def _grouped(whole: str, groups: int) -> str:
    """The digits of a number with exactly that many groups."""
    head = f"substr({whole}, 1, length({whole}) - {3 * (groups - 1)})"
    tails = [f"substr({whole}, length({whole}) - {3 * g - 1}, 3)" for g in range(groups - 1, 0, -1)]
    return " || ',' || ".join([head, *tails])
