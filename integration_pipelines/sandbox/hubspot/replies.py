"""HubSpot's wire shapes: the one error body, its headers, and how a caller shows its token."""

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response

from integration_pipelines.partner_models.base import Fault, Json, PartnerRefusalError
from integration_pipelines.partner_models.hubspot.account import HubSpotAccount
from integration_pipelines.partner_models.hubspot.refusals import missing_scopes
from integration_pipelines.partner_models.hubspot.refusals import rate_limited as too_many
from integration_pipelines.sandbox.json_reply import json_reply

_TOP_LEVEL = ("errorType", "policyName", "subCategory")
_STATUS_CATEGORIES = {423: "LOCKED", 477: "MIGRATION_IN_PROGRESS"}


def token_of(request: Request) -> str:
    """The bearer token of a request, '' if none."""
    scheme, _, credential = request.headers.get("authorization", "").partition(" ")
    return credential.strip() if scheme.lower() == "bearer" else ""


def error_reply(request: Request, status: int, category: str, message: str, facts: Json | None = None) -> Response:
    """An error: facts called `errors` and `context` have their places, a few others stand at the top."""
    said = facts or {}
    body: Json = {
        "status": "error",
        "category": category,
        "message": message,
        "correlationId": request.state.correlation_id,
        "context": said.get("context", {}),
        "errors": said.get("errors", []),
        "links": {},
        **{name: said[name] for name in _TOP_LEVEL if name in said},
    }
    return json_reply(body, status)


def refused(request: Request, refusal: PartnerRefusalError) -> Response:
    """A refusal of the model, worded as HubSpot does."""
    return error_reply(request, refusal.status, refusal.code, refusal.message, refusal.facts)


def unauthorized(find_account: Callable[[str], HubSpotAccount | None]) -> Callable[[Request], Response]:
    """401: a token that was known is called expired, another one invalid; neither is repeated."""

    def reply(request: Request) -> Response:
        if find_account(token_of(request)) is not None:
            message = "The OAuth token used to make this call expired."
            return error_reply(request, 401, "EXPIRED_AUTHENTICATION", message)
        message = "Authentication credentials not found. This API supports OAuth 2.0 authentication."
        return error_reply(request, 401, "INVALID_AUTHENTICATION", message)

    return reply


def forbidden(request: Request, scope: str) -> Response:
    """403: a scope is missing."""
    return refused(request, missing_scopes({scope} if scope else request.state.scopes))


def rate_limited(request: Request, _: HubSpotAccount, fault: Fault) -> Response:
    """429 by a fault; `params.policy` is the limit that was met."""
    return refused(request, too_many(str(fault.params.get("policy", "TEN_SECONDLY_ROLLING"))))


async def server_error(request: Request, _: HubSpotAccount, __: Fault, status: int) -> Response:
    """5xx, 423 or 477 by a fault."""
    return error_reply(request, status, _STATUS_CATEGORIES.get(status, "INTERNAL_ERROR"), "internal error")
