"""What one address means: which object, which verb, which permission; and how a request is carried out by the model."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from integration_pipelines.partner_models.base import Fault, FaultKind, Faults, Json, PartnerRefusalError
from integration_pipelines.partner_models.stripe.account import StripeAccount
from integration_pipelines.partner_models.stripe.calls import Answer, Call
from integration_pipelines.partner_models.stripe.refusals import invalid
from integration_pipelines.partner_models.stripe.templates import API_VERSION
from integration_pipelines.sandbox.json_reply import json_reply
from integration_pipelines.sandbox.stripe import replies
from integration_pipelines.sandbox.stripe.forms import decode

_PERMISSIONS = {
    "customers": "customer",
    "subscriptions": "subscription",
    "subscription_items": "subscription",
    "prices": "plan",
    "products": "product",
    "coupons": "coupon",
    "events": "event",
    "webhook_endpoints": "webhook",
}
_STALE_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Operation:
    """One method at one address."""

    method: str
    path: str
    object: str
    verb: str  # list, search, get, about, or a verb of StripeAccount.write

    @property
    def scope(self) -> str:
        """The permission it needs, '' if none."""
        name = _PERMISSIONS.get(self.object)
        return "" if name is None else f"{name}_{'read' if self.method == 'GET' else 'write'}"


async def call_of(request: Request) -> Call:
    """The parameters of query and form together, with the request's id and its idempotency key."""
    values = decode(request.url.query)
    if request.method != "GET":
        values |= decode(await request.body())
    return Call(values, request.state.request_id, request.headers.get("idempotency-key"))


async def carry_out(operation: Operation, request: Request, account: StripeAccount, faults: Faults) -> Response:
    """Let the model do it; PartnerRefusalError is the caller's to word."""
    check_headers(request, account)
    account.admit(f"{operation.method} {operation.path}")
    call = await call_of(request)
    record_id = request.path_params.get("id", "")
    match operation.verb:
        case "about":
            return json_reply(account.about())
        case "list":
            return json_reply(account.list_page(operation.object, call.values))
        case "search":
            _stand_still(request, account, faults)
            return json_reply(account.search(operation.object, call.values))
        case "get":
            return json_reply(account.get(operation.object, record_id, call.values))
        case _:
            answer = account.write(operation.object, operation.verb, record_id, call)
            return replies.answered(answer, call.idempotency_key)


def check_headers(request: Request, account: StripeAccount) -> None:
    """Refuse a version that is not modelled and an account that is not this key's."""
    version = request.headers.get("stripe-version", API_VERSION)
    if version != API_VERSION:
        raise invalid(f"Invalid Stripe API version: {version[:40]}. This account answers in {API_VERSION}.")
    wanted = request.headers.get("stripe-account", account.account)
    if wanted != account.account:
        message = "The provided key does not have access to the given account."
        raise PartnerRefusalError(403, "account_invalid", message, type="invalid_request_error")


async def broken(operation: Operation, request: Request, account: StripeAccount, fault: Fault, status: int) -> Response:
    """A 5xx: a 500 comes from inside, so its key remembers it; other statuses come from in front and leave no trace.

    A late write is in flight until it lands: its key answers 409 till then.
    """
    body: Json = replies.error_body("An unknown error occurred.", kind="api_error")
    try:
        call = await call_of(request)
        record_id = request.path_params.get("id", "")
        write = request.method == "POST" and bool(call.idempotency_key)
        if write and fault.kind is FaultKind.LATE_WRITE:
            account.begin(operation.object, operation.verb, record_id, call)
        elif write and status == 500 and fault.params.get("stored", True):  # noqa: PLR2004 - the status Stripe remembers
            answer = account.fail(operation.object, operation.verb, record_id, call, Answer(status, body, call.request_id))
            return replies.answered(answer, call.idempotency_key)
    except PartnerRefusalError as refusal:
        return replies.refused(request, refusal)
    return json_reply(body, status)


def _stand_still(request: Request, account: StripeAccount, faults: Faults) -> None:
    fault = faults.take(account.account, request.method, request.url.path, frozenset({FaultKind.STALE_SEARCH}))
    if fault is not None:
        account.freeze_search(float(fault.params.get("seconds", _STALE_SECONDS)))
