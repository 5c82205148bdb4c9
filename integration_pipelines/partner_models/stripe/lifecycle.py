"""What time does to subscriptions: trials end, periods renew, planned cancellations come due.

Stripe acts by itself here, so the events carry no request.
"""

import math

from integration_pipelines.partner_models.base import Json
from integration_pipelines.partner_models.stripe import items, subscriptions
from integration_pipelines.partner_models.stripe.calls import Call
from integration_pipelines.partner_models.stripe.periods import period_holding, renews
from integration_pipelines.partner_models.stripe.store import Store

_RENEWING = frozenset({"active", "past_due", "unpaid"})


def advance(store: Store) -> int:
    """Carry out everything that has come due by the account's clock; returns how many subscriptions changed."""
    due = [record for record in list(store.tables["subscriptions"].all()) if _is_due(store, record)]
    for record in due:
        with store.transaction():
            _carry_out(store, record)
    return len(due)


def next_due(store: Store) -> float:
    """When the next subscription changes by itself, seconds since the epoch; infinite if none will."""
    moments = (moment for record in store.tables["subscriptions"].all() for moment in _moments(store, record))
    return min(moments, default=math.inf)


def _is_due(store: Store, record: Json) -> bool:
    now = store.now()
    return any(moment <= now for moment in _moments(store, record))


def _moments(store: Store, record: Json) -> list[int]:
    """When something of a subscription comes due."""
    if record.get("status") not in _RENEWING | {"trialing"} or "items" in record:
        return []
    moments = [record["cancel_at"]]
    if record["status"] == "trialing":
        moments.append(record["trial_end"])
    else:
        moments += [item["current_period_end"] for item in items.of(store, record["id"]) if _price_that_renews(store, item)]
    return [moment for moment in moments if isinstance(moment, int)]


def _carry_out(store: Store, record: Json) -> None:
    now, by_itself = store.now(), Call()
    ends = record["cancel_at"]
    if record["cancel_at_period_end"] and ends is None:
        ends = max((item["current_period_end"] for item in items.of(store, record["id"])), default=None)
    if ends is not None and ends <= now:
        subscriptions.end(store, record, by_itself)
        return

    def change() -> Json:
        trial_over = record["status"] == "trialing"
        for item in items.of(store, record["id"]):
            store.put("subscription_items", _renewed(store, item, record["billing_cycle_anchor"]))
        return {**record, "status": "active"} if trial_over else record

    store.changed("subscriptions", record["id"], change, by_itself, "customer.subscription.updated")


def _renewed(store: Store, item: Json, anchor: int) -> Json:
    price = _price_that_renews(store, item)
    if price is None or item["current_period_end"] > store.now():
        return item
    start, end = period_holding(price, anchor, store.now())
    return {**item, "current_period_start": start, "current_period_end": end}


def _price_that_renews(store: Store, item: Json) -> Json | None:
    price = store.tables["prices"].get(str(item["price"]))
    return price if renews(price) and isinstance(item["current_period_end"], int) else None
