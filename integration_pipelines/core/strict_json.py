"""JSON that means one thing only: what two parsers could read differently, or what cannot be stored as it came, is refused with the reason.

For bodies from outside. Who sent them is decided before, on their bytes.
"""

import json
from collections.abc import Iterator
from typing import Any, NoReturn

from integration_pipelines.errors import InvalidError

DEEPEST = 64
_EXACT = 2**53
"""Beyond this, whole numbers are not the same in every language (RFC 8259, section 6)."""
_LONGEST_NUMBER = 40


def parse(body: bytes) -> object:
    """The document.

    Raises:
        InvalidError: not UTF-8, with a byte order mark, not JSON, a key twice in one object, nested deeper than `DEEPEST`, NaN or
            an infinity, a number beyond what all languages read alike, half a letter of UTF-16, or a NUL. The message says which
            and repeats nothing.
    """
    if body.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        _refuse("it begins with a byte order mark")
    try:
        document = _DECODER.decode(body.decode("utf-8"))
    except UnicodeDecodeError:
        _refuse("it is not UTF-8")
    except json.JSONDecodeError:
        _refuse("it is not JSON")
    except RecursionError:
        _refuse(f"it is nested deeper than {DEEPEST}")
    if b"\\u" in body or body.count(b"[") + body.count(b"{") > DEEPEST:
        _look_through(document)
    return document


def _refuse(why: str) -> NoReturn:
    raise InvalidError(
        f"The body cannot be read: {why}.", remedy="Look at the landed file; the record is found by the next read."
    ) from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        _refuse("an object has a key twice")
    return found


def _whole(text: str) -> int:
    number = int(text) if len(text) <= _LONGEST_NUMBER else _EXACT + 1
    if abs(number) > _EXACT:
        _refuse("a whole number is too large to be exact")
    return number


def _fraction(text: str) -> float:
    number = float(text)
    if number in {float("inf"), float("-inf")}:
        _refuse("a number is too large")
    return number


def _constant(name: str) -> NoReturn:
    del name
    _refuse("a number is none")


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_int=_whole, parse_float=_fraction, parse_constant=_constant)


def _look_through(document: object) -> None:
    """What only shows in the whole: depth, and what escapes made of texts."""
    waiting: list[tuple[object, int]] = [(document, 1)]
    while waiting:
        value, depth = waiting.pop()
        if isinstance(value, str):
            _look_at(value)
        elif isinstance(value, dict | list):
            if depth > DEEPEST:
                _refuse(f"it is nested deeper than {DEEPEST}")
            waiting.extend((inner, depth + 1) for inner in _inner(value))


def _inner(value: dict[str, Any] | list[Any]) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from value
        yield from value.values()
    else:
        yield from value


def _look_at(text: str) -> None:
    if "\x00" in text:
        _refuse("a text holds a NUL")
    if not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text):
        _refuse("a text holds half a letter of UTF-16")
