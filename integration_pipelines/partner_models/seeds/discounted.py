"""Plans with discounts: percent and amount, once, repeating, expired and for ever, on subscription, item and customer."""

from random import Random

from integration_pipelines.partner_models.base import Json
from integration_pipelines.partner_models.seeds.catalogue import Catalogue
from integration_pipelines.partner_models.seeds.subscribing import Recipe, made_of, plain, seats
from integration_pipelines.partner_models.seeds.truth import DAY

CUSTOMERS_OWN = {"customer_percent": "third", "customer_amount": "five-off"}
"""Kinds whose discount the customer holds, and their coupon."""
_RUNNING, _EXPIRED, _STARTED = 90, -5, -60  # days from now
_OVER = 0.3  # of those that can end, in the mixed kind
_OVER = 0.3  # this part of the repeating ones has expired
_ENDS = {"once-20": None, "year-15": _RUNNING, "third": None, "five-once": None, "seven-year": _RUNNING, "five-off": None}


def discount(shop: Catalogue, coupon: str, ends: int | None = None) -> Json:
    """A discount that began two months ago; `ends` in days from now."""
    end = None if ends is None else shop.now + ends * DAY
    return {"coupon": shop.coupon(coupon), "start": shop.now + _STARTED * DAY, "end": end}


def _on_subscription(coupon: str, ends: int | None = None) -> Recipe:
    return lambda shop, rng: [plain(shop, rng, discounts=[discount(shop, coupon, ends)])]


def _on_item(coupon: str, ends: int | None = None) -> Recipe:
    return lambda shop, rng: [_at_item(plain(shop, rng), discount(shop, coupon, ends))]


def _at_item(subscription: Json, *discounts: Json) -> Json:
    first, *others = subscription["items"]
    return {**subscription, "items": [{**first, "discounts": list(discounts)}, *others]}


def _two_products(shop: Catalogue, rng: Random, **changes: object) -> Json:
    return made_of(shop, rng, {"price": shop.plan(rng), "quantity": rng.randint(1, 4)}, seats(shop, rng), **changes)


def _on_product(coupon: str) -> Recipe:
    return lambda shop, rng: [_two_products(shop, rng, discounts=[discount(shop, coupon)])]


def _stacked(shop: Catalogue, rng: Random) -> list[Json]:
    """Two on the subscription and one on an item: the order in which they are taken off matters."""
    both = _two_products(shop, rng, discounts=[discount(shop, "third"), discount(shop, "five-off")])
    return [_at_item(both, discount(shop, "seven-year", _RUNNING))]


def _any(shop: Catalogue, rng: Random) -> list[Json]:
    """Any coupon, running or expired, on the subscription or on an item."""
    coupon, ends = rng.choice(list(_ENDS.items()))
    ends = _EXPIRED if ends is not None and rng.random() < _OVER else ends
    return rng.choice((_on_subscription, _on_item))(coupon, ends)(shop, rng)


DISCOUNTED: dict[str, Recipe] = {
    "percent_once": _on_subscription("once-20"),
    "percent_repeating": _on_subscription("year-15", _RUNNING),
    "percent_expired": _on_item("year-15", _EXPIRED),
    "percent_forever": _on_subscription("third"),
    "amount_once": _on_item("five-once"),
    "amount_repeating": _on_subscription("seven-year", _RUNNING),
    "amount_expired": _on_subscription("seven-year", _EXPIRED),
    "amount_forever": _on_subscription("five-off"),
    "amount_foreign": _on_subscription("euro-off"),
    "item_percent": _on_item("third"),
    "item_amount": _on_item("five-off"),
    "product_percent": _on_product("seats-half"),
    "product_amount": _on_product("seats-three"),
    "stacked": _stacked,
    "any_discount": _any,
    **{kind: lambda shop, rng: [plain(shop, rng)] for kind in CUSTOMERS_OWN},
}
