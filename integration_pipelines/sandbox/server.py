"""The sandbox as a server: every partner under its path, and the control door. Loopback unless told otherwise."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount

from integration_pipelines.errors import TransientError
from integration_pipelines.partner_models.hubspot.account import HubSpotAccount
from integration_pipelines.partner_models.pagerduty.account import PagerDutyAccount
from integration_pipelines.partner_models.slack.account import SlackAccount
from integration_pipelines.partner_models.stripe.account import StripeAccount
from integration_pipelines.partner_models.zendesk.account import ZendeskAccount
from integration_pipelines.sandbox.control import control_routes
from integration_pipelines.sandbox.hubspot.app_routes import app_routes
from integration_pipelines.sandbox.hubspot.routes import hubspot_routes
from integration_pipelines.sandbox.pagerduty.routes import pagerduty_routes
from integration_pipelines.sandbox.slack.routes import slack_routes
from integration_pipelines.sandbox.stripe.routes import stripe_routes
from integration_pipelines.sandbox.world import World
from integration_pipelines.sandbox.zendesk.routes import zendesk_routes

LOOPBACK = "127.0.0.1"
_PATIENCE_SECONDS = 15.0


def make_app(world: World) -> Starlette:
    """The whole sandbox as an ASGI application."""
    hubspot = [*app_routes(world.hubspot_app), *hubspot_routes(world.finder(HubSpotAccount), world.faults)]
    return Starlette(
        routes=[
            Mount("/stripe", routes=stripe_routes(world.finder(StripeAccount), world.faults)),
            Mount("/hubspot", routes=hubspot),
            Mount("/zendesk", routes=zendesk_routes(world.finder(ZendeskAccount), world.faults)),
            Mount("/pagerduty", routes=pagerduty_routes(world.finder(PagerDutyAccount), world.faults)),
            Mount("/slack", routes=slack_routes(world.finder(SlackAccount), world.faults, world.find_hook)),
            Mount("/_control", routes=control_routes(world)),
        ]
    )


def serve(world: World, *, host: str = LOOPBACK, port: int = 8900) -> None:
    """Serve until the process is told to stop."""
    with world.alive():
        uvicorn.run(make_app(world), host=host, port=port, log_level="warning", access_log=False)


@contextmanager
def running_sandbox(world: World, *, port: int = 0) -> Iterator[str]:
    """Serve from a thread; yields the base address. Port 0 takes a free one."""
    with world.alive(), socket.create_server((LOOPBACK, port)) as listener:
        config = uvicorn.Config(make_app(world), log_level="warning", access_log=False, lifespan="off", ws="none")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="sandbox", daemon=True)
        thread.start()
        try:
            _wait(server, thread)
            yield f"http://{LOOPBACK}:{cast('int', listener.getsockname()[1])}"
        finally:
            server.should_exit = True
            server.force_exit = True  # a request that a fault keeps silent would hold the server for a minute
            thread.join(timeout=_PATIENCE_SECONDS)


def _wait(server: uvicorn.Server, thread: threading.Thread) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not server.started:
        if time.monotonic() > deadline or not thread.is_alive():
            raise TransientError("The sandbox did not start.", remedy="Try again.")
        time.sleep(0.01)
