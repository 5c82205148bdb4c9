"""A receiver for a test: real store, real landing zone, the whole application in an event loop of its own, and senders that sign as partners do."""

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import httpx
import orjson
import uvicorn
from fastapi import FastAPI

from integration_pipelines.partners import standard_webhooks
from integration_pipelines.partners.hubspot import signature as hubspot
from integration_pipelines.partners.stripe import signature as stripe
from integration_pipelines.partners.webhooks import rules
from integration_pipelines.ports.bundle import Ports
from integration_pipelines.ports.tenants import Connection
from integration_pipelines.ports.webhooks import APP, Nudge, Scheme
from integration_pipelines.store.engine import EVERYONE, reading
from integration_pipelines.store.inbox import SqlInbox
from integration_pipelines.store.schema import WEBHOOK_EVENTS
from integration_pipelines.use_cases.webhook_secrets import add_webhook_secret
from integration_pipelines.web.app import make_app
from integration_pipelines.web.receiver import Receiver
from integration_pipelines.web.serving import configured
from integration_pipelines_tests.kit.bench import Product, product, small_accounts

PUBLIC = "https://hooks.example.com/in"
"""Behind a proxy that takes `/in` away."""
TENANTS = ("t1", "t2")
APP_SECRET = "the-client-secret-of-the-app"
JSON = {"content-type": "application/json"}
Json = dict[str, Any]
Given = TypeVar("Given")


def secret_of(tenant: str) -> str:
    """What a tenant's Stripe endpoint signs with."""
    return f"whsec_of_{tenant}_0123456789abcdef"


def account_of(tenant: str) -> str:
    """A tenant's HubSpot account."""
    return f"10{tenant.removeprefix('t')}"


def stripe_event(number: int = 1, kind: str = "customer.updated", **about: object) -> Json:
    """An event about a customer, or whatever else it is to be about."""
    thing = {"object": "customer", "id": "cus_acme"} | about
    data = {"object": thing}
    return {"id": f"evt_{number}", "object": "event", "type": kind, "created": 1_795_430_000, "data": data, "request": None}


def hubspot_event(number: int = 1, tenant: str = "t1", kind: str = "company.propertyChange", **facts: object) -> Json:
    """An event about a company of a tenant's account."""
    said = {
        "eventId": number,
        "subscriptionId": 7,
        "portalId": int(account_of(tenant)),
        "appId": 1,
        "occurredAt": 1_795_430_000_000,
    }
    return said | {"subscriptionType": kind, "attemptNumber": 0, "objectId": 1, "propertyName": "name"} | facts


@dataclass(frozen=True, slots=True)
class Signed:
    """A delivery as its partner sends it."""

    path: str
    body: bytes
    headers: Mapping[str, str]


def signed_stripe(event: object, at: datetime, *, tenant: str = "t1", secret: str = "", path: str = "") -> Signed:
    """Signed for a tenant's endpoint; bytes are sent as they are."""
    body = event if isinstance(event, bytes) else orjson.dumps(event, option=orjson.OPT_INDENT_2)
    header = stripe.sign(body, secret=secret or secret_of(tenant), at=at)
    return Signed(path or f"/webhooks/stripe/{tenant}", body, JSON | {stripe.SIGNATURE_HEADER: header})


def signed_hubspot(events: object, at: datetime, *, secret: str = APP_SECRET, path: str = "/webhooks/hubspot") -> Signed:
    """Signed by the app, over the public address."""
    body = events if isinstance(events, bytes) else orjson.dumps(events)
    stamp = str(int(at.timestamp() * 1000))
    header = hubspot.sign(hubspot.Delivery("POST", PUBLIC + path, body, stamp), secret)
    return Signed(path, body, JSON | {hubspot.SIGNATURE_HEADER: header, hubspot.TIMESTAMP_HEADER: stamp})


def signed_standard(
    event: object, at: datetime, *, secret: str, path: str = "/webhooks/stripe/t1", name: str = "msg_1"
) -> Signed:
    """Passed on by a gateway."""
    body = event if isinstance(event, bytes) else orjson.dumps(event)
    message = standard_webhooks.Message(name, str(int(at.timestamp())), body)
    signature = standard_webhooks.sign(message, secret)
    headers = {"webhook-id": name, "webhook-timestamp": message.timestamp, "webhook-signature": signature}
    return Signed(path, body, JSON | headers)


@dataclass
class Reception:
    """A running application and the product behind it."""

    product: Product
    receiver: Receiver
    app: FastAPI
    loop: asyncio.AbstractEventLoop
    folder: Path

    @property
    def now(self) -> datetime:
        """The product's clock."""
        return self.product.clock.now()

    def add_secret(
        self, owner: str, partner: str, text: str, scheme: Scheme = Scheme.PARTNER, ends: datetime | None = None
    ) -> None:
        """One more secret, known at once; the others of its scheme end then."""
        add_webhook_secret(owner, partner, text, scheme=scheme, others_end=ends, actor="tester", ports=self.product.ports)
        self.receiver.routes.refresh()

    def call(self, work: Callable[[httpx.AsyncClient], Awaitable[Given]]) -> Given:
        """Run something with a client of the application, in its loop."""

        async def run() -> Given:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://receiver") as client:
                return await work(client)

        return asyncio.run_coroutine_threadsafe(run(), self.loop).result(timeout=60)

    def send(self, signed: Signed, **headers: str) -> httpx.Response:
        """Post a delivery, with other headers if told."""
        return self.send_all([signed], **headers)[0]

    def send_all(self, deliveries: Sequence[Signed], **headers: str) -> list[httpx.Response]:
        """Post deliveries at once."""

        async def post(client: httpx.AsyncClient) -> list[httpx.Response]:
            posts = [client.post(s.path, content=s.body, headers=_bytes({**s.headers, **headers})) for s in deliveries]
            return await asyncio.gather(*posts)

        return self.call(post)

    def request(self, method: str, path: str, headers: Mapping[str, str] | None = None, content: bytes = b"") -> httpx.Response:
        """Anything else."""
        return self.call(lambda client: client.request(method, path, headers=headers, content=content))

    def rows(self, *columns: str) -> list[tuple[Any, ...]]:
        """Columns of all events that were accepted, sorted."""
        inbox = self.product.ports.inbox
        assert isinstance(inbox, SqlInbox)
        with reading(inbox._engine, EVERYONE) as connection:
            return sorted(
                tuple(row)
                for row in connection.execute(WEBHOOK_EVENTS.select().with_only_columns(*(WEBHOOK_EVENTS.c[n] for n in columns)))
            )

    def files(self) -> list[Path]:
        """Everything in the landing zone that is no directory."""
        return sorted(p for p in (self.folder / "data" / "landing").rglob("*") if not p.is_dir())

    def landed(self, tenant: str) -> list[Json]:
        """What stands in a tenant's files, in the order of their names."""
        root = self.folder / "data" / "landing"
        paths = [p.relative_to(root).as_posix() for p in self.files() if p.relative_to(root).parts[0] == tenant]
        return [orjson.loads(line) for path in paths for line in self.product.ports.landing.read(path)]


@contextmanager
def reception(
    folder: Path, *, database_url: str = "", nudge: Nudge | None = None, tenants: Sequence[str] = TENANTS
) -> Iterator[Reception]:
    """Tenants connected to both partners, each with a secret for Stripe, and the HubSpot app's secret."""
    accounts = {tenant: small_accounts() for tenant in tenants}
    with product(folder, accounts, database_url=database_url) as bench:
        ports = bench.ports
        prepare(ports, tenants)
        receiver = Receiver(ports, rules(PUBLIC), nudge=nudge)
        with _loop() as loop:
            asyncio.run_coroutine_threadsafe(_start(receiver), loop).result(timeout=30)
            try:
                yield Reception(bench, receiver, make_app(receiver, ports), loop, folder)
            finally:
                asyncio.run_coroutine_threadsafe(receiver.stop(), loop).result(timeout=30)


def prepare(ports: Ports, tenants: Sequence[str]) -> None:
    """Connect those tenants, and add all secrets."""
    add = partial(add_webhook_secret, scheme=Scheme.PARTNER, others_end=None, actor="tester", ports=ports)
    for tenant in tenants:
        for partner, account in (("hubspot", account_of(tenant)), ("stripe", f"acct_{tenant}")):
            ports.tenants.connect(Connection(tenant, partner, account, "http://localhost", b"sealed", ports.clock.now()))
        add(tenant, "stripe", secret_of(tenant))
    add(APP, "hubspot", APP_SECRET)


def _bytes(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    """As they go over the line, whatever letters they hold."""
    return [(name.encode(), value.encode()) for name, value in headers.items()]


async def _start(receiver: Receiver) -> None:
    receiver.start()


@contextmanager
def served(desk: Reception) -> Iterator[str]:
    """The application over real HTTP, in the loop that it has; its address, which is also its public one."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        desk.receiver._rules = replace(desk.receiver._rules, public_url=address)
        config = configured(desk.app)
        config.lifespan = "off"  # the receiver runs already
        server = uvicorn.Server(config)
        work = asyncio.run_coroutine_threadsafe(server.serve(sockets=[listener]), desk.loop)
        try:
            yield address
        finally:
            server.should_exit = True
            work.result(timeout=30)


@contextmanager
def _loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(timeout=30)
        loop.close()
