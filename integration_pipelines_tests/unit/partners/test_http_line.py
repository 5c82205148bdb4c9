"""Faults of the line itself, over real sockets: silence, dribble, floods and half answers."""

import gzip
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from integration_pipelines.errors import TransientError, UnknownOutcomeError
from integration_pipelines.partners.http import Bucket, Partner, PartnerHttp
from integration_pipelines.store.clock import SystemClock
from integration_pipelines_tests.kit.partner_fakes import OpenQuota
from integration_pipelines_tests.kit.raw_server import RawServer, Say, ok, raw_server

JSON = b'{"id": "x", "text": "' + b"y" * 200 + b'"}'


class QuickClock(SystemClock):
    """The real clock without pauses between attempts."""

    def sleep(self, seconds: float) -> None:
        """Go on at once."""


@contextmanager
def client(*answers: Say | None) -> Iterator[tuple[PartnerHttp, RawServer]]:
    """A client of a server with those answers, one a connection."""
    with raw_server(answers) as server:
        partner = Partner(name="acme", label="Acme", buckets={"default": Bucket(10, 5)})
        http = PartnerHttp(
            partner=partner, tenant_id="t1", base_url=server.url, token=lambda: "tok", quota=OpenQuota(), clock=QuickClock()
        )
        yield http, server
        http.close()


DRIBBLED_BODY = Say(ok(JSON), step=1, pause=0.05)
DRIBBLED_HEADERS = Say(b"HTTP/1.1 200 OK\r\n" + b"X-Slow: 1\r\n" * 200, step=1, pause=0.05)
SILENCE = Say(b"", hold=True)


@pytest.mark.fault("H15")
@pytest.mark.parametrize("slow", [DRIBBLED_BODY, DRIBBLED_HEADERS, SILENCE], ids=["body", "headers", "silence"])
def test_the_deadline_is_total(slow: Say) -> None:
    """A byte now and then does not buy time."""
    with client(slow) as (http, _):
        started = time.monotonic()
        with pytest.raises(TransientError):
            http.request("GET", "/v1/x", deadline=0.4)
        assert time.monotonic() - started < 2


@pytest.mark.fault("H11")
@pytest.mark.parametrize(
    "half",
    [
        Say(ok(JSON, length=len(JSON) + 50)),
        None,
        Say(b""),
        Say(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n40\r\n{"),
        Say(ok(gzip.compress(JSON)[:-12], "Content-Encoding: gzip")),
        Say(ok(b"no gzip at all", "Content-Encoding: gzip")),
        Say(ok(JSON, "Content-Encoding: br")),
        Say(b"220 smtp.example ESMTP\r\n"),
        Say(ok(b"[" * 100_000)),
        Say(ok(b'{"a": NaN}')),
    ],
    ids=["short", "reset", "closed", "chunk", "half gzip", "no gzip", "brotli", "not http", "deep", "nan"],
)
def test_half_an_answer_is_none(half: Say | None) -> None:
    """A read asks again; a write's outcome is unknown."""
    with client(half, Say(ok(JSON))) as (http, _):
        assert http.request("GET", "/v1/x").as_object()["id"] == "x"
    with client(half, Say(ok(JSON))) as (http, server):
        with pytest.raises(UnknownOutcomeError):
            http.request("POST", "/v1/x", json={}, write=True)
        assert len(server.requests) == 1


@pytest.mark.fault("H16")
def test_a_small_packed_body_cannot_fill_the_memory() -> None:
    """Unpacking stops at the limit, however little was sent."""
    pack = zlib.compressobj(wbits=31)
    megabyte = b" " * (1 << 20)
    bomb = b"".join([*(pack.compress(megabyte) for _ in range(200)), pack.flush()])
    assert len(bomb) < 300_000
    with client(*[Say(ok(bomb, "Content-Encoding: gzip"))] * 4) as (http, _), pytest.raises(TransientError, match="32 MiB"):
        http.request("GET", "/v1/x")


def test_a_packed_answer_is_unpacked() -> None:
    """We ask for gzip, and read it."""
    with client(Say(ok(gzip.compress(JSON), "Content-Encoding: gzip"))) as (http, server):
        assert http.request("GET", "/v1/x").as_object()["id"] == "x"
    assert b"accept-encoding: gzip\r\n" in server.requests[0].lower()


@pytest.mark.fault("H19")
def test_a_public_name_must_not_lead_inside(monkeypatch: pytest.MonkeyPatch) -> None:
    """A partner's name that resolves to a private address is refused before anything is sent."""
    with raw_server([Say(ok(JSON))] * 4) as server:
        port = int(server.url.rpartition(":")[2])
        import socket  # noqa: PLC0415 - only this test bends name resolution

        real = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", lambda _host, *rest, **more: real("127.0.0.1", *rest, **more))
        partner = Partner(name="acme", label="Acme", buckets={"default": Bucket(10, 5)})
        http = PartnerHttp(
            partner=partner, tenant_id="t1", base_url=f"https://api.acme.example:{port}", token=lambda: "tok", quota=OpenQuota(),
            clock=QuickClock(),
        )  # fmt: skip
        with pytest.raises(TransientError, match="cannot be reached"):
            http.request("GET", "/v1/x")
        http.close()
        assert b"".join(server.requests) == b""
