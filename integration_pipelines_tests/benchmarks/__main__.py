"""`make bench`: measure beside others, print tables, write `data/benchmarks.json`. Names on the command line choose benchmarks."""

import argparse
from collections.abc import Callable
from pathlib import Path

from integration_pipelines_tests.benchmarks import extract
from integration_pipelines_tests.benchmarks.report import Figure, save, show

ROOT = Path(__file__).parents[2]
BENCHMARKS: dict[str, tuple[str, Callable[[bool], list[Figure]]]] = {
    "extract": (
        "Reading everything from the partners into Parquet, beside dlt's REST source on the same sandbox",
        lambda quick: extract.figures(1_000 if quick else 10_000, 1 if quick else 3),
    ),
}


def main() -> None:
    """Run the chosen benchmarks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help=f"which of {', '.join(BENCHMARKS)}; all without a name")
    parser.add_argument("--quick", action="store_true", help="small sizes, one round")
    chosen = parser.parse_args()
    found: list[Figure] = []
    for name in chosen.names or BENCHMARKS:
        sentence, measure = BENCHMARKS[name]
        figures = measure(chosen.quick)
        show(sentence, figures)
        found += figures
    save(found, ROOT / "data" / "benchmarks.json")


if __name__ == "__main__":
    main()
