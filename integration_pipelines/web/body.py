"""Reading a request's head and body from somebody who is not trusted yet: so many bytes and so many seconds, counted as they come."""

import asyncio
from collections import Counter
from http import HTTPStatus

from starlette.requests import Request

from integration_pipelines.web.problems import ProblemError

MOST_BYTES = 1024 * 1024
MOST_SECONDS = 10.0
_ENCODINGS = {"", "identity"}
_CHARSETS = {"", "utf-8", "utf8"}


def plain_headers(request: Request) -> dict[str, str]:
    """Headers by name in small letters; one that came twice is left out, since two readers might take different ones."""
    raw = request.scope["headers"]
    found = {name.decode("latin-1"): value.decode("latin-1") for name, value in raw}
    if len(found) != len(raw):
        times = Counter(name for name, _ in raw)
        found = {name: value for name, value in found.items() if times[name.encode("latin-1")] == 1}
    return found


def require_type(headers: dict[str, str], allowed: tuple[str, ...]) -> None:
    """Raises ProblemError 415 for another content type, another alphabet than UTF-8, or anything that would have to be unpacked."""
    kind, _, rest = headers.get("content-type", "").partition(";")
    charset = rest.strip().lower().removeprefix("charset=").strip('"') if "charset" in rest.lower() else ""
    good = kind.strip().lower() in allowed and charset in _CHARSETS
    if not good or headers.get("content-encoding", "").strip().lower() not in _ENCODINGS:
        raise ProblemError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "content_type", close=True)


async def read_body(request: Request, headers: dict[str, str]) -> bytes:
    """All of it.

    Raises:
        ProblemError: 413 beyond `MOST_BYTES`, whether its length was said before or not; 408 when it is not whole in `MOST_SECONDS`.
        ClientDisconnect: the sender went away.
    """
    said = headers.get("content-length", "")
    if said.isdigit() and (len(said) > len(str(MOST_BYTES)) or int(said) > MOST_BYTES):
        raise _too_large()
    parts, size = [], 0
    try:
        async with asyncio.timeout(MOST_SECONDS):
            async for part in request.stream():
                size += len(part)
                if size > MOST_BYTES:
                    raise _too_large()
                parts.append(part)
    except TimeoutError:
        raise ProblemError(HTTPStatus.REQUEST_TIMEOUT, "slow_body", close=True) from None
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _too_large() -> ProblemError:
    return ProblemError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large", close=True)
