"""What HubSpot's values mean: its spelling of dates, times and marks as neutral text.

Neutral text is what `canonical` understands; nothing is guessed here. A value that does not have the expected shape stays as
HubSpot sent it, so that the gate can refuse the record with the value's own reason.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from integration_pipelines.core.contract import FieldType, SourceObject
from integration_pipelines.partners.observe import Flattener, Respell, neutral_text

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?(Z|[+-][0-9]{2}:?[0-9]{2})")
_MILLISECONDS = re.compile(r"-?[0-9]{1,15}")
_DAY_MS = 86_400_000
_ONE_MS = 1000  # microseconds


def neutral_date(text: str) -> str:
    """`YYYY-MM-DD` from a date, from midnight UTC as a time, or from midnight UTC in milliseconds."""
    if _DATE.fullmatch(text):
        return text
    moment = moment_of(text)
    return text if moment is None or milliseconds(moment) % _DAY_MS else moment.date().isoformat()


def neutral_datetime(text: str) -> str:
    """`YYYY-MM-DDTHH:MM:SSZ`, with milliseconds if there are any, from a time with a zone or from milliseconds."""
    moment = moment_of(text)
    return text if moment is None else spell_time(moment)


def spell_time(moment: datetime) -> str:
    """An aware time in the spelling of this module."""
    utc = moment.astimezone(UTC).replace(tzinfo=None)
    return utc.isoformat(timespec="milliseconds" if utc.microsecond >= _ONE_MS else "seconds") + "Z"


def milliseconds(moment: datetime) -> int:
    """An aware time as HubSpot's search wants it; exact, rounded down."""
    delta = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * 1000 + delta.microseconds // 1000


def _respell_date(value: object) -> str:
    return neutral_date(neutral_text(value))


def _respell_datetime(value: object) -> str:
    return neutral_datetime(neutral_text(value))


RESPELL: Mapping[FieldType, Respell] = {FieldType.DATE: _respell_date, FieldType.DATETIME: _respell_datetime}
"""Types whose texts HubSpot spells in its own way."""


def flattener(spec: SourceObject) -> Flattener:
    """Turns HubSpot's records into observation batches. Blank and null are both '', since HubSpot does not tell them apart."""
    return Flattener(spec, respell=RESPELL)


def moment_of(text: str) -> datetime | None:
    """A time as HubSpot writes it (with a zone, or milliseconds), aware; None if it is none."""
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
