"""The one way a seeded subscription is put together: items, start and period. Its kinds belong to `plans`, `lifecycles` and `discounted`."""

from collections.abc import Callable
from random import Random

from integration_pipelines.partner_models.base import Json
from integration_pipelines.partner_models.seeds.catalogue import Catalogue
from integration_pipelines.partner_models.seeds.truth import DAY

Recipe = Callable[[Catalogue, Random], list[Json]]
"""Subscriptions of one customer, without ids and customer."""


def plain(
    shop: Catalogue, rng: Random, currency: str = "usd", interval: str = "month", count: int = 1, **changes: object
) -> Json:  # fmt: skip
    """One active subscription to a per-unit plan; `changes` replaces fields."""
    item = {"price": shop.plan(rng, currency, interval, count), "quantity": rng.randint(1, 20)}
    return made_of(shop, rng, item, currency=currency, **changes)


def made_of(shop: Catalogue, rng: Random, *items: Json, **changes: object) -> Json:
    """One active subscription in dollars with these items."""
    started = shop.now - rng.randint(2, 600) * DAY - rng.randrange(DAY)
    return {"created": started, "currency": "usd", "items": list(items), **changes}


def seats(shop: Catalogue, rng: Random) -> Json:
    """An item of some seats at a price of their own."""
    return {"price": shop.special("price_seats"), "quantity": rng.randint(2, 40)}


def period_of(shop: Catalogue, subscription: Json) -> tuple[int, int]:
    """Start and end of the running period of a subscription's first item."""
    return shop.period(subscription["items"][0]["price"], subscription["created"])


def fixed_period(subscription: Json, start: int, end: int) -> Json:
    """The subscription with all items in one period, for those that no longer renew or are still on trial."""
    period = {"current_period_start": start, "current_period_end": end}
    return {**subscription, "items": [{**item, **period} for item in subscription["items"]]}
