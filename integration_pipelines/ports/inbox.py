"""Webhooks that were accepted: what each of them names, and what became of it.

An event is a hint that records changed; what it says of their values is never used. One row stands for one event of one tenant and one
integration that reads what it names. It waits until a run has looked at the records, however often it was delivered.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class EventOutcome(StrEnum):
    """What became of an event; all but `waiting` are ends."""

    WAITING = "waiting"  # its records are still to be looked at
    APPLIED = "applied"  # they were, and something was written for them
    EQUAL = "equal"  # they were, and nothing differed
    ECHO = "echo"  # our own write came back to us
    HELD = "held"  # they were, and what differs waits for a person or for a write that is tried again
    IGNORED = "ignored"  # it names nothing that the contract reads; `reason` says which rule
    QUARANTINED = "quarantined"  # genuine, but not readable; `reason` says why, the file is kept


class EventKind(StrEnum):
    """What an event asks for."""

    RECORDS = "records"  # look at the records that it names
    WIDE = "wide"  # it changed records that it does not name (a price, a coupon): an incremental read finds them
    GAP = "gap"  # the partner says that events were lost: read everything
    UNINSTALL = "uninstall"  # the partner took our access away: nothing more is sent for this tenant


@dataclass(frozen=True, slots=True)
class TouchedRecord:
    """A record that an event names. `partner_object` is the partner's word, as in the contract's `partner_object`."""

    partner_object: str
    record_id: str


EventKey = tuple[str, str, str]
"""Tenant, partner and event id."""


@dataclass(frozen=True, slots=True)
class InboxEvent:
    """One event for one integration of one tenant. Times are aware and UTC."""

    tenant_id: str
    integration: str  # '' if no integration of the tenant reads what it names
    partner: str
    event_id: str  # unique at the partner, or made from what identifies the event there
    type: str
    records: tuple[TouchedRecord, ...]
    occurred_at: datetime | None  # as the partner says; never decides anything
    received_at: datetime
    landed_path: str  # relative to the landing zone
    landed_at: datetime  # one moment for all events of a file, never before `received_at`
    outcome: EventOutcome = EventOutcome.WAITING
    reason: str = ""
    echo_key: str = ""  # the idempotency key of the request that caused it, where the partner tells it
    kind: EventKind = EventKind.RECORDS


@dataclass(frozen=True, slots=True)
class Waiting:
    """How much waits for one integration of one tenant."""

    tenant_id: str
    integration: str
    events: int
    oldest_received_at: datetime
    newest_received_at: datetime


@dataclass(frozen=True, slots=True)
class Settled:
    """How an event ended."""

    event: InboxEvent
    outcome: EventOutcome
    reason: str = ""
    written_at: datetime | None = None  # when the partner acknowledged the last write for its records


@dataclass(frozen=True, slots=True)
class EventTimes:
    """How long one event took, stage by stage; a stage that was not reached is None."""

    tenant_id: str
    integration: str
    partner: str
    outcome: EventOutcome
    received_at: datetime
    landed_at: datetime
    seen_at: datetime | None
    started_at: datetime | None
    written_at: datetime | None


class Inbox(ABC):
    """The accepted events of all tenants."""

    @abstractmethod
    def known(self, events: Collection[EventKey]) -> set[EventKey]:
        """Which of those events were accepted before, whatever became of them."""

    @abstractmethod
    def accept(self, events: Sequence[InboxEvent]) -> int:
        """Store events in one transaction and return how many were new; one that is known stays as it is."""

    @abstractmethod
    def waiting(self) -> list[Waiting]:
        """What waits, by tenant and integration, the oldest first."""

    @abstractmethod
    def seen(self, waiting: Sequence[Waiting], at: datetime) -> None:
        """Note when the sensor first saw what waits there."""

    @abstractmethod
    def take(self, tenant_id: str, integration: str, *, limit: int, run_id: str, at: datetime) -> list[InboxEvent]:
        """The oldest waiting events, noted as started by that run. They wait on until they are settled, whoever took them."""

    @abstractmethod
    def settle(self, settled: Sequence[Settled], *, run_id: str, at: datetime) -> None:
        """Note how events ended, in one transaction."""

    @abstractmethod
    def times(self, tenant_ids: Sequence[str] | None, since: datetime) -> list[EventTimes]:
        """Events received since then, oldest first; None means every tenant."""

    @abstractmethod
    def forget(self, before: datetime) -> list[str]:
        """Forget ended events that landed before then; returns the landing files that nothing names any more."""

    @abstractmethod
    def paths(self, before: datetime) -> set[str]:
        """The landing files that events of before then still name."""
