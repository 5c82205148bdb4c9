"""What a watcher sees, who may watch, and who is nudged."""

import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from integration_pipelines.errors import TransientError
from integration_pipelines.ports.webhooks import Nudge
from integration_pipelines.store.tenants import SqlTenantStore
from integration_pipelines.web import receiver as receiving
from integration_pipelines.web.app import make_app
from integration_pipelines_tests.kit.databases import fresh_sqlite
from integration_pipelines_tests.kit.receiving import Reception, reception, signed_hubspot, signed_stripe, stripe_event


class Noticing(Nudge):
    """Remembers what it is told; the first call takes until it is released, and every call fails."""

    def __init__(self) -> None:
        self.told: list[frozenset[tuple[str, str]]] = []
        self.called = threading.Event()
        self.released = threading.Event()

    def tell(self, waiting: frozenset[tuple[str, str]]) -> None:
        """See the class."""
        self.told.append(waiting)
        self.called.set()
        self.released.wait(timeout=30)
        raise ValueError


@pytest.fixture
def nudge() -> Noticing:
    """Nobody was told anything yet."""
    return Noticing()


@pytest.fixture
def nudging(tmp_path: Path, nudge: Noticing) -> Iterator[Reception]:
    """A receiver that tells somebody."""
    with reception(tmp_path, database_url=fresh_sqlite(tmp_path), nudge=nudge) as running:
        yield running
        nudge.released.set()


def test_somebody_who_hurries_is_told_what_waits_and_holds_nobody_up(nudging: Reception, nudge: Noticing) -> None:
    """While a call lasts, deliveries are answered and what they bring is told in one call; that calls fail hurts nobody."""
    nudging.send(signed_stripe(stripe_event(1), nudging.now))
    assert nudge.called.wait(timeout=30)
    sent = [signed_stripe(stripe_event(n), nudging.now, tenant=tenant) for n in (2, 3) for tenant in ("t1", "t2")]
    assert {a.status_code for a in nudging.send_all(sent)} == {200}
    nudge.called.clear()
    nudge.released.set()
    assert nudge.called.wait(timeout=30)
    assert nudge.told == [frozenset({("t1", "crm_billing")}), frozenset({("t1", "crm_billing"), ("t2", "crm_billing")})]


def test_for_what_nobody_reads_nobody_is_told(nudging: Reception, nudge: Noticing) -> None:
    """Neither for what is ignored, nor for what is known."""
    nudging.send(signed_stripe(stripe_event(kind="charge.refunded"), nudging.now))
    nudging.send(signed_hubspot([], nudging.now))
    assert nudge.told == []


def test_the_figures_of_store_and_receiver_are_one_page(desk: Reception) -> None:
    """Deliveries by partner and reason, events by what became of them, and what the store counts."""
    desk.send(signed_stripe(stripe_event(), desk.now))
    desk.send(signed_stripe(stripe_event(), desk.now, secret="another-secret-012345"))
    page = desk.request("GET", "/metrics").text
    for line in (
        'webhook_accepted_total{partner="stripe"} 1.0',
        'webhook_refused_total{partner="stripe",reason="not_genuine"} 1.0',
        'webhook_events_total{outcome="waiting",partner="stripe"} 1.0',
        "webhook_group_deliveries_count 1.0",
        'enabled{integration="crm_billing",tenant="t1"} 1.0',
    ):
        assert f"integration_pipelines_{line}" in page


def watched(desk: Reception, client: str, token: str = "", **headers: str) -> int:
    """The status somebody at that address gets for /metrics."""
    app: FastAPI = make_app(desk.receiver, desk.product.ports, metrics_token=token)
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    async def ask(_: httpx.AsyncClient) -> int:
        transport = httpx.ASGITransport(app, client=(client, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as other:
            return (await other.get("/metrics", headers=named)).status_code

    return desk.call(ask)


def test_figures_are_for_this_machine_or_with_the_token(closed_desk: Reception) -> None:
    """Nobody else learns that there are any; a proxy on this machine asks for somebody else."""
    desk = closed_desk
    assert watched(desk, "127.0.0.1") == watched(desk, "::1") == 200
    assert watched(desk, "203.0.113.7") == watched(desk, "127.0.0.1", x_forwarded_for="203.0.113.7") == 404
    assert watched(desk, "203.0.113.7", "tok-0123456789", authorization="Bearer tok-0123456789") == 200
    assert watched(desk, "203.0.113.7", "tok-0123456789", authorization="Bearer tok") == 404
    assert watched(desk, "203.0.113.7", "", authorization="Bearer ") == 404


def test_it_is_healthy_while_a_delivery_would_be_taken(desk: Reception, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the store has not answered for a minute it says so, and when it answers again it is well again."""
    assert desk.request("GET", "/healthz").json() == {"status": "ok"}

    def down(_: SqlTenantStore) -> list[str]:
        raise TransientError("The store's database is busy or does not answer.")

    with monkeypatch.context() as patched:
        patched.setattr(SqlTenantStore, "all", down)
        patched.setattr(receiving, "_STALE_SECONDS", 0.0)
        desk.receiver.routes.refresh()
        answer = desk.request("GET", "/healthz")
    assert (answer.status_code, answer.json()["reason"]) == (503, "the store does not answer")
    desk.receiver.routes.refresh()
    assert desk.request("GET", "/healthz").status_code == 200


def test_with_a_secret_that_does_not_open_partners_are_asked_to_come_again(desk: Reception) -> None:
    """The master key is another one: that is no forgery, and delivered again it is taken once the key is back."""
    secrets = desk.product.ports.webhook_secrets
    (good,) = secrets.load("t1")
    secrets.forget("t1", None)
    secrets.add(type(good)(good.tenant_id, good.partner, good.secret_id, good.scheme, b"damaged", good.added_at))
    desk.receiver.routes.refresh()
    answer = desk.send(signed_stripe(stripe_event(), desk.now))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")
    assert desk.files() == []
