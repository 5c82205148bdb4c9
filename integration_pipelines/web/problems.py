"""Refusals as RFC 9457 says, and no more than its status tells: why exactly something was refused is for our log, not for who asked."""

from collections.abc import Mapping
from http import HTTPStatus

import orjson
from starlette.responses import Response

CONTENT_TYPE = "application/problem+json"
RETRY_SECONDS = 10
"""How soon a partner may try again what was not taken; all of them wait longer."""
_ALWAYS = {"cache-control": "no-store", "x-content-type-options": "nosniff"}


class ProblemError(Exception):
    """An answer that is no success.

    Args:
        status: what the sender is told.
        reason: one word for counters and the log.
        headers: besides what every problem has.
        close: end the connection, since the rest of the request is not read.
    """

    def __init__(self, status: HTTPStatus, reason: str, *, headers: Mapping[str, str] | None = None, close: bool = False) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.headers = dict(headers or {}) | ({"connection": "close"} if close else {})


def unavailable(reason: str) -> ProblemError:
    """Nothing was taken; come again."""
    return ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, reason, headers={"retry-after": str(RETRY_SECONDS)})


def problem(status: int, headers: Mapping[str, str] | None = None) -> Response:
    """The answer: type, title and status, the same for every reason of one status."""
    body = orjson.dumps({"type": "about:blank", "title": HTTPStatus(status).phrase, "status": int(status)})
    return Response(body, status_code=int(status), headers={**_ALWAYS, **(headers or {})}, media_type=CONTENT_TYPE)
