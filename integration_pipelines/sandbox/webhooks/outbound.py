"""Delivering events over HTTP, as partners do: at least once, in no order, again with growing gaps while not answered 2xx.

One thread with its own event loop, in which everything but `send` happens; `send` may be called from any thread and never
waits. The number of events held is bounded: what comes beyond is dropped and counted, since the sandbox is no store.
"""

import asyncio
import heapq
import itertools
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import httpcore

from integration_pipelines.partner_models.base import Fault, FaultKind, Faults, Json
from integration_pipelines.sandbox.webhooks.lines import Line, Parcel

WEBHOOK_FAULTS = frozenset(
    {FaultKind.WEBHOOK_DUPLICATE, FaultKind.WEBHOOK_DELAYED, FaultKind.WEBHOOK_REORDERED, FaultKind.WEBHOOK_LOST}
)
CAPACITY = 200_000
HURRY = 60.0
_REMEMBERED = 20_000
_COPIES, _DELAY_SECONDS, _BEHIND_SECONDS = 2, 30.0, 5.0
_STOP_SECONDS = 10.0
_TAKEN = range(200, 300)
_KEEPALIVE_SECONDS = 2.0  # shorter than servers keep a connection, so that none is found closed
_FAILURES = (
    httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, httpcore.UnsupportedProtocol, OSError, ValueError,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request and how it ended: an HTTP status, or 0 and the kind of failure in `problem`."""

    at: float
    partner: str
    accounts: tuple[str, ...]
    url: str
    events: tuple[str, ...]
    attempt: int
    status: int
    problem: str
    seconds: float


@dataclass(slots=True, eq=False)
class _Post:
    """What waits for one line: by the moment it is due, and what a fault holds back until something later was delivered."""

    due: list[tuple[float, int, Parcel]] = field(default_factory=list)
    behind: list[tuple[int, Parcel]] = field(default_factory=list)
    busy: int = 0
    alarm: asyncio.TimerHandle | None = None


class Outbound:
    """All deliveries of one sandbox.

    Args:
        faults: the sandbox's faults; those of webhooks strike here.
        hurry: how many times quicker than its partner a refused delivery is tried again.
        capacity: how many events may wait.
    """

    def __init__(self, faults: Faults, *, hurry: float = HURRY, capacity: int = CAPACITY) -> None:
        self._faults, self._hurry, self._capacity = faults, hurry, capacity
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._held = 0
        self._early: list[tuple[Line, Parcel]] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._posts: dict[Line, _Post] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._counts: Counter[str] = Counter()
        self._attempts: deque[Attempt] = deque(maxlen=_REMEMBERED)

    def send(self, line: Line, parcel: Parcel) -> None:
        """Deliver an event; a fault that strikes loses it, doubles it, delays it or lets later ones overtake it."""
        with self._lock:
            if self._held >= self._capacity:
                self._counts["dropped"] += 1
                return
            self._held += 1
            if self._loop is None:
                self._early.append((line, parcel))
            else:
                self._loop.call_soon_threadsafe(self._accept, line, parcel)

    def counts(self) -> Json:
        """Events by what became of them, and how many wait.

        `sent` and of them `delivered`, `given_up`, `lost` (by a fault), `withdrawn` (the endpoint left first); `copies` made by a
        fault, `refusals` that led to another try, and `dropped` for want of room.
        """
        return {**self._counts, "waiting": self._held}

    def attempts(self, since: float = 0.0) -> list[Attempt]:
        """The newest requests, oldest first."""
        return [attempt for attempt in tuple(self._attempts) if attempt.at >= since]

    @contextmanager
    def running(self, also: Callable[[], object] = lambda: None, *, every: float = 1.0) -> Iterator[None]:
        """Deliver from a thread of its own, which calls `also` every so many seconds; what still waits at the end is forgotten."""
        ready, stop = threading.Event(), threading.Event()
        work: Coroutine[Any, Any, None] = self._run(ready, stop, also, every)
        thread = threading.Thread(target=asyncio.run, args=(work,), name="sandbox-webhooks", daemon=True)
        thread.start()
        try:
            ready.wait(_STOP_SECONDS)
            yield
        finally:
            stop.set()
            thread.join(_STOP_SECONDS)

    async def _run(self, ready: threading.Event, stop: threading.Event, also: Callable[[], object], every: float) -> None:
        async with httpcore.AsyncConnectionPool(max_connections=200, keepalive_expiry=_KEEPALIVE_SECONDS) as self._pool:
            loop = asyncio.get_running_loop()
            with self._lock:
                self._loop, early, self._early = loop, self._early, []
            for line, parcel in early:
                self._accept(line, parcel)
            ready.set()
            following = 0.0
            while not stop.is_set():
                if loop.time() >= following:
                    also()
                    following = loop.time() + every
                await asyncio.sleep(0.05)
            with self._lock:
                self._loop, self._held = None, 0
            self._posts.clear()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self, line: Line, parcel: Parcel) -> None:
        """Let the faults strike, then queue."""
        self._counts["sent"] += 1
        fault = self._faults.take(parcel.account, "POST", parcel.kind, WEBHOOK_FAULTS)
        number, wait, copies = next(self._numbers), line.linger, 1
        match fault.kind if fault else None:
            case FaultKind.WEBHOOK_LOST:
                self._end("lost", 1)
                return
            case FaultKind.WEBHOOK_REORDERED:
                self._hold_back(line, number, parcel, _seconds(fault, _BEHIND_SECONDS))
                return
            case FaultKind.WEBHOOK_DELAYED:
                wait = _seconds(fault, _DELAY_SECONDS)
            case FaultKind.WEBHOOK_DUPLICATE:
                copies = int(fault.params.get("copies", _COPIES)) if fault else 1
        self._queue(line, number, parcel, wait)
        for _ in range(copies - 1):
            self._counts["copies"] += 1
            self._add(1)
            self._queue(line, number, replace(parcel, alone=True), wait)

    def _hold_back(self, line: Line, number: int, parcel: Parcel, seconds: float) -> None:
        """Until a later event was delivered, or so many seconds if none comes."""
        held = (number, parcel)
        self._post(line).behind.append(held)

        def release() -> None:
            post = self._post(line)
            if held in post.behind:
                post.behind.remove(held)
                self._queue(line, number, parcel, 0.0)

        asyncio.get_running_loop().call_later(seconds, release)

    def _queue(self, line: Line, number: int, parcel: Parcel, wait: float) -> None:
        heapq.heappush(self._post(line).due, (asyncio.get_running_loop().time() + wait, number, parcel))
        self._pump(line)

    def _pump(self, line: Line) -> None:
        """Start what is due as far as there are lanes, and set the alarm for the next."""
        post, loop = self._post(line), asyncio.get_running_loop()
        if post.alarm is not None:
            post.alarm.cancel()
            post.alarm = None
        while post.due and post.busy < line.lanes():
            if post.due[0][0] > loop.time():
                post.alarm = loop.call_at(post.due[0][0], self._pump, line)
                return
            batch = _batch(line, post, loop.time())
            post.busy += 1
            task = loop.create_task(self._deliver(line, batch))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _deliver(self, line: Line, batch: list[tuple[int, Parcel]]) -> None:
        parcels = [parcel for _, parcel in batch]
        try:
            if not line.wanted():
                self._end("withdrawn", len(parcels))
            elif await self._attempt(line, parcels):
                for parcel in parcels:
                    line.taken(parcel)
                self._end("delivered", len(parcels))
                self._let_follow(line, max(number for number, _ in batch))
            else:
                self._try_again(line, batch)
        finally:
            self._post(line).busy -= 1
            self._pump(line)

    async def _attempt(self, line: Line, parcels: list[Parcel]) -> bool:
        """One request; whether it was answered 2xx."""
        at, began, status, problem, url = time.time(), time.monotonic(), 0, "", line.address()
        try:
            message = line.compose(parcels, at)
            headers = {"Content-Length": str(len(message.body)), **message.headers}
            async with asyncio.timeout(line.patience):
                status = (await self._pool.request("POST", url, headers=[*headers.items()], content=message.body)).status
        except _FAILURES as error:
            problem = type(error).__name__
        self._attempts.append(
            Attempt(
                at=at,
                partner=line.partner,
                accounts=tuple(dict.fromkeys(p.account for p in parcels)),
                url=url,
                events=tuple(p.event_id for p in parcels),
                attempt=max(p.attempt for p in parcels),
                status=status,
                problem=problem,
                seconds=time.monotonic() - began,
            )
        )
        return status in _TAKEN

    def _try_again(self, line: Line, batch: list[tuple[int, Parcel]]) -> None:
        for number, parcel in batch:
            parcel.attempt += 1
            gap = line.gap(parcel.attempt)
            if gap is None:
                self._end("given_up", 1)
            else:
                self._counts["refusals"] += 1
                self._queue(line, number, parcel, gap / self._hurry)

    def _let_follow(self, line: Line, delivered: int) -> None:
        """Send what was held back until something later arrived."""
        post = self._post(line)
        for held in [one for one in post.behind if one[0] < delivered]:
            post.behind.remove(held)
            self._queue(line, *held, 0.0)

    def _post(self, line: Line) -> _Post:
        return self._posts.setdefault(line, _Post())

    def _end(self, outcome: str, events: int) -> None:
        self._counts[outcome] += events
        self._add(-events)

    def _add(self, events: int) -> None:
        with self._lock:
            self._held += events


def _batch(line: Line, post: _Post, now: float) -> list[tuple[int, Parcel]]:
    """What travels in the next request: one parcel, or as many as the partner sends together."""
    _, number, first = heapq.heappop(post.due)
    batch = [(number, first)]
    while post.due and not first.alone and len(batch) < line.most and post.due[0][0] <= now + line.linger:
        if post.due[0][2].alone:
            break
        _, number, parcel = heapq.heappop(post.due)
        batch.append((number, parcel))
    return batch


def _seconds(fault: Fault | None, default: float) -> float:
    return default if fault is None else float(fault.params.get("seconds", default))
