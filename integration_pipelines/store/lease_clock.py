"""The clocks that leases run on: ones that nobody can set. Wall time is not among them."""

import time
from abc import ABC, abstractmethod
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class LeaseClock(ABC):
    """Nanoseconds within an era; times of different eras cannot be compared."""

    @abstractmethod
    def read(self, connection: Connection) -> tuple[str, int]:
        """The era, and the nanoseconds in it now."""


class BootClock(LeaseClock):
    """Time since this machine started, sleep included. After a restart every holder from before is gone, and so is its era."""

    def read(self, connection: Connection) -> tuple[str, int]:
        """The id of this boot and its age."""
        del connection
        clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
        era = _BOOT_ID.read_text(encoding="ascii").strip() if _BOOT_ID.exists() else "this machine"
        return era, time.clock_gettime_ns(clock)


class DatabaseClock(LeaseClock):
    """The database server's time, one for all machines that use it."""

    def read(self, connection: Connection) -> tuple[str, int]:
        """One era, for ever."""
        seconds = connection.execute(sa.select(sa.func.extract("epoch", sa.func.clock_timestamp()))).scalar_one()
        return "database", int(seconds * 1_000_000_000)
