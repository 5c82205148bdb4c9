"""The wire below the one HTTP client: pooled connections that obey a total deadline and stay on public ground.

A read timeout alone lets a partner hold us for ever by sending a byte a second, so every socket operation is given what is left
of the whole request. What a reply means and whether a request is sent again belongs to `http`.
"""

import contextlib
import functools
import ipaddress
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import httpcore
import httpx

KEEP_ALIVE_SECONDS = 4.0
"""Below the five seconds after which small servers hang up: a write on a connection that closes meanwhile has an unknown outcome."""


class Deadline:
    """The moment at which the request of the current thread has to be over."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._local = threading.local()

    @contextlib.contextmanager
    def until(self, moment: float) -> Iterator[None]:
        """Everything this thread does on a socket inside the block ends by that monotonic moment."""
        self._local.moment = moment
        try:
            yield
        finally:
            self._local.moment = None

    def left(self, timeout: float | None, error: type[Exception]) -> float | None:
        """What one socket operation may take; raises `error` when nothing is left."""
        moment: float | None = getattr(self._local, "moment", None)
        if moment is None:
            return timeout
        left = moment - self._monotonic()
        if left <= 0:
            raise error("The total deadline of the request has passed.")
        return left if timeout is None else min(left, timeout)


class _Stream(httpcore.NetworkStream):
    """A connection whose every operation takes no longer than the deadline allows."""

    def __init__(self, inner: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._inner = inner
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, self._deadline.left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, self._deadline.left(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = self._deadline.left(timeout, httpcore.ConnectTimeout)
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, left), self._deadline)

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - the signature is httpcore's
        return self._inner.get_extra_info(info)


class _Backend(httpcore.NetworkBackend):
    """Opens connections; a public name that leads to a private address is refused before anything is sent."""

    def __init__(self, deadline: Deadline) -> None:
        self._inner = httpcore.SyncBackend()
        self._deadline = deadline

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        left = self._deadline.left(timeout, httpcore.ConnectTimeout)
        stream = self._inner.connect_tcp(host, port, left, local_address, socket_options)
        peer = stream.get_extra_info("server_addr")
        if not is_loopback(host) and peer and not ipaddress.ip_address(str(peer[0]).partition("%")[0]).is_global:
            stream.close()
            raise httpcore.ConnectError("The partner's name leads to a private address.")
        return _Stream(stream, self._deadline)


class PooledTransport(httpx.HTTPTransport):
    """An HTTP/1.1 transport over one pool of connections, all of them under the deadline."""

    def __init__(self, deadline: Deadline, *, secure: bool, connections: int) -> None:
        context = _tls() if secure else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        super().__init__(verify=context, trust_env=False)
        self._pool = httpcore.ConnectionPool(
            ssl_context=context,
            max_connections=connections,
            max_keepalive_connections=connections,
            keepalive_expiry=KEEP_ALIVE_SECONDS,
            network_backend=_Backend(deadline),
        )


def is_loopback(host: str) -> bool:
    """Whether a host's name or address is this very machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


@functools.cache
def _tls() -> ssl.SSLContext:
    """One verifying context for all clients: building it reads every root certificate."""
    return httpx.create_ssl_context(trust_env=False)
