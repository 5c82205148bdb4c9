"""What both sides of a pair should say, worked out record by record: small, slow, and without a line of the engine's.

Canonical forms, maps, look-ups, roll-ups and the meaning of blanks are written again from the contract's words. Of prices it knows what
rehearsed worlds have: single amounts per unit, licensed or metered, with or without a discount in percent for ever.
"""

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from functools import lru_cache
from math import floor

from integration_pipelines.core.contract import Column, Contract, FieldType, Lookup, NestedColumn, ObjectKind, SyncField
from integration_pipelines.core.contract import Side as Where
from integration_pipelines.simulation.accounts import Account, Record, Side
from integration_pipelines.simulation.vocabulary import exact, fits

_BLANKS = "\t\n\x0b\x0c\r \xa0"
_PLACES = {**dict.fromkeys(("JPY", "KRW", "VND"), 0), **dict.fromkeys(("BHD", "KWD", "TND"), 3)}
_MONTHS = {"month": Fraction(1), "year": Fraction(12), "week": Fraction(12, 52), "day": Fraction(12, 365)}
MIXED = "MIXED"


@lru_cache(maxsize=100_000)
def canonical(kind: FieldType, raw: str | None, currency: str = "") -> str | None:
    """The form in which two values of a type are compared; None is missing, '' is blank, what does not read keeps its own text."""
    if raw is None:
        return None
    bare = raw.strip(_BLANKS)
    if not bare:
        return ""
    form = _FORMS.get(kind)
    return form(bare, currency) if form is not None else bare


def _number(bare: str) -> str:
    number = exact(bare)
    if number is None:
        return bare
    plain = format(number, "f")
    return (plain.rstrip("0").rstrip(".") if "." in plain else plain) or "0"


def _minor(bare: str, currency: str) -> str:
    number = exact(bare)
    if number is None:
        return bare
    minor = number.scaleb(_PLACES.get(currency, 2))
    return str(int(minor)) if minor == int(minor) else bare


def _moment(bare: str, kind: FieldType) -> str:
    try:
        found = datetime.fromisoformat(bare)
    except ValueError:
        return bare
    if kind is FieldType.DATE:
        return found.strftime("%Y-%m-%d")
    return found.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)


_FORMS: Mapping[FieldType, Callable[[str, str], str]] = {
    FieldType.TEXT: lambda bare, _: _nfc(bare),
    FieldType.EMAIL: lambda bare, _: _nfc(bare.lower()),
    FieldType.DOMAIN: lambda bare, _: _nfc(bare.lower()).removeprefix("www."),
    FieldType.CURRENCY: lambda bare, _: bare.upper(),
    FieldType.BOOLEAN: lambda bare, _: bare.lower(),
    FieldType.INTEGER: lambda bare, _: _number(bare),
    FieldType.DECIMAL: lambda bare, _: _number(bare),
    FieldType.MONEY: _minor,
    FieldType.DATE: lambda bare, _: _moment(bare, FieldType.DATE),
    FieldType.DATETIME: lambda bare, _: _moment(bare, FieldType.DATETIME),
    FieldType.IDS: lambda bare, _: ";".join(sorted({part.strip() for part in bare.split(";")} - {""})),
}


def spelled(kind: FieldType, value: str, where: Where, currency: str = "") -> str:
    """A canonical value as a side keeps it."""
    if kind is FieldType.MONEY and value:
        places = _PLACES.get(currency, 2)
        sign, digits = ("-", value[1:]) if value.startswith("-") else ("", value)
        padded = digits.rjust(places + 1, "0")
        return f"{sign}{padded[:-places]}.{padded[-places:]}" if places else sign + digits
    own = {meant: side for side, meant in where.map.items()}
    return own.get(value, value)


@dataclass(frozen=True, slots=True)
class Pair:
    """A left record and the right records that are linked with it, the oldest link first; `right_id` is the one that is compared."""

    left_id: str
    right_id: str
    right_ids: tuple[str, ...]

    @property
    def is_oldest(self) -> bool:
        """What is shown on the left side is compared under the oldest link alone."""
        return self.right_ids[0] == self.right_id


class Reference:
    """The values of one life's pairs.

    Args:
        contract: the integration.
        accounts: both sides as they really are.
        now: the moment at which time-bound things are looked at.
    """

    def __init__(self, contract: Contract, accounts: Mapping[Side, Account]) -> None:
        self._contract = contract
        self._accounts = accounts
        self._mains: Mapping[Side, str] = {"left": contract.main_object("left"), "right": contract.main_object("right")}
        # Nothing that is summed up, or that others name, changes while somebody looks.
        self._sums: dict[Pair, dict[str, str]] = {}
        self._accepted: dict[tuple[Side, str, str], bool] = {}

    def both(self, pair: Pair, field: str) -> tuple[str | None, str | None]:
        """Left and right value of a field in canonical form; None where it is not compared."""
        spec = self._contract.fields[field]
        if spec.owner == "sync":
            return None, None
        shown_left = spec.owner == "two_way" or self._contract.side_of(spec.owner) == "right"
        if shown_left and not pair.is_oldest:
            return None, None
        left, right = (self._value(pair, spec, side, self._currency(pair, spec)) for side in ("left", "right"))
        if spec.owner == "two_way":
            return left, right
        if self._contract.side_of(spec.owner) == "left":
            return _meant(spec, left), right
        return left, _meant(spec, right)

    def currency(self, pair: Pair, field: str) -> str:
        """Of an amount, as its owner states it; '' for what is no amount."""
        return self._currency(pair, self._contract.fields[field])

    def _currency(self, pair: Pair, spec: SyncField) -> str:
        if spec.type is not FieldType.MONEY or spec.currency_field is None:
            return ""
        of = self._contract.fields[spec.currency_field]
        side: Side = "left" if self._contract.side_of(of.owner) == "left" else "right"
        return _meant(of, self._value(pair, of, side, "")) or ""

    def _value(self, pair: Pair, spec: SyncField, side: str, currency: str) -> str | None:
        which: Side = "left" if side == "left" else "right"
        where = spec.left if which == "left" else spec.right
        if where.rollup is not None:
            if pair not in self._sums:
                self._sums[pair] = self._rolled_up(pair)
            return self._sums[pair].get(where.rollup)
        record_id = pair.left_id if which == "left" else pair.right_id
        record = self._accounts[which].objects[self._mains[which]][record_id]
        raw = record.get(where.column or "", "")
        if where.column in self._accounts[which].missing[self._mains[which]]:
            return None
        if where.lookup is not None:
            return self._looked_up(which, where.lookup, spec, raw)
        if raw is not None and where.map:
            raw = where.map.get(raw.strip(_BLANKS), raw)
        return canonical(spec.type, raw, currency)

    def _looked_up(self, side: Side, lookup: Lookup, spec: SyncField, raw: str | None) -> str | None:
        if not raw:
            return raw
        known = self._accounts[side].objects[lookup.object].get(raw)
        if known is None or not self.accepted(side, lookup.object, raw):
            return None
        if (known.get("archived") or "").lower() == "true":
            return "" if lookup.when_archived == "clear" else None
        parts = [known.get(column) for column in lookup.column.split()]
        if any(part is None for part in parts):
            return None
        return canonical(spec.type, " ".join(str(p).strip(_BLANKS) for p in parts if str(p).strip(_BLANKS)))

    def accepted(self, side: Side, name: str, record_id: str) -> bool:
        """Whether a record is there, in scope, and meets what is expected of each of its values."""
        key = side, name, record_id
        if key not in self._accepted:
            self._accepted[key] = self._is_accepted(side, name, record_id)
        return self._accepted[key]

    def _is_accepted(self, side: Side, name: str, record_id: str) -> bool:
        record = self._accounts[side].objects[name].get(record_id)
        spec = self._contract.objects[name]
        if record is None or any(record.get(column) in values for column, values in spec.exclude_when.items()):
            return False
        gone = self._accounts[side].missing[name]
        return all(self._fits(how, record.get(column)) for column, how in spec.columns.items() if column not in gone)

    def _fits(self, how: Column | NestedColumn, value: str | Sequence[Record] | None) -> bool:
        if how.type is not FieldType.LIST:
            return fits(how, str(value or ""))
        rows = [row for row in value or () if not isinstance(row, str)]
        return all(self._fits(inner, row.get(name)) for row in rows for name, inner in how.fields.items())

    def _rolled_up(self, pair: Pair) -> dict[str, str]:
        rollup = self._contract.rollup
        if rollup is None:
            return {}
        spec = self._contract.objects[rollup.object]
        side: Side = "left" if self._contract.side_of(spec.role) == "left" else "right"
        rows = self._accounts[side].objects[rollup.object]
        mine = [
            r for i, r in rows.items() if r.get(spec.parent or "") in pair.right_ids and self.accepted(side, rollup.object, i)
        ]
        return roll_up(mine, rollup.status_order, rollup.counted_statuses, rollup.ended_statuses)

    def parts(self, pair: Pair) -> dict[str, tuple[str, str, str]]:
        """What the compared record brings to the roll-up: its accepted detail rows with status, amount a month and currency."""
        rollup = self._contract.rollup
        if rollup is None:
            return {}
        own = self.rows_of(Pair(pair.left_id, pair.right_id, (pair.right_id,)))
        side: Side = "left" if self._contract.side_of(self._contract.objects[rollup.object].role) == "left" else "right"
        return {
            i: (_status(r, rollup.ended_statuses), str(_rounded(_counted(r, rollup.counted_statuses))), r["currency"].upper())
            for i, r in own
            if self.accepted(side, rollup.object, i)
        }

    def rows_of(self, pair: Pair) -> list[tuple[str, Record]]:
        """Every detail row of the pair's right records, good or bad."""
        found = []
        for name, spec in self._contract.objects.items():
            if spec.kind is ObjectKind.DETAIL:
                side: Side = "left" if self._contract.side_of(spec.role) == "left" else "right"
                found += [
                    (i, r) for i, r in self._accounts[side].objects[name].items() if r.get(spec.parent or "") in pair.right_ids
                ]
        return found


def _meant(spec: SyncField, own: str | None) -> str | None:
    """What the owner's value means for the other side: a blank may be cleared, replaced by a default, or say nothing."""
    if own != "":
        return own
    return {"default": spec.default, "keep": None}.get(spec.blank, own)


def roll_up(rows: Sequence[Record], order: Sequence[str], counted: Sequence[str], ended: Sequence[str]) -> dict[str, str]:
    """One view of a customer's subscriptions."""
    running = [r for r in rows if r["status"] not in ended]
    currencies = sorted({r["currency"].upper() for r in running})
    currency = MIXED if len(currencies) > 1 else "".join(currencies)
    statuses = [_status(r, ended) for r in rows]
    renewals = [d for r in rows if (d := _renewal(r, ended))]
    over = [d for r in (running or rows) if (d := _end(r, ended))]
    ends = not running or all(_ends(r) for r in running)
    total = sum((_counted(r, counted) for r in rows), Fraction(0))
    return {
        "status": min(statuses, key=order.index, default="none"),
        "mrr": "" if currency == MIXED else str(_rounded(total)),
        "currency": currency,
        "renewal_date": min(renewals, default="")[:10],
        "cancel_date": max(over, default="")[:10] if ends else "",
    }


def _rounded(amount: Fraction) -> int:
    """Half a unit goes away from zero."""
    whole = floor(abs(amount) + Fraction(1, 2))
    return whole if amount >= 0 else -whole


def _ends(row: Record) -> bool:
    return bool(row["cancel_at"]) or row["cancel_at_period_end"].lower() == "true"


def _status(row: Record, ended: Sequence[str]) -> str:
    if row["status"] == "active" and _ends(row):
        return "canceling"
    return "canceled" if row["status"] in ended else str(row["status"])


def _period_end(row: Record) -> str:
    return min((i["current_period_end"] for i in row["items"] if i["current_period_end"]), default="")


def _renewal(row: Record, ended: Sequence[str]) -> str:
    if row["status"] in ended or row["status"] == "paused" or _ends(row):
        return ""
    return row["trial_end"] or _period_end(row) if row["status"] == "trialing" else _period_end(row)


def _end(row: Record, ended: Sequence[str]) -> str:
    if row["status"] in ended:
        return str(row["ended_at"])
    return str(row["cancel_at"] or _period_end(row)) if _ends(row) else ""


def _counted(row: Record, counted: Sequence[str]) -> Fraction:
    return _monthly(row) if row["status"] in counted else Fraction(0)


def _monthly(row: Record) -> Fraction:
    items = [i for i in row["items"] if i["interval"] and i["usage_type"] != "metered"]
    amounts = [
        Fraction(i["unit_amount"] or "0") * int(i["quantity"] or "1") / (_MONTHS[i["interval"]] * int(i["interval_count"] or "1"))
        for i in items
    ]
    total = sum(amounts, Fraction(0))
    for discount in row["discounts"]:
        total = total * (1 - Fraction(discount["percent_off"]) / 100)
    return total
