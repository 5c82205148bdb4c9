"""HubSpot's spellings of time: ISO 8601 in UTC with milliseconds where there are any, or milliseconds since 1970."""

import re
from datetime import UTC, datetime, timedelta

DAY_MS = 86_400_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?(Z|[+-][0-9]{2}:?[0-9]{2})")
_MILLISECONDS = re.compile(r"-?[0-9]{1,15}")


def milliseconds(at: float) -> int:
    """Seconds since 1970 as whole milliseconds."""
    return round(at * 1000)


def iso(at: float) -> str:
    """Seconds since 1970 as HubSpot shows a time."""
    return iso_of(milliseconds(at))


def iso_of(number: int) -> str:
    """Milliseconds since 1970 as HubSpot shows a time: no fraction where it is zero."""
    seconds, rest = divmod(number, 1000)
    text = (_EPOCH + timedelta(seconds=seconds)).replace(tzinfo=None).isoformat()
    return f"{text}.{rest:03d}Z" if rest else f"{text}Z"


def moment(text: str) -> int | None:
    """Milliseconds since 1970 from a date, a time with a zone, or milliseconds; None for anything else."""
    try:
        if _MILLISECONDS.fullmatch(text):
            number = int(text)
            iso_of(number)  # a year beyond 9999 cannot be shown
            return number
        if _DATE.fullmatch(text):
            return (datetime.fromisoformat(text).replace(tzinfo=UTC) - _EPOCH) // timedelta(milliseconds=1)
        if _TIME.fullmatch(text):
            return (datetime.fromisoformat(text) - _EPOCH) // timedelta(milliseconds=1)
    except (ValueError, OverflowError):
        return None
    return None


def day(text: str) -> str | None:
    """`YYYY-MM-DD` from a date or from midnight UTC; None for anything else."""
    number = moment(text)
    return None if number is None or number % DAY_MS else iso_of(number)[:10]
