"""The sandbox as a process of its own, so that its CPU time is nobody's: `python -m …benchmarks.serve PORT CUSTOMERS`."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from integration_pipelines.sandbox.server import serve
from integration_pipelines.sandbox.world import World

STARTS_WITHIN = 120.0


@contextmanager
def sandbox_process(customers: int) -> Iterator[dict[str, dict[str, str]]]:
    """Start it on a free port, wait for it, and yield its accounts by partner (`base_url`, `token`)."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    command = [sys.executable, "-m", "integration_pipelines_tests.benchmarks.serve", str(port), str(customers)]
    process = subprocess.Popen(command)
    try:
        yield {a["partner"]: a for a in _accounts(f"http://127.0.0.1:{port}", process)}
    finally:
        process.terminate()
        process.wait()


def _accounts(url: str, process: "subprocess.Popen[bytes]") -> list[dict[str, str]]:
    deadline = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < deadline and process.poll() is None:
        try:
            found: list[dict[str, str]] = httpx.get(f"{url}/_control/accounts", trust_env=False).json()
        except httpx.TransportError:
            time.sleep(0.2)
        else:
            return found
    raise RuntimeError("the sandbox did not start")


if __name__ == "__main__":
    serve(World(tenants=1, customers=int(sys.argv[2]), seed=1, now=time.time(), rate_limits=False), port=int(sys.argv[1]))
