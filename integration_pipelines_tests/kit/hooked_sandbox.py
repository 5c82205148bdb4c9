"""The whole sandbox with a listener registered at it, through the control door or an official SDK."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx

from integration_pipelines.partner_models.base import Json
from integration_pipelines.partner_models.hubspot.account import HubSpotAccount
from integration_pipelines.partner_models.pagerduty.account import PagerDutyAccount
from integration_pipelines.partner_models.stripe.account import StripeAccount
from integration_pipelines.partner_models.zendesk.account import ZendeskAccount
from integration_pipelines.sandbox.server import running_sandbox
from integration_pipelines.sandbox.world import World
from integration_pipelines_tests.kit.listening import Listener, listening

SECRETS = {
    "stripe": "whsec_of_the_endpoint", "hubspot": "secret-of-the-app", "zendesk": "secret-of-the-desk", "pagerduty": "secret-of-the-pager"
}  # fmt: skip
HURRY = 36_000.0  # ten minutes of a partner's patience in 17 ms


@dataclass(slots=True)
class Hooked:
    """A running sandbox with two tenants, and the control door."""

    world: World
    base: str
    control: httpx.Client

    @property
    def billing(self) -> StripeAccount:
        """The first tenant's Stripe account."""
        return next(a for a in self.world.accounts if isinstance(a, StripeAccount))

    @property
    def crms(self) -> list[HubSpotAccount]:
        """Both tenants' HubSpot accounts."""
        return [a for a in self.world.accounts if isinstance(a, HubSpotAccount)]

    @property
    def desk(self) -> ZendeskAccount:
        """The first tenant's Zendesk account."""
        return next(a for a in self.world.accounts if isinstance(a, ZendeskAccount))

    @property
    def pager(self) -> PagerDutyAccount:
        """The first tenant's PagerDuty account."""
        return next(a for a in self.world.accounts if isinstance(a, PagerDutyAccount))

    def register(self, partner: str, url: str) -> list[Json]:
        """Have everything of a partner sent to an address."""
        body = {"partner": partner, "account": "*", "url": url, "secret": SECRETS[partner]}
        reply = self.control.post("/webhooks", json=body)
        assert reply.status_code == 200, reply.text
        found: list[Json] = reply.json()
        return found

    def fault(self, kind: str, **said: object) -> None:
        """Switch a fault on."""
        assert self.control.post("/faults", json={"kind": kind, **said}).status_code == 200

    def change(self, partner: str, *values: str) -> None:
        """A person renames one record to each value in turn."""
        account, name = (self.billing, "customers") if partner == "stripe" else (self.crms[0], "companies")
        record = account.state()[name][0]["id"]
        for value in values:
            body = {"partner": partner, "account": account.account, "object": name, "id": record, "fields": {"name": value}}
            assert self.control.post("/edit", json=body).status_code == 200

    def settled(self) -> Json:
        """What became of the events, once none waits."""
        deadline = time.monotonic() + 15
        while self.world.outbound.counts()["waiting"]:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        return self.world.outbound.counts()


@contextmanager
def hooked_sandbox() -> Iterator[Hooked]:
    """One sandbox."""
    world = World(tenants=2, customers=40, seed=3, now=time.time(), rate_limits=False, hurry=HURRY, tickets=30)
    with running_sandbox(world) as base, httpx.Client(base_url=f"{base}/_control", trust_env=False) as control:
        yield Hooked(world, base, control)


@contextmanager
def hooked(sandbox: Hooked, partner: str) -> Iterator[Listener]:
    """A listener that hears everything of a partner, and no faults from before."""
    sandbox.control.delete("/webhooks")
    sandbox.control.delete("/faults")
    with listening() as listener:
        sandbox.register(partner, listener.url)
        yield listener
        sandbox.control.delete("/webhooks")


def told(partner: str, event: Json) -> str:
    """The name that a rename event tells of."""
    return str(event["data"]["object"]["name"] if partner == "stripe" else event["propertyValue"])
