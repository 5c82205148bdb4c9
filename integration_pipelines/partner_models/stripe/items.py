"""Subscription items: one price and its quantity each, with the period they are in."""

from dataclasses import dataclass
from typing import Any

from integration_pipelines.partner_models.base import Json
from integration_pipelines.partner_models.stripe import discounts, templates
from integration_pipelines.partner_models.stripe.params import Params, merge_metadata
from integration_pipelines.partner_models.stripe.periods import period_holding
from integration_pipelines.partner_models.stripe.refusals import invalid, no_such
from integration_pipelines.partner_models.stripe.store import Store

MAX_ITEMS = 20
_ALLOWED = ("clear_usage", "deleted", "discounts", "id", "metadata", "price", "quantity")


@dataclass(frozen=True, slots=True)
class Owner:
    """What an item must agree with: its subscription, the currency, the day periods are counted from, a trial."""

    subscription: str
    currency: str | None
    anchor: int
    trial: tuple[int, int] | None


def apply(store: Store, params: Params, owner: Owner) -> None:
    """Carry out the `items` of a write: new ones, changed ones (with id), deleted ones."""
    for position, values in enumerate(params.array("items")):
        name = f"items[{position}]"
        if not isinstance(values, dict):
            raise invalid("Invalid object", param=name)
        _apply_one(store, Params(values, _ALLOWED, name), owner)
    left = of(store, owner.subscription)
    if not 1 <= len(left) <= MAX_ITEMS:
        raise invalid(f"A subscription must have between 1 and {MAX_ITEMS} items.", param="items")


def of(store: Store, subscription_id: str) -> list[Json]:
    """The item records of a subscription, oldest first."""
    return store.tables["subscription_items"].matching("subscription", subscription_id)


def currency_of(store: Store, params: Params) -> str:
    """The currency of the first item's price."""
    first: Any = next(iter(params.array("items")), None)
    if not isinstance(first, dict) or not first.get("price"):
        raise invalid("Each item needs a price.", param="items[0][price]", code="parameter_missing")
    price = store.require("prices", str(first["price"]), param="items[0][price]", status=400)
    return str(price["currency"])


def _apply_one(store: Store, item: Params, owner: Owner) -> None:
    record_id = item.text("id")
    if record_id is None:
        item.require("price")
        record = templates.subscription_item(store) | {"subscription": owner.subscription}
        store.put("subscription_items", _changed(store, record, item, owner))
        return
    known = store.tables["subscription_items"].get(record_id)
    if known is None or known["subscription"] != owner.subscription:
        raise no_such("subscription_items", record_id, param=item.path("id"), status=400)
    if item.boolean("deleted"):
        store.drop("subscription_items", record_id)
        return
    store.put("subscription_items", _changed(store, known, item, owner))


def _changed(store: Store, record: Json, item: Params, owner: Owner) -> Json:
    new = {**record, "metadata": merge_metadata(record["metadata"], item)}
    price_id = item.text("price")
    if price_id is not None and price_id != record["price"]:
        price = _price(store, price_id, item, owner)
        start, end = _period(store, record, price, owner)
        new |= {"price": price_id, "current_period_start": start, "current_period_end": end}
    _set_quantity(store, new, item)
    if "discounts" in item:
        kept = list(record["discounts"])
        new["discounts"] = discounts.read(store, item, kept, subscription_item=record["id"], subscription=owner.subscription)
    return new


def _period(store: Store, record: Json, price: Json, owner: Owner) -> tuple[int, int]:
    """A trial's, or the one counted from the anchor; a price with another interval starts a new period now."""
    if owner.trial is not None:
        return owner.trial
    old = store.tables["prices"].get(str(record["price"]))
    if old is None:
        return period_holding(price, owner.anchor, store.now())
    intervals = [(known["recurring"]["interval"], known["recurring"]["interval_count"]) for known in (old, price)]
    if intervals[0] == intervals[1]:
        return record["current_period_start"], record["current_period_end"]
    return period_holding(price, store.seconds(), store.now())


def _price(store: Store, price_id: str, item: Params, owner: Owner) -> Json:
    price = store.require("prices", price_id, param=item.path("price"), status=400)
    if price["recurring"] is None:
        raise invalid("The price specified is set to `type=one_time` but this field only accepts prices with `type=recurring`.")
    if not price["active"]:
        raise invalid("The price specified is inactive.", param=item.path("price"))
    if owner.currency is not None and price["currency"] != owner.currency:
        raise invalid("All prices of a subscription must have the same currency.", param=item.path("price"))
    return price


def _set_quantity(store: Store, new: Json, item: Params) -> None:
    price = store.tables["prices"].records[new["price"]]
    metered = price["recurring"]["usage_type"] == "metered"
    if metered and "quantity" in item:
        raise invalid("You cannot set the quantity for metered plans.", param=item.path("quantity"))
    if metered:
        new.pop("quantity", None)
    elif "quantity" in item:
        new["quantity"] = item.integer("quantity", minimum=0)
    else:
        new.setdefault("quantity", 1)
