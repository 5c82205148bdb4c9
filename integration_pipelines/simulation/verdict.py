"""The last look at a life that has come to rest: both sides agree or somebody was told why not, nothing was lost, nothing done twice."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from json import loads
from typing import Any

from integration_pipelines.core.contract import Contract, SyncField
from integration_pipelines.core.writes import WriteState
from integration_pipelines.ports.inbox import EventOutcome
from integration_pipelines.simulation.accounts import Change, Effect, Side
from integration_pipelines.simulation.life import Life
from integration_pipelines.simulation.memory.state import State
from integration_pipelines.simulation.nursery import SIDES, Nursery
from integration_pipelines.simulation.reference import MIXED, Pair, Reference, canonical

Row = Mapping[str, Any]
_CURRENCIES = ("USD", "JPY", "BHD")
"""One of each number of decimals."""
_OPEN = {WriteState.SENT, WriteState.UNKNOWN, WriteState.APPLIED}


@dataclass(frozen=True, slots=True)
class _Replaced:
    """A value that a write of ours replaced."""

    field: str
    spec: SyncField
    change: Change  # how it had come there
    before: str | None
    after: str


class Verdict:
    """Looks at lives at rest.

    Args:
        nursery: the contract and what its lives have in common.
        state: what the engine keeps.
    """

    def __init__(self, nursery: Nursery, state: State) -> None:
        self._nursery, self._state = nursery, state
        self._open = _diffs(state)
        self._said = _said(state)

    @property
    def contract(self) -> Contract:
        """The integration."""
        return self._nursery.contract

    def look(self, life: Life) -> None:
        """Everything that must hold now."""
        self._agreement(life)
        self._links(life)
        self._writes(life)
        self._replaced(life)
        self._events(life)

    def _events(self, life: Life) -> None:
        """I11: every event that was accepted came to an end."""
        for event in self._state.inbox.get(life.tenant, {}).values():
            if event.outcome is EventOutcome.WAITING:
                named = ", ".join(f"{r.partner_object} {r.record_id}" for r in event.records)
                life.breaks("I11", f"the event {event.event_id} ({named}) of {event.partner} waits for ever")

    def _agreement(self, life: Life) -> None:
        """I1: in each pair both sides say the same, or the difference is on record as one that waits for somebody."""
        reference = Reference(self.contract, life.accounts)
        for pair, link_id in self.pairs(life):
            sides = {"left": pair.left_id, "right": pair.right_id}
            if not all(reference.accepted(s, self._nursery.main(s), sides[s]) for s in SIDES):
                continue
            for field, spec in self.contract.fields.items():
                left, right = reference.both(pair, field)
                if left is None or right is None or left == right:
                    continue
                if self._given_up(life, pair, spec):
                    continue
                diff = self._open.get(life.tenant, {}).get((link_id, field))
                if diff is None and self._agree_without(life, reference, pair, field):
                    continue
                if diff is None or diff["action"] != "hold":
                    life.breaks("I1", self._unequal(pair, spec, left, right))
                elif not self._may_wait(life, reference, pair, spec, diff):
                    life.breaks(
                        "I1", f"{self._unequal(pair, spec, left, right)}, and it is held without a reason: {diff['reason']}"
                    )

    def _given_up(self, life: Life, pair: Pair, spec: SyncField) -> bool:
        """Whether a record could not be written for the contract's hours, and somebody was told."""
        retries = self._state.retries[life.tenant]
        records = ((self._nursery.main("left"), pair.left_id), (self._nursery.main("right"), pair.right_id))
        return any(r in retries and retries[r].next_try_at is None for r in records) and spec.owner != "sync"

    def _unequal(self, pair: Pair, spec: SyncField, left: str, right: str) -> str:
        names = f"{self._nursery.main('left')} {pair.left_id} and {self._nursery.main('right')} {pair.right_id}"
        return f"{spec.label} is {left or 'blank'!r} on one side and {right or 'blank'!r} on the other of {names}"

    def _may_wait(self, life: Life, reference: Reference, pair: Pair, spec: SyncField, diff: Row) -> bool:
        """Whether what the engine holds is something that a person has to decide."""
        match diff["rule_id"]:
            case "foreign_edit.hold":
                side: Side = "right" if self.contract.side_of(spec.owner) == "left" else "left"
                where = spec.left if side == "left" else spec.right
                place = self._nursery.main(side), pair.left_id if side == "left" else pair.right_id
                return spec.on_foreign_edit == "hold" and life.accounts[side].last(place, where.column or "").by != "engine"
            case "two_way.hold":
                return spec.owner == "two_way"
            case "max_length.hold":
                return spec.max_length is not None
            case _:
                mixed = spec.currency_field is not None and reference.currency(pair, spec.currency_field) == MIXED
                mixed = mixed or MIXED in {reference.currency(pair, f) for f, s in self.contract.fields.items() if s is spec}
                return mixed or self.troubled(life, reference, pair) or "merged" in diff["reason"] or "several" in diff["reason"]

    def _agree_without(self, life: Life, reference: Reference, pair: Pair, field: str) -> bool:
        """Whether both sides say the same but for what the gate refuses, which is on record as that."""
        refused = {
            r["record_id"] for r in self._state.quarantine.get(life.tenant, ()) if r["object"] == self._nursery.main("right")
        }
        others = tuple(one for one in pair.right_ids if one not in refused)
        if len(others) == len(pair.right_ids) or pair.right_id in refused:
            return False
        left, right = reference.both(Pair(pair.left_id, pair.right_id, others), field)
        return left == right or left is None or right is None

    def troubled(self, life: Life, reference: Reference, pair: Pair) -> bool:
        """Whether a value rests on a record that the gate refuses."""
        refused = {(r["object"], r["record_id"]) for r in self._state.quarantine.get(life.tenant, ())}
        rights = {(self._nursery.main("right"), one) for one in pair.right_ids}
        rows = {(self.contract.rollup.object, i) for i, _ in reference.rows_of(pair)} if self.contract.rollup else set()
        return bool(refused & (rights | rows))

    def pairs(self, life: Life) -> Iterator[tuple[Pair, str]]:
        """The live links whose records are both there, with the records that are added up beside them."""
        groups: dict[str, list[Row]] = defaultdict(list)
        for link in self._state.links.of[life.tenant].values():
            if link["state"] == "live":
                groups[link["left_id"]].append(link)
        for left_id, rows in sorted(groups.items()):
            ordered = sorted(rows, key=lambda r: (r["created_at"], r["right_id"]))
            there = [r for r in ordered if r["right_id"] in life.accounts["right"].objects[self._nursery.main("right")]]
            if left_id in life.accounts["left"].objects[self._nursery.main("left")]:
                rights = tuple(r["right_id"] for r in there)
                yield from ((Pair(left_id, r["right_id"], rights), r["link_id"]) for r in there)

    def _links(self, life: Life) -> None:
        """I5: a live link has both its records, and a record on the right has one of them."""
        rights: dict[str, int] = defaultdict(int)
        for row in self._state.links.of[life.tenant].values():
            there = {s: row[f"{s}_id"] in life.accounts[s].objects[self._nursery.main(s)] for s in SIDES}
            if row["state"] == "live":
                rights[row["right_id"]] += 1
                for side in SIDES:
                    if not there[side]:
                        life.breaks("I5", f"{self._nursery.main(side)} {row[f'{side}_id']} is gone and its link is live")
            elif row["state"] == "one_sided" and all(there.values()):
                life.breaks("I5", f"the link of {row['left_id']} and {row['right_id']} is one-sided, but both records are there")
        for right, links in rights.items():
            if links > 1:
                life.breaks("I5", f"{self._nursery.main('right')} {right} has {links} live links")

    def _writes(self, life: Life) -> None:
        """I4: no write is open any more, and each that the ledger calls applied was carried out once."""
        effects: dict[str, list[Effect]] = defaultdict(list)
        for side in SIDES:
            for effect in life.accounts[side].effects:
                effects[effect.write_id].append(effect)
        for write_id, row in self._state.ledger.of[life.tenant].items():
            done = effects.get(write_id, [])
            where = f"the write of {row['target']} {row['target_id']}"
            if row["state"] in _OPEN and not (row["state"] == WriteState.APPLIED and self._waits(life, row)):
                life.breaks("I11", f"{where} is still {row['state']}")
            if row["state"] in {WriteState.CONFIRMED, WriteState.UNDONE} and not done and not self._entered(life, row):
                life.breaks("I4", f"{where} is {row['state']}, but it was never carried out")
            if row["state"] in {WriteState.SUPERSEDED, WriteState.PLANNED} and done:
                life.breaks("I4", f"{where} is {row['state']}, but it was carried out")
            if row["state"] == WriteState.FAILED and any(not e.late for e in done):
                life.breaks("I4", f"{where} is called failed, but it was carried out")
            if sum(e.changed for e in done) > 1:
                life.breaks("I4", f"{where} had {sum(e.changed for e in done)} effects")

    def _entered(self, life: Life, row: Row) -> bool:
        """Whether somebody else had entered just what a write was to say: then nobody can tell that it was not carried out.

        That may be a write of ours that had been given up. Nor can anybody tell where a blank was to be written to what the schema lacks now.
        """
        side: Side = "left" if row["target"] == self._nursery.main("left") else "right"
        account, place = life.accounts[side], (row["target"], row["target_id"])
        if row["operation"] == "create":
            unique = self._nursery.hinges.get(row["target"], "")
            everyone = {**account.objects[row["target"]], **{i: r for (n, i), r in account.gone.items() if n == row["target"]}}
            return any(record.get(unique) == row["target_id"] for record in everyone.values())
        others = {e.write_id for e in account.effects if e.late}
        for field, value in loads(row["after_image"]).items():
            spec = self.contract.fields[field]
            column = (spec.left if side == "left" else spec.right).column or ""
            changes = (c for c in account.past.get((*place, column), ()) if c.by != "engine" or c.write_id in others)
            theirs = {canonical(spec.type, c.value) for c in changes} | {"" for _ in account.missing[place[0]] & {column}}
            if spec.owner != "sync" and canonical(spec.type, value) not in theirs:
                return False
        return True

    def _waits(self, life: Life, row: Row) -> bool:
        """Whether a field of a write differs again and is held, or given up: until somebody decides, its value stays known as ours."""
        retry = self._state.retries[life.tenant].get((row["target"], row["target_id"]))
        if retry is not None and retry.next_try_at is None:
            return True
        key = "left_id" if row["target"] == self._nursery.main("left") else "right_id"
        held = (d for d in self._open.get(life.tenant, {}).values() if d["action"] == "hold" and d[key] == row["target_id"])
        return any(diff["field"] in loads(row["fields"]) for diff in held)

    def _replaced(self, life: Life) -> None:
        """I2: whatever a person had entered and a write of ours replaced is on record, word for word."""
        for side in SIDES:
            columns = {f.left.column if side == "left" else f.right.column: (n, f) for n, f in self.contract.fields.items()}
            for effect in life.accounts[side].effects:
                for column, (before, after) in effect.fields.items():
                    name, spec = columns.get(column, ("", None))
                    if spec is None or spec.owner == "sync" or effect.made:
                        continue
                    self._kept(life, effect, _Replaced(name, spec, effect.before[column], before, after))

    def _kept(self, life: Life, effect: Effect, one: _Replaced) -> None:
        if one.change.by == "engine" or not one.before:
            return
        spec, side = one.spec, effect.side
        where = spec.left if side == "left" else spec.right
        meant, ours = (canonical(spec.type, where.map.get(v, v) if v else v) for v in (one.before, one.after))
        if meant == ours:
            return
        said = self._said[life.tenant].get((one.field, effect.record_id), set())
        lost = {
            o.lost_value
            for o in self._state.overwrites[life.tenant].values()
            if (o.field, o.target_id) == (one.field, effect.record_id)
        }
        spelled = {meant} if spec.currency_field is None else {canonical(spec.type, one.before, c) for c in _CURRENCIES}
        if one.before in lost or said & spelled:
            return
        whose = "a person had entered" if one.change.by == "person" else "stood there before we came"
        where_it_was = f"{spec.label} of {effect.object} {effect.record_id}"
        life.breaks("I2", f"{one.before!r}, which {whose} in {where_it_was}, was replaced by {one.after!r} and kept nowhere")


def _diffs(state: State) -> dict[str, dict[tuple[str, str], Row]]:
    """Tenant → link and field → the open difference."""
    found: dict[str, dict[tuple[str, str], Row]] = defaultdict(dict)
    for row in state.open_diffs.select(
        ["tenant_id", "link_id", "left_id", "right_id", "field", "action", "rule_id", "reason"]
    ).to_pylist():
        found[row["tenant_id"]][row["link_id"], row["field"]] = row
    return found


def _said(state: State) -> dict[str, dict[tuple[str, str], set[str | None]]]:
    """Tenant → field and record → every value that a difference ever noted of it."""
    found: dict[str, dict[tuple[str, str], set[str | None]]] = defaultdict(lambda: defaultdict(set))
    for table in state.noted_diffs:
        for row in table.select(["tenant_id", "field", "left_id", "right_id", "left_value", "right_value"]).to_pylist():
            mine = found[row["tenant_id"]]
            mine[row["field"], row["left_id"]].add(row["left_value"])
            mine[row["field"], row["right_id"]].add(row["right_value"])
    return found
