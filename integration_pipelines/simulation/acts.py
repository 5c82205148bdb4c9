"""What people do to their records: plain edits, and everything of the catalogue that begins with a person at a keyboard.

Each act says what it was in the life's story. Which act, to whom and with which value is drawn; an act that has nobody to do it to does
nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import Any

from integration_pipelines.core.contract import Column, FieldType, ObjectKind
from integration_pipelines.simulation.accounts import Account, Side
from integration_pipelines.simulation.births import subscription
from integration_pipelines.simulation.life import Life
from integration_pipelines.simulation.nursery import SIDES, Nursery
from integration_pipelines.simulation.vocabulary import columns_of

SEVERAL = 2
"""Fewer records than that have nobody to be merged, swapped or confused with."""


@dataclass(frozen=True, slots=True)
class Hand:
    """Somebody who is about to do something."""

    nursery: Nursery
    life: Life
    side: Side
    near: Sequence[str]  # main records of that side that the moment is about
    when: str

    @property
    def account(self) -> Account:
        """Where it happens."""
        return self.life.accounts[self.side]

    @property
    def main(self) -> str:
        """The object whose records are linked."""
        return self.nursery.main(self.side)

    @property
    def known(self) -> list[str]:
        """Every main record there is."""
        return sorted(self.account.objects[self.main])

    def one(self) -> str | None:
        """A record, mostly one that the moment is about."""
        chance, known = self.life.stream("edits"), self.known
        near = [r for r in self.near if r in self.account.objects[self.main]]
        if near and chance.chance(0.8):
            return chance.one(near)
        return chance.one(known) if known else None

    def columns(self, *kinds: str) -> list[str]:
        """Columns of those kinds."""
        found = columns_of(self.nursery.contract, self.side)
        return [column for kind in kinds for column in found[kind]]

    def enter(self, record_id: str, column: str, value: str, fault: str = "") -> None:
        """Put a value in."""
        at = self.life.tell(
            "edited", side=self.side, object=self.main, record=record_id, column=column, value=value, when=self.when, fault=fault
        )  # fmt: skip
        self.account.put(at, (self.main, record_id), {column: value}, "person")

    def on(self, fault: str) -> bool:
        """Whether this life knows that fault."""
        return not fault or fault in self.life.rates

    def good(self, column: str) -> list[str]:
        """What may be entered."""
        of = self.nursery.references(self.main).get(column)
        if of is not None:
            return [*sorted(self.account.objects[of]), ""]
        return [*self.nursery.words.of(self.main, column).good, ""]


def edit(hand: Hand) -> bool:
    """A value of their own, or one that the other side owns."""
    chance = hand.life.stream("edits")
    kinds = chance.one((("owner",), ("owner",), ("shown",), ("shared", "owner")))
    columns, record = hand.columns(*kinds) or hand.columns("shown", "owner"), hand.one()
    if record is None or not columns:
        return False
    column = chance.one(columns)
    hand.enter(record, column, chance.one(hand.good(column)))
    return True


def back_and_forth(hand: Hand) -> bool:
    """D27: to something else and back again."""
    columns, record, chance = hand.columns("owner", "shown"), hand.one(), hand.life.stream("edits")
    if record is None or not columns:
        return False
    column = chance.one(columns)
    before = hand.account.objects[hand.main][record].get(column) or ""
    hand.enter(record, column, chance.one(hand.good(column)), "D27")
    hand.enter(record, column, before, "D27")
    return True


def same_on_both(hand: Hand) -> bool:
    """D26: what the other side shows is entered there and here alike."""
    chance, contract = hand.life.stream("edits"), hand.nursery.contract
    fields = [f for f in contract.fields.values() if f.left.column and f.right.column and not f.left.lookup and not f.right.lookup
              and f.type not in {FieldType.ID, FieldType.MONEY} and not f.right.rollup and not f.left.rollup]  # fmt: skip
    record = hand.one()
    if not fields or record is None:
        return False
    field = chance.one(fields)
    values = field.values or hand.good(str(getattr(field, hand.side).column))
    meant = chance.one(values)
    for side in SIDES:
        there = Hand(hand.nursery, hand.life, side, [record], hand.when)
        where = field.left if side == "left" else field.right
        own = {canonical: raw for raw, canonical in where.map.items()}
        mine = record if side == hand.side else there.one()
        if mine is not None:
            there.enter(mine, str(where.column), own.get(meant, meant), "D26")
    return True


def odd(hand: Hand) -> bool:
    """D05: text that looks like something else."""
    chance, record = hand.life.stream("edits"), hand.one()
    choices = [(c, w) for c in hand.nursery.contract.objects[hand.main].columns if (hand.main, c) in hand.nursery.words.words
               and c != hand.nursery.hinges.get(hand.main)
               for w in hand.nursery.words.of(hand.main, c).odd]  # fmt: skip
    if record is None or not choices:
        return False
    hand.enter(record, *chance.one(choices), "D05")
    return True


def wrong(hand: Hand) -> bool:
    """D03, D04: a value that does not read as its type, or an option that the contract does not know."""
    chance, record = hand.life.stream("edits"), hand.one()
    spec = hand.nursery.contract.objects[hand.main]
    choices = [(c, w) for c in spec.columns if (hand.main, c) in hand.nursery.words.words and spec.columns[c].source != "id"
               and c not in {spec.born, spec.aliases, hand.nursery.hinges.get(hand.main)} and hand.on(_wrongness(spec.columns[c]))
               for w in hand.nursery.words.of(hand.main, c).bad]  # fmt: skip
    if record is None or not choices:
        return False
    column, word = chance.one(choices)
    hand.enter(record, column, word, _wrongness(spec.columns[column]))
    return True


def _wrongness(column: Column) -> str:
    return "D04" if column.type is FieldType.ENUM else "D03"


def blank_all(hand: Hand) -> bool:
    """D21: one column is emptied everywhere."""
    columns = hand.columns("owner", "shown")
    if not columns or not hand.known:
        return False
    column = hand.life.stream("edits").one(columns)
    for record in hand.known:
        hand.enter(record, column, "", "D21")
    return True


def _matching(hand: Hand, compare: str) -> list[str]:
    rules = [r for r in hand.nursery.contract.matching.rules if r.compare == compare]
    return [r.left if hand.side == "left" else r.right for r in rules]


def doubled(hand: Hand) -> bool:
    """D13: two records say the same where records are told apart."""
    columns, known, chance = _matching(hand, "email_domain"), hand.known, hand.life.stream("edits")
    if not columns or len(known) < SEVERAL:
        return False
    column, (one, two) = chance.one(columns), chance.shuffled(known)[:2]
    hand.enter(one, column, hand.account.objects[hand.main][two].get(column) or "", "D13")
    return True


def swapped(hand: Hand) -> bool:
    """D14: two records change places in what they are recognised by."""
    columns, known, chance = _matching(hand, "email_domain"), hand.known, hand.life.stream("edits")
    if not columns or len(known) < SEVERAL:
        return False
    column, (one, two) = chance.one(columns), chance.shuffled(known)[:2]
    values = [hand.account.objects[hand.main][r].get(column) or "" for r in (one, two)]
    hand.enter(one, column, values[1], "D14")
    hand.enter(two, column, values[0], "D14")
    return True


def merge(hand: Hand) -> bool:
    """D15, D16, D18: one record is merged into another, as its partner does it: the loser goes, the survivor names it."""
    spec, known, chance = hand.nursery.contract.objects[hand.main], hand.known, hand.life.stream("edits")
    if spec.aliases is None or len(known) < SEVERAL:
        return False
    ordered = chance.shuffled(known)
    for loser, survivor in pairwise(ordered if hand.on("D16") else ordered[:SEVERAL]):
        _merge(hand, spec.aliases, loser, survivor)
        if chance.chance(0.2):
            break
    return True


def _merge(hand: Hand, aliases: str, loser: str, survivor: str) -> None:
    held = hand.account.objects[hand.main]
    earlier = [part for part in (held[survivor].get(aliases), held[loser].get(aliases), loser) if part]
    at = hand.life.tell(
        "merged",
        side=hand.side,
        object=hand.main,
        record=loser,
        into=survivor,
        when=hand.when,
        fault="D16" if len(earlier) > 1 else "D15",
    )
    hand.account.remove(at, (hand.main, loser))
    hand.account.merged_into[hand.main, loser] = survivor
    hand.account.put(at, (hand.main, survivor), {aliases: ";".join(earlier)}, "partner")


def claim(hand: Hand) -> bool:
    """D17: a record claims that one which still answers, or it itself, was merged into it."""
    spec, known, chance = hand.nursery.contract.objects[hand.main], hand.known, hand.life.stream("edits")
    if spec.aliases is None or not known:
        return False
    hand.enter(chance.one(known), spec.aliases, chance.one(known), "D17")
    return True


def delete(hand: Hand) -> bool:
    """D20: a record is deleted; its details stay behind without it."""
    record = hand.one()
    if record is None or len(hand.known) < SEVERAL:
        return False
    at = hand.life.tell("deleted", side=hand.side, object=hand.main, record=record, when=hand.when, fault="D20")
    hand.account.remove(at, (hand.main, record))
    return True


def delete_most(hand: Hand) -> bool:
    """D21: nearly everything is deleted."""
    for record in hand.known[1:]:
        at = hand.life.tell("deleted", side=hand.side, object=hand.main, record=record, when=hand.when, fault="D21")
        hand.account.remove(at, (hand.main, record))
    return len(hand.known) > 1


def restore(hand: Hand) -> bool:
    """D19: what was deleted or merged away comes back."""
    gone = sorted(r for n, r in hand.account.gone if n == hand.main)
    if not gone:
        return False
    merged = [r for r in gone if (hand.main, r) in hand.account.merged_into]
    record = hand.life.stream("edits").one(merged if merged and hand.on("D19") else gone)
    fault = "D19" if hand.account.merged_into.pop((hand.main, record), None) else "D20"
    at = hand.life.tell("restored", side=hand.side, object=hand.main, record=record, when=hand.when, fault=fault)
    hand.account.restore(at, (hand.main, record))
    return True


def reborn(hand: Hand) -> bool:
    """D23: a record is deleted, and another one has its id."""
    spec, record = hand.nursery.contract.objects[hand.main], hand.one()
    if spec.born is None or record is None:
        return False
    at = hand.life.tell("reborn", side=hand.side, object=hand.main, record=record, when=hand.when, fault="D23")
    fresh = hand.nursery.blank(hand.main, record) | {spec.born: f"{hand.life.clock - timedelta(seconds=1):%Y-%m-%dT%H:%M:%SZ}"}
    hand.account.remove(at, (hand.main, record))
    hand.account.make(at, (hand.main, record), fresh, "person")
    return True


def parts(hand: Hand) -> bool:
    """D06, D08, D22: a subscription changes, ends, begins, comes back, or belongs to nobody known."""
    contract, chance = hand.nursery.contract, hand.life.stream("edits")
    names = [n for n, s in contract.objects.items() if s.kind is ObjectKind.DETAIL]
    if not names:
        return False
    name = chance.one(names)
    side: Side = "left" if contract.side_of(contract.objects[name].role) == "left" else "right"
    account, parent = hand.life.accounts[side], str(contract.objects[name].parent)
    known = sorted(account.objects[name])
    if not known:
        return False
    record = chance.one(known)
    is_rollup = contract.rollup is not None and contract.rollup.object == name
    choices: list[tuple[str, Mapping[str, Any]]] = [
        ("D31", {parent: hand.nursery.named(contract.objects[name].parent_object or "", 77)})
    ]
    if is_rollup:
        choices = [("D22", {"status": "canceled", "ended_at": "2026-11-01T00:00:00Z"}), ("D22", {"status": "active", "ended_at": ""}),
                   ("D06", {"currency": chance.one(("eur", "usd"))}), ("D08", {"currency": "jpy"}), ("D07", subscription(chance)),
                   ("D07", subscription(chance)), *choices]  # fmt: skip
    fault, values = chance.one([c for c in choices if hand.on(c[0])] or [("", {})])
    if not values:
        return False
    at = hand.life.tell(
        "edited",
        side=side,
        object=name,
        record=record,
        column=", ".join(sorted(values)),
        value=str(dict(values).get("status", "")),
        when=hand.when,
        fault=fault,
    )
    account.put(at, (name, record), values, "person")
    return True


def staff(hand: Hand) -> bool:
    """Somebody who looks after customers gets another name, or leaves."""
    contract, chance = hand.nursery.contract, hand.life.stream("edits")
    names = [n for n, s in contract.objects.items() if s.kind is ObjectKind.LOOKUP]
    if not names:
        return False
    name = chance.one(names)
    spec = contract.objects[name]
    side: Side = "left" if contract.side_of(spec.role) == "left" else "right"
    known = sorted(hand.life.accounts[side].objects[name])
    columns = [c for c, how in spec.columns.items() if how.source != "id" and (name, c) in hand.nursery.words.words]
    if not known or not columns:
        return False
    record, column = chance.one(known), chance.one(columns)
    value = chance.one(("true", "false")) if column == "archived" else chance.one([*hand.nursery.words.of(name, column).good, ""])
    at = hand.life.tell("edited", side=side, object=name, record=record, column=column, value=value, when=hand.when, fault="")
    hand.life.accounts[side].put(at, (name, record), {column: value}, "person")
    return True


def lose_column(hand: Hand) -> bool:
    """D28: the partner's schema loses a column that the contract reads, or has it again."""
    missing = hand.account.missing[hand.main]
    spec = hand.nursery.contract.objects[hand.main]
    columns = [c for c in hand.columns("owner", "shown") if spec.columns[c].source != "id"]
    if not columns:
        return False
    if missing:
        hand.life.tell("schema", side=hand.side, column=min(missing), back=True, when=hand.when, fault="D28")
        missing.clear()
    else:
        column = hand.life.stream("edits").one(columns)
        hand.life.tell("schema", side=hand.side, column=column, back=False, when=hand.when, fault="D28")
        missing.add(column)
    hand.account.version[hand.main] += 1
    return True


Act = Callable[[Hand], bool]


@dataclass(frozen=True, slots=True)
class Choice:
    """Something people may do: how often it is chosen among the rest, by which faults it comes, and whether while a run goes on."""

    act: Act
    weight: int
    faults: frozenset[str] = frozenset()
    running: bool = True


ACTS: Sequence[Choice] = (
    Choice(edit, 40),
    Choice(staff, 4),
    Choice(back_and_forth, 7, frozenset({"D27"})),
    Choice(same_on_both, 9, frozenset({"D26"})),
    Choice(parts, 30, frozenset({"D06", "D07", "D08", "D22", "D31"})),
    Choice(wrong, 16, frozenset({"D03", "D04"})),
    Choice(odd, 7, frozenset({"D05"})),
    Choice(delete, 5, frozenset({"D20"})),
    Choice(restore, 12, frozenset({"D19", "D20"})),
    Choice(merge, 16, frozenset({"D15", "D16", "D19"})),
    Choice(claim, 9, frozenset({"D17"})),
    Choice(doubled, 9, frozenset({"D13"})),
    Choice(swapped, 9, frozenset({"D14"})),
    Choice(reborn, 9, frozenset({"D23"}), running=False),
    Choice(blank_all, 4, frozenset({"D21"}), running=False),
    Choice(delete_most, 4, frozenset({"D21"}), running=False),
    Choice(lose_column, 8, frozenset({"D28"}), running=False),
)
"""A life knows those that come by none of the catalogue's faults, and those of the faults that are switched on in it."""
