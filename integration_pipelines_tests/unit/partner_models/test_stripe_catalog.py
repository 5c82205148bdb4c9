"""Prices, products, coupons and webhook endpoints of the modelled Stripe account."""

from typing import Any

import pytest

from integration_pipelines.partner_models.base import PartnerRefusalError
from integration_pipelines_tests.kit.stripe_sandbox import stripe_kit

USD = {"currency": "USD", "product": "prod_gold"}
TIERED = {**USD, "billing_scheme": "tiered", "tiers_mode": "volume", "recurring": {"interval": "month"}}


@pytest.mark.parametrize(
    ("given", "whole", "exact"),
    [
        ({"unit_amount": "1500"}, 1500, "1500"),
        ({"unit_amount_decimal": "0.05"}, None, "0.05"),
        ({"unit_amount_decimal": "12.50"}, None, "12.5"),
        ({"unit_amount_decimal": "7.0"}, 7, "7"),
        ({"unit_amount": 0}, 0, "0"),
    ],
)
def test_amounts_are_whole_and_exact(given: dict[str, Any], whole: int | None, exact: str) -> None:
    """Both forms are shown; the whole one is null where there is none, and nothing is rounded."""
    price = stripe_kit().create("prices", **USD, **given)
    assert (price["unit_amount"], price["unit_amount_decimal"], price["currency"]) == (whole, exact, "usd")


def test_tiers_show_only_when_expanded() -> None:
    """A tiered price hides its tiers until they are asked for; the last tier is open."""
    kit = stripe_kit()
    tiers = {
        "0": {"up_to": "10", "unit_amount": "500"},
        "1": {"up_to": "inf", "unit_amount_decimal": "99.5", "flat_amount": "100"},
    }
    price = kit.create("prices", **TIERED, tiers=tiers)
    assert "tiers" not in price
    shown = kit.account.get("prices", price["id"], {"expand": ["tiers"]})["tiers"]
    assert [(tier["up_to"], tier["unit_amount_decimal"], tier["flat_amount"]) for tier in shown] == [
        (10, "500", None),
        (None, "99.5", 100),
    ]


@pytest.mark.parametrize(
    "values",
    [
        {**USD},
        {**USD, "unit_amount": "1", "unit_amount_decimal": "1"},
        {**USD, "unit_amount": "-1"},
        {**USD, "unit_amount_decimal": "1.0000000000001"},
        {**USD, "unit_amount_decimal": "NaN"},
        {"currency": "dollars", "unit_amount": "1", "product": "prod_gold"},
        {"currency": "usd", "unit_amount": "1"},
        {"currency": "usd", "unit_amount": "1", "product": "prod_none"},
        {**USD, "unit_amount": "1", "recurring": {"interval": "fortnight"}},
        {**USD, "unit_amount": "1", "recurring": {"interval": "year", "interval_count": "4"}},
        {**USD, "unit_amount": "1", "transform_quantity": {"divide_by": "0", "round": "up"}},
        {**TIERED, "tiers": [{"up_to": 10, "unit_amount": 1}]},
        {
            **TIERED,
            "tiers": [{"up_to": 10, "unit_amount": 1}, {"up_to": 5, "unit_amount": 1}, {"up_to": "inf", "unit_amount": 1}],
        },
        {**TIERED, "tiers": [{"up_to": "inf"}]},
        {**TIERED},
    ],
)
def test_impossible_prices_are_refused(values: dict[str, Any]) -> None:
    """Amounts, intervals and tiers must make sense."""
    with pytest.raises(PartnerRefusalError) as caught:
        stripe_kit().create("prices", **values)
    assert caught.value.status == 400


def test_a_price_changes_its_name_but_never_its_amount() -> None:
    """Prices are immutable where it matters."""
    kit = stripe_kit()
    assert kit.update("prices", "price_month", nickname="Basic", active="false")["active"] is False
    assert kit.events() == ["price.updated"]
    with pytest.raises(PartnerRefusalError, match="unknown parameter"):
        kit.update("prices", "price_month", unit_amount=1)


def test_product_made_with_its_price() -> None:
    """`product_data` makes both, in that order."""
    kit = stripe_kit()
    price = kit.create("prices", currency="usd", unit_amount=1, product_data={"name": "New"})
    assert kit.account.get("products", price["product"])["name"] == "New"
    assert kit.events() == ["product.created", "price.created"]


@pytest.mark.parametrize(
    ("values", "ok"),
    [
        ({"percent_off": "12.5", "duration": "forever"}, True),
        ({"amount_off": "500", "currency": "eur", "duration": "repeating", "duration_in_months": "3"}, True),
        ({"id": "MINE", "percent_off": "100"}, True),
        ({"id": "TEN", "percent_off": "5"}, False),
        ({"percent_off": "101"}, False),
        ({"amount_off": "5"}, False),
        ({"percent_off": "5", "amount_off": "5", "currency": "usd"}, False),
        ({"percent_off": "5", "duration": "repeating"}, False),
        ({"percent_off": "5", "applies_to": {"products": ["prod_none"]}}, False),
    ],
)
def test_coupons(values: dict[str, Any], ok: bool) -> None:
    """One kind of reduction, a currency with amounts, months with repeating ones."""
    kit = stripe_kit()
    if ok:
        assert kit.create("coupons", **values)["valid"] is True
        return
    with pytest.raises(PartnerRefusalError):
        kit.create("coupons", **values)


def test_webhook_secret_is_shown_once() -> None:
    """The creation shows the secret; later answers and the state do not, deliveries still know it."""
    kit = stripe_kit()
    made = kit.create("webhook_endpoints", url="https://a.example/h", enabled_events=["customer.updated"])
    assert made["secret"].startswith("whsec_")
    assert "secret" not in kit.account.get("webhook_endpoints", made["id"])
    assert "whsec_" not in str(kit.account.state())
    assert [endpoint["secret"] for endpoint in kit.account.endpoints_for("customer.updated")] == [made["secret"]]
    assert kit.account.endpoints_for("price.updated") == []
    kit.update("webhook_endpoints", made["id"], disabled="true")
    assert kit.account.endpoints_for("customer.updated") == []
    assert kit.write("webhook_endpoints", "delete", made["id"]).body["deleted"] is True


@pytest.mark.parametrize("url", ["a.example", "ftp://a.example", "https://"])
def test_webhooks_need_an_address(url: str) -> None:
    """An endpoint without a web address is refused."""
    with pytest.raises(PartnerRefusalError, match="Invalid URL"):
        stripe_kit().create("webhook_endpoints", url=url, enabled_events=["*"])
