"""Sides in processes of their own, run in turn.

Both sides of a comparison run alternately, so that a machine that is busy for a while disturbs both alike, and the median of the
rounds counts. What a side does is its own module's business; what is measured is `meter`'s.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from integration_pipelines_tests.benchmarks.meter import Answer, Given, Lap, Run
from integration_pipelines_tests.benchmarks.side import ORDER, OUTCOME

_QUIET = {
    "PYTHONWARNINGS": "ignore",
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "RUNTIME__LOG_LEVEL": "CRITICAL",
    "DLT_DATA_DIR": "dlt",
}
"""No telemetry, no warnings about others' code, and dlt's own files in the folder where it runs."""
_CHECKOUT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Contender:
    """A side with its name and its input."""

    name: str
    side: str  # module:function
    given: Given


@dataclass(slots=True)
class Rounds:
    """All runs of one contender."""

    runs: list[Run] = field(default_factory=list)

    def median(self, value: Callable[[Run], float]) -> float:
        """The middle value over the runs."""
        return statistics.median(value(run) for run in self.runs)

    @property
    def answer(self) -> Answer:
        """What the side answered; every run must have answered the same."""
        if any(run.answer != self.runs[0].answer for run in self.runs):
            raise AssertionError("A side answered differently in two runs over the same data.")
        return self.runs[0].answer


def compete(contenders: Sequence[Contender], rounds: int) -> dict[str, Rounds]:
    """Run every contender so many times, in turn, each time in a fresh process and in another order."""
    found = {contender.name: Rounds() for contender in contenders}
    for turn in range(rounds):
        first = turn % len(contenders)
        for contender in (*contenders[first:], *contenders[:first]):
            found[contender.name].runs.append(run_alone(contender.side, contender.given))
    return found


def run_alone(side: str, given: Given) -> Run:
    """Run a side in a fresh process, in an empty folder that is removed afterwards.

    Raises:
        RuntimeError: the side failed; the text ends with its traceback.
    """
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        folder = Path(name)
        (folder / ORDER).write_text(json.dumps({"side": side, "given": given}), encoding="utf-8")
        command = [sys.executable, "-m", "integration_pipelines_tests.benchmarks.side", str(folder)]
        environment = {**os.environ, **_QUIET, "PYTHONPATH": str(_CHECKOUT)}
        # In the empty folder, so that libraries that look for settings where they stand find none.
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"The process of {side} ended with code {done.returncode}:\n{done.stderr[-2000:]}")
        outcome = json.loads((folder / OUTCOME).read_text(encoding="utf-8"))
    laps = {name: Lap(**lap) for name, lap in outcome["laps"].items()}
    return Run(outcome["answer"], laps, outcome["peak_mib"])
