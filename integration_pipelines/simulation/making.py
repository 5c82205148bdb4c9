"""How a partner makes a record that we ask for: once for each value that it is known by, with an id and some values of the partner's own."""

from collections.abc import Mapping
from dataclasses import dataclass

from integration_pipelines.ports.partner import RecordWrite
from integration_pipelines.simulation.accounts import Account, Change, Effect, Record
from integration_pipelines.simulation.life import Life
from integration_pipelines.simulation.nursery import Nursery
from integration_pipelines.simulation.vocabulary import columns_of

FIRST = 500
"""The number of the first record that is made: no other record has one like it."""


def holders(account: Account, name: str, unique: str, value: str) -> list[str]:
    """The records that hold a value now, by id."""
    return sorted(i for i, record in account.objects[name].items() if (record.get(unique) or "").strip() == value)


@dataclass(frozen=True, slots=True)
class Making:
    """A record to be made: where, known by which column, and what was sent for it."""

    nursery: Nursery
    object: str
    unique: str

    def carried_out(
        self, life: Life, account: Account, write: RecordWrite, values: Mapping[str, str]
    ) -> tuple[str, Effect | None]:
        """The id of the record that holds the value that a write is about, and what making it did; one that was there is left as it is."""
        name, value = self.object, write.record_id
        known = holders(account, name, self.unique, value)
        if known:
            life.tell("there already", side=account.side, object=name, record=known[0], key=value)
            return known[0], None
        record_id = self.nursery.named(name, FIRST + len(account.effects))
        where, started = (name, record_id), dict(values)
        at = life.tell("made", side=account.side, object=name, record=record_id, key=value, values=started)
        account.make(at, where, _born(life, account, self, record_id) | started, "partner")
        for column, said in started.items():
            account.past[*where, column][-1] = Change(at, said, "engine", write.write_id)
        fields = {column: ("", said) for column, said in started.items()}
        before = dict.fromkeys(started, Change(at, "", "partner"))
        return record_id, Effect(at, account.side, *where, write.write_id, write.idempotency_key, fields, before, made=True)


def _born(life: Life, account: Account, making: Making, record_id: str) -> Record:
    """What a partner gives a new record by itself: its id, and often the first thing that may stand where this side has the word."""
    nursery, name = making.nursery, making.object
    record, chance = nursery.blank(name, record_id), life.stream("made how")
    for column in columns_of(nursery.contract, account.side)["owner"]:
        good = nursery.words.of(name, column).good
        if good and column not in nursery.references(name) and chance.chance(0.7):
            record[column] = good[0]
    return record
