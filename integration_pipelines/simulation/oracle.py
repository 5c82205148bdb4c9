"""Whether the promises are kept, seen by somebody who knows everything: after each run, for every life.

What is checked at the end, when a life has come to rest, is `verdict`. Each finding names the promise and says in plain words what was seen.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import pyarrow as pa

from integration_pipelines.core.contract import Contract
from integration_pipelines.core.guards import PlanNumbers
from integration_pipelines.core.writes import MOVES, WriteState
from integration_pipelines.errors import ErrorKind
from integration_pipelines.ports.inbox import EventOutcome, InboxEvent
from integration_pipelines.ports.writing import PlanState
from integration_pipelines.simulation.accounts import Effect, Side
from integration_pipelines.simulation.life import Life
from integration_pipelines.simulation.memory.state import State
from integration_pipelines.simulation.nursery import SIDES, Nursery
from integration_pipelines.simulation.reference import canonical
from integration_pipelines.simulation.vocabulary import columns_of
from integration_pipelines.use_cases.event_outcomes import objects_of
from integration_pipelines.use_cases.outcome import BatchReport, TenantReport
from integration_pipelines.use_cases.waiting import EXPECTATION

Row = Mapping[str, Any]
_LOOKED = {EventOutcome.APPLIED, EventOutcome.EQUAL}
_ONE_WAY = {"live", "one_sided", "proposed", "merged", "tombstone"}


class Oracle:
    """Looks at a batch of lives.

    Args:
        nursery: the contract and what its lives have in common.
        state: what the engine keeps.
        lives: by tenant.
    """

    def __init__(self, nursery: Nursery, state: State, lives: Mapping[str, Life]) -> None:
        self._nursery, self._state, self._lives = nursery, state, lives
        self._writable = {(side, column): kind for side in SIDES for kind, names in columns_of(nursery.contract, side).items()
                          if kind in {"shown", "shared", "stamp"} for column in names}  # fmt: skip
        self._fields = {side: _by_column(nursery.contract, side) for side in SIDES}
        self._seen: dict[str, dict[Side, int]] = defaultdict(lambda: dict.fromkeys(SIDES, 0))
        self._states: dict[str, dict[str, str]] = defaultdict(dict)
        self._plans: dict[str, dict[tuple[str, str], dict[str, str]]] = {}
        self._refused = 0
        self._kept_out: dict[str, set[tuple[str, str]]] = {}
        """By tenant what the gate refused when the run before ended."""
        self._noted = 0

    @property
    def contract(self) -> Contract:
        """The integration."""
        return self._nursery.contract

    def after_run(self, report: BatchReport, dead: Collection[str] = ()) -> None:
        """Look at what a run did; for whom its process was killed nobody heard what it says of itself."""
        for refused, text in self._state.refused[self._refused :]:
            self._lives[refused].breaks("I5", f"the store refused the links of this tenant: {text}")
        self._refused = len(self._state.refused)
        for tenant in report.tenants.values():
            life = self._lives[tenant.tenant_id]
            if life.tenant not in dead:
                self._report(life, tenant)
            effects = list(self._new_effects(life))
            kept_out = self._refused_records(life.tenant)
            # A run for events looks several times: what is refused at its end may have been good when it was written.
            judged = kept_out & self._kept_out.get(life.tenant, set()) if report.trigger == "event" else kept_out
            self._kept_out[life.tenant] = kept_out
            for effect in effects:
                self._effect(life, effect, judged)
            unseen = any(not self._approved(life.tenant, self._plan_of(life.tenant, effect)) for effect in effects)
            if unseen and not self._state.installations[life.tenant].first_plan_approved:
                life.breaks("I13", "something was written before anybody approved the installation's first plan")
            self._limits(life, tenant, effects)
            self._ledger(life)
            self._events(life)
        self._differences()

    def _events(self, life: Life) -> None:
        """What an event named was looked at before it was called done."""
        for key, event in self._state.inbox.get(life.tenant, {}).items():
            if event.outcome not in _LOOKED or key in life.ended:
                continue
            life.ended.add(key)
            side: Side = "left" if event.partner == self.contract.roles.left.partner else "right"
            for name, record_id in self._named(event):
                if life.accounts[side].looked_at.get((name, record_id), 0) < life.accepted[key]:
                    life.breaks(
                        "I11", f"an event about {name} {record_id} is called {event.outcome}, but nobody looked there since"
                    )

    def _named(self, event: InboxEvent) -> Iterable[tuple[str, str]]:
        objects = objects_of(self.contract, event.partner)
        return ((name, r.record_id) for r in event.records for name in objects.get(r.partner_object, ()))

    def _report(self, life: Life, tenant: TenantReport) -> None:
        """A run is honest about itself."""
        if tenant.fault is not None and tenant.fault.kind is ErrorKind.BUG:
            life.breaks("bug", f"the engine called it its own mistake: {tenant.fault.text}")
        if tenant.balanced is False:
            life.breaks("I11", f"the balance does not hold: {'; '.join(tenant.imbalances)}")
        if tenant.certified and tenant.writes.get(WriteState.UNKNOWN, 0) + tenant.writes.get(WriteState.FAILED, 0):
            life.breaks("I14", "the run is certified although writes failed or have no known outcome")

    def _new_effects(self, life: Life) -> Iterable[Effect]:
        for side in SIDES:
            effects = life.accounts[side].effects
            yield from effects[self._seen[life.tenant][side] :]
            self._seen[life.tenant][side] = len(effects)

    def _effect(self, life: Life, effect: Effect, refused: Collection[tuple[str, str]]) -> None:
        """What a write did was planned, allowed, and within what the contract lets us write."""
        row = self._state.ledger.of[life.tenant].get(effect.write_id)
        where = f"{effect.object} {effect.record_id}"
        if row is None:
            life.breaks("I11", f"something was written to {where} that is in no ledger")
            return
        if (row["target"], row["target_id"]) != (effect.object, effect.record_id) and not effect.made:
            life.breaks("I4", f"the ledger says that {row['target']} {row['target_id']} was written, but it was {where}")
        if row["plan_id"] not in self._state.plan_of:
            life.breaks("I13", f"what was written to {where} is in no plan")
        elif self._planned(life.tenant, row) != self._sent(effect):
            life.breaks("I13", f"what was written to {where} is not what its plan says")
        if effect.made:
            return
        for column in effect.fields:
            if (effect.side, column) not in self._writable:
                life.breaks("I6", f"{column} of {where} was written although that side owns it")
        if not effect.late and (effect.object, effect.record_id) in refused:
            life.breaks("I13", f"{where} was written although the gate refuses it")
        if effect.write_id in self._state.unlinked:
            life.breaks("I5", f"{where} was written although it is linked with nothing")

    def _planned(self, tenant: str, row: Row) -> dict[str, str]:
        """What a plan, which a person may have approved to the letter, says of a record: column → value."""
        plan_id = row["plan_id"]
        if plan_id not in self._plans:
            plan = next(p for p in self._state.plans[tenant] if p.plan_id == plan_id)
            writes = self._state.files[plan.file.path].select(["target", "target_id", "changes"]).to_pylist()
            self._plans[plan_id] = {(w["target"], w["target_id"]): {c["path"]: c["after"] for c in w["changes"]} for w in writes}
        columns = {how.source: column for column, how in self.contract.objects[row["target"]].columns.items()}
        found = self._plans[plan_id].get((row["target"], row["target_id"]), {})
        return {columns[path]: value for path, value in found.items()}

    def _sent(self, effect: Effect) -> dict[str, str]:
        return {c: after for c, (_, after) in effect.fields.items() if self._writable.get((effect.side, c)) != "stamp"}

    def _refused_records(self, tenant: str) -> set[tuple[str, str]]:
        """By the gate; a record that only waits for another one is listed, too, but not refused."""
        rows = self._state.quarantine.get(tenant, ())
        return {(r["object"], r["record_id"]) for r in rows if r["expectation"] != EXPECTATION}

    def _limits(self, life: Life, tenant: TenantReport, effects: Iterable[Effect]) -> None:
        """Without a person's word a run changes no more than the guards allow."""
        plan, numbers = tenant.plan, tenant.numbers
        if plan is None or numbers is None or self._approved(life.tenant, plan.plan_id):
            return
        mine = [e for e in effects if not e.late and self._plan_of(life.tenant, e) == plan.plan_id]
        changed = {(e.object, e.record_id) for e in mine if not e.made}
        made = {(e.object, e.record_id) for e in mine if e.made}
        limit = self._most(numbers)
        if len(changed) > limit:
            life.breaks("I9", f"{len(changed)} records were changed without anybody's approval, the limit is {limit}")
        if len(made) > self.contract.guards.max_creates:
            life.breaks(
                "I9", f"{len(made)} records were made without anybody's approval, the limit is {self.contract.guards.max_creates}"
            )
        blanked = sum(1 for e in mine for before, after in e.fields.values() if before and after == "")
        most = max(self.contract.guards.blanking_floor, int(numbers.links * self.contract.guards.max_blanking_percent / 100))
        if blanked > most:
            life.breaks("I9", f"{blanked} values were blanked without anybody's approval, the limit is {most}")

    def _most(self, numbers: PlanNumbers) -> int:
        guards = self.contract.guards
        return max(guards.update_floor, int(numbers.links * guards.max_update_percent / 100))

    def _plan_of(self, tenant: str, effect: Effect) -> str:
        row = self._state.ledger.of[tenant].get(effect.write_id)
        return "" if row is None else str(row["plan_id"])

    def _approved(self, tenant: str, plan_id: str) -> bool:
        plan = next((p for p in self._state.plans[tenant] if p.plan_id == plan_id), None)
        return plan is not None and (plan.state is PlanState.APPROVED or plan.decided_by not in {None, "system"})

    def _ledger(self, life: Life) -> None:
        """States move along the allowed paths only, whoever moves them."""
        known = self._states[life.tenant]
        for write_id, row in self._state.ledger.of[life.tenant].items():
            now, before = row["state"], known.get(write_id)
            if before is not None and before != now and not _reachable(WriteState(before), WriteState(now)):
                life.breaks("I7", f"the write of {row['target']} {row['target_id']} went from {before} to {now}")
            known[write_id] = now

    def _differences(self) -> None:
        """What the engine calls a person's edit was a person's."""
        for table in self._state.noted_diffs[self._noted :]:
            for row in _rows(
                table, ("tenant_id", "field", "left_id", "right_id", "left_value", "right_value", "kind", "resolved_at")
            ):
                if row["kind"] in {"foreign_edit", "conflict"} and row["field"] != "*" and row["resolved_at"] is None:
                    self._foreign(row)
        self._noted = len(self._state.noted_diffs)

    def _foreign(self, row: Row) -> None:
        spec = self.contract.fields[row["field"]]
        if spec.owner == "two_way":
            return
        side: Side = "right" if self.contract.side_of(spec.owner) == "left" else "left"
        where = spec.left if side == "left" else spec.right
        life = self._lives[row["tenant_id"]]
        place = self._nursery.main(side), row[f"{side}_id"]
        last = life.accounts[side].last(place, where.column or "")
        raw = where.map.get(last.value, last.value) if last.value else last.value
        if last.by == "engine" and spec.currency_field is None and canonical(spec.type, raw) == row[f"{side}_value"]:
            life.breaks(
                "I2", f"{spec.label} of {place[0]} {place[1]} was taken for somebody's edit, but it is what we wrote ourselves"
            )


def _by_column(contract: Contract, side: Side) -> dict[str, str]:
    found = {}
    for name, spec in contract.fields.items():
        place = spec.left if side == "left" else spec.right
        if place.column is not None:
            found[place.column] = name
    return found


def _rows(table: pa.Table, columns: tuple[str, ...]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = table.select(list(columns)).to_pylist()
    return rows


def _reachable(before: WriteState, now: WriteState) -> bool:
    """Whether allowed moves lead there; a run may make several before anybody looks."""
    seen, todo = {before}, [before]
    while todo:
        for after in MOVES[todo.pop()] - seen:
            seen.add(after)
            todo.append(after)
    return now in seen
