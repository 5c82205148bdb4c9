"""An endpoint on loopback that remembers every delivery and answers as it is told."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from integration_pipelines_tests.kit.loopback import serving

_PATIENCE_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Heard:
    """One delivery as it arrived."""

    at: float
    url: str
    headers: dict[str, str]
    body: bytes

    @property
    def events(self) -> list[dict[str, Any]]:
        """What it tells: the events of an array, or the one event."""
        said = orjson.loads(self.body)
        return said if isinstance(said, list) else [said]


@dataclass(slots=True)
class Listener:
    """What was heard, in the order of arrival; `answers` are given first, then 200."""

    url: str = ""
    heard: list[Heard] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def events(self) -> list[dict[str, Any]]:
        """All events, refused deliveries included."""
        return [event for one in tuple(self.heard) for event in one.events]

    def wait(self, enough: Callable[["Listener"], bool]) -> None:
        """Until enough was heard; an error after a while."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not enough(self):
            if time.monotonic() > deadline:
                raise TimeoutError(f"Only {len(self.heard)} deliveries with {len(self.events)} events arrived.")
            time.sleep(0.01)

    def until(self, deliveries: int) -> list[Heard]:
        """So many deliveries."""
        self.wait(lambda one: len(one.heard) >= deliveries)
        return list(self.heard)


@contextmanager
def listening() -> Iterator[Listener]:
    """An endpoint with its address in `url`."""
    listener = Listener()

    async def take(request: Request) -> Response:
        body = await request.body()
        with listener.lock:
            listener.heard.append(Heard(time.time(), str(request.url), dict(request.headers), body))
            status = listener.answers.pop(0) if listener.answers else 200
        return Response(status_code=status)

    with serving(Starlette(routes=[Route("/hooks/{rest:path}", take, methods=["POST"])])) as address:
        listener.url = f"{address}/hooks/in?of=sandbox"
        yield listener
