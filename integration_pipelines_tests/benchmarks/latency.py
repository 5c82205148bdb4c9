"""From a webhook to the write on the other side, profile by profile, with everything real but the partners.

Each profile runs with all its processes: receiver, Dagster's webserver, daemon and code server, PostgreSQL and Redis and workers where
it has them. People change a subscription or a company's owner in the sandbox, one after the other; the sandbox sends its webhooks, and
the time from their receipt to the partner's word that the other side was written is what the store keeps of every event.
"""

import random
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from integration_pipelines.core import latency as figures
from integration_pipelines_tests.benchmarks.latency_shop import Shop, open_shop
from integration_pipelines_tests.benchmarks.report import Figure, Part, Report

PROFILES = ("embedded", "standard", "fast")
PROMISED: Mapping[str, Mapping[str, float]] = {
    "embedded": {"p50": 6.0, "p99": 12.0},
    "standard": {"p50": 6.0, "p99": 12.0},
    "fast": {"p50": 1.0, "p99": 3.0},
}
WARM_UP = 4
TENANTS = 4
"""So many that a hundred changes stay below what may change of one tenant in a day without a person's approval."""
_OURS = {"sandbox"}
STAGES = ("landed", "seen", "started", "written")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one profile took."""

    profile: str
    latency: figures.Latency
    memory: Mapping[str, int]
    processes: Mapping[str, int]
    stored: Mapping[str, float]  # KiB for a change, by what keeps them


def latency(profiles: Sequence[str], *, events: int, customers: int = 200) -> Report:
    """Measure each profile on so many events."""
    outcomes = [_measured(profile, events=events, customers=customers) for profile in profiles]
    measured = [
        Figure(
            f"latency, {outcome.profile}: {name}", outcome.latency.seconds[name], "s", "what is promised", promised, at_most=1.0
        )
        for outcome in outcomes
        for name, promised in PROMISED[outcome.profile].items()
    ]
    sentence = f"From a webhook's receipt to the write on the other side: {events} changes, each when the one before is done with, in each profile."
    return Report(sentence, tuple(measured), (), (_stages(outcomes), _cost(outcomes)))


def changes(shop: Shop, events: int, *, first: int = 0) -> float:
    """Let people change things one after the other, each at a random moment once the one before is done with, echoes and all; when it began."""
    pause = random.Random(events)
    began = time.time()
    for number in range(events):
        known = len(shop.written(began))  # what our own write led to may count as written, too
        shop.change(first + number)
        shop.wait_until_written(began, known + 1)
        shop.wait_until_worked_off()
        time.sleep(pause.uniform(0.3, 1.5))
    return began


def figures_of(shop: Shop, since: float) -> figures.Latency:
    """Of the events received since then."""
    found = figures.latency(
        figures.Moments(e.received_at, e.landed_at, e.seen_at, e.started_at, e.written_at) for e in shop.times(since)
    )
    if found is None:
        raise AssertionError("No event led to a write.")
    return found


def _measured(profile: str, *, events: int, customers: int) -> Outcome:
    with tempfile.TemporaryDirectory(prefix=f"latency-{profile}-", ignore_cleanup_errors=True) as folder:
        workers = {"events": 2, "bulk": 1}
        with open_shop(profile, Path(folder), tenants=TENANTS, customers=customers, workers=workers) as shop:
            changes(shop, WARM_UP)
            before = shop.stack.stored()
            began = changes(shop, events, first=WARM_UP)
            stored = {name: (size - before[name]) / events / 1024 for name, size in shop.stack.stored().items()}
            memory = {name: held for name, held in shop.stack.memory_mib().items() if name not in _OURS}
            processes = {name: n for name, n in shop.stack.count().items() if name not in _OURS}
            return Outcome(profile, figures_of(shop, began), memory, processes, stored)


def _stages(outcomes: Sequence[Outcome]) -> Part:
    rows = []
    for outcome in outcomes:
        seconds, stages = outcome.latency.seconds, outcome.latency.stages
        split = [f"{stages[stage]['p50']:.2f}" if stage in stages else "" for stage in STAGES]
        rows.append(
            (outcome.profile, str(outcome.latency.written), *(f"{seconds[q]:.2f}" for q in ("p50", "p95", "p99")), *split)
        )
    headings = (
        "profile",
        "written",
        "p50",
        "p95",
        "p99",
        "received to landed",
        "seen by the sensor",
        "taken by a run",
        "written",
    )
    return Part("Seconds, and the median of each stage:", headings, tuple(rows))


def _cost(outcomes: Sequence[Outcome]) -> Part:
    rows = [
        (
            o.profile,
            str(sum(o.processes.values())),
            f"{sum(o.memory.values()):,}",
            ", ".join(f"{n} {m:,}" for n, m in o.memory.items()),
            ", ".join(f"{n} {size:.0f}" for n, size in o.stored.items()),
        )
        for o in outcomes
    ]
    return Part(
        "Processes besides the databases, MiB that they hold while idle, and KiB that are kept of a change:",
        ("profile", "processes", "MiB", "of which", "KiB a change"),
        tuple(rows),
    )
