"""Strike runs of the product at moment after moment, let one run of all tenants make it good, and say what is wrong afterwards.

A moment is a durable step of ours (see `crash`) or a call to the system (see `Syscall`). Each is struck in a run of one tenant of its
own, so that one later run serves as the next run of many: what it costs is shared, what must hold is asked tenant by tenant.
"""

import re
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from integration_pipelines_tests.kit.crash import Point
from integration_pipelines_tests.kit.crash_bench import KILLED, Life

Json = dict[str, Any]
DURABLE_CALLS = ("fsync", "fdatasync", "rename", "pwrite64", "write", "ftruncate", "unlink")
"""What changes files or makes changes last."""
_SAID = re.compile(r"^(\d+) +(\w+)\((.*)$")
_PASSING = ("<pipe:", "/quota.db")
"""What is written there need not last: what a run says, and permits of the last seconds."""
_HARMLESS = (*_PASSING, "/integration_pipelines.db>", "/data/store>")
"""What may fail there without a word: what need not last; what SQLite copies over from its journal, where it stays until that went well; and
the folder that SQLite syncs once more for a journal that has long been there, without asking for the answer."""
_CHANGES = re.compile(r"\b(COMMIT|INSERT|UPDATE|DELETE|COPY|HTTP/1\.1)\b")


@dataclass(frozen=True, slots=True)
class Syscall:
    """The `nth` time that a run makes this call: it dies before, or the call fails with `error`."""

    name: str
    nth: int
    error: str = ""

    def strace(self, log: Path) -> tuple[str, ...]:
        """Options that make it happen and note whether it did."""
        effect = f"error={self.error}" if self.error else "signal=KILL"
        return ("-y", "-o", str(log), "-e", f"trace={self.name}", "-e", f"inject={self.name}:{effect}:when={self.nth}")


Moment = Point | Syscall


@dataclass
class Figures:
    """What a sweep did and found."""

    points: int = 0
    reached: int = 0
    violations: list[str] = field(default_factory=list)
    seconds: float = 0.0


def calls_of_a_run(alive: Life) -> dict[str, list[int]]:
    """One run with something to write: which of its calls are struck, by name, as in the so-manieth call of that name.

    Every one that makes something last or takes it away. Of the pages that a transaction writes to SQLite's journal, which count for
    nothing before its last fdatasync, the first and the last; of what is sent to a database or a partner, all that changes something
    there, and what is sent next.
    """
    alive.edit()
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "calls"
        names = ",".join((*DURABLE_CALLS, "sendto"))
        answer = alive.run(strace=("-y", "-s", "400", "-o", str(log), "-e", f"trace={names}"))
        assert answer["code"] == 0, answer
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    found = [m.groups() for line in lines if (m := _SAID.match(line))]
    worker = Counter(thread for thread, _, _ in found).most_common(1)[0][0]
    mine = [(name, rest) for thread, name, rest in found if thread == worker]
    made: dict[str, list[int]] = {}
    counted = Counter[str]()
    for before, (name, rest), after in zip([("", ""), *mine[:-1]], mine, [*mine[1:], ("", "")], strict=True):
        counted[name] += 1
        amid = name == "pwrite64" and before[0] == after[0] == name
        if not amid and not any(p in rest for p in _PASSING):
            made.setdefault(name, []).append(counted[name])
    changing = [rest for name, rest in mine if name == "sendto"]
    sent = {n for n, rest in enumerate(changing, 1) if _CHANGES.search(rest)}
    return made | {"sendto": sorted(sent | {n + 1 for n in sent if n < len(changing)})}


def steps_of_a_run(alive: Life, hits: int) -> list[Point]:
    """One run with something to write: its durable steps, before and after, each as often as it is reached but no more than `hits` times."""
    alive.edit()
    steps = alive.run()["said"]["steps"]
    return [Point(step, side, nth) for step, side, times in steps for nth in range(1, min(times, hits) + 1)]


def sweep(tenants: Sequence[Life], moments: Sequence[Moment]) -> Figures:
    """Strike at each moment, each time with something new to write; after as many as there are tenants one run makes them good.

    A moment that a run never comes to is not reached, and counts as nothing else.
    """
    figures = Figures(points=len(moments))
    started = time.monotonic()
    for start in range(0, len(moments), len(tenants)):
        pairs = list(zip(tenants, moments[start : start + len(tenants)], strict=False))
        known = [len(alive.effects()) for alive, _ in pairs]
        for alive, moment in pairs:
            alive.edit()
            _note(figures, moment, *strike(alive, moment))
        said = next_run([alive for alive, _ in pairs])
        for (alive, moment), effects in zip(pairs, known, strict=True):
            figures.violations += [f"{moment}: {fault}" for fault in faults(alive, effects, said)]
        lost = pairs[0][0].orphans()[1]
        figures.violations += [f"{[m for _, m in pairs]}: the store names files that are not there: {lost}"] if lost else []
    figures.seconds = round(time.monotonic() - started, 1)
    return figures


def strike(alive: Life, moment: Moment) -> tuple[bool, Json]:
    """One run of that tenant, struck at that moment: whether it came to that, and how it ended."""
    if isinstance(moment, Point):
        answer = alive.run(moment)
        return answer["code"] == KILLED, answer
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "calls"
        answer = alive.run(strace=moment.strace(log))
        told = log.read_text(encoding="utf-8", errors="replace").splitlines()
        struck = [line for line in told if "(INJECTED" in line]
        if moment.error and any(harmless in line for line in struck for harmless in _HARMLESS):
            return False, answer
        return answer["code"] == KILLED or bool(struck), answer


def _note(figures: Figures, moment: Moment, reached: object, answer: Json) -> None:
    figures.reached += bool(reached)
    said = answer["said"] or {}
    failing = isinstance(moment, Syscall) and moment.error
    if answer["code"] not in ({0} if failing or not reached else {KILLED}):
        figures.violations.append(f"{moment}: the run ended with {answer['code']}")
    elif failing and reached and (said["certified"] or not (said["fault"] or said["reason"])):
        figures.violations.append(
            f"{moment}: the run says that all is well, or not what is wrong: {said['outcome']} {said['certified']} {said['reason']}"
        )


def next_run(tenants: Sequence[Life], *, inbox: bool = False) -> dict[str, Json]:
    """One run of all of them that nothing disturbs; what it said, by tenant."""
    first, *rest = tenants
    answer = first.runner.run(replace(first.order, others=tuple(alive.order.tenant_id for alive in rest), inbox=inbox))
    assert answer["code"] == 0, answer
    return {first.order.tenant_id: answer["said"], **answer["said"]["others"]}


def faults(alive: Life, known: int, said: dict[str, Json]) -> Iterator[str]:
    """What does not hold after the run that was to make it good.

    Both partners hold the truth, new pairs are linked once, no field was set twice to one value, and nothing is left open.
    """
    mine = said[alive.order.tenant_id]
    if (mine["fault"], mine["balanced"], mine["certified"]) != ("", True, True):
        yield f"the next run did not end well: {mine['outcome']} {mine['reason']} {mine['fault']}"
    if wrong := alive.wrong():
        yield f"lost: {wrong}"
    if unmet := alive.unmet():
        yield f"not linked: {unmet}"
    if doubled := [e for e in alive.effects()[known:] if e[1] == e[2]]:
        yield f"doubled: {doubled}"
    if left := alive.unsettled():
        yield f"left open: {left}"
