"""Addresses behind the one door: an operation of a partner, and the endpoint that lets faults strike and signs every reply.

For partners whose operations differ by nothing but method, path, scope and what they do; how a partner words things is its own `replies`.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Generic

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from integration_pipelines.partner_models.base import Faults
from integration_pipelines.sandbox.http_faults import A, Endpoint, Face, with_faults

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


@dataclass(frozen=True, slots=True)
class Operation(Generic[A]):
    """One method at one address; `run` words no refusal, `scope` is what a token needs for it."""

    method: str
    path: str
    run: Callable[[Request, A], Awaitable[Response]]
    scope: str = ""


@dataclass(frozen=True, slots=True)
class Wording(Generic[A]):
    """How a partner sees and answers its callers.

    Args:
        face: the partner's `Face` for an operation's scope.
        admit: counts a request against the limits and gives the headers of its reply.
        headers: what every reply carries, refusals included.
        nothing_here: the reply of an address that there is not.
    """

    face: Callable[[str], Face[A]]
    admit: Callable[[Request, A], Mapping[str, str]]
    headers: Callable[[], Mapping[str, str]]
    nothing_here: Callable[[Request], Response]


def routes_of(operations: list[Operation[A]], faults: Faults, wording: Wording[A]) -> list[Route]:
    """A route for each operation, and one for everything else."""
    found = [Route(one.path, _endpoint(one, faults, wording), methods=[one.method]) for one in operations]
    return [*found, Route("/{rest:path}", _nothing_here(wording), methods=METHODS)]


def _endpoint(operation: Operation[A], faults: Faults, wording: Wording[A]) -> Endpoint:
    async def handler(request: Request, account: A) -> Response:
        request.state.limits = dict(wording.admit(request, account))
        return await operation.run(request, account)

    guarded = with_faults(faults, wording.face(operation.scope), handler)

    async def endpoint(request: Request) -> Response:
        request.state.limits = {}
        reply = await guarded(request)
        reply.headers.update({**wording.headers(), **request.state.limits})
        return reply

    return endpoint


def _nothing_here(wording: Wording[A]) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        reply = wording.nothing_here(request)
        reply.headers.update(wording.headers())
        return reply

    return endpoint
