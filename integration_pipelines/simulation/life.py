"""One life: a tenant with both accounts, everything that happens to it, and what was found wrong with it.

A life's chance depends on its number alone, so that it can be lived again among any others. What may be left out of it, to see whether it
matters, is named by its kind and how often it had happened before.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from integration_pipelines.ports.inbox import InboxEvent
from integration_pipelines.simulation.accounts import Account, Side
from integration_pipelines.simulation.chance import Stream

PEOPLE = "people"
"""The kind of what people do, beside the faults' ids."""

Happening = tuple[str, int]
"""A kind, and how often it had happened before."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, with its step."""

    at: int
    what: str
    facts: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Broken:
    """A promise that was not kept: which, what was seen, and at which step."""

    promise: str
    text: str
    at: int


@dataclass
class Life:
    """A tenant's life.

    Args:
        tenant: its id in this rehearsal.
        seed: what makes it.
        accounts: both sides.
        rates: fault → how often it strikes where it could.
        left_out: happenings that do not happen.
    """

    tenant: str
    seed: int
    accounts: Mapping[Side, Account]
    rates: Mapping[str, float]
    left_out: frozenset[Happening] = frozenset()
    now: int = 0
    clock: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    """The moment of the virtual clock that the life is at."""
    calm: bool = False
    """Neither faults nor people any more: it must come to rest."""
    under_way: list[Any] = field(default_factory=list)
    """Writes that were given up and may still arrive."""
    troubled: dict[Side, str] = field(default_factory=dict)
    """Sides that answer nothing until the run is over, and the fault that says why."""
    post: list[InboxEvent] = field(default_factory=list)
    """Every event that was delivered."""
    late_post: list[InboxEvent] = field(default_factory=list)
    """Events that are delivered next time."""
    events_made: int = 0
    accepted: dict[tuple[str, str], int] = field(default_factory=dict)
    """Partner and id of each event → the step at which it was accepted first."""
    ended: set[tuple[str, str]] = field(default_factory=set)
    """Those that were found done."""
    heard: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    """What people were told, by the message's id: the steps at which they heard it."""
    events: list[Event] = field(default_factory=list)
    fired: Counter[str] = field(default_factory=Counter)
    happened: Counter[str] = field(default_factory=Counter)
    broken: list[Broken] = field(default_factory=list)
    _streams: dict[str, Stream] = field(default_factory=dict)

    def stream(self, purpose: str) -> Stream:
        """The draws for one purpose."""
        found = self._streams.get(purpose)
        if found is None:
            found = self._streams[purpose] = Stream(self.seed, purpose)
        return found

    def strikes(self, fault: str, often: float = 1.0) -> bool:
        """Whether a fault strikes here; `often` scales its rate for this place."""
        rate = self.rates.get(fault)
        if rate is None or self.calm or not self.stream(fault).chance(rate * often):
            return False
        return self.happens(fault)

    def happens(self, kind: str) -> bool:
        """Count a happening; False if this one is left out."""
        place = self.happened[kind]
        self.happened[kind] = place + 1
        if (kind, place) in self.left_out:
            return False
        self.fired[kind] += 1
        return True

    def tell(self, what: str, **facts: object) -> int:
        """Note an event; returns its step."""
        self.now += 1
        self.events.append(Event(self.now, what, facts))
        return self.now

    def breaks(self, promise: str, text: str) -> None:
        """Note that a promise was not kept; the first one is what a story is about."""
        self.broken.append(Broken(promise, text, self.now))
