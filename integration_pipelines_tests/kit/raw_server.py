"""A server that says exactly the bytes it is told, as slowly and as incompletely as a test wants."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Say:
    """One connection's answer: bytes, sent whole or in `step`-sized pieces with pauses; `hold` keeps the connection open after."""

    data: bytes
    step: int = 0
    pause: float = 0.0
    hold: bool = False


@dataclass(slots=True)
class RawServer:
    """Answers the n-th connection with the n-th script; remembers what was sent to it."""

    url: str
    requests: list[bytes] = field(default_factory=list)


def ok(body: bytes, *headers: str, content_type: str = "application/json", length: int | None = None) -> bytes:
    """A 200 with a body."""
    lines = ["HTTP/1.1 200 OK", f"Content-Type: {content_type}", f"Content-Length: {len(body) if length is None else length}"]
    return "\r\n".join([*lines, "Connection: close", *headers, "", ""]).encode() + body


@contextlib.contextmanager
def raw_server(answers: Sequence[Say | None]) -> Iterator[RawServer]:
    """Serve those answers, one a connection; None resets the connection after the request."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        running = RawServer(f"http://127.0.0.1:{listener.getsockname()[1]}")
        over = threading.Event()
        thread = threading.Thread(target=_serve, args=(listener, answers, running, over), daemon=True)
        thread.start()
        try:
            yield running
        finally:
            over.set()
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            thread.join(5)


def _serve(listener: socket.socket, answers: Sequence[Say | None], running: RawServer, over: threading.Event) -> None:
    for answer in answers:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection:
            running.requests.append(connection.recv(65_536))
            if answer is None:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
                continue
            with contextlib.suppress(OSError):
                _say(connection, answer, over)


def _say(connection: socket.socket, answer: Say, over: threading.Event) -> None:
    step = answer.step or max(1, len(answer.data))
    for start in range(0, len(answer.data), step):
        connection.sendall(answer.data[start : start + step])
        if answer.pause and not over.is_set():
            time.sleep(answer.pause)
        if over.is_set():
            return
    if answer.hold:
        over.wait(5)
