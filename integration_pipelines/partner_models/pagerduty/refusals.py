"""How PagerDuty says no: a message, a code of its own and a list of reasons. The wire shape belongs to the sandbox."""

from integration_pipelines.partner_models.base import PartnerRefusalError

INVALID_INPUT = "2001"
NOT_FOUND = "2100"
TOO_MANY = "2020"
TAKEN = "Open incident with matching dedup key already exists on this service"
"""How PagerDuty words a key that is in use; callers look for it."""


def invalid(*reasons: str) -> PartnerRefusalError:
    """400: what was sent cannot be."""
    return PartnerRefusalError(400, INVALID_INPUT, "Invalid Input Provided", errors=list(reasons))


def not_found() -> PartnerRefusalError:
    """404: no such record, or nothing at this address."""
    return PartnerRefusalError(404, NOT_FOUND, "Not Found")


def too_many(reset: int) -> PartnerRefusalError:
    """429, with the seconds until the window is over."""
    return PartnerRefusalError(429, TOO_MANY, "Rate Limit Exceeded", errors=["Too many requests"], reset=reset)
