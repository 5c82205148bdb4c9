"""Alerting for tests: the real book and standings of a store, and sinks that remember what they were given or are told to fail."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from integration_pipelines.core.alerts import Alert, AlertEvent, Rules
from integration_pipelines.ports.alerts import Alerting, AlertSink, Arrived, NotArrived
from integration_pipelines.store.open import Stores

RULES = Rules(group_above=5, remind_after=timedelta(hours=24))
DAGSTER = "http://127.0.0.1:3000"


@dataclass
class Recorder(AlertSink):
    """Takes everything, unless it is told what to answer."""

    name: str = "recorder"
    answers: list[Arrived | NotArrived] = field(default_factory=list)
    got: list[tuple[AlertEvent, Alert]] = field(default_factory=list)

    def deliver(self, alert: Alert, event: AlertEvent, at: datetime) -> Arrived | NotArrived:
        """The next answer; after the last one everything arrives."""
        del at
        answer = self.answers.pop(0) if self.answers else Arrived()
        if isinstance(answer, Arrived):
            self.got.append((event, alert))
        return answer

    @property
    def told(self) -> list[tuple[str, str, str]]:
        """(event, tenant, kind) in the order of arrival."""
        return [(str(e), a.finding.tenant_id, str(a.finding.kind)) for e, a in self.got]


def alerting(stores: Stores, sinks: Sequence[AlertSink] = (), rules: Rules = RULES) -> Alerting:
    """Over that store, telling those sinks."""
    return Alerting(stores.standings, stores.alert_book, lambda: sinks, tuple(s.name for s in sinks), rules, DAGSTER)
