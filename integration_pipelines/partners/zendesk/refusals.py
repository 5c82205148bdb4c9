"""What Zendesk's refusals mean, by status, word and field names; never by its sentences, which may quote what people wrote."""

from collections.abc import Mapping
from dataclasses import replace

from integration_pipelines.errors import ErrorKind
from integration_pipelines.partners.redact import safe_code
from integration_pipelines.partners.retry import Failure, by_status

_CONFLICT, _INVALID, _LOCKED = 409, 422, "DatabaseConflict"


def classify(status: int, headers: Mapping[str, str], body: object) -> Failure | None:
    """How to take one refusal; None leaves it to the general table."""
    del headers
    said = reason(body)
    if status == _CONFLICT and said == _LOCKED:
        return Failure(ErrorKind.CONFLICT, "is busy with the same ticket", "It is tried again by itself.", retry=True)
    if status == _INVALID:
        return Failure(
            ErrorKind.INVALID, f"refused the request: {said}" if said else "refused the request as invalid", detail=said
        )
    general = by_status(status)
    return replace(general, text=f"{general.text} ({said})", detail=said) if said and general.kind is ErrorKind.INVALID else None


def reason(body: object) -> str:
    """The word and the fields of an error body, e.g. `RecordInvalid in status`; '' if it has none that can be said aloud."""
    error = body if isinstance(body, dict) else {}
    word = safe_code(error.get("error"))
    details = error.get("details")
    fields = ", ".join(sorted(name for name in map(safe_code, details) if name)) if isinstance(details, dict) else ""
    return f"{word} in {fields}" if word and fields else word
