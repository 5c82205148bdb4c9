"""The last look at what was made and said: one record for each that was to have one, none for others, and every message heard as promised.

What was to be made is worked out from the contract's words alone; what the engine says of a record counts only where it leaves that to a person.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from integration_pipelines.core.contract import Contract, CreateRule
from integration_pipelines.ports.messages import Note, NoteState
from integration_pipelines.simulation.accounts import Effect, Record
from integration_pipelines.simulation.life import Life
from integration_pipelines.simulation.making import holders
from integration_pipelines.simulation.memory.state import State
from integration_pipelines.simulation.nursery import Nursery
from integration_pipelines.simulation.reference import Reference, canonical

Row = Mapping[str, Any]
_ALONE = "unmatched"
"""What the engine says of a record that no rule finds anything for and that nobody has to look at."""


class MadeAndSaid:
    """Looks at lives at rest.

    Args:
        nursery: the contract and what its lives have in common.
        state: what the engine keeps.
    """

    def __init__(self, nursery: Nursery, state: State) -> None:
        self._nursery, self._state = nursery, state
        self._left, self._right = nursery.main("left"), nursery.main("right")

    @property
    def contract(self) -> Contract:
        """The integration."""
        return self._nursery.contract

    def look(self, life: Life, now: datetime) -> None:
        """Everything that must hold now."""
        rule = self.contract.matching.create
        if rule is not None:
            reference, ends = Reference(self.contract, life.accounts), self._ends(life)
            self._all_made(life, rule, reference, ends)
            self._none_besides(life, rule)
            self._linked(life, reference, ends)
        self._said(life, now)

    def _ends(self, life: Life) -> dict[str, str]:
        """Right record → how it ended in the last run, by the engine."""
        runs = self._state.outcomes.get(life.tenant, {})
        last = list(runs.values())[-1] if runs else None
        rows = [] if last is None else last.select(["object", "record_id", "outcome"]).to_pylist()
        return {r["record_id"]: r["outcome"] for r in rows if r["object"] == self._right}

    def _all_made(self, life: Life, rule: CreateRule, reference: Reference, ends: Mapping[str, str]) -> None:
        """I1: whoever is to have a record has one."""
        met = {row["right_id"] for row in self._state.links.of[life.tenant].values()}
        for right_id, record in sorted(life.accounts["right"].objects[self._right].items()):
            if right_id in met or ends.get(right_id) != _ALONE or not reference.accepted("right", self._right, right_id):
                continue
            key = self._key(record)
            if key and self._is_due(life, rule, record) and not self._barred(life, rule, right_id, key):
                life.breaks("I1", f"{self._right} {right_id} is to have a record in {self._left}, and none was made")

    def _key(self, record: Record) -> str:
        column = self._nursery.hinges[self._right]
        return canonical(self.contract.objects[self._right].columns[column].type, record.get(column)) or ""

    def _is_due(self, life: Life, rule: CreateRule, record: Record) -> bool:
        """Whether the contract says that one is made for it."""
        if any((record.get(column) or "") not in values for column, values in rule.when.items()):
            return False
        return rule.since is None or self._is_new(life, record.get(rule.since) or "")

    def _is_new(self, life: Life, moment: str) -> bool:
        try:
            told = datetime.fromisoformat(moment.strip())
        except ValueError:
            return False
        return told.replace(tzinfo=told.tzinfo or UTC) >= self._state.installations[life.tenant].installed_at

    def _barred(self, life: Life, rule: CreateRule, right_id: str, key: str) -> bool:
        """Whether something speaks against it that a person has to settle first."""
        left, rights = life.accounts["left"], life.accounts["right"]
        lost = left.missing[self._left] & {rule.unique} | rights.missing[self._right] & {rule.value, *rule.when, rule.since or ""}
        record = rights.objects[self._right][right_id]
        telling = {r.unique_right for r in self.contract.matching.rules if r.unique_right}
        doubled = any(
            record.get(column) and record.get(column) == other.get(column)
            for column in telling
            for i, other in rights.objects[self._right].items()
            if i != right_id
        )
        retry = self._state.retries[life.tenant].get((self._left, key))
        given_up = retry is not None and retry.next_try_at is None
        return bool(lost) or doubled or given_up or right_id in left.objects[self._left] or self.contract.rollup is not None

    def _made(self, life: Life) -> Iterator[tuple[Effect, str, list[str]]]:
        """What was made: the effect, its key, and the right records that have the key."""
        by_key: dict[str, list[str]] = defaultdict(list)
        account = life.accounts["right"]
        gone = {record_id: record for (name, record_id), record in account.gone.items() if name == self._right}
        for right_id, record in {**gone, **account.objects[self._right]}.items():
            by_key[self._key(record)].append(right_id)
        unique = self._nursery.hinges[self._left]
        for effect in life.accounts["left"].effects:
            if effect.made:
                key = effect.fields[unique][1] if unique in effect.fields else ""
                yield effect, key, by_key.get(key, [])

    def _none_besides(self, life: Life, rule: CreateRule) -> None:
        """I4, I9: nothing is made that the contract does not ask for, and nothing twice."""
        for effect, key, rights in self._made(life):
            what = f"{self._left} {effect.record_id} was made under {key or 'no key'!r}"
            if not rights:
                life.breaks("I9", f"{what}, which nothing in {self._right} has")
            if rights and not any(self._ever_due(life, rule, right) for right in rights):
                life.breaks("I9", f"{what} although {self._right} {rights[0]} never was one that a record is made for")
        self._doubles(life)

    def _ever_due(self, life: Life, rule: CreateRule, right_id: str) -> bool:
        """Whether a right record ever said what one is made for; it need not have said all of it at once."""
        account, place = life.accounts["right"], (self._right, right_id)
        moments = account.stood(place, rule.since) if rule.since else ()
        return all(set(account.stood(place, column)) & set(values) for column, values in rule.when.items()) and (
            rule.since is None or any(self._is_new(life, moment or "") for moment in moments)
        )

    def _doubles(self, life: Life) -> None:
        """Two that were made under one key, unless people brought one back."""
        back = {event.facts["record"] for event in life.events if event.what == "restored"}
        made = {effect.record_id for effect, _, _ in self._made(life)} - back
        for key in sorted({key for _, key, _ in self._made(life)}):
            alike = [
                one for one in holders(life.accounts["left"], self._left, self._nursery.hinges[self._left], key) if one in made
            ]
            if len(alike) > 1:
                life.breaks("I4", f"{len(alike)} {self._left} were made under {key!r}: {', '.join(alike)}")

    def _linked(self, life: Life, reference: Reference, ends: Mapping[str, str]) -> None:
        """I5: what was made belongs to what it was made for."""
        links = {(row["left_id"], row["right_id"]) for row in self._state.links.of[life.tenant].values()}
        for effect, _, rights in self._made(life):
            there = effect.record_id in life.accounts["left"].objects[self._left]
            if not there or len(rights) != 1 or not reference.accepted("left", self._left, effect.record_id):
                continue
            alone = ends.get(rights[0]) == _ALONE and reference.accepted("right", self._right, rights[0])
            if alone and (effect.record_id, rights[0]) not in links:
                life.breaks(
                    "I5", f"{self._left} {effect.record_id} was made for {self._right} {rights[0]} and is not linked with it"
                )

    def _said(self, life: Life, now: datetime) -> None:
        """I4, I11: every message came to its end, and was heard once but for what nobody could know."""
        notes = self._state.outbox[life.tenant]
        for note in notes.values():
            self._one_message(life, note, now)
        if any(one.when == "created" for one in self.contract.notifications) and self.contract.matching.create is not None:
            self._news(life, list(notes.values()))

    def _one_message(self, life: Life, note: Note, now: datetime) -> None:
        one = next(n for n in self.contract.notifications if n.name == note.notification)
        heard = len(life.heard[f"{note.integration}:{note.event_key}"])
        what = f"the message {note.notification} about {note.left_id} and {note.right_id}"
        if note.state in {NoteState.WAITING, NoteState.SENDING}:
            life.breaks("I11", f"{what} is still {note.state}")
        if note.state is NoteState.SENT and not heard:
            life.breaks("I11", f"{what} is called sent, and nobody heard it")
        if heard > 1 + min(note.unclear, one.repeats_when_unclear):
            life.breaks("I4", f"{what} was heard {heard} times, and only {note.unclear} tries had no clear answer")
        early = now - note.asked_at < timedelta(hours=self.contract.failure.retry_hours)
        if note.state is NoteState.GIVEN_UP and early and note.unclear <= one.repeats_when_unclear:
            life.breaks("I11", f"{what} was given up before its time")

    def _news(self, life: Life, notes: list[Note]) -> None:
        """Of each record that was made people were told once."""
        linked = {row["left_id"] for row in self._state.links.of[life.tenant].values() if row["state"] == "live"}
        for one in (n for n in self.contract.notifications if n.when == "created"):
            told: dict[str, int] = defaultdict(int)
            for note in notes:
                told[note.left_id] += note.notification == one.name
            for effect, _, _ in self._made(life):
                count = told[effect.record_id]
                if count > 1:
                    life.breaks("I4", f"of {self._left} {effect.record_id} {count} messages {one.name} were noted")
                if not count and not effect.late and effect.record_id in linked:
                    life.breaks("I11", f"of {self._left} {effect.record_id}, which was made, nobody was told ({one.name})")
