"""`make proof`: live many lives twice, then plant bugs and find every one of them; print what was shown and write `data/proof.json`.

It fails if a promise is broken, a life goes another way the second time, a fault struck too seldom, or a bug survives.
"""

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from time import monotonic

from rich.console import Console

from integration_pipelines.simulation.catalogue import FAULTS
from integration_pipelines.simulation.rehearsal import BATCH, Crew, rehearse
from integration_pipelines_tests.proof.bugs import BUGS, Hunt, hunt
from integration_pipelines_tests.proof.planting import PlantingError
from integration_pipelines_tests.proof.report import Proof, save, show_hunts, show_lives
from integration_pipelines_tests.proof.worlds import SHARES, world

OUTPUT = Path(__file__).resolve().parents[2] / "data" / "proof.json"
SEEDS = 20_000
STRIKES = 1_000
"""So often every fault has to strike in a whole proof."""
ERROR = Console(stderr=True, highlight=False, emoji=False)


def main(arguments: Sequence[str], output: Path = OUTPUT) -> None:
    """Prove what is promised; ends with code 1 and a sentence for everything that does not hold."""
    parser = argparse.ArgumentParser(prog="make proof", description=__doc__)
    parser.add_argument(
        "--seeds", type=int, default=SEEDS, help="different lives of the first contract, each lived twice (%(default)s)"
    )
    parser.add_argument("--batch", type=int, default=BATCH, help="lives of a batch (%(default)s)")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="batches at once (%(default)s)")
    parser.add_argument("--bugs", nargs="*", metavar="BUG", help="which planted bugs; all without it, none with no name")
    chosen = parser.parse_args(arguments)
    bugs = list(BUGS) if chosen.bugs is None else chosen.bugs
    for name in bugs:
        if name not in BUGS:
            parser.error(f"There is no planted bug {name}; there are {', '.join(BUGS)}.")
    proof = Proof(tuple(FAULTS), STRIKES if chosen.seeds >= SEEDS else 0)
    lives(proof, chosen.seeds, Crew(chosen.processes, chosen.batch))
    show_lives(proof)
    save(proof, output)
    hunts(proof, bugs, chosen.processes)
    if proof.hunts:
        show_hunts(proof.hunts)
    save(proof, output)
    broken = list(proof.broken())
    if broken:
        sys.exit("\n".join(("", "What is promised does not hold:", *broken)))
    _say(
        f"Every promise was kept in {proof.seeds:,} lives, each lived twice; {len(proof.hunts)} planted bugs were found. {output.name} is written."
    )


def lives(proof: Proof, seeds: int, crew: Crew) -> None:
    """Every world has its share of the lives, and numbers of its own, so that no two worlds live the same."""
    begun, first = monotonic(), 0
    for name, share in SHARES.items():
        count = round(seeds * share)
        if count:
            with _progress(f"{name}: living {count:,} lives twice", 2 * count) as tick:
                proof.lived[name] = rehearse(world(name), range(first, first + count), proof.faults, crew, tick)
        first += count
    proof.seconds = monotonic() - begun


def hunts(proof: Proof, bugs: Sequence[str], processes: int) -> None:
    """Each bug in a process that has no other one."""
    begun = monotonic()
    if bugs:
        with _progress(f"finding {len(bugs)} planted bugs", len(bugs)) as tick, _workers(processes) as pool:
            todo = [pool.submit(hunt, bug) for bug in bugs]
            for _ in as_completed(todo):
                tick(1)
            proof.hunts += [_hunted(bug, done.exception() or done.result()) for bug, done in zip(bugs, todo, strict=True)]
    proof.hunting_seconds = monotonic() - begun


def _hunted(bug: str, found: Hunt | BaseException) -> Hunt:
    """An engine that falls over is found, too; that a bug cannot be planted any more is no such thing."""
    if isinstance(found, Hunt):
        return found
    if isinstance(found, PlantingError):
        raise found
    return Hunt(bug, 0, "bug", f"{type(found).__name__}: {found}", 0, 0.0)


def _workers(processes: int) -> Executor:
    return ProcessPoolExecutor(processes, mp_context=get_context("spawn"))


@contextmanager
def _progress(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """A line now and then, so that a log shows that something goes on."""
    begun, done, told = monotonic(), 0, 0

    def tick(more: int) -> None:
        nonlocal done, told
        done += more
        tenths = 10 * done // total
        if tenths > told:
            told = tenths
            ERROR.print(f"  {what}: {done:,} of {total:,}, {monotonic() - begun:.0f} s", markup=False)

    ERROR.print(f"{what} …", markup=False)
    yield tick


def _say(text: str) -> None:
    Console(highlight=False, emoji=False).print(text, markup=False, soft_wrap=True)


if __name__ == "__main__":
    main(sys.argv[1:])
