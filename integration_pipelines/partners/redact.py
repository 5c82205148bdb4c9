"""What may be said aloud about a request: paths without ids, codes without sentences, field names without values.

Partners put e-mail addresses and names into paths, error messages and even field names; nothing of that goes into our logs,
messages or tables.
"""

import hashlib
import re

_PLAIN_SEGMENT = re.compile(r"v\d{1,2}|\d{4}-\d{2}(-beta)?|[a-z]+([_-][a-z]+)*(\.json)?")
_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_.\-]{0,79}")
_NAME_LIMIT = 100


def path_template(path: str) -> str:
    """A path with everything that could be an id replaced by `{}`, without its query."""
    plain = path.partition("?")[0]
    return "/".join(part if not part or _PLAIN_SEGMENT.fullmatch(part) else "{}" for part in plain.split("/"))


def safe_code(value: object, default: str = "") -> str:
    """A partner's error code or field name if it looks like one, else `default`; never a sentence."""
    return value if isinstance(value, str) and _CODE.fullmatch(value) else default


def safe_request_id(value: str | None) -> str:
    """A partner's request id, cut and printable."""
    return re.sub(r"[^A-Za-z0-9_.:\-]", "", value or "")[:100]


def safe_name(name: str) -> str:
    """The name of an unknown field; one that could carry a person's data or is very long becomes a short hash of itself."""
    if len(name) <= _NAME_LIMIT and "@" not in name and name.isprintable():
        return name
    return f"hashed:{hashlib.sha256(name.encode('utf-8', 'backslashreplace')).hexdigest()[:16]}"
