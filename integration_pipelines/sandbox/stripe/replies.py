"""Stripe's wire shapes: error bodies, the headers of every reply, and how a caller shows its key."""

import base64
import binascii

from starlette.requests import Request
from starlette.responses import Response

from integration_pipelines.partner_models.base import Fault, Json, PartnerRefusalError
from integration_pipelines.partner_models.stripe.calls import Answer
from integration_pipelines.partner_models.stripe.refusals import INVALID
from integration_pipelines.sandbox.json_reply import json_reply

_DOCS = "https://stripe.com/docs/error-codes/"
_LOCK_TIMEOUT = "lock_timeout"


def token_of(request: Request) -> str:
    """The key of a request: Bearer, or the user name of basic authentication."""
    scheme, _, credential = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return credential.strip()
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(credential, validate=True).decode().partition(":")[0]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def error_body(message: str, *, kind: str = INVALID, code: str = "", param: object = None) -> Json:
    """The one shape of Stripe's errors."""
    error: Json = {"message": message, "type": kind}
    if code:
        error |= {"code": code, "doc_url": _DOCS + code.replace("_", "-")}
    if param:
        error["param"] = param
    return {"error": error}


def unauthorized(request: Request) -> Response:
    """401: no key, an unknown one, or a revoked one; the key itself is never repeated."""
    message = "Invalid API Key provided." if request.headers.get("authorization") else "You did not provide an API key."
    return json_reply(error_body(message), 401, {"WWW-Authenticate": 'Basic realm="Stripe"'})


def forbidden(_: Request, scope: str) -> Response:
    """403: the key lacks a permission."""
    message = "The provided key does not have the required permissions for this endpoint."
    if scope:
        message += f" Having the '{scope}' permission would allow this request to continue."
    return json_reply(error_body(message, code="more_permissions_required"), 403)


def rate_limited(_: Request, __: object, fault: Fault) -> Response:
    """429 by a fault; `params.policy` is the reason, `lock_timeout` the object lock that has no such header."""
    reason = str(fault.params.get("policy", "global-rate"))
    if reason == _LOCK_TIMEOUT:
        message = "This object cannot be accessed right now because another request is using it."
        return json_reply(error_body(message, code=_LOCK_TIMEOUT), 429)
    headers = {"Stripe-Rate-Limited-Reason": reason}
    return json_reply(error_body("Request rate limit exceeded.", code="rate_limit"), 429, headers)


def refused(_: Request, refusal: PartnerRefusalError) -> Response:
    """A refusal of the model, worded as Stripe does."""
    facts = refusal.facts
    kind, reason = str(facts.get("type", INVALID)), facts.get("reason")
    headers = {"Stripe-Rate-Limited-Reason": str(reason)} if reason else None
    body = error_body(refusal.message, kind=kind, code=refusal.code, param=facts.get("param"))
    return json_reply(body, refusal.status, headers)


def answered(answer: Answer, idempotency_key: str | None) -> Response:
    """The reply to a write; a replayed one says so and names the request it was first given to."""
    headers = {}
    if idempotency_key:
        headers["Idempotency-Key"] = idempotency_key
        headers["Original-Request"] = answer.request_id or ""
    if answer.replayed:
        headers["Idempotent-Replayed"] = "true"
    return json_reply(answer.body, answer.status, headers)
