"""Products, prices and coupons of one account, made at their first use. Who subscribes to them belongs to `plans`."""

from random import Random

from integration_pipelines.partner_models.base import Json
from integration_pipelines.partner_models.seeds.truth import DAY
from integration_pipelines.partner_models.seeds.words import catalogue
from integration_pipelines.partner_models.stripe.account import StripeAccount
from integration_pipelines.partner_models.stripe.periods import period_holding

_MADE_DAYS_AGO = 950
_MONTHS = {"month": 1, "year": 12}
_A_MONTH_HAS = {"day": 30, "week": 4}


class Catalogue:
    """What an account sells; `now` is in seconds since the epoch."""

    def __init__(self, billing: StripeAccount, now: int) -> None:
        self.now = now
        self._billing = billing
        self._made = now - _MADE_DAYS_AGO * DAY
        self._prices: dict[str, Json] = {}
        self._coupons: set[str] = set()
        for product, name in catalogue()["products"].items():
            billing.insert("products", {"id": product, "name": name, "created": self._made, "updated": self._made})

    def plan(self, rng: Random, currency: str = "usd", interval: str = "month", count: int = 1) -> str:
        """The id of a plain per-unit price: an amount of that currency, as much as a period of that length costs."""
        a_month = rng.choice(catalogue()["amounts"][currency])
        amount = a_month * _MONTHS[interval] if interval in _MONTHS else max(10, a_month // _A_MONTH_HAS[interval] // 10 * 10)
        amount *= count
        recurring = {"interval": interval, "interval_count": count}
        name = f"price_{currency}_{count}_{interval}_{amount}"
        return self._price(name, {"currency": currency, "product": "prod_base", "unit_amount": amount, "recurring": recurring})

    def special(self, name: str) -> str:
        """The id of one of the catalogue's own prices: monthly in dollars unless it says otherwise."""
        given = catalogue()["prices"][name]
        tiers = {"tiers": catalogue()["tiers"]} if "tiers_mode" in given else {}
        monthly = {"interval": "month", "interval_count": 1, **given.get("recurring", {})}
        return self._price(name, {"currency": "usd", **given, **tiers, "recurring": monthly})

    def coupon(self, name: str) -> str:
        """The id of a coupon."""
        if name not in self._coupons:
            self._coupons.add(name)
            self._billing.insert("coupons", {"id": name, "name": name, "created": self._made, **catalogue()["coupons"][name]})
        return name

    def period(self, price: str, since: int) -> tuple[int, int]:
        """Start and end of the running period of a price, when the first one began at `since`."""
        return period_holding(self._prices[price], since, self.now)

    def unit_amount(self, price: str) -> int:
        """Minor units of one unit of a per-unit price."""
        amount: int = self._prices[price]["unit_amount"]
        return amount

    def _price(self, name: str, fields: Json) -> str:
        if name not in self._prices:
            self._prices[name] = {"id": name, "created": self._made, **fields}
            self._billing.insert("prices", self._prices[name])
        return name
