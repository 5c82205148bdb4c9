"""What the stores mean, said record by record in plain Python: small, slow and obviously right. Nothing here is the product's."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

Row = dict[str, Any]
WORDS = ("match_evidence", "decided_by")
MAY_BECOME = {
    "planned": {"sent", "superseded"},
    "sent": {"applied", "failed", "unknown"},
    "unknown": {"applied", "failed", "sent"},
    "applied": {"confirmed"},
    "confirmed": {"undone"},
}
"""State of a write → states that may follow."""
OPEN = {"planned", "sent", "unknown", "applied"}
DECISIONS = {"held": {"approved", "rejected"}, "ready": {"approved", "rejected", "applied"}, "approved": {"rejected", "applied"}}
"""State of a plan → what somebody may decide."""
STANDING = set(DECISIONS)


class RefusedError(Exception):
    """The store must not do that, and must change nothing."""


@dataclass
class LinkBook:
    """Links of one tenant by id."""

    links: dict[str, Row] = field(default_factory=dict)

    def save(self, rows: Iterable[Row], *, decided: bool) -> None:
        """One after the other; a person's decision stands against who looked before it; a right record has one live link."""
        after = dict(self.links)
        for row in rows:
            known = after.get(row["link_id"])
            if known is None:
                after[row["link_id"]] = row
            elif decided or known["decided_by"] is None or known["updated_at"] <= row["updated_at"]:
                after[row["link_id"]] = row | {w: row[w] if row[w] is not None else known[w] for w in WORDS}
        live = [row["right_id"] for row in after.values() if row["state"] == "live"]
        if len(live) != len(set(live)):
            raise RefusedError
        self.links = after

    def live(self) -> int:
        """How many are live."""
        return sum(row["state"] == "live" for row in self.links.values())

    def about(self, states: set[str], records: set[str]) -> list[str]:
        """Ids of links in those states that name one of those records."""
        mine = (r for r in self.links.values() if not records or records & {r["link_id"], r["left_id"], r["right_id"]})
        return sorted(r["link_id"] for r in mine if not states or r["state"] in states)


@dataclass(frozen=True)
class Write:
    """A write: its record, its state, and how often it was sent."""

    target_id: str
    state: str = "planned"
    attempts: int = 0


@dataclass
class WriteBook:
    """Writes of one tenant, and whose turn it is to send them."""

    writes: dict[str, Write] = field(default_factory=dict)
    token: int = 0
    holder: str | None = None
    until: float = 0.0

    def take(self, holder: str, now: float, seconds: float) -> int | None:
        """The new token, unless somebody else's turn lasts."""
        if self.holder not in {None, holder} and now < self.until:
            return None
        self.token, self.holder, self.until = self.token + 1, holder, now + seconds
        return self.token

    def give_back(self, holder: str, token: int) -> None:
        """Only who has the turn can end it."""
        if (self.holder, self.token) == (holder, token):
            self.holder, self.until = None, 0.0

    def intend(self, writes: Mapping[str, str]) -> None:
        """Write id → record; what is known stays as it is."""
        for write_id, target_id in writes.items():
            self.writes.setdefault(write_id, Write(target_id))

    def send(self, write_ids: Iterable[str], holder: str, token: int) -> None:
        """All of them or none, and only in one's own turn."""
        if (self.holder, self.token) != (holder, token):
            raise RefusedError
        self._move(dict.fromkeys(write_ids, "sent"))

    def settle(self, results: Mapping[str, str]) -> None:
        """All of them or none."""
        self._move(results)

    def _move(self, results: Mapping[str, str]) -> None:
        for write_id, state in results.items():
            if write_id not in self.writes or state not in MAY_BECOME.get(self.writes[write_id].state, set()):
                raise RefusedError
        for write_id, state in results.items():
            known = self.writes[write_id]
            self.writes[write_id] = replace(known, state=state, attempts=known.attempts)

    def count(self, write_ids: Iterable[str]) -> None:
        """They were sent once more."""
        for write_id in write_ids:
            self.writes[write_id] = replace(self.writes[write_id], attempts=self.writes[write_id].attempts + 1)

    def open(self) -> list[str]:
        """Those whose end is not known yet."""
        return sorted(w for w, write in self.writes.items() if write.state in OPEN)


@dataclass(frozen=True)
class Plan:
    """A plan: for the whole or for single records, made as the so-manieth."""

    number: int
    scope: str
    state: str
    decided_by: str | None = None


@dataclass
class PlanBook:
    """Plans of one tenant by id."""

    plans: dict[str, Plan] = field(default_factory=dict)

    def save(self, plan_id: str, plan: Plan) -> None:
        """A plan that stands takes the place of undecided ones: a whole one of all, one for records of its like."""
        if plan.state in STANDING:
            for other_id, other in self.plans.items():
                if other.state in {"held", "ready"} and plan.scope in {"full", other.scope}:
                    self.plans[other_id] = replace(other, state="superseded")
        self.plans[plan_id] = plan

    def decide(self, plan_id: str, state: str, actor: str) -> None:
        """Along the allowed ways; who approved stays on record."""
        plan = self.plans[plan_id]
        if state not in DECISIONS.get(plan.state, set()):
            raise RefusedError
        keeps = state == "applied" and plan.decided_by is not None
        self.plans[plan_id] = replace(plan, state=state, decided_by=plan.decided_by if keeps else actor)

    def standing(self) -> list[str]:
        """Whole ones first, then the newest first."""
        found = [(p.scope != "full", -p.number, i) for i, p in self.plans.items() if p.state in STANDING]
        return [plan_id for *_, plan_id in sorted(found)]
