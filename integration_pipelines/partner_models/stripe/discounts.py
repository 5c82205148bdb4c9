"""Discounts: a coupon put on a subscription, an item or a customer. They have no address of their own."""

from typing import Any

from integration_pipelines.partner_models.stripe import templates
from integration_pipelines.partner_models.stripe.params import Params
from integration_pipelines.partner_models.stripe.periods import add_months
from integration_pipelines.partner_models.stripe.refusals import invalid
from integration_pipelines.partner_models.stripe.store import Store


def make(store: Store, coupon_id: str, *, param: str, **target: str | None) -> str:
    """A new discount of a coupon on a target (customer=, subscription=, subscription_item=); returns its id."""
    coupon = store.require("coupons", coupon_id, param=param, status=400)
    if not coupon["valid"]:
        raise invalid(f"Coupon {coupon_id} is used up or expired and cannot be applied.", param=param, code="coupon_expired")
    record = templates.discount(store) | target
    record["source"] = {"coupon": coupon_id, "type": "coupon"}
    if coupon["duration"] == "repeating":
        record["end"] = add_months(record["start"], coupon["duration_in_months"])
    store.put("discounts", record)
    store.put("coupons", {**coupon, "times_redeemed": coupon["times_redeemed"] + 1})
    return str(record["id"])


def read(store: Store, params: Params, kept: list[str], **target: str | None) -> list[str]:
    """The discount ids after a write: entries name a coupon to apply or a discount to keep; an empty value removes all."""
    found: list[str] = []
    for position, values in enumerate(params.array("discounts")):
        name = f"{params.path('discounts')}[{position}]"
        found.append(_one(store, values, name, kept, target))
    return found


def _one(store: Store, values: Any, name: str, kept: list[str], target: dict[str, str | None]) -> str:  # noqa: ANN401 - as sent
    if not isinstance(values, dict):
        raise invalid("Invalid object", param=name)
    entry = Params(values, ("coupon", "discount"), name)
    discount = entry.text("discount")
    if discount is None:
        entry.require("coupon")
        return make(store, str(entry.text("coupon")), param=f"{name}[coupon]", **target)
    if discount not in kept:
        raise invalid(f"No such discount: '{discount}'", param=f"{name}[discount]", code="resource_missing")
    return discount
