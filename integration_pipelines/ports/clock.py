"""Time and identifiers, the two things a deterministic run must be handed."""

from abc import ABC, abstractmethod
from datetime import datetime


class Clock(ABC):
    """Wall time (aware, UTC), monotonic seconds, and waiting."""

    @abstractmethod
    def now(self) -> datetime:
        """The present moment, aware, in UTC."""

    @abstractmethod
    def monotonic(self) -> float:
        """Seconds that never go backwards; only differences mean anything."""

    @abstractmethod
    def sleep(self, seconds: float) -> None:
        """Wait that many seconds."""


class Ids(ABC):
    """Makes identifiers."""

    @abstractmethod
    def new(self, prefix: str) -> str:
        """A fresh identifier such as `run_01j9…`: `[A-Za-z0-9_-]` only, sortable by creation time."""
