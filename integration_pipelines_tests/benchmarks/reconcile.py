"""`reconcile`: one full pass of the engine over N linked accounts, beside the plain three-way join that finds the same differences.

What the join costs is the floor under every way of reconciling these tables; what lies above it is linking by rules, roll-up, verdicts,
diff identities, base and plan. Sides and data are `reconcile_sides` and `reconcile_world`.
"""

import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from integration_pipelines_tests.benchmarks.alone import Contender, Rounds, compete, run_alone
from integration_pipelines_tests.benchmarks.meter import Given
from integration_pipelines_tests.benchmarks.reconcile_world import DRIFT, make, store
from integration_pipelines_tests.benchmarks.report import Figure, Part, Report

OURS = "ours"
FLOOR = "the three-way join alone (DuckDB)"
SENTENCE = (
    "One full reconciliation pass (links, roll-up, merge, diffs, plan) over linked accounts, beside one hand-written three-way join in "
    "the same DuckDB that finds the same differences."
)
_SIDES = f"{__package__}.reconcile_sides"
_SHOWN = 12


def reconcile(sizes: Sequence[int], rounds: int) -> Report:
    """Run both sides over every size in turn and compare what it took.

    Raises:
        AssertionError: they did not find the same differences.
    """
    figures: list[Figure] = []
    notes = [f"{DRIFT:.1%} of the accounts drifted on each side. Both run in fresh processes, in turn, median of {rounds}."]
    parts: list[Part] = []
    for accounts in sizes:
        with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
            folder = Path(name)
            store(make(accounts), folder)
            given = {"folder": name}
            found = compete((Contender(OURS, f"{_SIDES}:engine", given), Contender(FLOOR, f"{_SIDES}:floor", given)), rounds)
            notes.append(_same(accounts, found))
            figures += _figures(accounts, found)
            parts.append(_stages(accounts, given))
    return Report(SENTENCE, tuple(figures), tuple(notes), tuple(parts))


def _same(accounts: int, found: dict[str, Rounds]) -> str:
    """Both must have found the same, to the letter."""
    mine, plain = found[OURS].answer, found[FLOOR].answer
    if mine != plain or not mine["differences"]:
        raise AssertionError(
            f"Over {accounts:,} accounts ours found {mine['differences']} differences, the join {plain['differences']}."
        )
    return f"{accounts:,} accounts: both found the same {mine['differences']:,} differences, with the same values and verdicts."


def _figures(accounts: int, found: dict[str, Rounds]) -> list[Figure]:
    start = f"reconcile, {accounts:,} accounts"
    seconds = {name: rounds.median(lambda run: run.whole.seconds) for name, rounds in found.items()}
    cpu = {name: rounds.median(lambda run: run.whole.cpu) for name, rounds in found.items()}
    memory = {name: rounds.median(lambda run: run.peak_mib) for name, rounds in found.items()}
    return [
        Figure(f"{start}: time", seconds[OURS], "s", FLOOR, seconds[FLOOR]),
        Figure(f"{start}: CPU", cpu[OURS], "CPU s", FLOOR, cpu[FLOOR]),
        Figure(f"{start}: peak memory of the process", memory[OURS], "MiB", FLOOR, memory[FLOOR]),
    ]


def _stages(accounts: int, given: Given) -> Part:
    """Where the time of a pass goes: by module, and the statements that take most."""
    seconds: dict[str, float] = run_alone(f"{_SIDES}:stages", given).answer["seconds"]
    whole = sum(seconds.values())
    by_module: defaultdict[str, float] = defaultdict(float)
    for statement, spent in seconds.items():
        by_module[statement.partition(":")[0]] += spent
    top = _longest(seconds)[:_SHOWN]
    shown = [*_longest(by_module), *((f"  {statement}", spent) for statement, spent in top)]
    rows = [(label, f"{spent * 1000:,.0f}", f"{spent / whole:.0%}") for label, spent in shown]
    sentence = f"Where a pass over {accounts:,} accounts spends its time: by module of the engine, then the {len(top)} longest statements."
    return Part(sentence, ("module or statement", "ms", "share"), tuple(rows))


def _longest(seconds: Mapping[str, float]) -> list[tuple[str, float]]:
    return sorted(seconds.items(), key=lambda found: -found[1])
