"""Expansion in the modelled Stripe account."""

from typing import Any

import pytest

from integration_pipelines.partner_models.base import PartnerRefusalError
from integration_pipelines_tests.kit.stripe_sandbox import Kit, stripe_kit


@pytest.fixture
def kit() -> Kit:
    """A discounted subscription to tiered prices, and a discounted customer."""
    made = stripe_kit()
    made.account.edit("customers", "cus_2", {"discount": {"coupon": "HALF_YEAR"}})
    item = {"price": "price_tiers", "discounts": [{"coupon": "TEN"}]}
    made.account.insert("subscriptions", {"id": "sub_1", "customer": "cus_1", "items": [item], "discounts": [{"coupon": "TEN"}]})
    return made


def at(body: Any, path: str) -> Any:  # noqa: ANN401 - whatever JSON holds there
    """The value at a path, taking the first of every list."""
    for name in path.split("."):
        body = body[name]
        while isinstance(body, list):
            body = body[0]
    return body


@pytest.mark.parametrize(
    ("object_name", "path", "proof"),
    [
        ("subscriptions", "data.customer", "data.customer.email"),
        ("subscriptions", "data.discounts", "data.discounts.start"),
        ("subscriptions", "data.discounts.source.coupon", "data.discounts.source.coupon.percent_off"),
        ("subscriptions", "data.items.data.discounts", "data.items.data.discounts.source.coupon"),
        ("customers", "data.discount.source.coupon", "data.discount.source.coupon.amount_off"),
        ("customers", "data.subscriptions", "data.subscriptions.url"),
        ("prices", "data.tiers", "data.tiers.up_to"),
        ("prices", "data.product", "data.product.name"),
        ("coupons", "data.applies_to", "data.id"),
    ],
)
def test_lists_expand_through_data(kit: Kit, object_name: str, path: str, proof: str) -> None:
    """Each path that Stripe allows leads to the object itself."""
    assert at(kit.account.list_page(object_name, {"expand": {"0": path}}), proof) is not None


@pytest.mark.parametrize(
    ("path", "proof"),
    [
        ("items.data.price.tiers", "items.data.price.tiers.up_to"),
        ("items.data.price.product", "items.data.price.product.name"),
        ("discounts.source.coupon.applies_to", "discounts.source.coupon.applies_to.products"),
        ("customer", "customer.email"),
    ],
)
def test_single_records_reach_one_level_further(kit: Kit, path: str, proof: str) -> None:
    """Without `data` in front, four levels reach the tiers of an item's price."""
    wanted = [path] if not path.startswith("discounts") else ["discounts.source.coupon", path]
    assert at(kit.account.get("subscriptions", "sub_1", {"expand": wanted}), proof) is not None


@pytest.mark.parametrize("path", ["data.items.data.price.tiers", "data.items.data.price.product"])
def test_the_fifth_level_is_refused(kit: Kit, path: str) -> None:
    """Four levels, lists counting `data`."""
    with pytest.raises(PartnerRefusalError, match="more than 4 levels") as caught:
        kit.account.list_page("subscriptions", {"expand": [path]})
    assert caught.value.code == "property_expansion_max_depth"


@pytest.mark.parametrize("path", ["data.colour", "customer", "data.currency", "data.metadata"])
def test_what_cannot_be_expanded_is_refused(kit: Kit, path: str) -> None:
    """Plain values and unknown names do not expand."""
    with pytest.raises(PartnerRefusalError, match="cannot be expanded"):
        kit.account.list_page("subscriptions", {"expand": [path]})


def test_expansion_leaves_the_record_alone(kit: Kit) -> None:
    """Expanded replies are copies: the next plain reply shows ids again."""
    kit.account.list_page("subscriptions", {"expand": ["data.customer", "data.discounts.source.coupon"]})
    plain = kit.account.get("subscriptions", "sub_1")
    assert plain["customer"] == "cus_1"
    assert isinstance(plain["discounts"][0], str)
    assert "tiers" not in plain["items"]["data"][0]["price"]


def test_bad_expansion_undoes_the_write(kit: Kit) -> None:
    """A write that asks for an impossible expansion is refused whole."""
    with pytest.raises(PartnerRefusalError, match="cannot be expanded"):
        kit.update("customers", "cus_1", name="New", expand=["colour"])
    assert kit.account.get("customers", "cus_1")["name"] == "No 1"
    assert "cus_1" not in {effect.id for effect in kit.account.effects}
