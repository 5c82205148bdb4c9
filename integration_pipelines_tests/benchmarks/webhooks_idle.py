"""The other side of `webhooks`: the same framework and server, which answers every delivery at once and does nothing with it."""

import socket
import sys

import uvicorn
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from integration_pipelines.web.receiver import PATH
from integration_pipelines.web.serving import configured


async def accept(_: Request) -> Response:
    """Yes to everything."""
    return Response(b'{"status":"accepted"}', media_type="application/json")


def main() -> None:
    """Serve until told to stop; the address is the first line of the output."""
    app = FastAPI(openapi_url=None, redirect_slashes=False)
    app.add_route(PATH + "/{tenant_id}", accept, methods=["POST"])
    with socket.create_server(("127.0.0.1", 0), backlog=2_048) as listener:
        sys.stdout.write(f"http://127.0.0.1:{listener.getsockname()[1]}\n")
        sys.stdout.flush()
        uvicorn.Server(configured(app)).run(sockets=[listener])


if __name__ == "__main__":
    main()
