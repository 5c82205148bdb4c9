"""Zendesk's wire shapes: error bodies, and how a caller shows its token."""

import base64
import binascii

from starlette.requests import Request
from starlette.responses import Response

from integration_pipelines.partner_models.base import Fault, Json, PartnerRefusalError
from integration_pipelines.partner_models.zendesk.account import ZendeskAccount
from integration_pipelines.partner_models.zendesk.refusals import not_found, too_many
from integration_pipelines.sandbox.asked import bearer
from integration_pipelines.sandbox.json_reply import json_reply

_MARK = "/token"
"""What follows a user's name that comes with an API token."""
_WAIT_SECONDS = 30


def token_of(request: Request) -> str:
    """A bearer token, or the API token behind `name@example.com/token:` in basic authentication."""
    coded = bearer(request, "basic")
    if not coded:
        return bearer(request, "bearer")
    try:
        user, _, secret = base64.b64decode(coded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return ""
    return secret if user.endswith(_MARK) else ""


def refused(_: Request, refusal: PartnerRefusalError) -> Response:
    """A refusal of the model, worded as Zendesk does."""
    body: Json = {"error": refusal.code, "description": refusal.message}
    if "details" in refusal.facts:
        body["details"] = refusal.facts["details"]
    wait = refusal.facts.get("retry_after")
    return json_reply(body, refusal.status, {"Retry-After": str(wait)} if wait is not None else None)


def unauthorized(_: Request) -> Response:
    """401: no token, an unknown one, or a revoked one."""
    return json_reply({"error": "Couldn't authenticate you"}, 401, {"WWW-Authenticate": 'Basic realm="Web Password"'})


def forbidden(_: Request, scope: str) -> Response:
    """403: the token or its user may not do this; Zendesk does not say which permission is missing."""
    del scope
    return json_reply({"error": {"title": "Forbidden", "message": "You do not have access to this page."}}, 403)


def rate_limited(request: Request, _: ZendeskAccount, fault: Fault) -> Response:
    """429 by a fault, which says how long to wait or leaves it out."""
    reply = refused(request, too_many(_WAIT_SECONDS))
    if "retry_after" not in fault.params:
        del reply.headers["Retry-After"]
    return reply


async def server_error(_: Request, __: ZendeskAccount, ___: Fault, status: int) -> Response:
    """5xx by a fault."""
    return json_reply({"error": "InternalError", "description": "Something went wrong."}, status)


def nothing_here(request: Request) -> Response:
    """404 for an address that there is not."""
    return refused(request, not_found())
