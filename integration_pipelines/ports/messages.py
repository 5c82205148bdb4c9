"""What is said to people at a partner's product, such as a chat: noted before it is sent, meant to be sent once."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from integration_pipelines.ports.partner import Door, WriteOutcome


@dataclass(frozen=True, slots=True)
class Message:
    """Plain text for a channel. What the partner would read as markup is the adapter's to escape: parts of it come from customers."""

    message_id: str  # the same for every repeat; `write_id` of its outcome
    channel: str  # blank: the one that the connection says
    text: str


class Messenger(Door):
    """One tenant's way to people at one partner. Thread-safe; closes its connections on `close`."""

    @abstractmethod
    def send(self, message: Message) -> WriteOutcome:
        """Say it.

        `Refused` only if it was certainly not said: its kind tells whether trying again is of any use. Without a trustworthy answer it is
        `Unknown`, since no partner here recognises a repeat. Raises nothing expected.
        """


class NoteState(StrEnum):
    """A message waits for its try, is being sent, was said, or is not tried any more."""

    WAITING = "waiting"
    SENDING = "sending"
    SENT = "sent"
    GIVEN_UP = "given_up"


@dataclass(frozen=True, slots=True)
class Note:
    """A message that a run's finding asks for. `event_key` is the same whenever the same thing is found."""

    tenant_id: str
    integration: str
    event_key: str
    notification: str  # its name in the contract
    partner: str
    channel: str
    text: str
    left_id: str
    right_id: str
    run_id: str  # that found it
    asked_at: datetime
    state: NoteState = NoteState.WAITING
    attempts: int = 0
    unclear: int = 0  # tries of which nobody knows whether they were heard
    next_try_at: datetime | None = None
    sent_at: datetime | None = None
    error_kind: str = ""
    error_text: str = ""


class Outbox(ABC):
    """Messages by tenant, integration and event key."""

    @abstractmethod
    def note(self, notes: Sequence[Note]) -> None:
        """Insert those that are not known yet, due at once; what is known stays as it is."""

    @abstractmethod
    def claim(self, installed: Sequence[tuple[str, str]], now: datetime, until: datetime, limit: int) -> list[Note]:
        """Messages of those (tenant, integration) that are due, oldest first, as they were; nobody else gets them before `until`.

        One that comes back as `sending` was claimed by somebody who died before saying what became of it.
        """

    @abstractmethod
    def settle(self, notes: Sequence[Note]) -> None:
        """Store what became of claimed messages."""

    @abstractmethod
    def find(self, tenant_ids: Sequence[str] | None, *, states: Sequence[NoteState] = (), limit: int | None = None) -> list[Note]:
        """Newest first; None means every tenant, no state means all."""

    @abstractmethod
    def forget(self, before: datetime) -> int:
        """Remove what was sent or given up before then; how many that were."""
