"""The server's protocol with limits on what comes before a body: a sender has so long and so many bytes for a request's head.

The server itself limits neither, so that somebody could hold connections and memory without ever sending a request. Bodies are limited where
they are read (`body`).
"""

import asyncio
from typing import cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_SECONDS = 10.0
HEAD_BYTES = 32 * 1024


class GuardedHttp(HttpToolsProtocol):
    """Closes a connection whose request's head is late or large."""

    _timer: asyncio.TimerHandle | None = None
    _head = True
    _size = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The first head is due from now on."""
        super().connection_made(cast("asyncio.Transport", transport))
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is due any more."""
        self._head_is_there()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """The next request on the same connection."""
        super().on_message_begin()
        self._await_head()

    def on_headers_complete(self) -> None:
        """From here on the body's limits count."""
        self._head_is_there()
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        """Count what belongs to a head."""
        super().data_received(data)
        if self._head and self._timer is not None:
            self._size += len(data)
            if self._size > HEAD_BYTES:
                self.transport.close()

    def _await_head(self) -> None:
        if self._timer is None:
            self._head, self._size = True, 0
            self._timer = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _head_is_there(self) -> None:
        self._head = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
