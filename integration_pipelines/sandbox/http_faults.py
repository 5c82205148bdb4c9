"""The one door of every modelled partner: who is calling, and which fault strikes this request.

Faults that every HTTP partner can have live here: 429, 5xx, silence, a cut connection, half an answer, a page that is no
JSON, a write that lands late, a lost scope, a revoked token. How a refusal looks on the wire belongs to the partner and
comes in through `Face`; faults of search indexes strike beside the search, those of webhooks in `webhooks`.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from integration_pipelines.partner_models.base import Fault, FaultKind, Faults, PartnerAccount, PartnerRefusalError

A = TypeVar("A", bound=PartnerAccount)
Handler = Callable[[Request, A], Awaitable[Response]]
Endpoint = Callable[[Request], Awaitable[Response]]

HTTP_FAULTS = frozenset(
    {
        FaultKind.RATE_LIMITED,
        FaultKind.SERVER_ERROR,
        FaultKind.TIMEOUT_AFTER_APPLYING,
        FaultKind.DROPPED_ANSWER,
        FaultKind.TIMEOUT,
        FaultKind.TRUNCATED,
        FaultKind.NOT_JSON,
        FaultKind.LATE_WRITE,
        FaultKind.SCOPE_REMOVED,
        FaultKind.TOKEN_REVOKED,
    }
)
_SILENCE_SECONDS = 60.0
_HTML = b"<!doctype html><html><head><title>Please wait</title></head><body><h1>Please wait</h1></body></html>"
_late: set[asyncio.Task[None]] = set()  # the loop keeps only weak references to tasks


class ConnectionCutError(ConnectionError):
    """The sandbox closed the connection on purpose; raised only where there is no socket to close."""


@dataclass(frozen=True, slots=True)
class Face(Generic[A]):
    """How one partner recognises a caller and words its refusals.

    Args:
        token_of: the credential a request carries, '' if none.
        find_account: the account a credential belongs to, None if unknown.
        unauthorized: 401.
        forbidden: 403 for a missing scope (the scope's name, '' if the fault names none).
        rate_limited: 429; a `Retry-After` asked for by the fault is added here, not there.
        server_error: 5xx of the given status; gets the fault so that a partner may keep what it answered.
        refused: the wire shape of a model's refusal.
        scopes: the scopes a request needs; a removed scope strikes only requests that need it. Empty: all requests.
    """

    token_of: Callable[[Request], str]
    find_account: Callable[[str], A | None]
    unauthorized: Callable[[Request], Response]
    forbidden: Callable[[Request, str], Response]
    rate_limited: Callable[[Request, A, Fault], Response]
    server_error: Callable[[Request, A, Fault, int], Awaitable[Response]]
    refused: Callable[[Request, PartnerRefusalError], Response]
    scopes: Callable[[Request], frozenset[str]] = lambda _: frozenset()


class _Cut(Response):
    """Sends nothing, or the start of a reply, and closes the connection."""

    def __init__(self, receive: Receive, reply: Response | None = None) -> None:
        super().__init__()
        self._peer = receive
        self._reply = reply

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Close the socket under the server, then wait until the server has noticed."""
        del scope, receive
        if self._reply is not None:
            half = bytes(self._reply.body)[: len(self._reply.body) // 2]
            await send({"type": "http.response.start", "status": self._reply.status_code, "headers": self._reply.raw_headers})
            await send({"type": "http.response.body", "body": half, "more_body": True})
        transport = getattr(getattr(self._peer, "__self__", None), "transport", None)
        if transport is None:
            raise ConnectionCutError("The connection was closed before the answer was complete.")
        transport.close() if self._reply is not None else transport.abort()
        await _until_disconnect(self._peer)


def with_faults(faults: Faults, face: Face[A], handler: Handler[A]) -> Endpoint:
    """The endpoint around `handler`: authentication first, then the fault that strikes, else the handler itself."""

    async def run(request: Request, account: A) -> Response:
        try:
            return await handler(request, account)
        except PartnerRefusalError as refusal:
            return face.refused(request, refusal)

    async def endpoint(request: Request) -> Response:
        account = face.find_account(face.token_of(request))
        if account is None:
            return face.unauthorized(request)

        def strikes(fault: Fault) -> bool:
            scope = fault.params.get("scope")
            needed = face.scopes(request)
            return fault.kind is not FaultKind.SCOPE_REMOVED or not scope or not needed or scope in needed

        fault = faults.take(account.account, request.method, request.url.path, HTTP_FAULTS, strikes)
        if fault is None:
            return await run(request, account)
        refusal = await _refusal(fault, face, request, account)
        return refusal if refusal is not None else await _bad_line(fault, face, request, account, run)

    return endpoint


async def _refusal(fault: Fault, face: Face[A], request: Request, account: A) -> Response | None:
    """The partner's own no, for the faults in which the request is understood but not carried out."""
    match fault.kind:
        case FaultKind.TOKEN_REVOKED:
            return face.unauthorized(request)
        case FaultKind.SCOPE_REMOVED:
            return face.forbidden(request, str(fault.params.get("scope", "")))
        case FaultKind.RATE_LIMITED:
            return _with_retry_after(face.rate_limited(request, account, fault), fault)
        case FaultKind.SERVER_ERROR:
            reply = await face.server_error(request, account, fault, int(fault.params.get("status", 500)))
            return _with_retry_after(reply, fault)
        case _:
            return None


async def _bad_line(fault: Fault, face: Face[A], request: Request, account: A, run: Handler[A]) -> Response:
    """The faults of the line between us and the partner; in most of them the request is carried out."""
    match fault.kind:
        case FaultKind.TIMEOUT:
            return await _silence(request, fault)
        case FaultKind.TIMEOUT_AFTER_APPLYING:
            await run(request, account)
            return await _silence(request, fault)
        case FaultKind.DROPPED_ANSWER:
            await run(request, account)
            return _Cut(request.receive)
        case FaultKind.TRUNCATED:
            return _truncated(request, await run(request, account), fault)
        case FaultKind.LATE_WRITE:
            await request.body()  # read now: the connection is gone when the write lands
            _run_later(lambda: run(request, account), float(fault.params.get("seconds", 1.0)))
            return await face.server_error(request, account, fault, int(fault.params.get("status", 504)))
        case _:
            return Response(_HTML, media_type="text/html")


def _with_retry_after(reply: Response, fault: Fault) -> Response:
    wait: Any = fault.params.get("retry_after")
    if wait is not None:
        reply.headers["Retry-After"] = str(wait)
    return reply


def _truncated(request: Request, reply: Response, fault: Fault) -> Response:
    """Half the body: well framed by default; with params.short the connection closes in the middle of it."""
    if fault.params.get("short"):
        return _Cut(request.receive, reply)
    body = bytes(reply.body)
    return Response(body[: len(body) // 2], status_code=reply.status_code, media_type="application/json")


def _run_later(work: Callable[[], Awaitable[Response]], seconds: float) -> None:
    async def later() -> None:
        await asyncio.sleep(seconds)
        await work()  # begun only now: a sandbox that ends before leaves nothing half begun

    task = asyncio.get_running_loop().create_task(later())
    _late.add(task)
    task.add_done_callback(_late.discard)


async def _silence(request: Request, fault: Fault) -> Response:
    """Say nothing until the caller hangs up or `seconds` have passed, then close the connection."""
    await request.body()
    try:
        await asyncio.wait_for(_until_disconnect(request.receive), float(fault.params.get("seconds", _SILENCE_SECONDS)))
    except (TimeoutError, asyncio.CancelledError):  # cancelled: the sandbox ends, and still nothing may be said
        return _Cut(request.receive)
    return Response(status_code=499)


async def _until_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
