"""What HubSpot's error bodies say, without what they quote.

HubSpot puts the refused values into its messages; codes, categories, property names and scopes are all that is taken from them.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from integration_pipelines.errors import ErrorKind
from integration_pipelines.partners.redact import safe_code
from integration_pipelines.partners.retry import Failure

MISSING_SCOPES = "MISSING_SCOPES"
NO_SUCH_PROPERTY = "PROPERTY_DOESNT_EXIST"

_FORBIDDEN, _CONFLICT, _MIGRATION, _SLOW_DOWN = 403, 409, 477, 429
_SAID_IN_THE_BODY = frozenset({400, _CONFLICT, 422})
_KINDS = {
    "CONFLICT": ErrorKind.CONFLICT,
    "RATE_LIMITS": ErrorKind.RATE_LIMITED,
    MISSING_SCOPES: ErrorKind.AUTH,
    "EXPIRED_AUTHENTICATION": ErrorKind.AUTH,
    "INVALID_AUTHENTICATION": ErrorKind.AUTH,
}
# Seconds until the window that a policy names is over. The day's end is not told: one try in 15 minutes finds it.
_WINDOWS = {"TEN_SECONDLY_ROLLING": 10.0, "SECONDLY": 1.0, "DAILY": 900.0}


def classify(status: int, headers: Mapping[str, str], body: object) -> Failure | None:
    """HubSpot's own words for a refusal; None where the status says it all."""
    del headers
    error = body if isinstance(body, dict) else {}
    if status == _SLOW_DOWN:
        policy = safe_code(error.get("policyName"))
        text = f"asks us to slow down ({policy})" if policy else "asks us to slow down"
        return Failure(ErrorKind.RATE_LIMITED, text, wait=_WINDOWS.get(policy))
    if status == _FORBIDDEN:
        scopes = ", ".join(missing_scopes(error))
        text = f"says that the scope {scopes} is missing" if scopes else "says that a permission is missing"
        return Failure(ErrorKind.AUTH, text, "Grant the missing permission and connect the account again.")
    if status == _MIGRATION:
        return Failure(ErrorKind.TRANSIENT, "is moving the account to another data centre", "It is tried again by itself.")
    named = reason(error) if status in _SAID_IN_THE_BODY else ""
    return Failure(kind_of(error, status), f"refused the request: {named}") if named else None


def kind_of(error: Mapping[str, Any], status: int) -> ErrorKind:
    """Which of our kinds an error is, by its category, else by its status."""
    kind = _KINDS.get(str(error.get("category", "")))
    if kind is not None:
        return kind
    return ErrorKind.CONFLICT if status == _CONFLICT else ErrorKind.INVALID


def reason(error: Mapping[str, Any]) -> str:
    """Category, codes and property names of an error, e.g. `VALIDATION_ERROR, INVALID_OPTION, property billing_mrr`."""
    found = [safe_code(error.get("category")), *codes(error)]
    names = properties_named(error)
    parts = [*dict.fromkeys(part for part in found if part), *(f"property {name}" for name in names)]
    return ", ".join(parts)


def codes(error: Mapping[str, Any]) -> tuple[str, ...]:
    """The codes of the single faults inside an error."""
    found = (safe_code(fault.get("code")) or safe_code(fault.get("subCategory")) for fault in _faults(error))
    return tuple(dict.fromkeys(code for code in found if code))


def properties_named(error: Mapping[str, Any], code: str = "") -> tuple[str, ...]:
    """Properties that the error is about; with `code`, only those of faults with that code."""
    own = [] if code else [error]
    about = [*own, *(fault for fault in _faults(error) if not code or fault.get("code") == code)]
    names = (name for fault in about for name in (*_context(fault, "propertyName"), *_context(fault, "properties")))
    return tuple(dict.fromkeys(name for name in map(safe_code, names) if name))


def missing_scopes(error: Mapping[str, Any]) -> tuple[str, ...]:
    """Scopes that a 403 asks for."""
    about = [error, *_faults(error)]
    names = (name for fault in about for key in ("requiredGranularScopes", "requiredScopes") for name in _context(fault, key))
    return tuple(dict.fromkeys(name for name in map(safe_code, names) if name))


def named_in(error: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """The strings under a key of the error's context, e.g. the `ids` an error of a batch is about."""
    return tuple(name for fault in (error, *_faults(error)) for name in _context(fault, key))


def _faults(error: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = error.get("errors")
    return [fault for fault in found if isinstance(fault, dict)] if isinstance(found, list) else []


def _context(fault: Mapping[str, Any], key: str) -> Iterable[str]:
    context = fault.get("context")
    values = context.get(key) if isinstance(context, dict) else None
    return [str(value) for value in (values if isinstance(values, list) else [values]) if value is not None]
