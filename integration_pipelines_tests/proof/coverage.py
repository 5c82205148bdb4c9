"""`make proof-coverage`: which tests assert which row of the fault catalogue, which rows the rehearsal switches on, and which rows neither does.

Writes `data/faults.json`; whether every row has a test or a reason is held by `lint/test_fault_rows`.
"""

import json
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from integration_pipelines.simulation.catalogue import FAULTS
from integration_pipelines_tests.faults.catalogue import NOT_AUTOMATED, ROWS
from integration_pipelines_tests.lint.test_fault_rows import claims

OUTPUT = Path(__file__).resolve().parents[2] / "data" / "faults.json"


def covered() -> dict[str, dict[str, Any]]:
    """Row → the fault, its tests, whether it is rehearsed, and why it has no test if it has none."""
    tests = claims()
    return {
        row: {"fault": words, "tests": tests.get(row, []), "rehearsed": row in FAULTS, "reason": NOT_AUTOMATED.get(row, "")}
        for row, words in ROWS.items()
    }


def main(output: Path = OUTPUT) -> None:
    """Show and save it; ends with code 1 if a row has neither test nor reason."""
    rows = covered()
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    table = Table("row", "fault", "tests", "rehearsed", "first test, or why there is none")
    for row, found in rows.items():
        first = found["tests"][0].removeprefix("integration_pipelines_tests/") if found["tests"] else found["reason"]
        table.add_row(row, found["fault"], str(len(found["tests"]) or ""), "yes" if found["rehearsed"] else "", first)
    console = Console()
    console.print(table)
    asserted = sum(bool(found["tests"]) for found in rows.values())
    console.print(f"{asserted} of {len(rows)} faults are asserted by tests, {len(rows) - asserted} are not and say why")
    if any(not found["tests"] and not found["reason"] for found in rows.values()):
        sys.exit(1)


if __name__ == "__main__":
    main()
