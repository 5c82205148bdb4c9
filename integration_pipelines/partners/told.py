"""What the partners' webhook readers share: taking ids, names and times from documents that say what their senders like.

A genuine delivery may still be nonsense; what is no id, name or time is none here, and never an exception.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from integration_pipelines.ports.inbox import TouchedRecord

LONGEST = 255
"""Characters of an id or a name; partners' own limits are below it."""
UNKNOWN_TYPE = "unknown_type"
UNKNOWN_VERSION = "unknown_version"

Json = Mapping[str, Any]


def thing(document: object) -> Json:
    """The object, or an empty one."""
    return document if isinstance(document, dict) else {}


def name(value: object) -> str:
    """A text of reasonable length, or ''."""
    return value if isinstance(value, str) and 0 < len(value) <= LONGEST else ""


def number(value: object) -> str:
    """A whole number that is not negative, as text, or ''; true and false are no numbers."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return str(value)
    return value if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= LONGEST else ""


def touched(partner_object: str, ids: Iterable[str]) -> tuple[TouchedRecord, ...]:
    """Those records, each once, blanks left out."""
    return tuple(TouchedRecord(partner_object, record_id) for record_id in dict.fromkeys(ids) if record_id)


def moment(seconds: object) -> datetime | None:
    """Seconds since 1970 as a time, aware, UTC."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return None
    try:
        return datetime.fromtimestamp(seconds, tz=UTC)
    except (OverflowError, ValueError, OSError):
        return None


def iso_moment(text: object) -> datetime | None:
    """A time in ISO 8601 with its zone, or None."""
    try:
        found = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return found.astimezone(UTC) if found is not None and found.tzinfo is not None else None
