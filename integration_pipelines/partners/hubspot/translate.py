"""What HubSpot's values mean: its spelling to neutral text and back, and its error answers to our kinds.

Neutral text is what `canonical` understands; nothing is guessed here. A value that does not have the expected shape stays as
HubSpot sent it, so that the gate can refuse the record with the value's own reason.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from integration_pipelines.core.contract import FieldType
from integration_pipelines.errors import ErrorKind

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?(Z|[+-][0-9]{2}:?[0-9]{2})")
_MILLISECONDS = re.compile(r"-?[0-9]{1,15}")
_DAY_MS = 86_400_000
_ONE_MS = 1000  # microseconds

_KINDS: dict[str, ErrorKind] = {
    "VALIDATION_ERROR": ErrorKind.INVALID,
    "OBJECT_NOT_FOUND": ErrorKind.INVALID,
    "CONFLICT": ErrorKind.CONFLICT,
    "RATE_LIMITS": ErrorKind.RATE_LIMITED,
    "MISSING_SCOPES": ErrorKind.AUTH,
    "EXPIRED_AUTHENTICATION": ErrorKind.AUTH,
    "INVALID_AUTHENTICATION": ErrorKind.AUTH,
}


def neutral_date(text: str) -> str:
    """`YYYY-MM-DD` from a date, from midnight UTC as a time, or from midnight UTC in milliseconds."""
    if _DATE.fullmatch(text):
        return text
    moment = _moment(text)
    return text if moment is None or milliseconds(moment) % _DAY_MS else moment.date().isoformat()


def neutral_datetime(text: str) -> str:
    """`YYYY-MM-DDTHH:MM:SSZ`, with milliseconds if there are any, from a time with a zone or from milliseconds."""
    moment = _moment(text)
    return text if moment is None else spell_time(moment)


def spell_time(moment: datetime) -> str:
    """An aware time in the spelling of this module."""
    utc = moment.astimezone(UTC).replace(tzinfo=None)
    return utc.isoformat(timespec="milliseconds" if utc.microsecond >= _ONE_MS else "seconds") + "Z"


def milliseconds(moment: datetime) -> int:
    """An aware time as HubSpot's search wants it; exact, rounded down."""
    delta = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * 1000 + delta.microseconds // 1000


def moment_of(text: str) -> datetime | None:
    """A time as HubSpot writes it (with a zone, or milliseconds), aware; None if it is none."""
    return _moment(text)


def neutral_text(value: object, kind: FieldType) -> str:
    """One value of a record; None and '' are both blank, since HubSpot does not tell them apart."""
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = value if isinstance(value, str) else str(value)
    if kind is FieldType.DATE:
        return neutral_date(text)
    if kind is FieldType.DATETIME:
        return neutral_datetime(text)
    return text


def error_kind(body: Mapping[str, Any], status: int) -> ErrorKind:
    """Which of our kinds a HubSpot error is, by its category, else by its status."""
    kind = _KINDS.get(str(body.get("category", "")))
    if kind is not None:
        return kind
    return ErrorKind.CONFLICT if status == 409 else ErrorKind.INVALID  # noqa: PLR2004 - an HTTP status says more than a name


def _moment(text: str) -> datetime | None:
    try:
        if _MILLISECONDS.fullmatch(text):
            seconds, rest = divmod(int(text), 1000)
            return datetime.fromtimestamp(seconds, tz=UTC).replace(microsecond=rest * 1000)
        if _DATE.fullmatch(text):
            return datetime.fromisoformat(text).replace(tzinfo=UTC)
        if _TIME.fullmatch(text):
            return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return None
