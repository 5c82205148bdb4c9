"""The server around the application: until somebody asks it to stop, or the disk cannot be believed any more."""

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import uvicorn
from fastapi import FastAPI

from integration_pipelines.errors import ConfigError, TransientError
from integration_pipelines.settings import Settings
from integration_pipelines.web.app import make_app
from integration_pipelines.web.http_guard import GuardedHttp
from integration_pipelines.web.launching import launching
from integration_pipelines.web.receiver import Receiver
from integration_pipelines.wiring import open_ports, webhook_rules

GRACE_SECONDS = 15
_BACKLOG = 2_048


def serve(
    settings: Settings, host: str, port: int, *, hurry: bool = False, ready: Callable[[str], None] = lambda _: None
) -> bool:
    """Serve until the process is told to stop; what was taken by then is durable.

    Args:
        settings: of the product.
        host: the address to listen at.
        port: 0 takes a free one.
        hurry: have Dagster's webserver start runs at once; its sensor starts them a few seconds later anyway.
        ready: is told the base address.

    Returns:
        False if it ended because the disk did not confirm what it was given.

    Raises:
        ConfigError: the address is of no use.
        TransientError: the store does not answer, or the port is taken.
    """
    broken: list[bool] = []
    with open_ports(settings) as ports, _listening(host, port) as listener, ExitStack() as stack:
        address = settings.launch_url or settings.dagster_url
        nudge = stack.enter_context(launching(address, ports.contracts, ports.inbox)) if hurry else None
        servers: list[uvicorn.Server] = []

        def give_up() -> None:
            broken.append(True)
            servers[0].should_exit = True

        receiver = Receiver(ports, webhook_rules(settings), nudge=nudge, broken=give_up)
        token = settings.metrics_token.get_secret_value() if settings.metrics_token else ""
        server = uvicorn.Server(configured(make_app(receiver, ports, metrics_token=token)))
        servers.append(server)
        name, number = listener.getsockname()[:2]
        ready(f"http://{f'[{name}]' if ':' in name else name}:{number}")
        server.run(sockets=[listener])
    return not broken


def configured(app: FastAPI) -> uvicorn.Config:
    """How the server runs: no log of its own (it would hold addresses), no websockets, and no belief in what a proxy claims."""
    return uvicorn.Config(
        app,
        http=GuardedHttp,
        ws="none",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=GRACE_SECONDS,
        lifespan="on",
    )


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except socket.gaierror:
        raise ConfigError(f"{host} is no address to listen at.", remedy="Use one of this machine's, e.g. 127.0.0.1.") from None
    except OSError as error:
        raise TransientError(f"Port {port} cannot be used: {error.strerror}.", remedy="Choose another one with --port.") from None
    with listener:
        yield listener
