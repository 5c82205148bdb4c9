"""What Stripe's refusals mean, by status, error type, code and headers; never by its sentences, which quote customers' data."""

import re
from collections.abc import Mapping
from dataclasses import replace

from integration_pipelines.errors import ErrorKind
from integration_pipelines.partners.redact import safe_code
from integration_pipelines.partners.retry import Failure, by_status

_PERMISSION = re.compile(r"'(?:rak_)?([a-z_]{3,60})' permission")
_PARAM = re.compile(r"[A-Za-z][A-Za-z0-9_.\[\]\-]{0,79}")
_TOO_MANY = 429
_FORBIDDEN = 403
_CONFLICT = 409


def classify(status: int, headers: Mapping[str, str], body: object) -> Failure | None:
    """How to take one refusal; None leaves it to the general table."""
    error = body.get("error") if isinstance(body, dict) else None
    failure = _of(status, headers, error if isinstance(error, dict) else {})
    should = headers.get("stripe-should-retry", "").lower()  # Stripe knows best whether the same request may work
    return replace(failure, retry=should == "true") if should in {"true", "false"} else failure


def _of(status: int, headers: Mapping[str, str], error: Mapping[str, object]) -> Failure:
    code = safe_code(error.get("code"))
    if error.get("type") == "idempotency_error" and status != _CONFLICT:
        text = "has seen this idempotency key with another request"
        return Failure(ErrorKind.BUG, text, "Report it: a key must never be used for two different writes.", detail=code)
    if status == _CONFLICT:
        return Failure(ErrorKind.CONFLICT, "is still busy with the same request", "It is tried again by itself.", retry=True)
    if status == _TOO_MANY and code == "lock_timeout" and "stripe-rate-limited-reason" not in headers:
        return Failure(ErrorKind.CONFLICT, "holds a lock on the record", "It is tried again by itself.", retry=True)
    general = by_status(status)
    if status == _FORBIDDEN:
        return _forbidden(general, str(error.get("message", "")))
    if general.kind is ErrorKind.INVALID and (code or error.get("param")):
        return replace(general, text=f"{general.text} ({_named(code, error.get('param'))})", detail=code)
    return replace(general, detail=code)


def _named(code: str, param: object) -> str:
    field = param if isinstance(param, str) and _PARAM.fullmatch(param) else ""
    return " in ".join(part for part in (code, field) if part) or "no code given"


def _forbidden(general: Failure, message: str) -> Failure:
    found = _PERMISSION.search(message)
    if found is None:
        return general
    scope = found.group(1)
    return replace(general, text=f"says that the permission {scope} is missing", detail=scope)
