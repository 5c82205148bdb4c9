"""What a stretch of work takes: seconds, processor seconds and memory of this process and its children.

Imported by every side's process, so it imports next to nothing itself.
"""

import resource
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Answer = Mapping[str, Any]
"""What a side found, so that both can be compared: JSON."""
Given = Mapping[str, Any]
"""What a side is told: JSON."""


@dataclass(frozen=True, slots=True)
class Lap:
    """A stretch of work: seconds by the clock, and processor seconds of the process and its children."""

    seconds: float
    cpu: float
    beside: bool = False  # told on a line of its own, and no part of the whole


class Meter:
    """Times stretches of work; what lies outside of them, such as imports and warming up, is not counted."""

    def __init__(self) -> None:
        self.laps: dict[str, Lap] = {}

    @contextmanager
    def lap(self, name: str, *, beside: bool = False) -> Iterator[None]:
        """Time the body under that name; a name used twice adds up."""
        started, cpu = time.perf_counter(), _cpu()
        yield
        before = self.laps.get(name, Lap(0.0, 0.0))
        self.laps[name] = Lap(before.seconds + time.perf_counter() - started, before.cpu + _cpu() - cpu, beside)


Side = Callable[[Meter, Path, Given], Answer]
"""Takes the meter, an empty folder of its own and what the benchmark gives it. A function of a module, since it travels by name."""


@dataclass(frozen=True, slots=True)
class Run:
    """One side, once: its laps and the most memory it ever held, libraries included."""

    answer: Answer
    laps: Mapping[str, Lap]
    peak_mib: float

    @property
    def whole(self) -> Lap:
        """All laps together, but for those told beside."""
        counted = [lap for lap in self.laps.values() if not lap.beside]
        return Lap(sum(lap.seconds for lap in counted), sum(lap.cpu for lap in counted))


def peak_mib() -> float:
    """The most memory this process held, or the largest of its children.

    Linux counts what the parent held before the program began into `ru_maxrss`; the high-water mark of the present program is in
    `/proc`. Elsewhere `ru_maxrss` must do.
    """
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text(encoding="ascii").splitlines() if line.startswith("VmHWM"))
        own = int(line.split()[1])
    most = max(own, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
    return most / (2**20 if sys.platform == "darwin" else 2**10)


def _cpu() -> float:
    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime
