"""Records put into an account as they are: chosen ids, old dates, even values Stripe would never hold.

Nothing is validated, noted or told; what a seed leaves out is filled with what Stripe would say.
"""

from collections.abc import Callable
from typing import Any

from integration_pipelines.partner_models.base import Json
from integration_pipelines.partner_models.stripe import templates
from integration_pipelines.partner_models.stripe.periods import period_holding, renews
from integration_pipelines.partner_models.stripe.store import Store

_RECURRING = {"interval": "month", "interval_count": 1, "meter": None, "trial_period_days": None, "usage_type": "licensed"}


def insert(store: Store, object_name: str, record: Json) -> Json:
    """Add or replace a record; returns its view."""
    makers: dict[str, Callable[[Store, Json], Json]] = {
        "customers": _customer,
        "subscriptions": _subscription,
        "subscription_items": _item,
        "prices": _price,
        "products": lambda store, given: templates.product(store) | given,
        "coupons": lambda store, given: templates.coupon(store) | given,
        "discounts": lambda store, given: templates.discount(store) | given,
        "events": lambda store, given: templates.event(store) | given,
        "webhook_endpoints": lambda store, given: templates.webhook_endpoint(store) | given,
    }
    made = makers[object_name](store, record)
    _place(store, object_name, made)
    return store.view(object_name, made["id"])


def _place(store: Store, object_name: str, record: Json) -> None:
    """A seeded record is as old as it says, also for the search index."""
    created = record.get("created")
    store.tables[object_name].put(record, created if isinstance(created, int) else store.now())


def _customer(store: Store, given: Json) -> Json:
    record = templates.customer(store) | given
    if isinstance(given.get("discount"), dict):
        record["discount"] = _discount(store, given["discount"], {"customer": record["id"]})
    return record


def _subscription(store: Store, given: Json) -> Json:
    record = templates.subscription(store) | {name: value for name, value in given.items() if name != "items"}
    if isinstance(record["created"], int):
        record |= {name: record["created"] for name in ("start_date", "billing_cycle_anchor") if name not in given}
    target = {"customer": record["customer"], "subscription": record["id"]}
    if isinstance(record["discounts"], list):
        record["discounts"] = [_discount(store, entry, target) for entry in record["discounts"]]
    entries = given.get("items", [])
    entries = entries.get("data") if isinstance(entries, dict) else entries
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        return record | {"items": given["items"]}
    for old in store.tables["subscription_items"].matching("subscription", record["id"]):
        store.tables["subscription_items"].drop(old["id"])
    for entry in entries:
        item = _item(store, {"subscription": record["id"], "created": record["created"], **entry})
        _place(store, "subscription_items", item)
        price = store.tables["prices"].get(item["price"]) if isinstance(item["price"], str) else None
        if price is not None and "currency" not in given:
            record["currency"] = price["currency"]
    return record


def _item(store: Store, given: Json) -> Json:
    item = templates.subscription_item(store) | {name: value for name, value in given.items() if name != "plan"}
    price = item["price"]
    if isinstance(price, dict):
        item["price"] = price.get("id") or insert(store, "prices", price)["id"]
        if store.tables["prices"].get(item["price"]) is None:
            insert(store, "prices", price)
    if isinstance(item["discounts"], list):
        target = {"subscription": item["subscription"], "subscription_item": item["id"]}
        item["discounts"] = [_discount(store, entry, target) for entry in item["discounts"]]
    if "current_period_end" not in given:
        _set_period(store, item, given.get("current_period_start", item["created"]))
    return item


def _set_period(store: Store, item: Json, start: Any) -> None:  # noqa: ANN401 - seeds may hold anything
    """The period that holds the present, counted from the given start."""
    price = store.tables["prices"].get(str(item["price"]))
    if price is not None and renews(price) and isinstance(start, int):
        item["current_period_start"], item["current_period_end"] = period_holding(price, start, store.now())


def _price(store: Store, given: Json) -> Json:
    record = templates.price(store) | given
    if isinstance(given.get("recurring"), dict):
        record["recurring"] = _RECURRING | given["recurring"]
    if "type" not in given:
        record["type"] = "one_time" if record["recurring"] is None else "recurring"
    if "tiers" in given:
        record |= {"billing_scheme": "tiered", "unit_amount": None, "unit_amount_decimal": None, "tiers_mode": "graduated"}
        record |= given | {"recurring": record["recurring"]}
    elif "unit_amount" in given and "unit_amount_decimal" not in given:
        record["unit_amount_decimal"] = None if given["unit_amount"] is None else str(given["unit_amount"])
    elif "unit_amount_decimal" in given and "unit_amount" not in given:
        text = str(given["unit_amount_decimal"])
        record["unit_amount"] = int(text) if text.isascii() and text.isdigit() else None
    return record


def _discount(store: Store, given: Any, target: Json) -> Any:  # noqa: ANN401 - an id, a coupon's id in a hash, or a whole discount
    if not isinstance(given, dict):
        return given
    coupon = given.get("coupon")
    source = {"source": {"coupon": coupon, "type": "coupon"}} if "coupon" in given else {}
    record = templates.discount(store) | target | source | {name: value for name, value in given.items() if name != "coupon"}
    inner = record["source"].get("coupon") if isinstance(record["source"], dict) else None
    if isinstance(inner, dict):
        record["source"] = {**record["source"], "coupon": insert(store, "coupons", inner)["id"]}
    _place(store, "discounts", record)
    return record["id"]
