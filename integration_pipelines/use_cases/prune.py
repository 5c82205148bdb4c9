"""Keep the store and the lake small: forget what nobody needs to sync, explain or undo any more."""

from dataclasses import dataclass
from datetime import timedelta

from integration_pipelines.ports.bundle import Ports

KEEP_DAYS = 90
"""What people may still ask about: as long as diffs, alerts and history are kept."""
SETTLED = timedelta(days=1)
"""Younger files stay: a run that is under way may have been told of them, or is about to name them."""
_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Pruned:
    """What went: rows by table, files that others replaced, and files that nothing names any more."""

    rows: dict[str, int]
    replaced_files: int
    orphans: int


def prune(*, ports: Ports, keep_days: int = KEEP_DAYS) -> Pruned:
    """Forget notes of old runs, files below a newer full read, files of plans that are over, and files without a row.

    May be stopped anywhere and started again; it takes nothing from a run that is under way.

    Raises:
        TransientError: the store or the lake does not answer; what was removed so far is gone, the rest is whole.
    """
    now = ports.clock.now()
    before = now - timedelta(days=keep_days)
    rows = ports.pruning.forget_runs(before)
    replaced = 0
    while paths := ports.pruning.forget_files(now - SETTLED, _AT_ONCE):
        ports.lake.remove(paths)
        replaced += len(paths)
    needed = ports.manifest.paths() - ports.pruning.plan_files(before)
    return Pruned(rows, replaced, len(ports.lake.sweep(needed, now - SETTLED)))
