"""Tenants of the sandbox under a running profile, synced once, and people who change something there: what `latency` measures with."""

import base64
import os
import random
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from integration_pipelines.ports.bundle import Ports
from integration_pipelines.ports.inbox import EventTimes
from integration_pipelines.ports.webhooks import APP, Scheme
from integration_pipelines.use_cases.approve import approve_plan
from integration_pipelines.use_cases.onboard import add_tenant, connect_tenant, install_integration
from integration_pipelines.use_cases.outcome import SyncMode
from integration_pipelines.use_cases.switch import switch_writes
from integration_pipelines.use_cases.sync import sync
from integration_pipelines.use_cases.webhook_secrets import add_webhook_secret
from integration_pipelines.wiring import open_ports
from integration_pipelines_tests.kit.stack import LOOPBACK, Stack, free_port, running_stack

CONTRACT = "crm_billing"
SECRET = "whsec_of_the_benchmark"
STATUSES = ("past_due", "active")
PATIENCE_SECONDS = 90.0


@dataclass(frozen=True, slots=True)
class Pair:
    """A company with one customer and one subscription."""

    tenant: str
    company: str
    customer: str
    subscription: str


@dataclass(slots=True)
class Shop:
    """The sandbox and the product around it."""

    stack: Stack
    ports: Ports
    control: httpx.Client
    tenants: dict[str, str]  # the sandbox's name → our id
    accounts: dict[tuple[str, str], str]  # (the sandbox's name, partner) → account
    pairs: list[Pair]
    owners: dict[str, list[str]]
    said: dict[tuple[str, str], str] = field(default_factory=dict)  # (tenant, record) → what it was last changed to

    def change(self, number: int) -> str:
        """Somebody changes a subscription or, every other time, a company's owner; returns whose it was."""
        pair = self.pairs[(number // 2) % len(self.pairs)]
        if number % 2 == 0:
            self._edit(
                pair.tenant,
                "stripe",
                "subscriptions",
                pair.subscription,
                {"status": self._next(pair.tenant, pair.subscription, STATUSES)},
            )
        else:
            owner = self._next(pair.tenant, pair.company, self.owners[pair.tenant])
            self._edit(pair.tenant, "hubspot", "companies", pair.company, {"hubspot_owner_id": owner})
        return self.tenants[pair.tenant]

    def times(self, since: float) -> list[EventTimes]:
        """Events received since then."""
        return self.ports.inbox.times(None, datetime.fromtimestamp(since, UTC))

    def written(self, since: float) -> list[EventTimes]:
        """Those of them that led to a write."""
        return [event for event in self.times(since) if event.written_at is not None]

    def wait_until_written(self, since: float, events: int) -> None:
        """Until so many have."""
        end = time.monotonic() + PATIENCE_SECONDS
        while len(self.written(since)) < events:
            if time.monotonic() > end:
                raise TimeoutError(f"Of {events} events {len(self.written(since))} led to a write. {self._why_not(since)}")
            time.sleep(0.05)

    def wait_until_worked_off(self) -> None:
        """Until nothing waits any more, our own echoes neither."""
        end = time.monotonic() + PATIENCE_SECONDS
        while self.ports.inbox.waiting():
            if time.monotonic() > end:
                raise TimeoutError(f"Events still wait. {self._why_not(0.0)}")
            time.sleep(0.05)

    def _next(self, tenant: str, record: str, values: Sequence[str]) -> str:
        """The first of the values that is not what the record says now; tenants' accounts may have the same ids."""
        key = (tenant, record)
        self.said[key] = next(value for value in values if value != self.said[key])
        return self.said[key]

    def _why_not(self, since: float) -> str:
        """How the events ended, what waits for a person, and how the newest runs ended."""
        ends = [(event.partner, str(event.outcome)) for event in self.times(since)]
        plans = [self.ports.plans.open(tenant_id, CONTRACT) for tenant_id in self.tenants.values()]
        held = [f"{plan.plan_id}: {plan.state} {plan.reason}" for plan in plans if plan is not None]
        runs = self.ports.runs.last(list(self.tenants.values()), CONTRACT)
        return f"Events: {ends}. Plans: {held}. Runs: {[(run.outcome, run.error_text) for run in runs]}."

    def _edit(self, tenant: str, partner: str, kind: str, record: str, fields: dict[str, str]) -> None:
        body = {"partner": partner, "account": self.accounts[tenant, partner], "object": kind, "id": record, "fields": fields}
        self.control.post("/edit", json=body).raise_for_status()


@contextmanager
def open_shop(profile: str, home: Path, *, tenants: int, customers: int, workers: dict[str, int] | None = None) -> Iterator[Shop]:
    """Start the profile, the sandbox and the receiver, and bring every tenant to where only changes are left."""
    receiver, sandbox = free_port(), free_port()
    env = {
        "INTEGRATION_PIPELINES_MASTER_KEY": base64.b64encode(os.urandom(32)).decode(),
        "INTEGRATION_PIPELINES_PUBLIC_URL": f"http://{LOOPBACK}:{receiver}",
    }
    with running_stack(profile, home, workers=workers, env=env) as stack:
        said = ["--tenants", str(tenants), "--customers", str(customers), "--seed", "1"]
        stack.start("sandbox", ["integration-pipelines", "sandbox", "serve", "--port", str(sandbox), *said])
        base = f"http://{LOOPBACK}:{sandbox}"
        with (
            open_ports(stack.settings) as ports,
            httpx.Client(base_url=f"{base}/_control", trust_env=False, timeout=60) as control,
        ):
            stack.wait("sandbox", lambda: _answers(control))
            shop = _connected(stack, ports, control)
            stack.start("receiver", ["integration-pipelines", "serve", "--port", str(receiver)])
            stack.wait("receiver", lambda: _healthy(receiver))
            _listen(shop, f"http://{LOOPBACK}:{receiver}/webhooks")
            yield shop


def _connected(stack: Stack, ports: Ports, control: httpx.Client) -> Shop:
    accounts: list[dict[str, str]] = control.get("/accounts").json()
    tenants: dict[str, str] = {}
    for name in sorted({account["tenant"] for account in accounts}):
        tenant_id = tenants[name] = add_tenant(name, actor="bench", ports=ports).tenant_id
        install_integration(tenant_id, CONTRACT, actor="bench", ports=ports)
        for one in (a for a in accounts if a["tenant"] == name):
            place = one["base_url"]
            connect_tenant(tenant_id, one["partner"], token=one["token"], base_url=place, actor="bench", ports=ports)
        switch_writes(tenant_id, CONTRACT, enabled=True, actor="bench", ports=ports)
    _settle(list(tenants.values()), ports)
    shop = Shop(stack, ports, control, tenants, {(a["tenant"], a["partner"]): a["account"] for a in accounts}, [], {})
    for name, tenant_id in tenants.items():
        shop.pairs += _pairs(shop, name, tenant_id)
        owned = {c["id"]: _owner(c) for c in _state(control, name, "hubspot", "companies")}
        for pair in (p for p in shop.pairs if p.tenant == name):
            shop.said |= {(name, pair.subscription): "active", (name, pair.company): owned[pair.company]}
        shop.owners[name] = [o["id"] for o in _state(control, name, "hubspot", "owners") if not o["archived"]]
    random.Random(1).shuffle(shop.pairs)
    return shop


def _settle(tenant_ids: list[str], ports: Ports) -> None:
    """The first plan, approved and written."""
    contract = ports.contracts[CONTRACT]
    for number in range(2):
        sync(tenant_ids, contract, ports=ports, mode=SyncMode.APPLY, run_id=f"bench-{number}", full=number == 0)
        for tenant_id in tenant_ids:
            plan = ports.plans.open(tenant_id, CONTRACT)
            if number == 0 and plan is not None:
                approve_plan(tenant_id, plan.plan_id, actor="bench", ports=ports)


def _pairs(shop: Shop, name: str, tenant_id: str) -> Iterator[Pair]:
    """Companies of one customer with one active subscription, about which nothing is open: what changes there changes the other side."""
    doubted = _doubted(shop.ports, tenant_id)
    links = [r for r in shop.ports.links.load([tenant_id], CONTRACT).to_pylist() if r["state"] == "live"]
    companies = [r["left_id"] for r in links]
    subscriptions = _state(shop.control, name, "stripe", "subscriptions")
    for link in links:
        mine = [s for s in subscriptions if s["customer"] == link["right_id"]]
        plain = len(mine) == 1 and mine[0]["status"] == "active" and not mine[0].get("cancel_at_period_end")
        if (
            plain
            and companies.count(link["left_id"]) == 1
            and doubted.isdisjoint({link["left_id"], link["right_id"], mine[0]["id"]})
        ):
            yield Pair(name, link["left_id"], link["right_id"], mine[0]["id"])


def _doubted(ports: Ports, tenant_id: str) -> set[str]:
    """Ids of records that something is open about after the first writes: a difference that a person decides, or a value that was refused."""
    open_ = ports.diffs.unresolved([tenant_id], CONTRACT).to_pylist()
    refused = ports.quarantine.load([tenant_id], CONTRACT).to_pylist()
    return {str(r["left_id"]) for r in open_} | {str(r["right_id"]) for r in open_} | {str(r["record_id"]) for r in refused}


def _listen(shop: Shop, address: str) -> None:
    """Both partners send what changes to the receiver."""
    _accept(shop, APP, "hubspot")
    for name, tenant_id in shop.tenants.items():
        _accept(shop, tenant_id, "stripe")
        _register(shop, "stripe", shop.accounts[name, "stripe"], f"{address}/stripe/{tenant_id}")
    _register(shop, "hubspot", "*", f"{address}/hubspot")


def _accept(shop: Shop, owner: str, partner: str) -> None:
    add_webhook_secret(owner, partner, SECRET, scheme=Scheme.PARTNER, others_end=None, actor="bench", ports=shop.ports)


def _register(shop: Shop, partner: str, account: str, url: str) -> None:
    body = {"partner": partner, "account": account, "url": url, "secret": SECRET}
    shop.control.post("/webhooks", json=body).raise_for_status()


def _state(control: httpx.Client, tenant: str, partner: str, kind: str) -> list[dict[str, Any]]:
    answer = control.get("/state", params={"tenant": tenant, "partner": partner, "object": kind}).raise_for_status().json()
    found: list[dict[str, Any]] = answer[0]["state"][kind]
    return found


def _owner(company: dict[str, Any]) -> str:
    found = company["properties"].get("hubspot_owner_id")
    return str((found.get("value") if isinstance(found, dict) else found) or "")


def _answers(control: httpx.Client) -> bool | None:
    try:
        return control.get("/health").is_success or None
    except httpx.TransportError:
        return None


def _healthy(port: int) -> bool | None:
    try:
        return httpx.get(f"http://{LOOPBACK}:{port}/healthz", trust_env=False).is_success or None
    except httpx.TransportError:
        return None
