"""`nightly`: the whole main job over many small tenants, and what ten times the tenants cost.

Timed is `use_cases.sync` as the nightly range runs call it: extract (the partners answer at once, out of memory), gate, reconciliation,
writes, proof and the end of the run, with the real store, lake and gate. Not timed: Dagster, and starting a process.
"""

from collections.abc import Sequence
from itertools import pairwise

from integration_pipelines_tests.benchmarks.alone import Rounds, run_alone
from integration_pipelines_tests.benchmarks.report import Figure, Part, Report

ACCOUNTS = 100
TEN_TIMES = 10.5
"""What ten times the tenants are promised to take at most."""
SENTENCE = (
    "A whole nightly run: extract from partners that take no time, gate, reconciliation, writes and proof, over tenants with 100 linked "
    "accounts each of which two drifted, with the real store, lake and gate, 200 tenants a run. Time per tenant, against fewer tenants."
)
_SIDE = "integration_pipelines_tests.benchmarks.nightly_ours:night"


def nightly(sizes: Sequence[int], rounds: int, accounts: int = ACCOUNTS) -> Report:
    """Run so many tenants, each number in processes of its own.

    Raises:
        AssertionError: a tenant did not end written, balanced and certified.
    """
    found = {size: Rounds() for size in sizes}
    for _ in range(rounds):
        for size in sizes:
            found[size].runs.append(run_alone(_SIDE, {"tenants": size, "accounts": accounts}))
    for size, rounds_of_size in found.items():
        answer = rounds_of_size.answer
        if answer["good"] != size or not answer["writes"]:
            raise AssertionError(f"Of {size} tenants {answer['good']} ended written, balanced and certified.")
    figures = [figure for few, many in pairwise(sizes) for figure in _figures(few, found[few], many, found[many])]
    note = f"Every tenant ended written, balanced and certified. Each number of tenants in a fresh process, median of {rounds}."
    return Report(SENTENCE, tuple(figures), (note,), (_stages(sizes[-1], found[sizes[-1]]),))


def _figures(few: int, less: Rounds, many: int, more: Rounds) -> list[Figure]:
    against = f"ours, {few:,} tenants"
    promised = TEN_TIMES if many == 10 * few else None
    seconds = [rounds.median(lambda run: run.whole.seconds) for rounds in (more, less)]
    cpu = [rounds.median(lambda run: run.whole.cpu) for rounds in (more, less)]
    memory = [rounds.median(lambda run: run.peak_mib) for rounds in (more, less)]
    return [
        Figure(f"nightly, {many:,} tenants: time", seconds[0], "s", against, seconds[1], promised),
        Figure(f"nightly, {many:,} tenants: CPU", cpu[0], "CPU s", against, cpu[1]),
        Figure(f"nightly, {many:,} tenants: time a tenant", 1000 * seconds[0] / many, "ms", against, 1000 * seconds[1] / few),
        Figure(f"nightly, {many:,} tenants: peak memory of the process", memory[0], "MiB", against, memory[1]),
    ]


def _stages(tenants: int, ours: Rounds) -> Part:
    """Each stage by itself; the reconciliation begins with what lies in the lake and ends with links, bases and merged customers kept."""

    def median(name: str, *, cpu: bool) -> float:
        return ours.median(lambda run: run.laps[name].cpu if cpu else run.laps[name].seconds)

    rows = [
        (
            name,
            f"{median(name, cpu=False):.2f}",
            f"{median(name, cpu=True):.2f}",
            f"{1000 * median(name, cpu=False) / tenants:.2f}",
        )
        for name in ours.runs[0].laps
    ]
    return Part(f"The night of {tenants:,} tenants, stage by stage.", ("stage", "s", "CPU s", "ms a tenant"), tuple(rows))
