"""Keep the store and the lake small: forget what nobody needs to sync, explain or undo any more."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from integration_pipelines.ports.bundle import Ports
from integration_pipelines.ports.webhooks import APP

KEEP_DAYS = 90
"""What people may still ask about: as long as diffs, alerts and history are kept."""
SETTLED = timedelta(days=1)
"""Younger files stay: a run that is under way may have been told of them, or is about to name them."""
WEBHOOK_DAYS = 35
"""How long an accepted event is remembered, so that it is not taken for a new one: longer than any partner delivers it again."""
_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Pruned:
    """What went: rows by table, files that others replaced, files that nothing names any more, and those of old webhooks."""

    rows: dict[str, int]
    replaced_files: int
    orphans: int
    landed_files: int


def prune(*, ports: Ports, keep_days: int = KEEP_DAYS) -> Pruned:
    """Forget notes of old runs, files below a newer full read, files of plans that are over, files without a row, and old webhooks.

    May be stopped anywhere and started again; it takes nothing from a run that is under way.

    Raises:
        TransientError: the store or the lake does not answer; what was removed so far is gone, the rest is whole.
    """
    now = ports.clock.now()
    before = now - timedelta(days=keep_days)
    rows = {**ports.pruning.forget_runs(before), "notifications": ports.outbox.forget(before)}
    replaced = 0
    while paths := ports.pruning.forget_files(now - SETTLED, _AT_ONCE):
        ports.lake.remove(paths)
        replaced += len(paths)
    needed = ports.manifest.paths() - ports.pruning.plan_files(before)
    orphans = len(ports.lake.sweep(needed, now - SETTLED))
    return Pruned(rows, replaced, orphans, _prune_webhooks(now - timedelta(days=WEBHOOK_DAYS), ports))


def _prune_webhooks(before: datetime, ports: Ports) -> int:
    """Ended events of before that with their files, what a crash left of those days, removed tenants' files, and secrets that ended then."""
    ports.webhook_secrets.forget(None, before)
    gone = ports.inbox.forget(before)
    ports.landing.remove(gone)
    tenants = {APP, *(tenant.tenant_id for tenant in ports.tenants.all())}
    return len(gone) + ports.landing.sweep(before - SETTLED, ports.inbox.paths(before), tenants)
