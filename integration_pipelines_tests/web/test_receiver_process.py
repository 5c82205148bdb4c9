"""The receiver as it is served: under load, killed, stopped, and against senders that hold it up."""

import asyncio
import os
import signal
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from integration_pipelines_tests.kit.databases import fresh_sqlite
from integration_pipelines_tests.kit.receiver_process import Order, running
from integration_pipelines_tests.kit.receiver_world import KEY, groups, missing, prepared, stored
from integration_pipelines_tests.kit.receiving import Signed, secret_of, signed_stripe, stripe_event
from integration_pipelines_tests.kit.senders import burst


@pytest.fixture
def order(tmp_path: Path) -> Order:
    """A store on SQLite, with nobody in it."""
    return Order(str(tmp_path), fresh_sqlite(tmp_path), KEY)


def post_all(address: str, deliveries: Sequence[Signed], lanes: int = 50) -> list[int]:
    """Post them over so many connections; 0 stands for no answer."""

    async def run() -> list[int]:
        limits = httpx.Limits(max_connections=lanes, max_keepalive_connections=lanes)
        async with httpx.AsyncClient(base_url=address, limits=limits, timeout=60, trust_env=False) as client:
            gate = asyncio.Semaphore(lanes)

            async def one(signed: Signed) -> int:
                async with gate:
                    try:
                        return (await client.post(signed.path, content=signed.body, headers=dict(signed.headers))).status_code
                    except httpx.TransportError:
                        return 0

            return await asyncio.gather(*(one(signed) for signed in deliveries))

    return asyncio.run(run())


def deliveries(tenants: Sequence[str], each: int) -> list[Signed]:
    """So many events of each tenant, the tenants in turn."""
    now = datetime.now(UTC)
    return [
        signed_stripe(stripe_event(n), now, tenant=tenant, secret=secret_of(tenant)) for n in range(each) for tenant in tenants
    ]


@pytest.mark.fault("E18")
def test_a_burst_of_two_thousand_is_taken_whole(order: Order) -> None:
    """None is lost, none is answered with a fault of ours, and many become durable together."""
    tenants = prepared(order, 20)
    sent = deliveries(tenants, 100)
    with running(order) as (_, address):
        load = burst(address, len(sent), sent.__getitem__)
    assert load.statuses == {200: 2_000}
    rows = stored(order)
    assert len({(tenant, event) for tenant, event, _ in rows}) == len(rows) == 2_000
    assert missing(order) == []
    assert groups(order) < 1_000


@pytest.mark.fault("P01", "P16")
@pytest.mark.parametrize(("step", "side"), [("land", "after"), ("accept", "before"), ("accept", "after")])
def test_killed_at_any_step_nothing_that_was_confirmed_is_lost(order: Order, step: str, side: str) -> None:
    """What was answered is there with its file; what was not is delivered again, and counts once."""
    (tenant,) = prepared(order, 1)
    sent = deliveries([tenant], 40)
    with running(Order(**{**order.__dict__, "step": step, "side": side, "nth": 3})) as (process, address):
        codes = post_all(address, sent, lanes=4)
        assert process.wait(timeout=30) == -signal.SIGKILL
    confirmed = {f"evt_{n}" for n, code in enumerate(codes) if code == 200}
    assert 0 < len(confirmed) < 40
    assert set(codes) == {0, 200}
    assert confirmed <= {event for _, event, _ in stored(order)}
    with running(order) as (_, address):
        assert set(post_all(address, sent, lanes=4)) == {200}
    rows = stored(order)
    assert sorted(event for _, event, _ in rows) == sorted(f"evt_{n}" for n in range(40))
    assert missing(order) == []


@pytest.mark.fault("P16")
def test_asked_to_stop_it_finishes_what_it_took(order: Order) -> None:
    """Every sender gets an answer or none was taken: what was confirmed is there, and the process ends by itself."""
    (tenant,) = prepared(order, 1)
    with running(order) as (process, address):
        sent = deliveries([tenant], 300)
        with stopping_soon(process.pid):
            codes = post_all(address, sent, lanes=20)
        assert process.wait(timeout=30) in {0, -signal.SIGTERM}
    assert not {code for code in codes if code >= 500}
    confirmed = {f"evt_{n}" for n, code in enumerate(codes) if code == 200}
    assert confirmed <= {event for _, event, _ in stored(order)}


@contextmanager
def stopping_soon(pid: int) -> Iterator[None]:
    """Ask the process to end a moment after the block began."""
    child = os.fork()
    if child == 0:
        time.sleep(0.3)
        os.kill(pid, signal.SIGTERM)
        os._exit(0)
    yield
    os.waitpid(child, 0)


def dribble(line: socket.socket) -> None:
    """Send a header's value without end, two mebibytes at most."""
    for _ in range(2_000):
        line.sendall(b"y" * 1_024)
        time.sleep(0.001)


@pytest.mark.fault("H15", "P18", "H16")
def test_a_head_that_never_ends_is_cut_off(order: Order) -> None:
    """More than a head may have is not kept in memory, and somebody who says nothing does not hold a connection for long."""
    prepared(order, 1)
    with running(order) as (_, address):
        host, _, port = address.removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port)), timeout=15) as line:
            line.sendall(b"POST /webhooks/stripe/x HTTP/1.1\r\nx: ")
            with pytest.raises(OSError, match=r"reset|Broken pipe"):
                dribble(line)
        began = time.monotonic()
        with socket.create_connection((host, int(port)), timeout=20) as line:
            line.sendall(b"POST /webh")
            assert line.recv(1) == b""
        assert 8 < time.monotonic() - began < 18
