"""One tenant that lives through many crashes: partners outside the runs' processes, a person who edits, and what must hold afterwards."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from integration_pipelines.partner_models.hubspot.account import HubSpotAccount
from integration_pipelines.partner_models.hubspot.moments import iso
from integration_pipelines.partner_models.stripe.account import StripeAccount
from integration_pipelines.ports.inbox import EventOutcome, InboxEvent, TouchedRecord
from integration_pipelines.sandbox.world import World
from integration_pipelines_tests.kit.crash import Point
from integration_pipelines_tests.kit.crash_server import Order, written
from integration_pipelines_tests.kit.oracle import expected
from integration_pipelines_tests.kit.shop import CONTRACT, MASTER_KEY, Shop, open_shop

Json = dict[str, Any]
SEGMENTS = ("Enterprise", "Mid-Market", "SMB", "Startup")
KILLED = -9
MET = 19_000_000_000
"""The ids of companies that appear come after this."""
FOLLOWS = {"billing_subscription_status", "crm_segment"}
"""The fields in which the edits show at the other partner."""


@dataclass
class Runner:
    """The server that runs the product in processes of their own, and how many runs there were."""

    server: subprocess.Popen[str]
    runs: int = 0

    def run(self, order: Order) -> Json:
        """One run, later than any lease of the run before lasts."""
        self.runs += 1
        assert self.server.stdin is not None
        assert self.server.stdout is not None
        self.server.stdin.write(written(replace(order, run_id=f"run_{self.runs:04}", ahead=61.0 * self.runs)))
        self.server.stdin.flush()
        answer: Json = json.loads(self.server.stdout.readline())
        return answer


@dataclass
class Life:
    """A tenant, its shop, and who runs it in processes of their own."""

    shop: Shop
    runner: Runner
    order: Order
    name: str
    company: str
    customer: str
    subscription: str
    edits: int = 0

    def run(
        self, point: Point | None = None, *, terminate: bool = False, strace: Sequence[str] = (), inbox: bool = False
    ) -> Json:
        """One run; at that point it dies or is asked to stop, or `strace` interferes with it as its options say."""
        order = replace(self.order, terminate=terminate, strace=tuple(strace), inbox=inbox)
        return self.runner.run(order if point is None else replace(order, step=point.step, side=point.side, nth=point.nth))

    def together(self, copies: int) -> list[Json]:
        """So many runs at once, each in a process of its own."""
        ended: list[Json] = self.runner.run(replace(self.order, copies=copies))["all"]
        return ended

    def edit(self) -> None:
        """The company gets another segment, its subscription falls overdue or is paid again, and a new company and its customer appear."""
        self.edits += 1
        self._appear(self.edits)
        segment = SEGMENTS[self.edits % len(SEGMENTS)]
        self.shop.edit(self.name, "hubspot", "companies", self.company, {"customer_segment": segment})
        status = "past_due" if self.edits % 2 else "active"
        self.shop.edit(self.name, "stripe", "subscriptions", self.subscription, {"status": status})

    def tell(self) -> None:
        """Webhooks about everything that the last edit changed, as the receiver leaves them in the inbox."""
        now = self.shop.ports.clock.now()
        told = {
            ("hubspot", "companies"): (self.company, str(MET + self.edits)),
            ("stripe", "subscriptions"): (self.subscription,),
            ("stripe", "customers"): (f"cus_Met{self.edits}",),
        }
        events = [
            InboxEvent(
                self.order.tenant_id, CONTRACT, partner, f"evt_{word}_{self.edits}", f"{word}.changed",
                tuple(TouchedRecord(word, one) for one in ids), now, now, "landing/file", now,
            )
            for (partner, word), ids in told.items()
        ]  # fmt: skip
        assert self.shop.ports.inbox.accept(events) == len(told)

    def ends(self) -> set[EventOutcome]:
        """How events ended."""
        return {event.outcome for event in self.shop.ports.inbox.times([self.order.tenant_id], datetime.fromtimestamp(0, UTC))}

    def _appear(self, number: int) -> None:
        born, domain = time.time() - 86_400, f"met{number}.example"
        for account in (a for a in self.shop.world.accounts if a.tenant == self.name):
            if isinstance(account, HubSpotAccount):
                properties = {"name": f"Met {number}", "domain": domain}
                account.insert("companies", {"id": str(MET + number), "properties": properties, "createdAt": iso(born)})
            elif isinstance(account, StripeAccount):
                account.insert("customers", {"id": f"cus_Met{number}", "email": f"pay@{domain}", "created": int(born)})

    def unmet(self) -> set[str]:
        """Customers who appeared and are not linked with their company, once."""
        live = self.shop.ports.links.find([self.order.tenant_id], CONTRACT, states=["live"]).to_pylist()
        linked = {(r["left_id"], r["right_id"]) for r in live}
        return {f"cus_Met{n}" for n in range(1, self.edits + 1)} - {right for left, right in linked if int(left) > MET}

    def effects(self) -> list[tuple[str, str, str]]:
        """Our writes to the fields that the edits lead to: field, value before, value after."""
        found = []
        for partner, kind, record in (("hubspot", "companies", self.company), ("stripe", "customers", self.customer)):
            mine = [e for e in self.shop.effects(self.name, partner, kind) if e["id"] == record]
            found += [(f, str(e["before"][f]), str(e["after"][f])) for e in mine for f in e["fields"] if _last(f) in FOLLOWS]
        return found

    def wrong(self) -> dict[str, tuple[str, str]]:
        """Where the partners differ from what an independent calculation says they should hold."""
        crm, billing = self.shop.state(self.name, "hubspot"), self.shop.state(self.name, "stripe")
        truth = expected(crm, billing, time.time())
        held = {c["id"]: c["properties"] for c in crm["companies"]}
        billed = {c["id"]: c["metadata"] for c in billing["customers"]}
        free = {c: v for c, v in truth.company_values.items() if c not in truth.held_companies | truth.mixed}
        found = [(held, free), (billed, truth.customer_values)]
        return {
            f"{key}.{name}": (side[key].get(name) or "", value)
            for side, values in found
            for key, wanted in values.items()
            for name, value in wanted.items()
            if (side[key].get(name) or "") != value
        }

    def unsettled(self) -> list[str]:
        """Writes whose fate is open."""
        rows = self.shop.ports.ledger.unsettled([self.order.tenant_id], CONTRACT).to_pylist()
        return [str(r["state"]) for r in rows]

    def orphans(self) -> tuple[set[str], set[str]]:
        """Files of the lake that no manifest row names, and names without a file."""
        lake = Path(self.order.home) / "data" / "lake"
        there = {str(p.relative_to(lake)) for p in lake.rglob("*") if p.is_file()}
        known = self.shop.ports.manifest.paths()
        return there - known, known - there


def _last(field: str) -> str:
    return field.rpartition(".")[2]


@contextmanager
def life(folder: Path, *, database_url: str = "", synced: bool = True) -> Iterator[Life]:
    """A small tenant in sync, or one that is installed and was never looked at."""
    with lives(folder, 1, database_url=database_url, synced=synced) as (alive,):
        yield alive


@contextmanager
def lives(
    folder: Path, tenants: int, *, database_url: str = "", synced: bool = True, environment: Mapping[str, str] | None = None
) -> Iterator[list[Life]]:
    """So many small tenants of one store and one pair of partners; their runs have those variables beside this process' own."""
    world = World(tenants=tenants, customers=6, seed=3, now=time.time(), search_lag=0.0, rate_limits=False)
    with open_shop(folder, world, database_url=database_url) as shop, _server(environment or {}) as server:
        runner, ids = Runner(server), list(shop.tenants.values())
        everybody = Order(str(folder), database_url, MASTER_KEY, ids[0], "", others=tuple(ids[1:]))
        if synced:
            runner.run(everybody)
            shop.approve()
            runner.run(everybody)
        made = [_life(shop, runner, name, replace(everybody, tenant_id=one, others=())) for name, one in shop.tenants.items()]
        if synced:
            for alive in made:
                alive.edit()  # from here on every edit differs from the ones before it, and from what the partners hold
            runner.run(everybody)
        yield made


def _life(shop: Shop, runner: Runner, name: str, order: Order) -> Life:
    crm, billing = shop.state(name, "hubspot"), shop.state(name, "stripe")
    truth = expected(crm, billing, time.time())
    company, customer, subscription = _plain(billing, truth.groups, truth.held_companies | truth.mixed)
    return Life(shop, runner, order, name, company, customer, subscription)


def _plain(billing: dict[str, list[Json]], groups: dict[str, list[str]], held: set[str]) -> tuple[str, str, str]:
    """A company with one customer with one active subscription."""
    by_customer: dict[str, list[Json]] = {}
    for one in billing["subscriptions"]:
        by_customer.setdefault(one["customer"], []).append(one)
    for company, customers in sorted(groups.items()):
        mine = [s for c in customers for s in by_customer.get(c, [])]
        if len(customers) == 1 and company not in held and len(mine) == 1 and mine[0]["status"] == "active":
            return company, customers[0], mine[0]["id"]
    raise AssertionError("the seeds hold no plain customer")


@contextmanager
def _server(environment: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
    module = "integration_pipelines_tests.kit.crash_server"
    command, env = [sys.executable, "-W", "ignore", "-m", module], os.environ | environment
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env) as server:
        try:
            yield server
        finally:
            assert server.stdin is not None
            server.stdin.close()
            server.wait(30)
