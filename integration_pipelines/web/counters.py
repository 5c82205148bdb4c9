"""What the receiver counts about itself, since it was started. What the store knows is counted there (`exposition`)."""

import time
from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Histogram

from integration_pipelines.logs import logger

_PREFIX = "integration_pipelines_webhook_"
_QUIET_SECONDS = 1.0
_MOST_KINDS = 1_000


class Counters:
    """Deliveries and events by what became of them, and how long senders and the disk took."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        accepted = ("Deliveries that were answered with success.", ("partner",))
        self.accepted = Counter(f"{_PREFIX}accepted", *accepted, registry=self.registry)
        self.refused = Counter(
            f"{_PREFIX}refused", "Deliveries that were refused, by reason.", ("partner", "reason"), registry=self.registry
        )
        self.events = Counter(
            f"{_PREFIX}events",
            "Events of accepted deliveries, by what became of them.",
            ("partner", "outcome"),
            registry=self.registry,
        )
        buckets = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
        self.answer_seconds = Histogram(
            f"{_PREFIX}answer_seconds", "From a whole request to its answer.", buckets=buckets, registry=self.registry
        )
        self.land_seconds = Histogram(
            f"{_PREFIX}land_seconds", "To make one group of deliveries durable.", buckets=buckets, registry=self.registry
        )
        self.group = Histogram(
            f"{_PREFIX}group_deliveries",
            "Deliveries that were made durable together.",
            buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500, 1000),
            registry=self.registry,
        )


class Refusals:
    """Logs refusals, a line a second for each kind, so that a flood of forgeries does not become a flood of logs."""

    def __init__(self) -> None:
        self._told: dict[tuple[tuple[str, str], ...], tuple[float, int]] = {}

    def note(self, facts: Mapping[str, str]) -> None:
        """One refusal; never with anything of the request's body, signature or headers."""
        kind, now = tuple(sorted(facts.items())), time.monotonic()
        last, silent = self._told.get(kind, (0.0, 0))
        if now - last < _QUIET_SECONDS:
            self._told[kind] = (last, silent + 1)
            return
        if len(self._told) >= _MOST_KINDS:
            self._told.clear()
        self._told[kind] = (now, 0)
        logger(__name__).warning("webhook_refused", **facts, also_since_last=silent)
