"""Which tenants a run for events is due for: by what waits in the store at this moment, and by nothing that was remembered elsewhere.

Asked as often as anybody likes, it says the same until a run has taken care of it; so a lost cursor, a stopped daemon or a launch that
never happened cost time and nothing else.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from integration_pipelines.core.backoff import RUN_WAIT_FOR_A_PERSON, next_run
from integration_pipelines.core.contract import Contract
from integration_pipelines.ports.bundle import Ports
from integration_pipelines.ports.evidence import Run
from integration_pipelines.ports.inbox import EventOutcome, Settled, Waiting
from integration_pipelines.use_cases.events import MOST_EVENTS, UNANSWERED

AT_MOST_EVERY = timedelta(minutes=1)
"""So often a tenant is looked at again only because a write was not answered for."""
_FAILED = "failed"


def due_tenants(contracts: Mapping[str, Contract], *, ports: Ports) -> dict[str, list[str]]:
    """Integration → tenants that a run should work on now, those that have waited longest first.

    Left out are tenants that another run works on, whose last runs for events failed only just now, or whose events have not settled.
    """
    now = ports.clock.now()
    waiting = ports.inbox.waiting()
    ports.inbox.seen(waiting, now)
    failed, unanswered = ports.retries.due(now), ports.ledger.unanswered(now - UNANSWERED)
    found: dict[str, list[str]] = {}
    for name, contract in contracts.items():
        mine = [w for w in waiting if w.integration == name]
        settle = min([contract.latency.settle_seconds, *contract.latency.settle.values()])
        waits = [w.tenant_id for w in mine if w.oldest_received_at + timedelta(seconds=settle) <= now]
        rewrites = [t for t, i in (*failed, *unanswered) if i == name]
        wanted = list(dict.fromkeys([*waits, *rewrites]))
        if not wanted:
            continue
        installed = {i.tenant_id for i in ports.tenants.installations(wanted, name)}
        _forget_removed([w for w in mine if w.tenant_id in set(wanted) - installed], ports)
        ready = _ready([t for t in wanted if t in installed], set(waits), name, now, ports)
        if ready:
            found[name] = ready
    return found


def _ready(tenant_ids: Sequence[str], waits: set[str], integration: str, now: datetime, ports: Ports) -> list[str]:
    held = ports.leases.held(tenant_ids, integration)
    runs: dict[str, list[Run]] = {}
    for run in ports.runs.since(tenant_ids, integration, "event", now - RUN_WAIT_FOR_A_PERSON):
        runs.setdefault(run.tenant_id, []).append(run)
    return [t for t in tenant_ids if t not in held and _may_start(runs.get(t, []), t in waits, now)]


def _may_start(runs: Sequence[Run], waits: bool, now: datetime) -> bool:
    """Whether the newest runs for events (newest first) leave a tenant free for another one."""
    ended = [r for r in runs if r.finished_at is not None and r.outcome != "skipped"]
    failures = next((n for n, r in enumerate(ended) if r.outcome != _FAILED), len(ended))
    if failures and ended[0].finished_at is not None:
        return next_run(failures, ended[0].finished_at, ended[0].error_kind or "") <= now
    return waits or not runs or runs[0].started_at + AT_MOST_EVERY <= now


def _forget_removed(waiting: Sequence[Waiting], ports: Ports) -> None:
    """Nobody will ever look at events of a tenant that does not have the integration any more."""
    now = ports.clock.now()
    for one in waiting:
        events = ports.inbox.take(one.tenant_id, one.integration, limit=MOST_EVENTS, run_id="", at=now)
        ends = [Settled(event, EventOutcome.IGNORED, "the integration is not installed any more") for event in events]
        ports.inbox.settle(ends, run_id="", at=now)
