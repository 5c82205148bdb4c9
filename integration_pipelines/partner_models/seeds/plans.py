"""What a customer pays: prices, coupons and subscriptions of every kind, as Stripe would hold them. Companies are `world`."""

from collections.abc import Callable
from random import Random
from typing import Any

from integration_pipelines.partner_models.base import Json
from integration_pipelines.partner_models.stripe.account import StripeAccount

DAY = 86_400
PRODUCTS = {"prod_base": "Base", "prod_seats": "Seats", "prod_usage": "Usage"}
_TIERS = [
    {"up_to": 10, "unit_amount": 900, "unit_amount_decimal": "900", "flat_amount": 500, "flat_amount_decimal": "500"},
    {"up_to": 50, "unit_amount": 725, "unit_amount_decimal": "725", "flat_amount": None, "flat_amount_decimal": None},
    {"up_to": None, "unit_amount": None, "unit_amount_decimal": "512.5", "flat_amount": 900, "flat_amount_decimal": "900"},
]
_BIG = {"jpy", "krw"}
Item = Json
Recipe = Callable[["Plans", Random], list[Json]]


class Plans:
    """Makes subscriptions for one account; prices and coupons are made once and shared."""

    def __init__(self, billing: StripeAccount, now: int) -> None:
        self._billing = billing
        self.now = now
        self._known: set[str] = set()
        for product, name in PRODUCTS.items():
            billing.insert("products", {"id": product, "name": name, "created": now - 700 * DAY})

    def subscriptions(self, kind: str, rng: Random) -> list[Json]:
        """The subscriptions of a customer of that kind, without id and customer."""
        recipe = RECIPES.get(kind)
        return recipe(self, rng) if recipe is not None else [self.plain(rng)]

    def plain(self, rng: Random, currency: str = "usd", interval: str = "month", count: int = 1, **changes: Any) -> Json:  # noqa: ANN401 - any Stripe field
        """One active subscription to a per-unit plan."""
        amount = (
            rng.choice([900, 1_900, 4_900, 9_900, 19_900]) * (100 if currency in _BIG else 1) * (12 if interval == "year" else 1)
        )
        name = f"price_{currency}_{interval}{count}_{amount}"
        recurring = {"interval": interval, "interval_count": count}
        self.price(name, currency=currency, unit_amount=amount, product="prod_base", recurring=recurring)
        started = self.now - rng.randint(2, 600) * DAY
        return {"created": started, "currency": currency, "items": [{"price": name, "quantity": rng.randint(1, 20)}], **changes}

    def price(self, name: str, **fields: Any) -> str:  # noqa: ANN401 - idem
        """A price, made at its first use."""
        if name not in self._known:
            self._known.add(name)
            self._billing.insert("prices", {"id": name, "created": self.now - 650 * DAY, **fields})
        return name

    def coupon(self, name: str, **fields: Any) -> str:  # noqa: ANN401 - idem
        """A coupon, made at its first use."""
        if name not in self._known:
            self._known.add(name)
            self._billing.insert("coupons", {"id": name, "created": self.now - 650 * DAY, **fields})
        return name

    def discounted(self, rng: Random, coupon: str, **discount: Any) -> list[Json]:  # noqa: ANN401 - idem
        """A plain subscription with one discount."""
        return [self.plain(rng, discounts=[{"coupon": coupon, "start": self.now - 60 * DAY, **discount}])]

    def special(self, rng: Random, price: str, quantity: int | None) -> Json:
        """A plain subscription to another price."""
        return {**self.plain(rng), "items": [{"price": price, **({} if quantity is None else {"quantity": quantity})}]}


def _currency(code: str) -> Recipe:
    return lambda plans, rng: [plans.plain(rng, code)]


def _every(interval: str, count: int = 1) -> Recipe:
    return lambda plans, rng: [plans.plain(rng, "usd", interval, count)]


def _status(status: str) -> Recipe:
    return lambda plans, rng: [plans.plain(rng, status=status)]


def _tiered(mode: str) -> Recipe:
    def recipe(plans: Plans, rng: Random) -> list[Json]:
        name = plans.price(
            f"price_{mode}",
            currency="usd",
            product="prod_seats",
            tiers=_TIERS,
            tiers_mode=mode,
            recurring={"interval": "month", "interval_count": 1},
        )
        return [plans.special(rng, name, rng.choice([3, 10, 11, 50, 51, 240]))]

    return recipe


def _metered(plans: Plans, rng: Random) -> list[Json]:
    usage = plans.price(
        "price_metered",
        currency="usd",
        product="prod_usage",
        unit_amount=7,
        recurring={"interval": "month", "interval_count": 1, "usage_type": "metered"},
    )
    plain = plans.plain(rng)
    return [{**plain, "items": [*plain["items"], {"price": usage, "quantity": None}]}]


def _decimal(plans: Plans, rng: Random) -> list[Json]:
    name = plans.price(
        "price_decimal",
        currency="usd",
        product="prod_usage",
        unit_amount_decimal="0.5",
        recurring={"interval": "month", "interval_count": 1},
    )
    return [plans.special(rng, name, rng.randint(101, 9_999))]


def _package(plans: Plans, rng: Random) -> list[Json]:
    rounding = rng.choice(["up", "down"])
    name = plans.price(
        f"price_package_{rounding}", currency="usd", product="prod_seats", unit_amount=2_500, transform_quantity={"divide_by": 10, "round": rounding},
        recurring={"interval": "month", "interval_count": 1},
    )  # fmt: skip
    return [plans.special(rng, name, rng.randint(11, 99))]


def _several_items(plans: Plans, rng: Random) -> list[Json]:
    plain = plans.plain(rng)
    seats = plans.price(
        "price_seats", currency="usd", product="prod_seats", unit_amount=700, recurring={"interval": "month", "interval_count": 1}
    )
    return [{**plain, "items": [*plain["items"], {"price": seats, "quantity": rng.randint(2, 40)}]}]


def _item_discount(plans: Plans, rng: Random) -> list[Json]:
    coupon = plans.coupon("item-ten", percent_off=10.0, duration="forever")
    plain = plans.plain(rng)
    return [
        {**plain, "items": [{**item, "discounts": [{"coupon": coupon, "start": plans.now - DAY}]} for item in plain["items"]]}
    ]


def _product_discount(plans: Plans, rng: Random) -> list[Json]:
    coupon = plans.coupon("seats-half", percent_off=50.0, duration="forever", applies_to={"products": ["prod_seats"]})
    both = _several_items(plans, rng)[0]
    return [{**both, "discounts": [{"coupon": coupon, "start": plans.now - DAY}]}]


def _trial(plans: Plans, rng: Random) -> list[Json]:
    end = plans.now + rng.randint(1, 25) * DAY
    return [plans.plain(rng, status="trialing", created=plans.now - 3 * DAY, trial_start=plans.now - 3 * DAY, trial_end=end)]


def _cancel_at(plans: Plans, rng: Random) -> list[Json]:
    return [plans.plain(rng, cancel_at=plans.now + rng.randint(40, 200) * DAY, canceled_at=plans.now - DAY)]


def _canceled(plans: Plans, rng: Random) -> list[Json]:
    ended = plans.now - rng.randint(1, 80) * DAY
    return [plans.plain(rng, status="canceled", created=ended - 200 * DAY, canceled_at=ended, ended_at=ended)]


def _several(plans: Plans, rng: Random) -> list[Json]:
    return [plans.plain(rng), plans.plain(rng, "usd", "year"), *_canceled(plans, rng)]


def _broken_item(plans: Plans, rng: Random) -> list[Json]:
    plain = plans.plain(rng)
    return [{**plain, "items": [{**item, "quantity": "many"} for item in plain["items"]]}]


RECIPES: dict[str, Recipe] = {
    "yearly": _every("year"), "weekly": _every("week"), "daily": _every("day"), "quarterly": _every("month", 3),
    "graduated": _tiered("graduated"), "volume": _tiered("volume"), "metered": _metered, "decimal_unit": _decimal, "package": _package,
    "several_items": _several_items, "eur": _currency("eur"), "gbp": _currency("gbp"), "jpy": _currency("jpy"), "krw": _currency("krw"),
    "kwd": _currency("kwd"), "bhd": _currency("bhd"),
    "percent_once": lambda p, r: p.discounted(r, p.coupon("once-20", percent_off=20.0, duration="once")),
    "percent_repeating": lambda p, r: p.discounted(
        r, p.coupon("year-15", percent_off=15.0, duration="repeating", duration_in_months=12), end=p.now + 90 * DAY),
    "percent_expired": lambda p, r: p.discounted(
        r, p.coupon("year-15", percent_off=15.0, duration="repeating", duration_in_months=12), end=p.now - 5 * DAY),
    "percent_forever": lambda p, r: p.discounted(r, p.coupon("third", percent_off=33.3, duration="forever")),
    "amount_forever": lambda p, r: p.discounted(r, p.coupon("five-off", amount_off=500, currency="usd", duration="forever")),
    "amount_foreign": lambda p, r: p.discounted(r, p.coupon("euro-off", amount_off=500, currency="eur", duration="forever")),
    "item_discount": _item_discount, "product_discount": _product_discount, "trial": _trial,
    "cancel_period_end": lambda p, r: [p.plain(r, cancel_at_period_end=True, canceled_at=p.now - DAY)],
    "cancel_at": _cancel_at, "pause_collection": lambda p, r: [p.plain(r, pause_collection={"behavior": "void", "resumes_at": None})],
    "paused": _status("paused"), "past_due": _status("past_due"), "unpaid": _status("unpaid"), "incomplete": _status("incomplete"),
    "incomplete_expired": _status("incomplete_expired"), "canceled": _canceled, "several": _several,
    "two_currencies": lambda p, r: [p.plain(r), p.plain(r, "eur")], "none": lambda _p, _r: [],
    "bad_status": _status("dormant"), "bad_currency": lambda p, r: [{**p.plain(r), "currency": "dollars"}], "bad_quantity": _broken_item,
}  # fmt: skip
