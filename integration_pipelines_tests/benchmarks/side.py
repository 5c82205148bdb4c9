"""The program of a side's process: it reads which function to call from a file, calls it, and leaves what was measured in another.

It imports the side and nothing of the benchmark around it, so that the memory seen is the side's own.
"""

import importlib
import json
import sys
from dataclasses import asdict
from pathlib import Path

from integration_pipelines_tests.benchmarks.meter import Meter, Side, peak_mib

ORDER, OUTCOME = "order.json", "outcome.json"


def main(folder: Path) -> None:
    """Carry out the order in a folder (`side` as module:function, `given`); the outcome is a `Run` as JSON."""
    order = json.loads((folder / ORDER).read_text(encoding="utf-8"))
    module, _, function = order["side"].partition(":")
    side: Side = getattr(importlib.import_module(module), function)
    meter = Meter()
    answer = side(meter, folder, order["given"])
    laps = {name: asdict(lap) for name, lap in meter.laps.items()}
    outcome = {"answer": answer, "laps": laps, "peak_mib": peak_mib()}
    (folder / OUTCOME).write_text(json.dumps(outcome), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
