"""The merge said record by record in plain Python, and random tables to hold the set-based one against. Nothing here is the engine's.

Canonical forms are the rehearsal's own (`simulation.reference`); the truth table below is written from the product's promises.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any

import pyarrow as pa

from integration_pipelines.core.contract import Column, Contract, FieldType, Side, SourceObject, SyncField
from integration_pipelines.core.passes import PassInputs
from integration_pipelines.core.shapes import base_schema
from integration_pipelines.core.tables import DIFFS, IDENTITY_LINKS, INTENTS, OBSERVED_PREFIX, TEXT
from integration_pipelines.simulation.reference import canonical
from integration_pipelines_tests.kit.core import NOW, REFUSED, crm_billing

Row = dict[str, Any]
LEFT, RIGHT = "lefts", "rights"
VALUES: Mapping[FieldType, tuple[str | None, ...]] = {
    FieldType.TEXT: ("Acme", " Acme ", "acme", "Zoë", "Zoe\u0308", "Globex Corporation"),
    FieldType.EMAIL: ("a@x.example", "A@X.example", " b@x.example", "b@x.example"),
    FieldType.DOMAIN: ("acme.example", "www.acme.example", "ACME.example", "globex.example"),
    FieldType.ENUM: ("gold", "silver", " silver", "bronze"),
    FieldType.CURRENCY: ("USD", "usd", "JPY", "KWD", " eur"),
    FieldType.DECIMAL: ("1", "1.0", "1.50", "1.5", "-0.25", "many"),
    FieldType.INTEGER: ("7", "07", "7.0", "-12", "8", "seven"),
    FieldType.BOOLEAN: ("true", "True", "false", " FALSE"),
    FieldType.DATE: ("2026-01-31", "2026-01-31T10:00:00Z", "2026-02-01", "soon"),
    FieldType.DATETIME: ("2026-01-31T10:00:00Z", "2026-01-31T11:00:00+01:00", "2026-01-31T10:00:00.500Z", "2027-01-01T00:00:00Z"),
    FieldType.IDS: ("2;1", "1;2", "1; 2;", "3", "3;1"),
    FieldType.MONEY: ("10", "10.00", "10.5", "1234.500", "-3", "12"),
}
MAP = {"Gold": "gold", "Silver": "silver"}
"""What the left side calls two of the values."""
LEFT_WORDS = ("Gold", " Silver", "Silver", "bronze")
ABSENT = (None, "", "", "  ")
_LONG = (FieldType.TEXT, FieldType.EMAIL, FieldType.DOMAIN)


@dataclass(frozen=True)
class Verdict:
    """What becomes of a field that differs."""

    left: str
    right: str
    base: str | None
    kind: str
    action: str
    resolved: str | None


@dataclass
class Tables:
    """Both sides as a partner shows them, links, the base, and what was sent and is not confirmed."""

    contract: Contract
    lefts: dict[str, Row]
    rights: dict[str, Row]
    links: list[Row]
    base: dict[str, Row]
    intents: list[Row] = field(default_factory=list)

    def inputs(self) -> PassInputs:
        """As a pass takes them."""
        base = [{"tenant_id": "t1", "link_id": link} | row for link, row in self.base.items()]
        return PassInputs(
            contract=self.contract,
            run_ids={"t1": "run_1"},
            now=NOW,
            observed={LEFT: self._observed(LEFT, self.lefts), RIGHT: self._observed(RIGHT, self.rights)},
            refused=REFUSED.empty_table(),
            links=pa.Table.from_pylist(self.links, IDENTITY_LINKS),
            base=pa.Table.from_pylist(base, base_schema(self.contract)),
            intents=pa.Table.from_pylist(self.intents, INTENTS),
            unresolved=DIFFS.empty_table(),
        )

    def _observed(self, name: str, rows: Mapping[str, Row]) -> pa.Table:
        columns = [(c, TEXT) for c in self.contract.objects[name].columns]
        schema = pa.schema([*OBSERVED_PREFIX, *columns, ("_sequence", pa.int64())])
        first = {"tenant_id": "t1", "observed_at": NOW, "deleted": False, "_sequence": 1}
        return pa.Table.from_pylist([first | {"record_id": i, "id": i} | row for i, row in rows.items()], schema)


def tables(random: Random, pairs: int) -> Tables:
    """A random contract, and so many left records with one to three right ones each, of which some agree and some do not."""
    contract = _contract(random)
    made = Tables(contract, {}, {}, [], {})
    for n in range(pairs):
        left = f"l{n:03}"
        made.lefts[left] = {f: _value(random, LEFT_WORDS if s.left.map else VALUES[s.type]) for f, s in contract.fields.items()}
        for m in range(random.choice((1, 1, 1, 2, 3))):
            _right(random, made, left, f"r{n:03}{m}", m)
    return made


def _right(random: Random, made: Tables, left: str, right: str, place: int) -> None:
    """One more right record of a left one, the link, its base, and perhaps a write that is under way."""
    row, base, link = {}, {}, f"link_{right}"
    for name, spec in made.contract.fields.items():
        shown = made.lefts[left][name]
        row[name] = shown if spec.type is not FieldType.ENUM and random.random() < 0.4 else _value(random, VALUES[spec.type])
        base[name] = random.choice(
            (None, *(canonical(spec.type, v, "USD") for v in (shown, row[name], _value(random, VALUES[spec.type]))))
        )
        for target, target_id in ((LEFT, left), (RIGHT, right)):
            if random.random() < 0.1:
                sent = canonical(spec.type, random.choice((shown, row[name])), "USD")
                made.intents.append(
                    {"tenant_id": "t1", "target": target, "target_id": target_id, "field": name, "value": sent or "x"}
                )
    made.rights[right], made.base[link] = row, base
    at = NOW - timedelta(days=30 - place)
    made.links.append(
        {
            "tenant_id": "t1",
            "integration": made.contract.contract,
            "link_id": link,
            "left_id": left,
            "right_id": right,
            "state": "live",
        }
        | {"match_rule": "id", "created_at": at, "updated_at": at, "epoch": 1}
    )


def _value(random: Random, values: Sequence[str | None]) -> str | None:
    return random.choice(ABSENT if random.random() < 0.15 else values)


def _contract(random: Random) -> Contract:
    fields: dict[str, SyncField] = {}
    for n in range(6):
        kind = random.choice(list(VALUES))
        owner = random.choice(("crm", "billing") if kind is FieldType.MONEY else ("crm", "billing", "two_way"))
        if kind is FieldType.MONEY:
            fields[f"f{n}_currency"] = _field(random, f"f{n}_currency", FieldType.CURRENCY, owner)
        fields[f"f{n}"] = _field(random, f"f{n}", kind, owner, f"f{n}_currency" if kind is FieldType.MONEY else None)
    whole, several = crm_billing(), random.choice(("aggregate", "aggregate", "ambiguous"))
    objects = {
        name: SourceObject.model_validate(
            {"role": role, "partner_object": name, "kind": "main", "description": name, "columns": _columns(fields)}
        )
        for name, role in ((LEFT, "crm"), (RIGHT, "billing"))
    }
    matching = whole.matching.model_copy(update={"rules": (), "several_right_per_left": several})
    return whole.model_copy(update={"objects": objects, "fields": fields, "rollup": None, "matching": matching})


def _field(random: Random, name: str, kind: FieldType, owner: str, currency: str | None = None) -> SyncField:
    blank = "clear" if owner == "two_way" else random.choice(("clear", "default", "keep"))
    return SyncField.model_validate(
        {
            "label": name, "type": kind, "owner": owner, "purpose": name, "data_class": "business", "blank": blank,
            "left": Side(column=name, map=MAP if kind is FieldType.ENUM else {}), "right": Side(column=name),
            "default": canonical(kind, VALUES[kind][0], "USD"), "on_foreign_edit": random.choice(("restore", "hold")),
            "two_way_rule": random.choice(("left_wins", "right_wins", "hold")) if owner == "two_way" else None,
            "max_length": random.choice((None, None, 6)) if kind in _LONG else None, "currency_field": currency,
        }
    )  # fmt: skip


def _columns(fields: Mapping[str, SyncField]) -> dict[str, Column]:
    types = {"id": FieldType.ID} | {f: s.type for f, s in fields.items()}
    return {c: Column(source=c, type=kind, purpose=c) for c, kind in types.items()}


class Merge:
    """What the truth table says of every field of every link of some tables."""

    def __init__(self, given: Tables) -> None:
        self._given, self._contract = given, given.contract
        self._sent = {(i["target"], i["target_id"], i["field"], i["value"]) for i in given.intents}
        self._of = {left: [k for k in given.links if k["left_id"] == left] for left in given.lefts}

    def verdicts(self) -> dict[tuple[str, str], Verdict]:
        """(link, field) → its verdict, of all that differ."""
        return {(k["link_id"], f): v for k, f in self._cells() if (v := self._verdict(k, f)) is not None}

    def counts(self) -> dict[str, tuple[int, int]]:
        """Field → how many were compared, and how many of them say the same."""
        found = dict.fromkeys(self._contract.fields, (0, 0))
        for link, name in self._cells():
            left, right = self._both(link, name)
            if left is not None and right is not None:
                compared, matched = found[name]
                found[name] = compared + 1, matched + (left == right)
        return found

    def bases(self) -> dict[str, Row]:
        """The base of every link afterwards: what both sides say where they agree, else what it was."""
        after: dict[str, Row] = {k["link_id"]: {} for k in self._given.links}
        for link, name in self._cells():
            left, right = self._both(link, name)
            agreed = left is not None and left == right
            after[link["link_id"]][name] = left if agreed else self._base(link, name)
        return after

    def _cells(self) -> Iterator[tuple[Row, str]]:
        return ((link, name) for link in self._given.links for name in self._contract.fields)

    def _side(self, spec: SyncField) -> str:
        return {"crm": "left", "billing": "right"}.get(spec.owner, "two_way")

    def _is_oldest(self, link: Row) -> bool:
        return bool(self._of[link["left_id"]][0] is link)

    def _said(self, link: Row, name: str, side: str) -> str | None:
        spec = self._contract.fields[name]
        raw = self._given.lefts[link["left_id"]][name] if side == "left" else self._given.rights[link["right_id"]][name]
        if spec.currency_field is not None:
            return canonical(spec.type, raw, self._said(link, spec.currency_field, self._side(spec)) or "")
        if spec.type is FieldType.ENUM and side == "left" and raw is not None:
            raw = MAP.get(raw.strip(), raw)
        return canonical(spec.type, raw)

    def _meant(self, spec: SyncField, own: str | None) -> str | None:
        return own if own != "" else {"default": spec.default, "keep": None}.get(spec.blank, own)

    def _both(self, link: Row, name: str) -> tuple[str | None, str | None]:
        spec = self._contract.fields[name]
        left, right, side = self._said(link, name, "left"), self._said(link, name, "right"), self._side(spec)
        if side != "left" and not self._is_oldest(link):
            return None, right
        return (
            (self._meant(spec, left), right) if side == "left" else (left, self._meant(spec, right) if side == "right" else right)
        )

    def _base(self, link: Row, name: str) -> str | None:
        """What is written to the left side was agreed on under the oldest link alone."""
        known: str | None = self._given.base[link["link_id"]][name]
        return known if self._side(self._contract.fields[name]) == "left" or self._is_oldest(link) else None

    def _verdict(self, link: Row, name: str) -> Verdict | None:
        spec, (left, right), z = self._contract.fields[name], self._both(link, name), self._base(link, name)
        if left is None or right is None or left == right:
            return None
        l_sent = (LEFT, link["left_id"], name, left) in self._sent
        r_sent = (RIGHT, link["right_id"], name, right) in self._sent
        judge = self._shared if self._side(spec) == "two_way" else self._owned
        kind, winner = judge(spec, (left, right), z, (l_sent, r_sent))
        resolved = {"left": left, "right": right}.get(winner or "")
        held = winner is None or (kind == "foreign_edit" and spec.on_foreign_edit == "hold")
        held |= spec.type is FieldType.MONEY and re.fullmatch("(-?[0-9]+)?", resolved or "") is None
        held |= resolved is not None and spec.max_length is not None and len(resolved) > spec.max_length
        held |= self._contract.matching.several_right_per_left == "ambiguous" and len(self._of[link["left_id"]]) > 1
        action = "hold" if held else "write_right" if winner == "left" else "write_left"
        return Verdict(left, right, z, kind, action, resolved)

    def _owned(self, spec: SyncField, both: tuple[str, str], z: str | None, sent: tuple[bool, bool]) -> tuple[str, str | None]:
        side = self._side(spec)
        o, x, ours = (both[0], both[1], sent[1]) if side == "left" else (both[1], both[0], sent[0])
        if z is None or x == z or ours:
            return "drift", side
        return ("foreign_edit" if o == z else "conflict"), side

    def _shared(self, spec: SyncField, both: tuple[str, str], z: str | None, sent: tuple[bool, bool]) -> tuple[str, str | None]:
        if sent[0] != sent[1]:  # who shows what we sent has not moved
            return "drift", "left" if sent[1] else "right"
        if z in both:
            return "drift", "left" if both[1] == z else "right"
        rule = {"left_wins": "left", "right_wins": "right"}.get(spec.two_way_rule or "")
        return "conflict", rule if z is not None else None
