"""Many lives, rehearsed: in batches, over several processes, and each of them twice in differing company.

A life that goes another way the second time depends on something it must not depend on: on its neighbours, on the order of rows, on
chance that nobody can have again.
"""

import gc
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from multiprocessing import get_context
from time import monotonic

from integration_pipelines.core.contract import Contract
from integration_pipelines.simulation.chance import Stream
from integration_pipelines.simulation.life import PEOPLE, Life
from integration_pipelines.simulation.reasons import ends
from integration_pipelines.simulation.stage import COURSES, TURNS, Casting, Stage, course_of, trace

BATCH = 2700
"""Lives of one batch: the engine's cost per life falls with their number, what they hold grows with it."""
Seeds = tuple[int, ...]
Tell = Callable[[int], None]
"""Called with so many lives that were lived since the last call."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A promise that was broken in a life: which, what was seen, at which step."""

    seed: int
    promise: str
    text: str
    at: int


@dataclass(frozen=True, slots=True)
class Lived:
    """What came of a batch; small enough to be sent from one process to another."""

    traces: Mapping[int, str]
    findings: tuple[Finding, ...]
    fired: Mapping[str, int]  # fault → how often
    acts: int  # what people did
    ends: Mapping[str, int]  # outcome → records that ended with it


@dataclass
class Totals:
    """What a rehearsal showed."""

    seeds: int
    findings: list[Finding] = field(default_factory=list)
    differing: list[int] = field(default_factory=list)
    """Lives that went another way the second time."""
    fell_over: list[tuple[Seeds, str]] = field(default_factory=list)
    """Batches that the engine did not survive, and what it said."""
    fired: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    """Outcome → records that ended with it."""
    acts: int = 0
    lived: int = 0
    reproduced: int = 0
    seconds: float = 0.0

    @property
    def kept(self) -> bool:
        """Whether every promise was kept, in every life, both times."""
        return not (self.findings or self.differing or self.fell_over)

    @property
    def first_broken(self) -> Finding | None:
        """The broken promise of the lowest seed."""
        return min(self.findings, key=lambda f: (f.seed, f.at), default=None)


@dataclass(frozen=True, slots=True)
class Crew:
    """Who lives the batches.

    Args:
        processes: how many at once; with 1 they are lived in this process.
        size: lives of a batch.
    """

    processes: int = 1
    size: int = BATCH


def live(contract: Contract, seeds: Seeds, faults: Sequence[str], strangers: Seeds = ()) -> Lived:
    """Live one batch, here and now; all of one course. Strangers are lived, too, and nobody hears of them."""
    gc.collect()  # what the batch before left; where nobody else looks for garbage it would stay
    stage = Stage(contract, [Casting(seed) for seed in (*seeds, *strangers)], faults)
    stage.play()
    lives = [life for life in stage.lives.values() if life.seed not in strangers]
    fired: Counter[str] = Counter()
    for life in lives:
        fired.update(struck(life))
    findings = [Finding(life.seed, b.promise, b.text, b.at) for life in lives for b in life.broken]
    acts = sum(life.fired[PEOPLE] for life in lives)
    return Lived({life.seed: trace(life) for life in lives}, tuple(findings), dict(fired), acts, dict(ends(lives)))


def struck(life: Life) -> Counter[str]:
    """How often each fault of the catalogue struck a life: those on the line, and what people did."""
    fired = Counter({kind: n for kind, n in life.fired.items() if kind != PEOPLE})
    told = Counter(str(event.facts["fault"]) for event in life.events if event.facts.get("fault"))
    return fired + Counter({fault: n for fault, n in told.items() if fault not in fired})


def batches(seeds: Iterable[int], size: int) -> Iterator[Seeds]:
    """Batches of one course each, as few and as equal as can be, in the order given."""
    courses: dict[int, list[int]] = {}
    for seed in seeds:
        courses.setdefault(course_of(seed), []).append(seed)
    for _, mine in sorted(courses.items(), reverse=True):  # the costliest first, so that no process is left with it in the end
        parts = -(-len(mine) // size)
        for part in range(parts):
            yield tuple(mine[part * len(mine) // parts : (part + 1) * len(mine) // parts])


def rehearse(
    contract: Contract, seeds: Sequence[int], faults: Collection[str], crew: Crew = Crew(), tell: Tell = lambda _: None
) -> Totals:
    """Live every seed twice.

    Args:
        contract: the integration.
        seeds: which lives.
        faults: ids of the catalogue that may strike.
        crew: in which batches, and how many at once.
        tell: progress.
    """
    begun, totals = monotonic(), Totals(len(seeds))
    known: dict[int, str] = {}
    chosen = tuple(faults)
    with _workers(crew.processes) as pool:
        todo = {pool.submit(live, contract, mine, chosen, others): mine for mine, others in _twice(seeds, crew.size)}
        for done in as_completed(todo):
            _take(totals, known, done, todo[done])
            tell(len(todo[done]))
    totals.findings = sorted(set(totals.findings), key=lambda f: (f.seed, f.at, f.promise, f.text))
    totals.differing.sort()
    totals.seconds = monotonic() - begun
    return totals


def _twice(seeds: Sequence[int], size: int) -> Iterator[tuple[Seeds, Seeds]]:
    """Every seed in two batches; whoever is with it in the first one is hardly ever with it in the second, or strangers are there, too."""
    first = list(batches(seeds, size))
    yield from ((batch, ()) for batch in first)
    alone = len(first) <= len(COURSES)
    for batch in batches(Stream(len(seeds), "company").shuffled(seeds), size):
        yield batch, _strangers(batch, seeds) if alone else ()


def _strangers(batch: Seeds, seeds: Sequence[int]) -> Seeds:
    """A few more lives of the same course."""
    first = batch[0] + len(TURNS) * (max(seeds) + 1)
    return tuple(range(first, first + len(TURNS) * (1 + len(batch) // 8), len(TURNS)))


def _take(totals: Totals, known: dict[int, str], done: "Future[Lived]", batch: Seeds) -> None:
    """Add up what a batch showed; the second trace of a life is compared with the first one."""
    broke = done.exception()
    if broke is not None:
        totals.fell_over.append((batch, f"{type(broke).__name__}: {broke}"))
        return
    lived = done.result()
    totals.lived += len(batch)
    totals.findings += lived.findings
    totals.fired.update(lived.fired)
    totals.acts += lived.acts
    totals.ends.update(lived.ends)
    for seed, seen in lived.traces.items():
        first = known.pop(seed, None)
        if first is None:
            known[seed] = seen
        elif first == seen:
            totals.reproduced += 1
        else:
            totals.differing.append(seed)


def _workers(processes: int) -> Executor:
    """Fresh processes, which inherit nothing: a thread of Arrow's or DuckDB's does not survive a fork."""
    if processes <= 1:
        return ThreadPoolExecutor(1)
    # What a batch makes lasts until it ends: to look for garbage meanwhile is in vain.
    return ProcessPoolExecutor(processes, mp_context=get_context("spawn"), initializer=gc.disable)
