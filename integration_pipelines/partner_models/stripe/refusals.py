"""The refusals Stripe words in its own way; every one carries the error type and, where it has one, the parameter.

Only the words and codes belong here; deciding when to refuse belongs to the module that knows the rule.
"""

from integration_pipelines.partner_models.base import PartnerRefusalError

INVALID = "invalid_request_error"

_NOUNS = {
    "customers": "customer",
    "subscriptions": "subscription",
    "subscription_items": "subscription_item",
    "prices": "price",
    "products": "product",
    "coupons": "coupon",
    "discounts": "discount",
    "events": "event",
    "webhook_endpoints": "webhook endpoint",
}


def invalid(message: str, *, param: str | None = None, code: str = "") -> PartnerRefusalError:
    """400: a parameter says something that is not allowed."""
    return PartnerRefusalError(400, code, message, type=INVALID, param=param)


def unknown_parameter(name: str) -> PartnerRefusalError:
    """400: Stripe refuses parameters it does not know instead of ignoring them."""
    return PartnerRefusalError(400, "parameter_unknown", f"Received unknown parameter: {name}", type=INVALID, param=name)


def missing_parameter(name: str) -> PartnerRefusalError:
    """400: a required parameter is absent."""
    return PartnerRefusalError(400, "parameter_missing", f"Missing required param: {name}.", type=INVALID, param=name)


def no_such(object_name: str, record_id: str, *, param: str = "id", status: int = 404) -> PartnerRefusalError:
    """404 for a record in the path; 400 where a parameter names a record that is not there."""
    message = f"No such {_NOUNS.get(object_name, object_name)}: '{record_id}'"
    return PartnerRefusalError(status, "resource_missing", message, type=INVALID, param=param)


def unrecognised(method: str, path: str) -> PartnerRefusalError:
    """404: there is nothing at this address."""
    return PartnerRefusalError(404, "", f"Unrecognized request URL ({method}: {path}).", type=INVALID)


def rate_limited(reason: str) -> PartnerRefusalError:
    """429: `reason` travels in `Stripe-Rate-Limited-Reason`; there is no Retry-After."""
    return PartnerRefusalError(429, "rate_limit", "Request rate limit exceeded.", type=INVALID, reason=reason)


def idempotency_mismatch() -> PartnerRefusalError:
    """400: a key came back with other parameters."""
    message = "Keys for idempotent requests can only be used with the same parameters they were first used with."
    return PartnerRefusalError(400, "", message, type="idempotency_error")


def idempotency_in_flight() -> PartnerRefusalError:
    """409: the first request with this key has not ended yet."""
    message = "There is currently another in-progress request using this idempotent key."
    return PartnerRefusalError(409, "idempotency_key_in_use", message, type="idempotency_error")
