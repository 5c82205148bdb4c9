"""What a reply's status means and how long to wait before the next try; sending and waiting are `http`'s.

Kinds follow `errors`; a partner refines them with a classifier of its own that returns a `Failure`, or None for this table.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from integration_pipelines.errors import ErrorKind

LONGEST_WAIT = 3600.0
"""A partner that asks for more than an hour is asked again after an hour."""
_FIRST_BACKOFF = 0.5
_LONGEST_BACKOFF = 60.0
_SERVER_FAULT = 500


@dataclass(frozen=True, slots=True)
class Failure:
    """How one refusal is to be taken. `text` goes on after the partner's name and holds nobody's data."""

    kind: ErrorKind
    text: str
    remedy: str = ""
    wait: float | None = None  # at least so long before the next try, when the partner says so outside of Retry-After
    retry: bool | None = None  # None: transient and rate_limited are tried again, the rest is not
    detail: str = ""  # a code for our logs and callers, such as the missing scope


Classify = Callable[[int, Mapping[str, str], object], Failure | None]

_BY_STATUS = {
    400: Failure(ErrorKind.INVALID, "refused the request as invalid"),
    401: Failure(ErrorKind.AUTH, "does not accept our credentials", "Connect the account again."),
    403: Failure(
        ErrorKind.AUTH, "says that a permission is missing", "Grant the missing permission and connect the account again."
    ),
    404: Failure(ErrorKind.INVALID, "does not know the record"),
    408: Failure(ErrorKind.TRANSIENT, "gave up waiting for the request", "It is tried again by itself."),
    409: Failure(ErrorKind.CONFLICT, "reports a conflicting change", "It is planned again from a fresh read."),
    410: Failure(ErrorKind.INVALID, "no longer offers this", "Update the product: the partner's API version has ended."),
    412: Failure(ErrorKind.CONFLICT, "reports that the record changed meanwhile", "It is planned again from a fresh read."),
    423: Failure(ErrorKind.CONFLICT, "holds a lock on the record", "It is tried again by itself.", retry=True),
    428: Failure(ErrorKind.CONFLICT, "wants the record to be read first", "It is planned again from a fresh read."),
    429: Failure(ErrorKind.RATE_LIMITED, "asks us to slow down"),
}


def by_status(status: int) -> Failure:
    """What a status means when the partner has no word of its own for it."""
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if status >= _SERVER_FAULT:
        return Failure(ErrorKind.TRANSIENT, f"answered {status}", "It is tried again by itself.")
    return Failure(ErrorKind.INVALID, f"answered {status}, which is not expected here", "Check the connection's address.")


def backoff(attempt: int) -> float:
    """Full jitter: anything between nothing and a limit that doubles with every attempt (1, 2, ...)."""
    limit = min(_LONGEST_BACKOFF, _FIRST_BACKOFF * 2 ** min(attempt, 10))
    return random.uniform(0.0, limit)  # noqa: S311 - spreads load, guards nothing


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds that `Retry-After` asks for, at most an hour; None if absent, past or unreadable.

    A date is taken relative to the reply's own `Date`, so that a wrong clock on either side does not matter (RFC 9110, 10.2.3).
    """
    value = headers.get("retry-after", "").strip()
    if not value:
        return None
    seconds = float(value) if value.isascii() and value.replace(".", "", 1).isdigit() else _until(value, headers.get("date"), now)
    return None if seconds is None or seconds < 0 else min(seconds, LONGEST_WAIT)


def http_date(value: str | None) -> datetime | None:
    """An HTTP date as aware UTC time; None if absent or unreadable."""
    try:
        parsed = parsedate_to_datetime(value) if value else None
    except ValueError:
        return None
    if parsed is None:
        return None
    return parsed.astimezone(UTC) if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def _until(value: str, date: str | None, now: datetime) -> float | None:
    moment = http_date(value)
    return (moment - (http_date(date) or now)).total_seconds() if moment else None
