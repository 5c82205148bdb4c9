"""Deliveries that wait together become durable together: one file a tenant, one wait for the disk, one transaction.

While one group is being written the next one gathers, so that groups grow by themselves with the load and nobody waits for a timer.
"""

import asyncio
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from integration_pipelines.errors import BugError, IntegrationError, NotDurableError, TransientError
from integration_pipelines.logs import logger
from integration_pipelines.use_cases.land_events import Landed
from integration_pipelines.use_cases.receive import Arrival

MOST_EVENTS = 2_000
MOST_TENANTS = 64
"""Of one group; a delivery with more makes a group of its own."""
MOST_WAITING_BYTES = 64 * 1024 * 1024


@dataclass(slots=True)
class _Waiter:
    arrivals: Sequence[Arrival]
    size: int
    done: asyncio.Future[None]


class GroupCommit:
    """Takes deliveries from one event loop and writes them from one thread.

    Args:
        land: makes events durable, all or none.
        landed: is told what each group came to, and how many deliveries it was.
        broken: is told once when the disk cannot be believed any more.
    """

    def __init__(
        self, land: Callable[[Sequence[Arrival]], Landed], landed: Callable[[Landed, int], None], broken: Callable[[], None]
    ) -> None:
        self._land = land
        self._landed = landed
        self._broken = broken
        self._waiting: deque[_Waiter] = deque()
        self._size = 0
        self._arrived = asyncio.Event()
        self._stopping = False
        self._dead = False
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="webhook-writer")
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to write; call it in the running loop."""
        self._task = asyncio.get_running_loop().create_task(self._write())

    async def submit(self, arrivals: Sequence[Arrival], size: int) -> None:
        """Return when those events are durable.

        Args:
            arrivals: of one delivery; none are durable at once.
            size: bytes that they hold in memory.

        Raises:
            TransientError: too much waits, the receiver stops, or disk or store do not take them now.
        """
        if not arrivals:
            return
        if self._stopping or self._size + size > MOST_WAITING_BYTES:
            raise TransientError("The receiver cannot take more right now.", remedy="Deliver again in a moment.")
        waiter = _Waiter(arrivals, size, asyncio.get_running_loop().create_future())
        self._waiting.append(waiter)
        self._size += size
        self._arrived.set()
        await waiter.done

    async def stop(self) -> None:
        """Write what waits, take nothing more, and end."""
        self._stopping = True
        self._arrived.set()
        if self._task is not None:
            await self._task
        self._pool.shutdown(wait=True)

    async def _write(self) -> None:
        while True:
            while not self._waiting:
                if self._stopping:
                    return
                self._arrived.clear()
                await self._arrived.wait()
            await self._settle(self._group())

    async def _settle(self, group: list[_Waiter]) -> None:
        loop = asyncio.get_running_loop()
        land = _refuse if self._dead else self._land
        work = loop.run_in_executor(self._pool, land, [a for waiter in group for a in waiter.arrivals])
        await asyncio.wait([work])
        error = work.exception()
        if isinstance(error, NotDurableError):
            self._dead = self._stopping = True
            self._broken()
        if error is not None and not isinstance(error, TransientError) and len(group) > 1:
            for waiter in group:  # one of them is the cause; the others are not to suffer for it
                await self._settle([waiter])
            return
        self._size -= sum(waiter.size for waiter in group)
        if error is None:
            self._landed(work.result(), len(group))
        else:
            error = _ours(error)
        for waiter in group:
            if waiter.done.done():  # whoever waited for it went away
                continue
            if error is None:
                waiter.done.set_result(None)
            else:
                waiter.done.set_exception(error)

    def _group(self) -> list[_Waiter]:
        first = self._waiting.popleft()
        group, events, tenants = [first], len(first.arrivals), {a.tenant_id for a in first.arrivals}
        while self._waiting:
            more = self._waiting[0]
            together = tenants | {a.tenant_id for a in more.arrivals}
            if events + len(more.arrivals) > MOST_EVENTS or len(together) > MOST_TENANTS:
                break
            group.append(self._waiting.popleft())
            events, tenants = events + len(more.arrivals), together
        return group


def _ours(error: BaseException) -> IntegrationError:
    """A mistake of the program is told by where it is; what it was about may be a customer's."""
    if isinstance(error, IntegrationError):
        return error
    where = "".join(traceback.format_tb(error.__traceback__))
    logger(__name__).error("webhooks_not_landed", error=type(error).__name__, where=where)
    return BugError("The receiver could not store a delivery.", remedy="Report it with the log.")


def _refuse(arrivals: Sequence[Arrival]) -> Landed:
    """After a disk that did not confirm: whether it takes more means nothing."""
    raise TransientError(f"The receiver ends; {len(arrivals)} events were not taken.", remedy="Deliver again in a moment.")
