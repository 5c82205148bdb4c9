"""Senders of many deliveries: as fast as so many connections can, or so many a second whatever the answers take."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from integration_pipelines_tests.kit.receiving import Signed

_PATIENCE = 60.0


@dataclass
class Load:
    """What came of a load: answers by status (0: none), seconds that each took, and the seconds of all."""

    statuses: Counter[int] = field(default_factory=Counter)
    waits: list[float] = field(default_factory=list)
    seconds: float = 0.0

    def percentile(self, share: float) -> float:
        """Milliseconds within which that share of the answers came."""
        ordered = sorted(self.waits)
        return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class _Line:
    """One kept connection; asks one thing at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def post(self, signed: Signed) -> int:
        head = f"POST {signed.path} HTTP/1.1\r\nhost: x\r\ncontent-length: {len(signed.body)}\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in signed.headers.items())
        self._writer.write(head.encode() + b"\r\n" + signed.body)
        answer = await self._reader.readuntil(b"\r\n\r\n")
        length = answer.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
        await self._reader.readexactly(int(length))
        return int(answer[9:12])


@asynccontextmanager
async def _lines(address: str, count: int) -> AsyncIterator[list[_Line]]:
    parts = urlsplit(address)
    made = [await asyncio.open_connection(parts.hostname, parts.port) for _ in range(count)]
    yield [_Line(*one) for one in made]
    for _, writer in made:
        writer.close()


def burst(address: str, total: int, make: Callable[[int], Signed], lanes: int = 64) -> Load:
    """All of them, each connection the next one as soon as it has its answer."""

    async def run() -> Load:
        load, numbers = Load(), iter(range(total))

        async def work(line: _Line) -> None:
            for number in numbers:
                began = time.perf_counter()
                load.statuses[await asyncio.wait_for(line.post(make(number)), _PATIENCE)] += 1
                load.waits.append(time.perf_counter() - began)

        async with _lines(address, lanes) as lines:
            began = time.perf_counter()
            await asyncio.gather(*(work(line) for line in lines))
            load.seconds = time.perf_counter() - began
        return load

    return asyncio.run(run())


def steady(address: str, rate: int, seconds: float, make: Callable[[int], Signed], lanes: int = 128) -> Load:
    """So many a second, each at its time however the ones before it fare; waits count from that time on."""

    async def run() -> Load:
        load = Load()
        free: asyncio.Queue[_Line] = asyncio.Queue()

        async def one(number: int, due: float) -> None:
            line = await free.get()
            load.statuses[await asyncio.wait_for(line.post(make(number)), _PATIENCE)] += 1
            load.waits.append(time.perf_counter() - due)
            free.put_nowait(line)

        async with _lines(address, lanes) as lines:
            for line in lines:
                free.put_nowait(line)
            began = time.perf_counter()
            tasks = []
            for number in range(int(rate * seconds)):
                due = began + number / rate
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                tasks.append(asyncio.create_task(one(number, due)))
            await asyncio.gather(*tasks)
            load.seconds = time.perf_counter() - began
        return load

    return asyncio.run(run())
