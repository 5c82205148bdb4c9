"""Troubles of a whole machine that no code of ours can be asked to play: a file system that is really full, a clock that really jumps.

A file system is a `tmpfs`, which only root may mount; clocks are moved by `libfaketime` (Debian's package `faketime`), for whole processes.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from integration_pipelines_tests.kit.crash_bench import Life
from integration_pipelines_tests.kit.sweep import Figures, faults, next_run

LIBRARIES = tuple(Path(f"/usr/lib/{machine}-linux-gnu/faketime/libfaketime.so.1") for machine in ("x86_64", "aarch64"))
ROOM_KIB = (0, 4, 16, 64, 128, 256, 512, 1024)
"""How much room is left when a run begins: from none to about as much as one needs."""
JUMPS = ("+1h", "-2h", "+1d", "-3d", "+0", "@2038-01-19 03:14:08")
"""Where the clock stands for a run, one after the other: it jumps there, and back again."""


@dataclass(frozen=True, slots=True)
class SmallDisk:
    """A file system of its own, which a file can fill up."""

    folder: Path

    @property
    def _filler(self) -> Path:
        return self.folder / "filler"

    def leave(self, kib: int) -> None:
        """Fill it up but for so much."""
        self.free()
        left = os.statvfs(self.folder)
        size = left.f_bavail * left.f_frsize - kib * 1024
        with self._filler.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, max(1, size))

    def free(self) -> None:
        """Give the room back."""
        self._filler.unlink(missing_ok=True)


@contextmanager
def small_disk(folder: Path, mib: int = 256) -> Iterator[SmallDisk]:
    """A file system of that size below a folder, gone afterwards; only root can make one."""
    place = folder / "disk"
    place.mkdir()
    subprocess.run([shutil.which("mount") or "", "-t", "tmpfs", "-o", f"size={mib}m,mode=700", "tmpfs", str(place)], check=True)
    try:
        yield SmallDisk(place)
    finally:
        subprocess.run([shutil.which("umount") or "", str(place)], check=True)


@dataclass(frozen=True, slots=True)
class Clock:
    """What the processes of a product take for the time; partners and tests keep the real one."""

    library: Path
    file: Path

    @property
    def environment(self) -> Mapping[str, str]:
        """With these variables a process looks at this clock; what it measures durations by stays real."""
        return {
            "LD_PRELOAD": str(self.library), "FAKETIME_TIMESTAMP_FILE": str(self.file), "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }  # fmt: skip

    def jump(self, to: str) -> None:
        """To so much before or after the real time (`+1h`), or to a moment (`@2038-01-19 03:14:08`)."""
        self.file.write_text(to, encoding="ascii")


def wrong_clock(folder: Path) -> Clock:
    """A clock that shows the real time until it jumps; the library has to be installed."""
    clock = Clock(next(path for path in LIBRARIES if path.exists()), folder / "clock")
    clock.jump("+0")
    return clock


def full_disks(disk: SmallDisk, tenants: Sequence[Life], rooms: Sequence[int] = ROOM_KIB) -> Figures:
    """A run of each tenant with ever more room left. A run that finds none says so; with room again the next one makes all good."""
    figures = Figures(points=len(rooms))
    for alive, room in zip(tenants, rooms, strict=True):
        known = len(alive.effects())
        alive.edit()
        disk.leave(room)
        answer = alive.run()
        disk.free()
        said = answer["said"] or {}
        well = said.get("certified") and not said["fault"]
        figures.reached += not well
        if answer["code"] != 0 or not (well or said["fault"] or said["reason"]):
            figures.violations.append(f"{room} KiB left: the run ended with {answer['code']} and does not say what is wrong")
        figures.violations += [f"{room} KiB left: {fault}" for fault in faults(alive, known, next_run([alive]))]
    return figures


def jumping_clocks(clock: Clock, tenants: Sequence[Life], jumps: Sequence[str] = JUMPS) -> Figures:
    """Runs while the clock is somewhere else, and one when it is back: nothing lost, doubled or left open."""
    figures = Figures(points=len(jumps), reached=len(jumps))
    for alive, jump in zip(tenants, jumps, strict=True):
        known = len(alive.effects())
        for to in (jump, "+0"):
            alive.edit()
            clock.jump(to)
            said = next_run([alive])
            figures.violations += [f"{jump}, clock at {to}: {fault}" for fault in faults(alive, known, said)]
            known = len(alive.effects())
    return figures
