"""Somebody who does something between two requests of a connector, where no test can step in from outside."""

from collections.abc import Callable

import httpx


class SteppingIn(httpx.BaseTransport):
    """Passes requests on; before those that are waited for somebody does something.

    Args:
        waits_for: whether a request is one before which to step in.
        step: what is done.
        times: how often at most.
    """

    def __init__(self, waits_for: Callable[[httpx.Request], bool], step: Callable[[], object], times: int = 1) -> None:
        self._inner = httpx.HTTPTransport()
        self._waits_for = waits_for
        self._step = step
        self._left = times
        self.met = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """One request."""
        if self._waits_for(request):
            self.met += 1
            if self._left > 0:
                self._left -= 1
                self._step()
        return self._inner.handle_request(request)

    def close(self) -> None:
        """Give connections back."""
        self._inner.close()
