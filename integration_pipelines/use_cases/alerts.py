"""Look at everything once: close runs that died, open, repeat and close alerts, and send what is due. Any number of processes may do it.

Called every minute by a sensor, when a run failed, and at the end of a command; a run never waits for it.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from integration_pipelines.core.alert_changes import compare
from integration_pipelines.core.alert_words import findings, job_finding, test_finding
from integration_pipelines.core.alerts import Alert, AlertEvent, AlertKind, Changes
from integration_pipelines.errors import ErrorKind
from integration_pipelines.ports.alerts import AlertSink, Arrived, Delivery, DeliveryState, NotArrived
from integration_pipelines.ports.bundle import Ports
from integration_pipelines.ports.evidence import Run
from integration_pipelines.use_cases.side_by_side import side_by_side

DIED_AFTER = timedelta(minutes=5)
"""A run that has held no lease for so long after its start is gone; a living one takes them within seconds."""
KEPT = timedelta(days=90)
"""For so long an alert that is over can be looked up."""
CLAIM = timedelta(minutes=2)
"""For so long a message belongs to the process that is sending it."""
AT_ONCE = 20
FIRST_WAIT = timedelta(seconds=30)
LONGEST_WAIT = timedelta(hours=1)
GIVE_UP_AFTER = timedelta(hours=72)
SECONDS = 30.0
"""How long one sweep sends at most; what is left waits for the next one."""
_DIED = "The run ended before it could say how it went: its process died, or a fault hit all its tenants at once."
_GO_ON = "Sync again: what was under way is settled by reading first."


@dataclass(frozen=True, slots=True)
class Swept:
    """What one look did."""

    opened: int
    closed: int
    reminded: int
    open_now: int
    died: int
    deliveries: Mapping[DeliveryState, int] = field(default_factory=dict)

    def __str__(self) -> str:
        """For people, in one line."""
        sent = ", ".join(f"{n} {state.replace('_', ' ')}" for state, n in sorted(self.deliveries.items())) or "none"
        return f"{self.open_now} alerts are open: {self.opened} new, {self.closed} over. Messages: {sent}."


@dataclass(frozen=True, slots=True)
class Launch:
    """A run that never got as far as its tenants."""

    run_id: str
    integration: str
    trigger: str
    scope: str


def sweep_alerts(ports: Ports, now: datetime, *, failed_jobs: Mapping[str, str] | None = None, seconds: float = SECONDS) -> Swept:
    """Compare what is wrong with what people were told, and tell them.

    Args:
        ports: the outside.
        now: the moment of the look.
        failed_jobs: job → newest run, of jobs that are no tenant's and whose newest run failed; None if the caller cannot know.
        seconds: how long to send at most.
    """
    alerting = ports.alerting
    died = end_runs(alerting.standings.abandoned(now - DIED_AFTER), now, ports=ports)
    total = 0

    def decide(known: Sequence[Alert]) -> Changes:
        nonlocal total
        standings = alerting.standings.load(ports.contracts)  # read under the lock: an older look never undoes a newer one
        wrong = [f for s in standings for f in findings(s, ports.contracts[s.integration], now, alerting.dagster_url)]
        wrong += [job_finding(job, run, alerting.dagster_url) for job, run in sorted((failed_jobs or {}).items())]
        known = [a for a in known if failed_jobs is not None or a.finding.kind is not AlertKind.JOB_FAILED]
        changes = compare(known, wrong, now, alerting.rules, new_id=lambda: ports.ids.new("alert"))
        total = len(known) + len(changes.opened) - len(changes.closed)
        return changes

    changes = alerting.book.revise(decide, alerting.sink_names, forget_before=now - KEPT)
    sent = send_due(now, ports=ports, seconds=seconds)
    return Swept(len(changes.opened), len(changes.closed), len(changes.reminded), total, died, sent)


def end_runs(runs: Collection[Run], now: datetime, *, ports: Ports) -> int:
    """Note that those runs, which did not say how they ended, failed; how many that were."""
    dead = [r for r in runs if r.outcome is None]
    if dead:
        ports.runs.finish([_failed(run, now) for run in dead])
    return len(dead)


def note_lost_launch(launch: Launch, tenant_ids: Collection[str], now: datetime, *, ports: Ports) -> None:
    """Note a run that failed before it reached its tenants, so that each of them has a failed run to show."""
    installed = {i.tenant_id for i in ports.tenants.installations(sorted(tenant_ids), launch.integration)}
    runs = [Run(t, launch.integration, launch.run_id, launch.trigger, launch.scope, now) for t in sorted(installed)]
    if runs:
        ports.runs.start(runs)
        end_runs(runs, now, ports=ports)


def _failed(run: Run, now: datetime) -> Run:
    text = f"{_DIED} {_GO_ON}"
    return replace(run, finished_at=now, outcome="failed", error_kind=str(ErrorKind.TRANSIENT), error_text=text, reason=_DIED)


def send_due(now: datetime, *, ports: Ports, seconds: float = SECONDS) -> dict[DeliveryState, int]:
    """Send what is due, all sinks side by side; how many messages ended in which state."""
    sinks = ports.alerting.sinks()
    if not sinks:
        return {}
    until = ports.clock.monotonic() + seconds
    counts = side_by_side(lambda sink: _send_all(sink, now, until, ports), sinks, len(sinks))
    return dict(sum(counts, Counter[DeliveryState]()))


def try_sinks(ports: Ports, now: datetime) -> list[tuple[str, Arrived | NotArrived]]:
    """Send a test to every sink, and its end, so that nobody is left with an open incident."""
    alert = Alert(ports.ids.new("alert"), test_finding(ports.alerting.dagster_url), now, now, 1, now)
    results = []
    for sink in ports.alerting.sinks():
        result = sink.deliver(alert, AlertEvent.OPENED, now)
        if isinstance(result, Arrived):
            result = sink.deliver(replace(alert, closed_at=now), AlertEvent.CLOSED, now)
        results.append((sink.name, result))
    return results


def _send_all(sink: AlertSink, now: datetime, until: float, ports: Ports) -> Counter[DeliveryState]:
    """One sink's messages, oldest first. The first that may go through later makes the rest wait, too: the sink is not well."""
    book, counts = ports.alerting.book, Counter[DeliveryState]()
    while ports.clock.monotonic() < until:
        claimed = book.claim(sink.name, now, now + CLAIM, AT_ONCE)
        if not claimed:
            break
        for place, delivery in enumerate(claimed):
            late = ports.clock.monotonic() >= until
            noted = replace(delivery, state=DeliveryState.WAITING, next_try_at=now) if late else _send(sink, delivery, now)
            left = [replace(d, state=DeliveryState.WAITING, next_try_at=noted.next_try_at) for d in claimed[place + 1 :]]
            waits = noted.state is DeliveryState.WAITING
            book.note([noted, *left] if waits else [noted], now)
            counts[noted.state] += 1
            if waits:
                counts[DeliveryState.WAITING] += len(left)
                return counts
    return counts


def _send(sink: AlertSink, delivery: Delivery, now: datetime) -> Delivery:
    result = sink.deliver(delivery.alert, delivery.event, now)
    tried = replace(delivery, attempts=delivery.attempts + 1, next_try_at=None, error_text=None)
    if isinstance(result, Arrived):
        return replace(tried, state=DeliveryState.DELIVERED)
    failed = replace(tried, error_text=result.reason)
    if not result.again or now - delivery.asked_at >= GIVE_UP_AFTER:
        return replace(failed, state=DeliveryState.GIVEN_UP)
    wait = max(min(FIRST_WAIT * 2 ** min(delivery.attempts, 10), LONGEST_WAIT), timedelta(seconds=result.after_seconds))
    return replace(failed, state=DeliveryState.WAITING, next_try_at=now + wait)
