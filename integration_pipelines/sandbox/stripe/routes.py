"""The addresses of the modelled Stripe API, to be mounted where the server likes."""

import itertools
from collections.abc import Awaitable, Callable, Iterator

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from integration_pipelines.partner_models.base import Fault, Faults
from integration_pipelines.partner_models.stripe.account import CREATES, READABLE, WRITES, StripeAccount
from integration_pipelines.partner_models.stripe.query import FIELDS
from integration_pipelines.partner_models.stripe.refusals import unrecognised
from integration_pipelines.partner_models.stripe.templates import API_VERSION
from integration_pipelines.sandbox.http_faults import Face, with_faults
from integration_pipelines.sandbox.stripe import replies
from integration_pipelines.sandbox.stripe.operations import Operation, broken, carry_out

Find = Callable[[str], StripeAccount | None]
_METHODS = ["GET", "POST", "DELETE", "PUT", "PATCH"]


def stripe_routes(find_account: Find, faults: Faults) -> list[Route]:
    """All routes under `/v1`; a key that `find_account` does not know gets 401, an unknown address 404."""
    numbers = itertools.count(1)
    routes = [
        Route(f"/v1/{operation.path}", _endpoint(operation, find_account, faults, numbers), methods=[operation.method])
        for operation in operations()
    ]
    return [*routes, Route("/v1/{rest:path}", _nothing_here(numbers), methods=_METHODS)]


def operations() -> list[Operation]:
    """Every method and address the model answers; fixed words come before ids."""
    found = [Operation("GET", "account", "account", "about")]
    found += [Operation("GET", f"{name}/search", name, "search") for name in FIELDS]
    for name in READABLE:
        found += [Operation("GET", name, name, "list"), Operation("GET", f"{name}/{{id}}", name, "get")]
    found += [Operation("POST", name, name, "create") for name in CREATES]
    for name, verb in WRITES:
        method = "DELETE" if verb == "delete" else "POST"
        ending = "" if verb in {"update", "delete"} else f"/{verb}"
        found.append(Operation(method, f"{name}/{{id}}{ending}", name, verb))
    return found


def _endpoint(
    operation: Operation, find_account: Find, faults: Faults, numbers: Iterator[int]
) -> Callable[[Request], Awaitable[Response]]:
    """One address: an id for the request, the door, and the headers that every reply has."""

    async def server_error(request: Request, account: StripeAccount, fault: Fault, status: int) -> Response:
        reply = await broken(operation, request, account, fault, status)
        if "should_retry" in fault.params:
            reply.headers["Stripe-Should-Retry"] = str(bool(fault.params["should_retry"])).lower()
        return reply

    async def handler(request: Request, account: StripeAccount) -> Response:
        return await carry_out(operation, request, account, faults)

    face = Face(
        token_of=replies.token_of,
        find_account=find_account,
        unauthorized=replies.unauthorized,
        forbidden=replies.forbidden,
        rate_limited=replies.rate_limited,
        server_error=server_error,
        refused=replies.refused,
        scopes=lambda _: frozenset({operation.scope} if operation.scope else {"account_read"}),
    )
    guarded = with_faults(faults, face, handler)

    async def endpoint(request: Request) -> Response:
        request.state.request_id = f"req_{next(numbers):014d}"
        return _signed(await guarded(request), request)

    return endpoint


def _nothing_here(numbers: Iterator[int]) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        request.state.request_id = f"req_{next(numbers):014d}"
        return _signed(replies.refused(request, unrecognised(request.method, f"/v1/{request.path_params['rest']}")), request)

    return endpoint


def _signed(reply: Response, request: Request) -> Response:
    reply.headers["Request-Id"] = request.state.request_id
    reply.headers["Stripe-Version"] = API_VERSION
    return reply
