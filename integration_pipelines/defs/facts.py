"""Counts that Dagster shows beside a tenant's report: what each side's writes became, how many rows each table has. No values."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import pyarrow as pa

from integration_pipelines.core.alert_words import Standing
from integration_pipelines.core.contract import Contract
from integration_pipelines.ports.bundle import Ports
from integration_pipelines.use_cases.latency import EventFigures, event_figures
from integration_pipelines.use_cases.outcome import BatchReport


@dataclass(frozen=True, slots=True)
class Facts:
    """By tenant and object, and by tenant."""

    planned: Mapping[tuple[str, str], int]  # (tenant, target) → planned records
    written: Mapping[tuple[str, str, str], int]  # (tenant, target, state) → writes of this run
    merged: Mapping[str, int]  # tenant → merged customers
    standings: Mapping[str, Standing]  # tenant → how it stands after the run
    at: datetime
    events: Mapping[str, EventFigures] = field(
        default_factory=dict
    )  # tenant → its events of the last 24 hours, told by a run for events

    def writes(self, tenant_id: str, target: str) -> dict[str, int]:
        """State → how many writes of this run to one object."""
        return {state: n for (t, name, state), n in sorted(self.written.items()) if (t, name) == (tenant_id, target)}


def facts_of(report: BatchReport, contract: Contract, ports: Ports) -> Facts:
    """Count what the report's tables and the ledger hold."""
    written: Counter[tuple[str, str, str]] = Counter()
    for tenant in report.tenants.values():
        if tenant.writes:
            rows = ports.ledger.of_run(tenant.tenant_id, tenant.run_id)
            written.update((tenant.tenant_id, target, state) for target, state in _values(rows, "target", "state"))
    planned = Counter((t, target) for t, target in _values(report.writes, "tenant_id", "target"))
    merged = {t.tenant_id: t.numbers.links for t in report.tenants.values() if t.numbers is not None}
    standings = ports.alerting.standings.load({contract.contract: contract}, list(report.tenants))
    told = event_figures(list(report.tenants), ports=ports) if report.trigger == "event" and report.tenants else []
    events = {f.tenant_id: f for f in told if f.integration == contract.contract}
    return Facts(planned, written, merged, {s.tenant_id: s for s in standings}, ports.clock.now(), events)


def _values(table: pa.Table | None, *columns: str) -> list[tuple[str, ...]]:
    return [] if table is None else list(zip(*(table[c].to_pylist() for c in columns), strict=True))
