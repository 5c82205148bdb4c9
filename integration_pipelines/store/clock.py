"""The machine's clock and ids made from it: the real adapters of `ports.clock`.

Nothing else in the product asks the operating system for the time, waits, or makes an identifier.
"""

import os
import re
import secrets
import threading
import time
from datetime import UTC, datetime

from integration_pipelines.errors import BugError
from integration_pipelines.ports.clock import Clock, Ids

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # no i, l, o, u: nobody mistakes one for another; in ASCII order, so text sorts
_TIME_DIGITS = 10  # 50 bits of milliseconds
_RANDOM_DIGITS = 16  # 80 bits
_PREFIX = re.compile(r"[a-z][a-z0-9_]{0,31}")


class SystemClock(Clock):
    """The operating system's clock. On one machine `monotonic` means the same in every process."""

    def now(self) -> datetime:
        """The present moment, aware, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds since the machine started, or thereabouts."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait; a negative time is none."""
        time.sleep(max(0.0, seconds))


class SortableIds(Ids):
    """Identifiers such as `run_01j9x…`: milliseconds, then 80 random bits, in text that sorts like the time.

    Within one process every id sorts after the one before it, even inside a millisecond or when the wall clock is set back.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._pid = 0
        self._last = (0, 0)

    def new(self, prefix: str) -> str:
        """A fresh identifier with that prefix (`[a-z][a-z0-9_]*`, at most 32 characters)."""
        if not _PREFIX.fullmatch(prefix):
            raise BugError("An identifier's prefix must be lower-case letters, digits and underscores, at most 32.")
        milliseconds, random = self._next()
        return f"{prefix}_{_text(milliseconds, _TIME_DIGITS)}{_text(random, _RANDOM_DIGITS)}"

    def _next(self) -> tuple[int, int]:
        now = int(self._clock.now().timestamp() * 1000)
        with self._lock:
            if self._pid != os.getpid():  # a forked child must not go on counting where its parent does
                self._pid = os.getpid()
                self._last = (self._last[0], secrets.randbits(79))
            milliseconds, random = self._last
            self._last = (now, secrets.randbits(79)) if now > milliseconds else (milliseconds, random + 1)
            return self._last


def _text(number: int, digits: int) -> str:
    return "".join(_ALPHABET[(number >> (5 * place)) & 31] for place in reversed(range(digits)))
