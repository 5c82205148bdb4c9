"""The program of a side's process: it reads which function to call from a file, calls it, and leaves what was measured in another.

It imports the side and nothing of the benchmark around it, so that the memory seen is the side's own.
"""

import importlib
import pickle
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path

from integration_pipelines_tests.benchmarks.meter import Meter, Run, Side, peak_mib

ORDER, OUTCOME = "order.pickle", "outcome.pickle"


@dataclass(frozen=True, slots=True)
class Order:
    """Which function of which module to call, and with what."""

    module: str
    function: str
    given: object


def main(folder: Path) -> None:
    """Carry out the order in a folder; the outcome is a `Run`, or a traceback as text."""
    outcome: Run | str
    try:
        order: Order = pickle.loads((folder / ORDER).read_bytes())  # noqa: S301 - written by the benchmark a moment ago
        side: Side = getattr(importlib.import_module(order.module), order.function)
        meter = Meter()
        answer = side(meter, folder, order.given)
        outcome = Run(answer, meter.laps, peak_mib())
    except Exception:  # noqa: BLE001 - the text goes to the process that waits for it, which raises
        outcome = traceback.format_exc()
    (folder / OUTCOME).write_bytes(pickle.dumps(outcome))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
