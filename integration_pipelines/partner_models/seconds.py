"""Times as partners spell them that know whole seconds only: ISO 8601 in UTC with a `Z`."""

import re
from datetime import UTC, datetime

_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:?[0-9]{2})?)?")


def iso(at: float) -> str:
    """Seconds since 1970, cut to whole ones."""
    return f"{datetime.fromtimestamp(int(at), tz=UTC).isoformat()[:19]}Z"


def moment(text: object) -> float | None:
    """Seconds since 1970 from a date or a time; None for anything else. Without a zone it is UTC."""
    if not isinstance(text, str) or not _TIME.fullmatch(text):
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
