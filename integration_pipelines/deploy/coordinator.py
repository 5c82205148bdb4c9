"""Where a launched run goes first: what a webhook started goes straight to a worker, everything else waits its turn in the queue.

The queue is looked at once a second, which is half of what an event may take; and it would let a nightly run of everything stand in
front of it. How many event runs there are at once is the number of workers on their queue.
"""

import dagster as dg
from dagster._core.run_coordinator import QueuedRunCoordinator, SubmitRunContext
from dagster._core.storage.dagster_run import DagsterRun, DagsterRunStatus

TRIGGER_TAG = "trigger"
EVENT = "event"


class EventsFirst(QueuedRunCoordinator[dg.DagsterInstance]):
    """For `run_coordinator:` in `dagster.yaml`; takes what Dagster's `QueuedRunCoordinator` takes."""

    def submit_run(self, context: SubmitRunContext) -> DagsterRun:
        """Launch an event run at once; queue any other."""
        run = context.dagster_run
        if run.tags.get(TRIGGER_TAG) != EVENT or run.status is not DagsterRunStatus.NOT_STARTED:
            return super().submit_run(context)
        self._instance.launch_run(run.run_id, context.workspace)
        return self._instance.get_run_by_id(run.run_id) or run
