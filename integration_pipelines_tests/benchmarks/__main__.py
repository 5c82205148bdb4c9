"""`make bench`: measure beside others, print tables, write `data/benchmarks.json`. Names on the command line choose benchmarks."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from integration_pipelines_tests.benchmarks import explain, extract, latency, nightly, reconcile, webhooks
from integration_pipelines_tests.benchmarks.report import Figure, Report, save, show

OUTPUT = Path(__file__).resolve().parents[2] / "data" / "benchmarks.json"
BENCHMARKS: dict[str, Callable[[bool], Report]] = {
    "extract": lambda quick: extract.extract(customers=2_000 if quick else 20_000, rounds=1 if quick else 3),
    "reconcile": lambda quick: reconcile.reconcile(sizes=(2_000,) if quick else (100_000, 1_000_000), rounds=1 if quick else 3),
    "explain": lambda quick: explain.explain(sizes=(20,) if quick else (20, 100_000, 1_000_000), questions=3 if quick else 20),
    "nightly": lambda quick: nightly.nightly(sizes=(1, 4) if quick else (1, 10, 100, 1_000), rounds=1),
    "webhooks": lambda quick: webhooks.webhooks(
        records=50 if quick else 500, times=2 if quick else 10, rate=200, seconds=5 if quick else 60
    ),
    "latency": lambda quick: latency.latency(latency.PROFILES, events=10 if quick else 100),
}


def main(arguments: Sequence[str], output: Path = OUTPUT) -> None:
    """Run the chosen benchmarks, or all; ends with code 1 and the promises that do not hold, once everything is measured."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"which of {', '.join(BENCHMARKS)}; all without a name")
    parser.add_argument("--quick", action="store_true", help="small sizes, one round")
    parser.add_argument(
        "--size", type=int, default=0, metavar="ACCOUNTS", help="only our reconciliation, over so many, within its memory"
    )
    parser.add_argument("--profile", choices=latency.PROFILES, help="only the latency of this profile")
    chosen = parser.parse_args(arguments)
    if chosen.size or chosen.profile:
        report = (
            reconcile.within_memory(chosen.size)
            if chosen.size
            else latency.latency([chosen.profile], events=10 if chosen.quick else 100)
        )
        show(report)
        save(report.figures, output)
        _hold(report.figures)
        return
    for name in chosen.names:
        if name not in BENCHMARKS:
            parser.error(f"There is no benchmark {name}; there are {', '.join(BENCHMARKS)}.")
    found: list[Figure] = []
    for name in chosen.names or BENCHMARKS:
        report = BENCHMARKS[name](chosen.quick)
        show(report)
        found += report.figures
        save(found, output)
    _hold(found)


def _hold(figures: Sequence[Figure]) -> None:
    broken = [figure.broken for figure in figures if figure.broken]
    if broken:
        sys.exit("\n".join(("", "What is promised does not hold:", *broken)))


if __name__ == "__main__":
    main(sys.argv[1:])
