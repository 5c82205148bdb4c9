"""PagerDuty's wire shapes: error bodies, and how a caller shows its key."""

from starlette.requests import Request
from starlette.responses import Response

from integration_pipelines.partner_models.base import Fault, Json, PartnerRefusalError
from integration_pipelines.partner_models.pagerduty.account import PagerDutyAccount
from integration_pipelines.partner_models.pagerduty.refusals import not_found, too_many
from integration_pipelines.sandbox.asked import bearer
from integration_pipelines.sandbox.json_reply import json_reply

_KEY = "token="
_RESET_SECONDS = 20


def token_of(request: Request) -> str:
    """A REST API key (`Token token=…`), or the access token of an app."""
    key = bearer(request, "token")
    return key.removeprefix(_KEY).strip('"') if key.startswith(_KEY) else bearer(request, "bearer")


def error_body(message: str, code: int, errors: object = None) -> Json:
    """The one shape of PagerDuty's errors."""
    error: Json = {"message": message, "code": code}
    if errors:
        error["errors"] = errors
    return {"error": error}


def refused(_: Request, refusal: PartnerRefusalError) -> Response:
    """A refusal of the model, worded as PagerDuty does; 429 says in a header when its window is over."""
    body = error_body(refusal.message, int(refusal.code), refusal.facts.get("errors"))
    reset = refusal.facts.get("reset")
    headers = {"ratelimit-limit": "960", "ratelimit-remaining": "0", "ratelimit-reset": str(reset)} if reset is not None else None
    return json_reply(body, refusal.status, headers)


def unauthorized(_: Request) -> Response:
    """401: no key, an unknown one, or a revoked one."""
    return json_reply(error_body("Authorization header is missing or invalid.", 2006), 401)


def forbidden(_: Request, scope: str) -> Response:
    """403: the token lacks a scope, or its user a role."""
    errors = [f"Token is missing one or more of the following scopes: {scope}"] if scope else None
    return json_reply(error_body("Access Denied", 2010, errors), 403)


def rate_limited(request: Request, _: PagerDutyAccount, fault: Fault) -> Response:
    """429 by a fault; `params.policy` names the seconds until the window is over."""
    policy = str(fault.params.get("policy", _RESET_SECONDS))
    return refused(request, too_many(int(policy) if policy.isdigit() else _RESET_SECONDS))


async def server_error(_: Request, __: PagerDutyAccount, ___: Fault, status: int) -> Response:
    """5xx by a fault."""
    return json_reply(error_body("Internal Server Error", 2000), status)


def nothing_here(request: Request) -> Response:
    """404 for an address that there is not."""
    return refused(request, not_found())
