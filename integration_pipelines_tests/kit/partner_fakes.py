"""Fakes of the ports a connector stands on: time that passes only by waiting, and a quota that remembers what it was asked."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from integration_pipelines.errors import RateLimitedError
from integration_pipelines.ports.clock import Clock
from integration_pipelines.ports.quota import Quota

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


class VirtualClock(Clock):
    """Time that passes only while somebody waits; `base` moves it from outside."""

    def __init__(self, base: Callable[[], datetime] = lambda: NOON) -> None:
        self._base = base
        self.waits: list[float] = []

    def now(self) -> datetime:
        """The base time, and what was waited since."""
        return self._base() + timedelta(seconds=sum(self.waits))

    def monotonic(self) -> float:
        """Seconds waited."""
        return sum(self.waits)

    def sleep(self, seconds: float) -> None:
        """Wait without waiting."""
        self.waits.append(seconds)


@dataclass
class OpenQuota(Quota):
    """Gives every permit until `closed`; remembers buckets asked and parked."""

    closed: bool = False
    asked: list[tuple[str, float, int]] = field(default_factory=list)
    parked: list[tuple[str, float]] = field(default_factory=list)

    def acquire(self, bucket: str, per_second: float, burst: int, timeout: float) -> None:
        """A permit at once, or never."""
        self.asked.append((bucket, per_second, burst))
        if self.closed:
            raise RateLimitedError("Our quota is used up.", retry_after=timeout + 7)

    def park(self, bucket: str, seconds: float) -> None:
        """Remember it."""
        self.parked.append((bucket, seconds))
