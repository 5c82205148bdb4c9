"""A receiver as a process of its own, as `integration-pipelines serve` runs it; it may be told to die at a step of making things durable."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import wraps
from pathlib import Path
from typing import ParamSpec, TypeVar

from pydantic import SecretStr

from integration_pipelines.settings import Settings
from integration_pipelines.store.inbox import SqlInbox
from integration_pipelines.store.landing import DirectoryLandingZone
from integration_pipelines.web.serving import serve
from integration_pipelines_tests.kit.receiving import PUBLIC

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True)
class Order:
    """What to serve, and where to die: before or after the n-th call of a step."""

    home: str
    database_url: str
    master_key: str
    step: str = ""
    side: str = ""
    nth: int = 0


@contextmanager
def running(order: Order) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """The process and its base address."""
    command = [sys.executable, "-m", "integration_pipelines_tests.kit.receiver_process", json.dumps(asdict(order))]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])
    assert process.stdout is not None
    try:
        yield process, process.stdout.readline().strip()
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)
        process.stdout.close()


def main(arguments: Sequence[str]) -> int:
    """Serve until told to stop, or until it dies."""
    order = Order(**json.loads(arguments[0]))
    calls = {"land": (DirectoryLandingZone, "land"), "accept": (SqlInbox, "accept")}
    if order.step:
        owner, name = calls[order.step]
        setattr(owner, name, _deadly(getattr(owner, name), order.side, order.nth))
    settings = Settings(
        home=Path(order.home),
        database_url=order.database_url,
        master_key=SecretStr(order.master_key),
        public_url=PUBLIC,
        log_level="ERROR",
    )
    return 0 if serve(settings, "127.0.0.1", 0, ready=_tell) else 1


def _tell(address: str) -> None:
    sys.stdout.write(f"{address}\n")
    sys.stdout.flush()


def _deadly(real: Callable[P, R], side: str, nth: int) -> Callable[P, R]:
    made: list[int] = []

    @wraps(real)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        made.append(1)
        if len(made) == nth and side == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = real(*args, **kwargs)
        if len(made) == nth and side == "after":
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    return call


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
