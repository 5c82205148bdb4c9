"""How HubSpot says no: status, category, and the single faults inside. The wire shape around them belongs to the sandbox."""

import json
from collections.abc import Iterable, Sequence

from integration_pipelines.partner_models.base import Json, PartnerRefusalError

VALIDATION = "VALIDATION_ERROR"
NOT_FOUND = "OBJECT_NOT_FOUND"
CONFLICT = "CONFLICT"


def fault(message: str, code: str, **context: str) -> Json:
    """One entry of `errors`: its message, its code, and what it is about."""
    return {"message": message, "code": code, "context": {name: [value] for name, value in context.items()}}


def invalid(message: str, faults: Iterable[Json] = ()) -> PartnerRefusalError:
    """400: what was asked for cannot be."""
    return PartnerRefusalError(400, VALIDATION, message, errors=list(faults))


def bad_values(faults: Sequence[Json]) -> PartnerRefusalError:
    """400: property values that HubSpot does not take. As at HubSpot the message repeats them, so callers must not log it."""
    listed = [
        {"isValid": False, "message": one["message"], "error": one["code"], "name": one["context"]["propertyName"][0]}
        for one in faults
    ]
    return invalid(f"Property values were not valid: {json.dumps(listed)}", faults)


def missing(what: str) -> PartnerRefusalError:
    """404."""
    return PartnerRefusalError(404, NOT_FOUND, f"{what} could not be found.")


def conflict(message: str, faults: Iterable[Json] = ()) -> PartnerRefusalError:
    """409."""
    return PartnerRefusalError(409, CONFLICT, message, errors=list(faults))


def rate_limited(policy: str) -> PartnerRefusalError:
    """429, naming the limit that was met."""
    message = f"You have reached your {policy.lower()} limit."
    return PartnerRefusalError(429, "RATE_LIMITS", message, errorType="RATE_LIMIT", policyName=policy)


def missing_scopes(scopes: Iterable[str]) -> PartnerRefusalError:
    """403: the token was not granted what the call needs."""
    one = {
        "message": "One or more of the following scopes are required.",
        "context": {"requiredGranularScopes": sorted(scopes)},
    }
    message = "This app hasn't been granted all required scopes to make this call."
    return PartnerRefusalError(403, "MISSING_SCOPES", message, errors=[one])
