"""Plans that run: one active subscription each, of every interval, currency and way of pricing."""

from random import Random

from integration_pipelines.partner_models.base import Json
from integration_pipelines.partner_models.seeds.catalogue import Catalogue
from integration_pipelines.partner_models.seeds.subscribing import Recipe, made_of, plain, seats

_TIER_EDGES = (1, 3, 10, 11, 50, 51, 240)
_MORE_THAN_A_PAGE = 13  # a subscription shows ten items, the others are on another page


def _paid(currency: str = "usd", interval: str = "month", count: int = 1) -> Recipe:
    return lambda shop, rng: [plain(shop, rng, currency, interval, count)]


def _special(price: str, low: int, high: int) -> Recipe:
    return lambda shop, rng: [made_of(shop, rng, {"price": shop.special(price), "quantity": rng.randint(low, high)})]


def _tiered(price: str) -> Recipe:
    return lambda shop, rng: [made_of(shop, rng, {"price": shop.special(price), "quantity": rng.choice(_TIER_EDGES)})]


def _metered(shop: Catalogue, rng: Random) -> list[Json]:
    base = {"price": shop.plan(rng), "quantity": rng.randint(1, 5)}
    return [made_of(shop, rng, base, {"price": shop.special("price_metered"), "quantity": None})]


def _metered_only(shop: Catalogue, rng: Random) -> list[Json]:
    return [made_of(shop, rng, {"price": shop.special("price_metered"), "quantity": None})]


def _several_items(shop: Catalogue, rng: Random) -> list[Json]:
    return [made_of(shop, rng, {"price": shop.plan(rng), "quantity": 1}, seats(shop, rng))]


def _mixed_intervals(shop: Catalogue, rng: Random) -> list[Json]:
    return [made_of(shop, rng, seats(shop, rng), {"price": shop.special("price_support"), "quantity": 1})]


def _many_items(shop: Catalogue, rng: Random) -> list[Json]:
    return [made_of(shop, rng, *({"price": shop.plan(rng), "quantity": number + 1} for number in range(_MORE_THAN_A_PAGE)))]


PLANS: dict[str, Recipe] = {
    "plain": _paid(),
    "yearly": _paid(interval="year"),
    "weekly": _paid(interval="week"),
    "daily": _paid(interval="day"),
    "quarterly": _paid(count=3),
    "graduated": _tiered("price_graduated"),
    "volume": _tiered("price_volume"),
    "metered": _metered,
    "metered_only": _metered_only,
    "decimal_unit": _special("price_decimal", 101, 9_999),
    "package_up": _special("price_package_up", 11, 99),
    "package_down": _special("price_package_down", 11, 99),
    "several_items": _several_items,
    "mixed_intervals": _mixed_intervals,
    "many_items": _many_items,
    "free": _special("price_free", 1, 3),
    **{currency: _paid(currency) for currency in ("eur", "gbp", "jpy", "krw", "kwd", "bhd")},
}
