"""What people do where a contract makes records: new ones arrive that another is to be made for, and what that depends on changes."""

from collections.abc import Sequence

from integration_pipelines.simulation.acts import Choice, Hand
from integration_pipelines.simulation.births import give_key, ready
from integration_pipelines.simulation.making import FIRST
from integration_pipelines.simulation.nursery import Nursery


def newcomer(hand: Hand) -> bool:
    """A record on the right that nothing matches."""
    nursery, chance = hand.nursery, hand.life.stream("newcomers")
    name, account = nursery.main("right"), hand.life.accounts["right"]
    number = FIRST + sum(1 for kind, _ in (*account.touched, *account.gone) if kind == name) + len(account.objects[name])
    record_id = nursery.named(name, number)
    record = nursery.blank(name, record_id)
    for entry in nursery.entries[name]:
        values = tuple(account.objects[entry.names]) if entry.names else entry.values
        record[entry.column] = chance.one((*values, "")) if values else ""
    give_key(nursery, record, number)
    if chance.chance(0.8):
        ready(nursery, record)
    at = hand.life.tell("arrived", side="right", object=name, record=record_id, when=hand.when)
    account.make(at, (name, record_id), record, "person")
    return True


def turn(hand: Hand) -> bool:
    """What decides whether a record is made begins to say so, or does no more."""
    nursery, chance = hand.nursery, hand.life.stream("newcomers")
    rule = nursery.contract.matching.create
    there = Hand(nursery, hand.life, "right", hand.near if hand.side == "right" else [], hand.when)
    record = there.one()
    if rule is None or not rule.when or record is None:
        return False
    column = chance.one(sorted(rule.when))
    wanted = rule.when[column] if chance.chance(0.7) else tuple(there.good(column))
    there.enter(record, column, chance.one(wanted))
    return True


def choices(nursery: Nursery) -> Sequence[Choice]:
    """Of a contract that makes records."""
    return () if nursery.contract.matching.create is None else (Choice(newcomer, 35), Choice(turn, 12))
