"""How every tenant is doing: last success, last error, lag, what waits, and what to do about it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from integration_pipelines.core.alert_words import Standing, stale_by
from integration_pipelines.core.alerts import Alert
from integration_pipelines.core.contract import Contract
from integration_pipelines.errors import ErrorKind
from integration_pipelines.ports.bundle import Ports
from integration_pipelines.ports.evidence import Run
from integration_pipelines.ports.inbox import Waiting
from integration_pipelines.ports.retries import Retry
from integration_pipelines.ports.tenants import Installation
from integration_pipelines.ports.writing import PlanState
from integration_pipelines.use_cases.latency import EventFigures, event_figures
from integration_pipelines.use_cases.tell import unheard_messages

RUNS_LOOKED_AT = 50
LONGEST_WAIT = timedelta(minutes=10)
"""A webhook that nobody took for so long means that no run is started for it, or that all of them fail."""
GOOD = {"in_sync", "written"}


@dataclass(frozen=True, slots=True)
class Health:
    """One installation's state. `what_to_do` is empty when nobody has to act."""

    tenant_id: str
    integration: str
    status: str  # ok, attention, stale, failing, off, paused, never ran
    last_success: datetime | None
    lag_seconds: int | None
    last_error: str
    waiting_plan: str
    quarantined: int
    held: int
    failing_writes: int  # records whose last write failed
    failing_messages: int  # messages to people that were tried and not heard
    open_alerts: int
    newest_alert: str  # what it says to do
    waiting_events: int  # accepted webhooks that no run has settled
    event_seconds: float | None  # the 95th of a hundred events of the last 24 hours, from received to written
    note: str  # what the newest run over everything says of itself
    what_to_do: str


def health(tenant_id: str | None, *, ports: Ports) -> list[Health]:
    """The health of every installation, or of one tenant's."""
    ids = None if tenant_id is None else [tenant_id]
    alerts: dict[tuple[str, str], list[Alert]] = {}
    for alert in ports.alerting.book.find(ids):
        alerts.setdefault((alert.finding.tenant_id, alert.finding.integration), []).append(alert)
    standings = {(s.tenant_id, s.integration): s for s in ports.alerting.standings.load(ports.contracts, ids)}
    waiting = {(w.tenant_id, w.integration): w for w in ports.inbox.waiting()}
    events = {(f.tenant_id, f.integration): f for f in event_figures(ids, ports=ports)}
    installed = {(i.tenant_id, i.integration): i for i in ports.tenants.installations(ids, None)}
    return [
        _one(installed[key], standings[key], alerts.get(key, []), _Events(waiting.get(key), events.get(key)), ports)
        for key in sorted(installed.keys() & standings.keys())
    ]


@dataclass(frozen=True, slots=True)
class _Events:
    """What waits in the inbox, and how the events of the last day went."""

    waiting: Waiting | None
    figures: EventFigures | None

    def advice(self, tenant_id: str, now: datetime) -> str:
        """What to do about events that wait for too long or take too long; '' if nothing."""
        if self.waiting is not None and now - self.waiting.oldest_received_at > LONGEST_WAIT:
            since = f"{self.waiting.oldest_received_at:%Y-%m-%d %H:%M} UTC"
            return f"{self.waiting.events} webhooks wait since {since}: see that Dagster's daemon runs and what the last event run says"
        if self.figures is not None and self.figures.too_slow:
            target = self.figures.target_seconds
            return f"Events take longer than the promised {target} s: integration-pipelines latency {tenant_id}"
        return ""


def _one(installation: Installation, standing: Standing, alerts: Sequence[Alert], events: _Events, ports: Ports) -> Health:
    tenant, integration = installation.tenant_id, installation.integration
    runs = ports.runs.last([tenant], integration, limit=RUNS_LOOKED_AT)
    good = next((r for r in runs if r.outcome in GOOD and r.certified), None)
    newest = next((r for r in runs if r.outcome not in {None, "skipped"}), None)
    whole = next((r for r in runs if r.outcome not in {None, "skipped"} and r.scope == "full"), newest)
    held_plan = next((p.plan_id for p in ports.plans.standing(tenant, integration) if p.state is PlanState.HELD), "")
    quarantined = len(set(ports.quarantine.load([tenant], integration)["record_id"].to_pylist()))
    lag = None if good is None or good.finished_at is None else ports.clock.now() - good.finished_at
    failing = ports.retries.load([tenant], integration)
    unheard = unheard_messages(tenant, integration, ports=ports)
    contract = ports.contracts[integration]
    stale = good is None or stale_by(standing, contract, ports.clock.now()) is not None
    slow = events.advice(tenant, ports.clock.now())
    status, advice = _judgement(installation, contract, (newest, whole), stale, held_plan, quarantined, failing, slow)
    latency = events.figures.latency if events.figures is not None else None
    if not advice and unheard:
        status, advice = "attention", f"People could not be told yet: integration-pipelines messages list {tenant}"
    return Health(
        tenant_id=tenant,
        integration=integration,
        status=status,
        last_success=None if good is None else good.finished_at,
        lag_seconds=None if lag is None else int(lag.total_seconds()),
        last_error=(newest.error_text or "") if newest is not None else "",
        waiting_plan=held_plan,
        quarantined=quarantined,
        held=whole.counts.get("records_held", 0) if whole is not None else 0,
        failing_writes=len(failing),
        failing_messages=len(unheard),
        open_alerts=len(alerts),
        newest_alert=alerts[0].finding.remedy if alerts else "",
        waiting_events=events.waiting.events if events.waiting is not None else 0,
        event_seconds=None if latency is None else latency.seconds["p95"],
        note=whole.reason if whole is not None else "",
        what_to_do=advice,
    )


def _judgement(
    installation: Installation,
    contract: Contract,
    runs: tuple[Run | None, Run | None],
    stale: bool,
    held_plan: str,
    quarantined: int,
    failing: list[Retry],
    slow: str,
) -> tuple[str, str]:
    newest, whole = runs
    tenant = installation.tenant_id
    mistakes = [r for r in failing if r.error_kind == ErrorKind.BUG]
    given_up = [r for r in failing if r.next_try_at is None and r not in mistakes]
    next_try = min((r.next_try_at for r in failing if r.next_try_at is not None), default=None)
    again = f"{next_try:%Y-%m-%d %H:%M} UTC" if next_try is not None else ""
    look = f"integration-pipelines diffs {tenant}"
    rules = [
        (installation.paused, "paused", f"Resume when ready: integration-pipelines resume {tenant}"),
        (newest is None, "never ran", f"Run it: integration-pipelines sync {tenant}"),
        (newest is not None and newest.outcome == "failed", "failing", "Read the last error, mend it, and sync again."),
        (bool(mistakes), "failing", f"{len(mistakes)} writes were refused through a mistake of this program: {look}"),
        (bool(given_up), "failing", f"{len(given_up)} records could not be written for {contract.failure.retry_hours} h: {look}"),
        (next_try is not None, "attention", f"{len(failing)} writes failed and are tried again from {again}: {look}"),
        (bool(held_plan), "attention", f"A plan waits: integration-pipelines plans show {tenant} {held_plan}"),
        (not installation.enabled, "off", f"Writes are off: integration-pipelines enable {tenant}"),
        (
            any(run is not None and run.balanced is False for run in runs),
            "attention",
            "A record has no outcome; see the balance check of the last run.",
        ),
        (
            stale,
            "stale",
            f"No certified full run in {contract.latency.full_reconcile_hours} h: integration-pipelines sync {tenant} --full",
        ),
        (
            whole is not None and whole.counts.get("suspended_columns", 0) > 0,
            "attention",
            f"Part of it is not compared: {'' if whole is None else whole.reason}",
        ),
        (bool(slow), "attention", slow),
        (quarantined > 0, "ok", f"Some records wait in quarantine: integration-pipelines quarantine list {tenant}"),
    ]
    return next(((status, advice) for hit, status, advice in rules if hit), ("ok", ""))
