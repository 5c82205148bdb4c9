"""`make proof-crash`: kill a run at every durable step and at every durable call to the system, on both databases; writes `data/crash.json`.

Besides being killed, a call can fail: each fsync with EIO, writes here and there with ENOSPC; and a whole machine can have troubles: a file
system that is full, a clock that jumps. After every strike the next run must make it good: nothing lost, doubled or left over. Calls are
interfered with by `strace`, clocks moved by `libfaketime`, which have to be installed; a file system to fill is only root's to make.
"""

import argparse
import json
import logging
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from operator import itemgetter
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from integration_pipelines_tests.kit.crash_bench import Life, lives
from integration_pipelines_tests.kit.databases import forget, fresh_postgresql
from integration_pipelines_tests.kit.machine import (
    JUMPS,
    LIBRARIES,
    ROOM_KIB,
    full_disks,
    jumping_clocks,
    small_disk,
    wrong_clock,
)
from integration_pipelines_tests.kit.sweep import Figures, Moment, Syscall, calls_of_a_run, steps_of_a_run, sweep

OUTPUT = Path(__file__).resolve().parents[2] / "data" / "crash.json"
SHARES = {"sqlite": 4, "postgresql": 4}
"""Database → in how many shares its moments are swept, so that two cores are busy to the end."""
HITS = 3
TENANTS = 12
FULL_DISK_EVERY = 4
TITLES = {
    "steps": "killed at a durable step",
    "calls": "killed at a durable call to the system",
    "failures": "a durable call that fails",
}
OF_A_MACHINE = {"disks": "a file system that is full", "clocks": "a clock that jumps"}


@dataclass(frozen=True, slots=True)
class Swept:
    """One sweep over one database."""

    database: str
    what: str
    figures: Figures


def main(arguments: Sequence[str], output: Path = OUTPUT) -> None:
    """Sweep, show and save; ends with code 1 and what was violated, if anything was."""
    parser = argparse.ArgumentParser(prog="make proof-crash", description=__doc__)
    parser.add_argument("databases", nargs="*", help=f"which of {', '.join(SHARES)}; both without a name", metavar="DATABASE")
    parser.add_argument(
        "--every", type=int, default=1, metavar="N", help="strike only at every so-manieth moment, for a quick look"
    )
    chosen = parser.parse_args(arguments)
    if unknown := set(chosen.databases) - set(SHARES):
        parser.error(f"There is no database {', '.join(sorted(unknown))}; there are {', '.join(SHARES)}.")
    if missing := lacking():
        sys.exit(f"The sweeps need {' and '.join(missing)}.")
    started, console = time.monotonic(), Console()
    shares = sorted(((n, share) for n in chosen.databases or SHARES for share in range(SHARES[n])), key=itemgetter(1))
    found: list[Swept] = []
    report: dict[str, Any] = {}
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        sweeps = [pool.submit(over, name, share, chosen.every) for name, share in shares]
        for done in as_completed([*sweeps, *(pool.submit(of_a_machine, what) for what in OF_A_MACHINE)]):
            found += done.result()
            report = told(found, time.monotonic() - started) | {
                "every": chosen.every,
                "whole": len(found) == len(shares) * len(TITLES) + len(OF_A_MACHINE),
            }
            output.parent.mkdir(parents=True, exist_ok=True)
            output.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
            console.print(f"{report['points']:>5} points, {report['violations']} violations, {report['seconds']} s")
    show(report, console)
    if report["violations"]:
        sys.exit(1)


def lacking() -> list[str]:
    """What this machine lacks for it, in words."""
    needs = {
        "strace, to interfere with calls to the system (on Debian: apt-get install strace)": shutil.which("strace"),
        "libfaketime, to move clocks (on Debian: apt-get install faketime)": any(path.exists() for path in LIBRARIES),
        "root's rights, to mount a file system that can be filled": os.geteuid() == 0,
    }
    return [what for what, there in needs.items() if not there]


def over(database: str, share: int, every: int = 1) -> list[Swept]:
    """A share of every sweep over that database, in a process of its own."""
    logging.disable(logging.CRITICAL)  # partners complain of callers that die
    url = fresh_postgresql() if database == "postgresql" else ""
    with tempfile.TemporaryDirectory() as folder, lives(Path(folder), TENANTS, database_url=url) as tenants:
        step = SHARES[database] * every
        made = [
            Swept(database, what, sweep(tenants, moments[share * every :: step])) for what, moments in chosen_moments(tenants[0])
        ]
    forget(url)
    return made


def of_a_machine(what: str) -> list[Swept]:
    """One of the sweeps over a machine's own troubles, in a process of its own. They are over a store in a file, which is on that machine."""
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as name:
        if what == "disks":
            with small_disk(Path(name)) as disk, lives(disk.folder, len(ROOM_KIB)) as tenants:
                return [Swept("sqlite", what, full_disks(disk, tenants))]
        clock = wrong_clock(Path(name))
        with lives(Path(name), len(JUMPS), environment=clock.environment) as tenants:
            return [Swept("sqlite", what, jumping_clocks(clock, tenants))]


def chosen_moments(alive: Life) -> Iterator[tuple[str, list[Moment]]]:
    """What is swept, and when it strikes."""
    yield "steps", [*steps_of_a_run(alive, HITS)]
    calls = calls_of_a_run(alive)
    yield "calls", [Syscall(name, nth) for name, nths in calls.items() for nth in nths]
    failed = [Syscall(name, nth, "EIO") for name in ("fsync", "fdatasync") for nth in calls.get(name, [])]
    full = [Syscall(name, nth, "ENOSPC") for name in ("pwrite64", "write") for nth in calls.get(name, [])[::FULL_DISK_EVERY]]
    yield "failures", [*failed, *full]


def told(found: Sequence[Swept], seconds: float) -> dict[str, Any]:
    """The figures of all sweeps, as they are saved; a moment that no run came to is no point."""
    sweeps: list[dict[str, Any]] = []
    for database, what in sorted({(s.database, s.what) for s in found}, reverse=True):
        parts = [s.figures for s in found if (s.database, s.what) == (database, what)]
        reached, missed = sum(f.reached for f in parts), sum(f.points - f.reached for f in parts)
        violated = [v for f in parts for v in f.violations]
        busy = round(sum(f.seconds for f in parts))
        sweeps.append(
            {
                "database": database,
                "what": what,
                "points": reached,
                "not_reached": missed,
                "busy_seconds": busy,
                "violated": violated,
            }
        )
    points, violations = sum(s["points"] for s in sweeps), sum(len(s["violated"]) for s in sweeps)
    return {"points": points, "violations": violations, "seconds": round(seconds), "cores": os.cpu_count(), "sweeps": sweeps}


def show(report: dict[str, Any], console: Console) -> None:
    """The figures for people."""
    table = Table("database", "what", "points", "violations")
    for one in report["sweeps"]:
        table.add_row(one["database"], (TITLES | OF_A_MACHINE)[one["what"]], str(one["points"]), str(len(one["violated"])))
    console.print(table)
    console.print(
        f"{report['points']} points, {report['violations']} violations; {report['seconds']} s on {report['cores']} cores"
    )
    for one in report["sweeps"]:
        for violation in one["violated"]:
            console.print(f"{one['database']}: {violation}", style="red", markup=False)


if __name__ == "__main__":
    main(sys.argv[1:])
