"""The web application: webhooks, and what a watcher asks. The receiver itself is `receiver`, the server `serving`."""

import hmac
import ipaddress
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus

from fastapi import FastAPI
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import generate_latest
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from integration_pipelines.errors import HTTP_STATUS, IntegrationError
from integration_pipelines.ports.bundle import Ports
from integration_pipelines.web.exposition import exposition
from integration_pipelines.web.problems import RETRY_SECONDS, problem
from integration_pipelines.web.receiver import PATH, Receiver

_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip", "via")


def make_app(receiver: Receiver, ports: Ports, *, metrics_token: str = "") -> FastAPI:
    """The application around a receiver; it starts and stops with the application.

    Args:
        receiver: not started.
        ports: for the figures.
        metrics_token: opens `/metrics` to others than this machine.
    """

    @asynccontextmanager
    async def alive(_: FastAPI) -> AsyncIterator[None]:
        receiver.start()
        yield
        await receiver.stop()

    app = FastAPI(title="integration_pipelines", lifespan=alive, openapi_url=None, redirect_slashes=False)
    # Plain routes: a signature covers the raw request, so there is nothing for FastAPI to parse before it is verified.
    app.add_route(PATH, receiver.receive, methods=["POST"])
    app.add_route(PATH + "/{tenant_id}", receiver.receive, methods=["POST"])

    @app.get("/healthz")
    async def healthz() -> Response:
        """Whether a delivery would be taken now."""
        trouble = receiver.trouble
        if not trouble:
            return JSONResponse({"status": "ok"})
        return JSONResponse({"status": "unavailable", "reason": trouble}, 503, headers={"retry-after": str(RETRY_SECONDS)})

    @app.get("/metrics")
    async def metrics(request: Request) -> Response:
        """Figures of the store and of this process, for this machine or with the token."""
        if not _may_watch(request, metrics_token):
            raise HTTPException(HTTPStatus.NOT_FOUND)
        text = await run_in_threadpool(exposition, ports.metrics)
        own = generate_latest(receiver.counters.registry).decode()
        return PlainTextResponse(text + own, media_type="text/plain; version=0.0.4; charset=utf-8")

    app.add_exception_handler(HTTPException, _http_problem)
    app.add_exception_handler(IntegrationError, _our_problem)
    app.add_exception_handler(Exception, _our_problem)
    return app


async def _http_problem(_: Request, error: Exception) -> Response:
    """What the framework refuses: no such path, or not with that method."""
    status = error.status_code if isinstance(error, HTTPException) else HTTPStatus.INTERNAL_SERVER_ERROR
    return problem(status, error.headers if isinstance(error, HTTPException) else None)


async def _our_problem(_: Request, error: Exception) -> Response:
    status = HTTP_STATUS[error.kind] if isinstance(error, IntegrationError) else HTTPStatus.INTERNAL_SERVER_ERROR
    retry = {"retry-after": str(RETRY_SECONDS)} if status == HTTPStatus.SERVICE_UNAVAILABLE else None
    return problem(status, retry)


def _may_watch(request: Request, token: str) -> bool:
    given = request.headers.get("authorization", "").removeprefix("Bearer ")
    if token and hmac.compare_digest(given.encode("utf-8", "surrogatepass"), token.encode()):
        return True
    if any(name in request.headers for name in _FORWARDED) or request.client is None:
        return False  # a proxy asks for somebody else
    try:
        return ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False
