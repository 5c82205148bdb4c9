"""A modelled Stripe account with a small catalogue, alone or served over HTTP."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.routing import Mount

from integration_pipelines.partner_models.base import Faults, Json
from integration_pipelines.partner_models.stripe.account import StripeAccount
from integration_pipelines.partner_models.stripe.calls import Answer, Call
from integration_pipelines.partner_models.stripe.limits import RateLimits
from integration_pipelines.sandbox.stripe.routes import stripe_routes
from integration_pipelines_tests.kit.loopback import serving

START = 1_795_392_000.0  # 2026-11-23 00:00 UTC
TOKEN = "sk_live_kit"


@dataclass(slots=True)
class Clock:
    """A clock that moves only when told."""

    at: float = START

    def __call__(self) -> float:
        """The time."""
        return self.at


@dataclass(slots=True)
class Kit:
    """An account, its clock and the faults of its sandbox."""

    account: StripeAccount
    clock: Clock
    faults: Faults = field(default_factory=Faults)
    url: str = ""

    def write(self, object_name: str, verb: str, record_id: str = "", key: str | None = None, **values: Any) -> Answer:  # noqa: ANN401 - parameters of any shape
        """One write through the model's door."""
        return self.account.write(object_name, verb, record_id, Call(dict(values), f"req_{key}", key))

    def create(self, object_name: str, **values: Any) -> Json:  # noqa: ANN401 - parameters of any shape
        """Create a record; returns it."""
        return self.write(object_name, "create", **values).body

    def update(self, object_name: str, record_id: str, **values: Any) -> Json:  # noqa: ANN401 - parameters of any shape
        """Update a record; returns it."""
        return self.write(object_name, "update", record_id, **values).body

    def ids(self, object_name: str, **values: Any) -> list[str]:  # noqa: ANN401 - parameters of any shape
        """The ids of one page of a list."""
        return [record["id"] for record in self.account.list_page(object_name, dict(values))["data"]]

    def found(self, query: str, object_name: str = "customers") -> list[str]:
        """The ids a search finds."""
        return [record["id"] for record in self.account.search(object_name, {"query": query})["data"]]

    def events(self) -> list[str]:
        """The types of all events, oldest first."""
        return [event["type"] for event in self.account.state()["events"]]


def stripe_kit(rates: RateLimits | None = None, inline_items: int = 10) -> Kit:
    """An account with two customers, a product, a coupon and prices of every sort."""
    clock = Clock()
    account = StripeAccount(
        tenant="acme", account="acct_kit", token=TOKEN, now=clock, rate_limits=rates, inline_items=inline_items
    )
    month = {"interval": "month"}
    account.insert("products", {"id": "prod_gold", "name": "Gold", "created": 1_600_000_000})
    prices: dict[str, Json] = {
        "price_month": {"unit_amount": 1500, "recurring": month},
        "price_year": {"unit_amount_decimal": "120000.5", "unit_amount": None, "recurring": {"interval": "year"}},
        "price_metered": {"unit_amount": 2, "recurring": {**month, "usage_type": "metered"}},
        "price_packs": {"unit_amount": 900, "recurring": month, "transform_quantity": {"divide_by": 10, "round": "up"}},
        "price_once": {"unit_amount": 700},
        "price_tiers": {"recurring": month, "tiers": [tier(10, 500), tier(None, 300)]},
    }
    for price_id, fields in prices.items():
        account.insert("prices", {"id": price_id, "product": "prod_gold", "created": 1_600_000_100, **fields})
    account.insert("coupons", {"id": "TEN", "percent_off": 10, "duration": "forever", "applies_to": {"products": ["prod_gold"]}})
    account.insert(
        "coupons", {"id": "HALF_YEAR", "amount_off": 500, "currency": "usd", "duration": "repeating", "duration_in_months": 6}
    )
    for number in (1, 2):
        created = 1_700_000_000 + number
        account.insert(
            "customers", {"id": f"cus_{number}", "name": f"No {number}", "email": f"{number}@a.example", "created": created}
        )
    return Kit(account, clock)


def tier(up_to: int | None, unit: int) -> Json:
    """One tier as Stripe stores it."""
    amounts = {"unit_amount": unit, "unit_amount_decimal": str(unit), "flat_amount": None, "flat_amount_decimal": None}
    return {"up_to": up_to, **amounts}


@contextmanager
def served(kit: Kit) -> Iterator[Kit]:
    """The kit behind a real server; `url` is what an SDK takes as its base address."""
    routes = stripe_routes(lambda token: kit.account if token == TOKEN else None, kit.faults)
    with serving(Starlette(routes=[Mount("/stripe", routes=routes)])) as address:
        kit.url = f"{address}/stripe"
        yield kit
