"""Telling whoever wants to hurry that something waits. Nothing depends on it: what waits is found by asking the inbox, too."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from integration_pipelines.logs import logger
from integration_pipelines.ports.webhooks import Nudge


class Nudger:
    """Calls a nudge from a thread of its own, one call at a time; what comes meanwhile is told together.

    Args:
        nudge: what is called, or None for nobody.
    """

    def __init__(self, nudge: Nudge | None) -> None:
        self._nudge = nudge
        self._waiting: set[tuple[str, str]] = set()
        self._busy = False
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="webhook-nudge")

    def tell(self, waiting: frozenset[tuple[str, str]]) -> None:
        """Those (tenant, integration) got something to look at; returns at once."""
        if self._nudge is None or not waiting:
            return
        self._waiting |= waiting
        if not self._busy:
            self._go(self._nudge)

    def stop(self) -> None:
        """Let the call that is under way end; nothing more is told."""
        self._nudge = None
        self._pool.shutdown(wait=True)

    def _go(self, nudge: Nudge) -> None:
        chosen, self._waiting, self._busy = frozenset(self._waiting), set(), True
        asyncio.get_running_loop().run_in_executor(self._pool, nudge.tell, chosen).add_done_callback(self._done)

    def _done(self, call: "asyncio.Future[None]") -> None:
        self._busy = False
        error = call.exception()
        if error is not None:
            logger(__name__).warning("nudge_failed", error=type(error).__name__)
        if self._nudge is not None and self._waiting:
            self._go(self._nudge)
