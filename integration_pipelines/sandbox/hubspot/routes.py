"""The addresses of the modelled HubSpot API, in the legacy and in the dated spelling, to be mounted where the server likes."""

import itertools
from collections.abc import Awaitable, Callable, Iterator
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from integration_pipelines.partner_models.base import Faults
from integration_pipelines.partner_models.hubspot.account import HubSpotAccount
from integration_pipelines.sandbox.http_faults import Face, with_faults
from integration_pipelines.sandbox.hubspot import replies
from integration_pipelines.sandbox.hubspot.operations import Operation, operations

Find = Callable[[str], HubSpotAccount | None]
Endpoint = Callable[[Request], Awaitable[Response]]

DATED = "2026-03"
FAMILIES: dict[str, tuple[str, ...]] = {
    "companies": ("/crm/v3/objects/companies", f"/crm/objects/{DATED}/companies"),
    "owners": ("/crm/v3/owners", f"/crm/owners/{DATED}"),
    "properties": ("/crm/v3/properties", f"/crm/properties/{DATED}"),
    "account": ("/account-info/v3/details", f"/account-info/{DATED}/details"),
}
_METHODS = ["GET", "POST", "PATCH", "PUT", "DELETE"]


def hubspot_routes(find_account: Find, faults: Faults) -> list[Route]:
    """All routes; a token that `find_account` does not know gets 401, an unknown address below `/crm` 404."""
    numbers = itertools.count(1)
    found: list[Route] = []
    for operation in operations(faults):
        endpoint = _endpoint(operation, find_account, faults, numbers)
        for prefix in FAMILIES[operation.area]:
            path = prefix + operation.path
            endings = (path, f"{path}/") if operation.area == "owners" and not operation.path else (path,)
            found += [Route(ending, endpoint, methods=[operation.method]) for ending in endings]
    nothing = _nothing_here(numbers)
    return [*found, *(Route(f"/{area}/{{rest:path}}", nothing, methods=_METHODS) for area in ("crm", "account-info"))]


def _endpoint(operation: Operation, find_account: Find, faults: Faults, numbers: Iterator[int]) -> Endpoint:
    """One address: an id for the request, the door, and the headers that every reply has."""

    async def handler(request: Request, account: HubSpotAccount) -> Response:
        request.state.limits = account.admit(operation.scopes, search=operation.search)
        return await operation.run(request, account)

    face = Face(
        token_of=replies.token_of,
        find_account=find_account,
        unauthorized=replies.unauthorized(find_account),
        forbidden=replies.forbidden,
        rate_limited=replies.rate_limited,
        server_error=replies.server_error,
        refused=replies.refused,
        scopes=lambda _: operation.scopes or frozenset({"oauth"}),
    )
    guarded = with_faults(faults, face, handler)

    async def endpoint(request: Request) -> Response:
        _begin(request, numbers, operation.scopes)
        reply = await guarded(request)
        reply.headers["X-HubSpot-Correlation-Id"] = request.state.correlation_id
        reply.headers.update(request.state.limits)
        return reply

    return endpoint


def _nothing_here(numbers: Iterator[int]) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        _begin(request, numbers, frozenset())
        reply = replies.error_reply(request, 404, "OBJECT_NOT_FOUND", "There is nothing at this address for this method.")
        reply.headers["X-HubSpot-Correlation-Id"] = request.state.correlation_id
        return reply

    return endpoint


def _begin(request: Request, numbers: Iterator[int], scopes: frozenset[str]) -> None:
    request.state.correlation_id = str(UUID(int=next(numbers), version=4))
    request.state.limits = {}
    request.state.scopes = scopes
