"""What PagerDuty's refusals mean, by status and code; its sentences are looked at only for those that it has no code for."""

from collections.abc import Mapping
from typing import Any

from integration_pipelines.errors import ErrorKind
from integration_pipelines.partners.retry import Failure, by_status

KEY_TAKEN = "incident_key_taken"
_TAKEN = "dedup key already exists"
_ALREADY = {
    "Incident Already Resolved": "the incident is resolved already",
    "Requester User Not Found": "the user in From is unknown",
}
_BAD_REQUEST, _FORBIDDEN, _SLOW_DOWN = 400, 403, 429


def classify(status: int, headers: Mapping[str, str], body: object) -> Failure | None:
    """How to take one refusal; None leaves it to the general table."""
    error = body.get("error") if isinstance(body, dict) else None
    told = error if isinstance(error, dict) else {}
    if status == _SLOW_DOWN:
        reset = headers.get("ratelimit-reset", "")
        return Failure(ErrorKind.RATE_LIMITED, "asks us to slow down", wait=float(reset) if reset.isdigit() else None)
    if status == _FORBIDDEN:
        return Failure(
            ErrorKind.AUTH, "says that a permission is missing", "Grant the missing permission and connect the account again."
        )
    if status == _BAD_REQUEST:
        return _invalid(told)
    return None


def _invalid(told: Mapping[str, Any]) -> Failure:
    reasons = [one for one in told.get("errors") or [] if isinstance(one, str)]
    if any(_TAKEN in one for one in reasons):
        text = "has an open incident with this key already"
        return Failure(ErrorKind.CONFLICT, text, "It is looked for by its key.", retry=False, detail=KEY_TAKEN)
    known = next((_ALREADY[one] for one in reasons if one in _ALREADY), "")
    code = told.get("code")
    named = known or (f"code {code}" if isinstance(code, int) else "")
    general = by_status(_BAD_REQUEST)
    return Failure(general.kind, f"{general.text} ({named})" if named else general.text, general.remedy, detail=named)
