"""Reading a reply's body: bounded, unpacked, and JSON or nothing.

A body that is cut, empty, a web page or too large is a `BadBodyError`; what follows from that for a read or a write is `http`'s.
"""

import json
import zlib
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import NoReturn, cast

import httpx
import orjson

BODY_LIMIT = 32 * 1024 * 1024
_STEP = 256 * 1024


class BadBodyError(Exception):
    """The body is not what the partner's API promises; the text says in which way and quotes nothing of it."""


def read_body(response: httpx.Response, late: Callable[[], bool], limit: int = BODY_LIMIT) -> bytes:
    """The whole unpacked body, in steps, so that a small packed body can never fill the memory.

    Raises:
        BadBodyError: larger than `limit`, packed in an unknown way, damaged, or still coming when `late` says so.
    """
    encoding = response.headers.get("content-encoding", "identity").lower().strip()
    if encoding not in {"identity", "gzip"}:
        raise BadBodyError("a body packed in a way we did not ask for")
    parts: list[bytes] = []
    size = 0
    packed = cast("httpx.SyncByteStream", response.stream)
    for part in packed if encoding == "identity" else _unzip(packed):
        size += len(part)
        if size > limit:
            raise BadBodyError(f"a body larger than {limit // (1024 * 1024)} MiB")
        if late():
            raise BadBodyError("a body that never ends")
        parts.append(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _unzip(chunks: Iterable[bytes]) -> Iterable[bytes]:
    unpack = zlib.decompressobj(wbits=31)
    try:
        for chunk in chunks:
            rest = chunk
            while rest:
                yield unpack.decompress(rest, _STEP)
                rest = unpack.unconsumed_tail
        yield unpack.flush()
    except zlib.error as error:
        raise BadBodyError("a damaged body") from error
    if not unpack.eof:
        raise BadBodyError("half a body")


def parse_json(content_type: str, body: bytes, *, exact: bool) -> object:
    """The JSON value in a body.

    Args:
        content_type: the reply's header; anything but JSON is refused.
        body: unpacked bytes.
        exact: numbers with decimals become `Decimal`; without it they become binary floats, several times faster, for replies in
            which no number that we use has decimals.

    Raises:
        BadBodyError: empty, not JSON, or damaged.
    """
    if not body.strip():
        raise BadBodyError("an empty body")
    if "json" not in content_type.lower():
        raise BadBodyError("something that is not JSON")
    if not exact:
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError:
            pass  # lone surrogates are legal in JSON and refused there; the slow parser decides
    try:
        return json.loads(body, parse_float=Decimal, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise BadBodyError("damaged JSON") from error


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)
