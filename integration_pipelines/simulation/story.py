"""A life told in plain words, for whoever wrote the contract: what people did, what went wrong, what we wrote, and what came of it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from integration_pipelines.core.contract import Contract
from integration_pipelines.simulation.accounts import Side
from integration_pipelines.simulation.catalogue import FAULTS
from integration_pipelines.simulation.life import Broken, Event, Life
from integration_pipelines.simulation.promises import promised
from integration_pipelines.simulation.reasons import circles

LONGEST = 60
"""Characters of a value; a longer one is cut."""
LONGEST_REASON = 120
Facts = Mapping[str, Any]

_WHEN = {
    "between runs": "between two runs",
    "read": "just before we read the list",
    "fetch": "just before we read the record again",
    "write": "between our read and our write",
    "look behind": "right after our write",
}
_WAYS = {
    "D13": "so that two records say the same",
    "D14": "which another record had",
    "D17": "which claims that one was merged into it",
    "D21": "as in every other record",
    "D26": "on both sides alike",
    "D27": "and back again",
}
"""What an edit is part of, by the fault that it stands for."""


@dataclass(frozen=True, slots=True)
class Line:
    """Something that happened: at which step, and in words."""

    at: int
    text: str


@dataclass(frozen=True, slots=True)
class Story:
    """A life: how it began, what happened, and the promise that was broken."""

    beginning: str
    lines: tuple[Line, ...]
    broken: Broken | None
    reasons: tuple[str, ...] = ()
    """What in the contract is the reason, where that is known."""

    @property
    def moral(self) -> str:
        """What is wrong about it."""
        if self.broken is None:
            return "Every promise was kept."
        return f"Broken is {self.broken.promise}: {promised(self.broken.promise)}. {_sentence(self.broken.text)}"


def tell(contract: Contract, life: Life, promise: str = "") -> Story:
    """Tell a life up to where a promise is broken (blank: the first one that is)."""
    broken = next((b for b in life.broken if promise in {"", b.promise}), None)
    teller = _Teller(contract, life)
    lines = tuple(teller.lines(life.events if broken is None else [e for e in life.events if e.at <= broken.at]))
    return Story(teller.beginning(), lines, broken, () if broken is None else tuple(circles(contract, life)))


class _Teller:
    """Knows what things are called.

    Args:
        contract: whose labels.
        life: whose values.
    """

    def __init__(self, contract: Contract, life: Life) -> None:
        self._contract, self._life = contract, life
        left, right = contract.main_object("left"), contract.main_object("right")
        self._labels = {
            (name, place.column): field.label
            for field in reversed(contract.fields.values())  # of several in one column the first one is meant
            for name, place in ((left, field.left), (right, field.right))
            if place.column is not None
        }
        self._words: dict[str, Callable[[Event], str]] = {
            "edited": self._edited, "merged": self._merged, "deleted": self._deleted, "restored": self._restored, "reborn": self._reborn,
            "schema": self._schema, "wrote": self._wrote, "arrived late": self._late, "run ended": self._ended,
            "arrived": lambda e: _joined(f"{self._named(e.facts)} is new", self._when(e.facts)),
            "made": lambda e: f"we had {self._named(e.facts)} made under {_quoted(e.facts['key'])}: {self._values(e.facts)}",
            "there already": lambda e: f"{self._named(e.facts)} was there already under {_quoted(e.facts['key'])}, and stays as it is",
            "said": lambda e: f"we told people: {_quoted(_line(e.facts['text']))}",
            "message lost": lambda e: f"a message of ours was not heard: {_quoted(_line(e.facts['text']))}",
            "said, unanswered": lambda _: "nobody answered whether our message was heard",
            "a list without one": lambda e: f"a list that we read left out {e.facts['record']}, which is there",
            "an empty list": lambda _: "a list that we read came empty, although there are records",
            "calm": lambda _: "from here on nothing goes wrong any more, and nobody edits anything",
            "approved": lambda _: "a person approved the plan that waited",
            "rejected": lambda _: "a person rejected the plan that waited",
            "events were lost": lambda _: "the partner says that events were lost",
            "told": lambda e: f"{e.facts['events']} events arrive",
            "killed": lambda e: f"our process was killed {e.facts['where']}",
            "paused": lambda _: "somebody paused our writes",
            "resumed": lambda _: "somebody let our writes go on",
            "answer lost": lambda e: f"the answer to our write of {e.facts['record']} was lost; it was carried out",
            "given up": lambda e: f"our write of {e.facts['record']} had no answer in time; it is still under way",
            "not carried out": lambda e: f"the partner answered our write of {e.facts['record']} with an error, and did not carry it out",
            "refused": lambda e: f"the partner refused our write of {e.facts['record']}",
            "cut off": lambda e: f"the connection to {self._role(e.facts['side'])} was cut in the middle of several writes",
        }  # fmt: skip

    def beginning(self) -> str:
        """Which records there were at first."""
        parts = []
        for side, account in self._life.accounts.items():
            name = self._contract.main_object(side)
            ids = sorted({*account.objects[name], *(record for kind, record in account.gone if kind == name)})
            parts.append(f"{len(ids)} {name} in {self._role(side)} ({', '.join(ids)})")
        return f"There are {' and '.join(parts)}."

    def lines(self, events: Sequence[Event]) -> Iterator[Line]:
        """Every event that a person needs; a run in which nothing happened is one line."""
        begun: Event | None = None
        for event in events:
            if event.what == "run begins":
                begun = event
                continue
            if begun is not None:
                if event.what == "run ended":
                    yield Line(event.at, f"a run {self._came_of(event.facts)}")
                    begun = None
                    continue
                yield Line(begun.at, "a run begins")
                begun = None
            yield Line(event.at, self._said(event))
        if begun is not None:
            yield Line(begun.at, "a run begins")

    def _said(self, event: Event) -> str:
        known = self._words.get(event.what)
        if known is not None:
            return known(event)
        fault = FAULTS.get(str(event.facts.get("fault")))
        where = event.facts.get("side")
        if fault is not None:
            return f"{self._role(where)}: {fault.words}" if where else fault.words
        facts = ", ".join(f"{name} {value}" for name, value in event.facts.items() if value not in {"", None})
        return f"{event.what} ({facts})" if facts else event.what

    def _role(self, side: object) -> str:
        return self._contract.role("left" if side == "left" else "right").label

    def _label(self, name: str, column: str) -> str:
        return self._labels.get((name, column), column)

    def _named(self, facts: Facts) -> str:
        return f"{facts['object']} {facts['record']}"

    def _edited(self, event: Event) -> str:
        facts = event.facts
        name, record, column = str(facts["object"]), str(facts["record"]), str(facts["column"])
        before = self._before(event, (name, record, column))
        was = "" if before is None else f"from {_quoted(before)} "
        way = _WAYS.get(str(facts.get("fault")), "")
        what = f"a person set {self._label(name, column)} of {self._named(facts)} {was}to {_quoted(facts['value'])}"
        return _joined(what, way, self._when(facts))

    def _before(self, event: Event, place: tuple[str, str, str]) -> object:
        """What stood there until then, if that is known."""
        past = self._life.accounts["left" if event.facts["side"] == "left" else "right"].past.get(place, [])
        return next((change.value for change in reversed(past) if change.at < event.at), None)

    def _when(self, facts: Facts) -> str:
        return _WHEN.get(str(facts.get("when")), "")

    def _merged(self, event: Event) -> str:
        facts = event.facts
        return _joined(f"a person merged {self._named(facts)} into {facts['into']}", self._when(facts))

    def _deleted(self, event: Event) -> str:
        return _joined(f"a person deleted {self._named(event.facts)}", self._when(event.facts))

    def _restored(self, event: Event) -> str:
        return _joined(f"a person brought {self._named(event.facts)} back", self._when(event.facts))

    def _reborn(self, event: Event) -> str:
        what = f"{self._named(event.facts)} was deleted, and another record has its id now"
        return _joined(what, self._when(event.facts))

    def _schema(self, event: Event) -> str:
        facts = event.facts
        side: Side = "left" if facts["side"] == "left" else "right"
        label = self._label(self._contract.main_object(side), str(facts["column"]))
        what = (
            f"{self._role(side)} has the property for {label} again"
            if facts["back"]
            else f"{self._role(side)} lost the property for {label}"
        )
        return _joined(what, self._when(facts))

    def _wrote(self, event: Event) -> str:
        return f"we wrote to {self._named(event.facts)}: {self._values(event.facts)}"

    def _late(self, event: Event) -> str:
        return f"a write that we had given up arrived at {self._named(event.facts)}: {self._values(event.facts)}"

    def _values(self, facts: Facts) -> str:
        name = str(facts["object"])
        stamps = {p.column for f in self._contract.fields.values() if f.owner == "sync" for p in (f.left, f.right)}
        values = {c: v for c, v in facts["values"].items() if c not in stamps} or facts["values"]
        return ", ".join(f"{self._label(name, column)} = {_quoted(value)}" for column, value in values.items())

    def _ended(self, event: Event) -> str:
        return f"the run {self._came_of(event.facts)}"

    def _came_of(self, facts: Facts) -> str:
        outcome = str(facts["outcome"]).replace("_", " ")
        proved = {True: ", certified", False: ", not certified"}.get(facts["certified"], "")
        reason = _cut(str(facts["reason"]), LONGEST_REASON)
        return f"ends: {outcome}{proved}" + (f" ({reason})" if reason else "")


def _quoted(value: object) -> str:
    text = str(value)
    if not text:
        return "blank"
    return repr(_cut(text, LONGEST))


def _line(text: object) -> str:
    """The first line of a message."""
    return str(text).strip().partition("\n")[0]


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


def _joined(*parts: str) -> str:
    return ", ".join(part for part in parts if part)


def _sentence(text: str) -> str:
    """With a full stop; what begins with a name of the contract's keeps it as it is spelled."""
    first = text.partition(" ")[0]
    return f"{text}." if "_" in first else f"{text[:1].upper()}{text[1:]}."
