"""Servers that a sink speaks to in tests: HTTP that answers as told, and SMTP that takes mail as RFC 5321 has it."""

import contextlib
import socketserver
import ssl
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from integration_pipelines_tests.kit.loopback import serving


@dataclass(slots=True)
class Listener:
    """What a server was sent."""

    url: str = ""
    requests: list[tuple[str, Mapping[str, str], bytes]] = field(default_factory=list)  # path, headers, body


@contextlib.contextmanager
def listening(status: int = 200, body: bytes = b"ok", headers: Mapping[str, str] | None = None) -> Iterator[Listener]:
    """An HTTP server that gives this answer to everything."""
    heard = Listener()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        heard.requests.append((request.url.path, dict(request.headers), await request.body()))
        await Response(body, status, dict(headers or {}))(scope, receive, send)

    with serving(app) as url:
        heard.url = url
        yield heard


@dataclass(slots=True)
class MailBox:
    """A mail server's port and what was handed in."""

    port: int = 0
    mails: list[bytes] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)


class _Session(socketserver.StreamRequestHandler):
    server: "_MailServer"

    def handle(self) -> None:
        """Until the other side has said all it has to say."""
        self._say("220 ready")
        while line := self.rfile.readline():
            command = line.decode().strip()
            self.server.box.commands.append(command)
            verb = command.partition(" ")[0].upper()
            self._say(self.server.answers.get(verb, "250 ok"))
            if verb == "DATA" and self.server.answers["DATA"].startswith("354"):
                self.server.box.mails.append(b"".join(iter(self.rfile.readline, b".\r\n")))
                self._say("250 taken")
            elif verb == "STARTTLS" and self.server.tls is not None:
                self.request = self.server.tls.wrap_socket(self.request, server_side=True)
                self.rfile, self.wfile = self.request.makefile("rb"), self.request.makefile("wb", 0)

    def finish(self) -> None:
        """The encrypted line is ours to close."""
        super().finish()
        self.request.close()

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


class _MailServer(socketserver.ThreadingTCPServer):
    def __init__(self, refuse: str, tls: ssl.SSLContext | None) -> None:
        super().__init__(("127.0.0.1", 0), _Session)
        self.box, self.tls = MailBox(self.server_address[1]), tls
        here = "250-here\r\n250-AUTH PLAIN\r\n250 STARTTLS" if tls is not None else "250 here"
        self.answers = {"EHLO": here, "STARTTLS": "220 go on", "AUTH": "235 welcome", "DATA": "354 go on", "QUIT": "221 bye"}
        verb, _, answer = refuse.partition(" ")
        self.answers |= {verb: answer} if verb else {}

    def handle_error(self, request: object, client_address: object) -> None:
        """Who hangs up in the middle of a handshake is no trouble here."""


@contextlib.contextmanager
def mail_server(*, refuse: str = "", tls: ssl.SSLContext | None = None) -> Iterator[MailBox]:
    """A mail server in a thread that offers STARTTLS if it can; `refuse` is a command and its answer, e.g. `RCPT 450 later`."""
    with _MailServer(refuse, tls) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield server.box
        server.shutdown()
        thread.join(5)
