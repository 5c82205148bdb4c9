"""How a stored record looks in a reply that expands nothing.

Records are stored by id (a subscription does not hold its items, a customer holds its discount's id); here they are put
together. Expansion beyond that belongs to `expand`.
"""

from typing import TYPE_CHECKING, Any

from integration_pipelines.partner_models.base import Json

if TYPE_CHECKING:
    from integration_pipelines.partner_models.stripe.store import Store

_HIDDEN = {"prices": "tiers", "coupons": "applies_to", "webhook_endpoints": "secret"}  # shown only when expanded or just made


def render(store: "Store", object_name: str, record: Json) -> Json:
    """The unexpanded view; where nothing is put together it is the record itself, which nobody may change."""
    match object_name:
        case "customers":
            return _customer(store, record)
        case "subscriptions":
            return _subscription(store, record)
        case "subscription_items":
            return _item(store, record)
        case _:
            hidden = _HIDDEN.get(object_name)
            return record if hidden not in record else {name: value for name, value in record.items() if name != hidden}


def items_url(subscription_id: str) -> str:
    """Where the rest of a subscription's items is."""
    return f"/v1/subscription_items?subscription={subscription_id}"


def _customer(store: "Store", record: Json) -> Json:
    discount = record.get("discount")
    found = store.tables["discounts"].get(discount) if isinstance(discount, str) else None
    return record if found is None else {**record, "discount": found}


def _subscription(store: "Store", record: Json) -> Json:
    if "items" in record:  # a malformed seed keeps what it was given
        return record
    items = store.tables["subscription_items"].matching("subscription", record["id"])
    shown = items if len(items) <= store.inline_items else items[: store.inline_items]
    listing = {
        "object": "list",
        "data": [_item(store, item) for item in shown],
        "has_more": len(items) > len(shown),
        "url": items_url(record["id"]),
    }
    return {**record, "items": listing}


def _item(store: "Store", record: Json) -> Json:
    price = store.tables["prices"].get(record["price"]) if isinstance(record.get("price"), str) else None
    if price is None:
        return record
    shown, plan = _price_and_plan(store, price)
    return {**record, "price": shown, "plan": plan}


def _price_and_plan(store: "Store", price: Json) -> tuple[Json, Json]:
    """The price's view and its legacy plan; kept until the price is replaced, since lists show them thousands of times."""
    kept = store.plans.get(price["id"])
    if kept is None or kept[0] is not price:
        kept = (price, render(store, "prices", price), _plan(price))
        store.plans[price["id"]] = kept
    return kept[1], kept[2]


def _plan(price: Json) -> Json:
    recurring: Any = price.get("recurring")
    recurring = recurring if isinstance(recurring, dict) else {}
    return {
        "id": price["id"],
        "object": "plan",
        "active": price.get("active"),
        "amount": price.get("unit_amount"),
        "amount_decimal": price.get("unit_amount_decimal"),
        "billing_scheme": price.get("billing_scheme"),
        "created": price.get("created"),
        "currency": price.get("currency"),
        "interval": recurring.get("interval", "month"),
        "interval_count": recurring.get("interval_count", 1),
        "livemode": price.get("livemode"),
        "metadata": price.get("metadata"),
        "meter": recurring.get("meter"),
        "nickname": price.get("nickname"),
        "product": price.get("product"),
        "tiers_mode": price.get("tiers_mode"),
        "transform_usage": price.get("transform_quantity"),
        "trial_period_days": recurring.get("trial_period_days"),
        "usage_type": recurring.get("usage_type", "licensed"),
    }
