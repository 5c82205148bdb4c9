"""What the params of a fault may say, so that a fault cannot break the server when it strikes. The rest of a fault is `control_input`."""

import math
from collections.abc import Callable, Mapping

from integration_pipelines.errors import InvalidError

_SERVER_ERRORS = range(500, 600)
_COPIES = range(2, 1001)


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _seconds(value: object) -> bool:
    return isinstance(value, int | float) and _number(value) and value >= 0


def _status(value: object) -> bool:
    return isinstance(value, int) and value in _SERVER_ERRORS


def _copies(value: object) -> bool:
    return type(value) is int and value in _COPIES


def _line(value: object) -> bool:
    return isinstance(value, str) and value.isascii() and value.isprintable()


def _wait(value: object) -> bool:
    return _number(value) or _line(value)


def _flag(value: object) -> bool:
    return isinstance(value, bool)


_PARAMS: Mapping[str, tuple[Callable[[object], bool], str]] = {
    "seconds": (_seconds, "a number from 0"),
    "status": (_status, "500 to 599"),
    "copies": (_copies, "2 to 1000"),
    "retry_after": (_wait, "a number or a line of ASCII text"),
    "policy": (_line, "a line of ASCII text"),
    "scope": (_line, "a line of ASCII text"),
    "short": (_flag, "true or false"),
    "stored": (_flag, "true or false"),
    "should_retry": (_flag, "true or false"),
}


def check_params(params: Mapping[str, object]) -> None:
    """Let params through that some kind of fault heeds; which one does stands beside the kinds.

    Raises:
        InvalidError: an unknown name, or a value of the wrong type or range.
    """
    wrong = [name for name, value in params.items() if name in _PARAMS and not _PARAMS[name][0](value)]
    unknown = len(params.keys() - _PARAMS.keys())
    if wrong or unknown:
        what = f"{', '.join(wrong)}: not a value of that param" if wrong else "unknown names"
        allowed = ", ".join(f"{name} ({words})" for name, (_, words) in _PARAMS.items())
        raise InvalidError(f"The params of a fault are refused, {what}.", remedy=f"Params: {allowed}.")
