"""`reconcile`: one full reconciliation of N linked accounts, beside the plain three-way join that finds the same, and beside datacompy.

What the join costs is the floor under every way of reconciling these files; what lies above it is finding out what the join takes for
granted (the latest state of each record, the links by rules, the roll-up of any subscription), verdicts, identities of differences, and
keeping all of it. Sides and data are `reconcile_ours`, `reconcile_floor`, `reconcile_datacompy` and `reconcile_world`.
"""

import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

from integration_pipelines.settings import Settings
from integration_pipelines_tests.benchmarks.alone import Contender, Rounds, compete, run_alone
from integration_pipelines_tests.benchmarks.landing import land
from integration_pipelines_tests.benchmarks.meter import Given, Run
from integration_pipelines_tests.benchmarks.reconcile_floor import write_sides
from integration_pipelines_tests.benchmarks.reconcile_world import DRIFT, World
from integration_pipelines_tests.benchmarks.report import Figure, Part, Report

OURS = "ours"
FLOOR = "the three-way join alone (DuckDB)"
DATACOMPY = "datacompy on the two sides"
SENTENCE = (
    "One full reconciliation of linked accounts by ten fields and the id of the other side, from accepted Parquet, links and base until "
    "diffs, plan, ledger, links and moved bases are durable; beside one hand-written three-way join in DuckDB over the same files "
    "that finds the same differences and keeps nothing; and beside datacompy, which is given both sides in canonical form already."
)
_PACKAGE = "integration_pipelines_tests.benchmarks"
_SIDES = {OURS: "reconcile_ours:engine", FLOOR: "reconcile_floor:join", DATACOMPY: "reconcile_datacompy:compare"}
_PROMISED_AT = 1_000_000
_TIMES_THE_JOIN = 4.0
_MIB = 3 * 1024.0
_TEN_TIMES = 11.0
"""What is promised at that size: time against the join's, memory, and time against a tenth of the accounts."""
_WARM_UP = 20
_SHOWN = 12


def reconcile(sizes: Sequence[int], rounds: int) -> Report:
    """Run every side over every size in turn and compare what it took.

    Raises:
        AssertionError: they did not find the same differences.
    """
    figures: list[Figure] = []
    notes = [f"{DRIFT:.1%} of the accounts drifted on each side. Each side runs in a fresh process, in turn, median of {rounds}."]
    parts: list[Part] = []
    ours: dict[int, Rounds] = {}
    for accounts in sizes:
        with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
            given = landed(Path(name), accounts)
            found = compete([Contender(side, f"{_PACKAGE}.{where}", given) for side, where in _SIDES.items()], rounds)
            notes.append(_same(accounts, found))
            figures += _figures(accounts, found)
            ours[accounts] = found[OURS]
            parts += [_laps(accounts, found[OURS]), _stages(accounts, given)]
    figures += _growth(ours)
    run = run_alone(f"{_PACKAGE}.nightly_ours:night", {"tenants": 1, "accounts": min(sizes)})
    figures += _around(min(sizes), run)
    parts.append(_whole_run(min(sizes), run))
    return Report(SENTENCE, tuple(figures), tuple(notes), tuple(parts))


def within_memory(accounts: int) -> Report:
    """Ours alone over so many accounts, which are promised to stay within what the settings allow."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        ours = Rounds([run_alone(f"{_PACKAGE}.{_SIDES[OURS]}", landed(Path(name), accounts, sides=False))])
    allowed = Settings(home=Path(name)).memory_mib
    run = ours.runs[0]
    figures = (
        Figure(
            f"reconcile, {accounts:,} accounts: peak memory of the process",
            run.peak_mib,
            "MiB",
            "what the settings allow",
            allowed,
            at_most=1.0,
        ),
        Figure(f"reconcile, {accounts:,} accounts: time", run.whole.seconds, "s", "CPU seconds of the same", run.whole.cpu),
    )
    return Report(f"{accounts:,} accounts within the memory that the settings allow.", figures, (), (_laps(accounts, ours),))


def landed(home: Path, accounts: int, *, sides: bool = True) -> Given:
    """A home with a tenant of so many accounts and a small one to warm up on; what a side is told."""
    for world in (World(1, accounts), World(1, _WARM_UP, prefix="s")):
        land(world, home)
        if sides:
            write_sides(home, world.tenant_ids[0])
        world.close()
    return {"home": str(home), "tenant": "t00000", "small": "s00000"}


def _same(accounts: int, found: dict[str, Rounds]) -> str:
    """All must have found the same, to the letter: with base and verdict, and for datacompy without."""
    mine, plain, two = (found[side].answer for side in (OURS, FLOOR, DATACOMPY))
    if mine != plain or mine["pairs"] != two["pairs"] or not mine["differences"]:
        raise AssertionError(
            f"Over {accounts:,} accounts ours found {mine['differences']} differences, the join {plain['differences']}, "
            f"datacompy {two['differences']}."
        )
    return f"{accounts:,} accounts: all found the same {mine['differences']:,} differences, with the same values."


def _figures(accounts: int, found: dict[str, Rounds]) -> list[Figure]:
    start = f"reconcile, {accounts:,} accounts"
    seconds = {name: rounds.median(lambda run: run.whole.seconds) for name, rounds in found.items()}
    cpu = {name: rounds.median(lambda run: run.whole.cpu) for name, rounds in found.items()}
    memory = {name: rounds.median(lambda run: run.peak_mib) for name, rounds in found.items()}
    promised = {("time", FLOOR): _TIMES_THE_JOIN} if accounts == _PROMISED_AT else {}
    figures = [
        Figure(f"{start}: {what}", measured[OURS], unit, other, measured[other], promised.get((what, other)))
        for other in (FLOOR, DATACOMPY)
        for what, unit, measured in (("time", "s", seconds), ("CPU", "CPU s", cpu), ("peak memory of the process", "MiB", memory))
    ]
    if accounts == _PROMISED_AT:
        figures.append(Figure(f"{start}: memory within 3 GiB", memory[OURS], "MiB", "3 GiB", _MIB, at_most=1.0))
    return figures


def _growth(ours: Mapping[int, Rounds]) -> list[Figure]:
    """What more accounts cost, against fewer."""
    figures = []
    for few, many in pairwise(sorted(ours)):
        start, against = f"reconcile, {many:,} accounts against {few:,}", f"ours, {few:,} accounts"
        seconds = [ours[size].median(lambda run: run.whole.seconds) for size in (many, few)]
        cpu = [ours[size].median(lambda run: run.whole.cpu) for size in (many, few)]
        promised = _TEN_TIMES if many == 10 * few == _PROMISED_AT else None
        figures += [
            Figure(f"{start}: time", seconds[0], "s", against, seconds[1], promised),
            Figure(f"{start}: CPU", cpu[0], "CPU s", against, cpu[1]),
        ]
    return figures


def _laps(accounts: int, ours: Rounds) -> Part:
    def median(name: str, *, cpu: bool) -> str:
        return f"{ours.median(lambda run: run.laps[name].cpu if cpu else run.laps[name].seconds):.2f}"

    rows = [(name, median(name, cpu=False), median(name, cpu=True)) for name in ours.runs[0].laps]
    return Part(f"Our {accounts:,} accounts, part by part.", ("part", "s", "CPU s"), tuple(rows))


def _around(accounts: int, run: Run) -> list[Figure]:
    """What a whole run spends around its reconciliation, which begins with what lies in the lake and ends with links and bases kept."""
    inside = run.laps["reconcile"]
    return [
        Figure(f"whole run, {accounts:,} accounts: {stage}", run.laps[stage].seconds, "s", "its reconciliation", inside.seconds)
        for stage in ("extract", "gate", "certify")
    ]


def _whole_run(accounts: int, run: Run) -> Part:
    """The stages of a whole run, whose partners answer at once.

    Raises:
        AssertionError: it did not end as it should.
    """
    if run.answer["good"] != 1:
        raise AssertionError(f"The run over {accounts:,} accounts did not end written, balanced and certified.")
    rows = [(name, f"{lap.seconds:.2f}", f"{lap.cpu:.2f}") for name, lap in run.laps.items()]
    sentence = (
        f"A whole run over {accounts:,} accounts, stage by stage, with its {run.answer['writes']:,} writes; partners answer at once. "
        f"Its process held {run.peak_mib:,.0f} MiB at its peak, what the partners answer included."
    )
    return Part(sentence, ("stage", "s", "CPU s"), tuple(rows))


def _stages(accounts: int, given: Given) -> Part:
    """Where the time of a pass goes: by module, and the statements that take most."""
    seconds: dict[str, float] = run_alone(f"{_PACKAGE}.reconcile_ours:stages", given).answer["seconds"]
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
