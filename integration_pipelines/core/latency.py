"""How long events take from the moment they were received until the partner on the other side confirmed the write."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

QUANTILES: Mapping[str, float] = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
STAGES = ("received", "landed", "seen", "started", "written")
"""In order. An event that a run took before the sensor looked was never seen by it."""


@dataclass(frozen=True, slots=True)
class Moments:
    """When one event reached each stage; None where it did not."""

    received: datetime
    landed: datetime
    seen: datetime | None
    started: datetime | None
    written: datetime | None


@dataclass(frozen=True, slots=True)
class Latency:
    """Of the events that led to a write: seconds by quantile, whole and stage by stage (named by the stage that it ends with)."""

    written: int
    seconds: Mapping[str, float]
    stages: Mapping[str, Mapping[str, float]]


def latency(events: Iterable[Moments]) -> Latency | None:
    """The figures of some events; None if none of them led to a write."""
    written = [e for e in events if e.written is not None]
    if not written:
        return None
    total = quantiles([(e.written - e.received).total_seconds() for e in written if e.written is not None])
    by_stage: dict[str, list[float]] = {stage: [] for stage in STAGES[1:]}
    for event in written:
        before = event.received
        for stage in STAGES[1:]:
            at: datetime | None = getattr(event, stage)
            if at is not None and not (stage == "seen" and event.started is not None and at > event.started):
                by_stage[stage].append(max((at - before).total_seconds(), 0.0))
                before = at
    return Latency(len(written), total, {stage: quantiles(found) for stage, found in by_stage.items() if found})


def quantiles(values: Sequence[float]) -> dict[str, float]:
    """The values below which half, 95 and 99 of a hundred lie: of the values themselves, the nearest rank."""
    ordered = sorted(values)
    return {name: ordered[max(-int(-share * len(ordered) // 1), 1) - 1] for name, share in QUANTILES.items()}
