"""Which records changed since a watermark, read from Stripe's event log.

Events are hints: they name records, the records themselves are fetched afterwards. Stripe keeps events for 30 days; where that, or
what changed, makes a partial read unsafe or pointless, the answer is a full read with its reason.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from integration_pipelines.core.writes import idempotency_key
from integration_pipelines.partners.observe import Json
from integration_pipelines.partners.stripe.paging import Lists
from integration_pipelines.partners.stripe.wire import EVENT_DAYS
from integration_pipelines.ports.lake import Watermark

OVERLAP = timedelta(minutes=5)
"""Events become visible a little late, and clocks differ: so much is read twice."""
HORIZON = timedelta(days=EVENT_DAYS - 1)
MOST_CHANGED = 1000
"""With more changed records than this, reading all of them page by page takes fewer requests."""

_SUBSCRIPTION_EVENTS = (
    "created", "updated", "deleted", "paused", "resumed", "pending_update_applied", "pending_update_expired",
)  # fmt: skip
_DISCOUNTS = ("customer.discount.created", "customer.discount.deleted", "customer.discount.updated")
TYPES: dict[str, tuple[str, ...]] = {
    "customers": ("customer.created", "customer.updated", "customer.deleted", *_DISCOUNTS, "coupon.updated"),
    "subscriptions": (
        *(f"customer.subscription.{name}" for name in _SUBSCRIPTION_EVENTS), *_DISCOUNTS, "price.updated", "coupon.updated",
    ),
    "prices": ("price.created", "price.updated", "price.deleted"),
    "products": ("product.created", "product.updated", "product.deleted"),
    "coupons": ("coupon.created", "coupon.updated", "coupon.deleted"),
}  # fmt: skip
"""Event types that touch an object. A product's change touches no subscription: only its id is read there."""


@dataclass(slots=True)
class Touched:
    """What the events say: ids to fetch, or why everything has to be read."""

    ids: set[str] = field(default_factory=set)
    prices: set[str] = field(default_factory=set)
    full: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is read: a kind of object, which of its attributes, and how the keys of the reader's own writes to it begin (`own_keys`)."""

    partner_object: str
    sources: frozenset[str]
    ours: str


def own_keys(tenant_id: str, target: str) -> str:
    """How the idempotency keys of a tenant's writes to an object of the contract begin; those of others are other people's writes."""
    return idempotency_key(tenant_id, target, "")


def token(started_at: datetime) -> str:
    """A watermark's token: when the read began, in unix seconds of the partner's clock or ours, whichever was earlier."""
    return json.dumps({"created": int(started_at.timestamp())})


def start_of(since: Watermark | None, now: datetime) -> tuple[int, str]:
    """Unix seconds from which events are needed, and why that is not possible ('' if it is)."""
    if since is None:
        return 0, "first read: there is no watermark yet"
    try:
        created = json.loads(since.token)["created"]
    except (ValueError, KeyError, TypeError):
        created = None
    if type(created) is not int or created < 0:
        return 0, "the stored watermark cannot be read"
    start = created - int(OVERLAP.total_seconds())
    if start < (now - HORIZON).timestamp():
        return 0, f"the last read is older than the {HORIZON.days} days for which Stripe's events are safe to use"
    return start, ""


def touched(lists: Lists, wanted: Wanted, start: int, on_time: Callable[[datetime], None]) -> Touched:
    """The records of an object that events since then name, the subscriptions of changed prices included."""
    found = Touched()
    params = [("created[gte]", str(start)), *(("types[]", name) for name in TYPES[wanted.partner_object])]
    for page in lists.pages("/v1/events", params, on_time=on_time):
        for event in page:
            _take(found, event, wanted)
        if found.full or len(found.ids) > MOST_CHANGED:
            break
    for price in sorted(found.prices) if not found.full else ():
        found.ids |= set(_subscriptions_of(lists, price))
    if len(found.ids) > MOST_CHANGED and not found.full:
        found.full = f"more than {MOST_CHANGED} records changed: reading all of them takes fewer requests"
    return found


def _take(found: Touched, event: Json, wanted: Wanted) -> None:
    kind, thing, partner_object = str(event.get("type", "")), _thing(event), wanted.partner_object
    if _own_echo(event, kind, wanted.ours):
        return
    if kind in _DISCOUNTS:
        name = thing.get("customer" if partner_object == "customers" else "subscription")
        _add(found.ids, name)
    elif kind == "coupon.updated" and partner_object != "coupons":
        if _reads(event, wanted.sources, "source.coupon."):
            found.full = "a coupon's terms changed, and Stripe does not list what it applies to"
    elif kind == "price.updated" and partner_object == "subscriptions":
        if _reads(event, wanted.sources, "items.price."):
            _add(found.prices, thing.get("id"))
    else:
        _add(found.ids, thing.get("id"))


def _own_echo(event: Json, kind: str, ours: str) -> bool:
    """Whether this is a customer's update by one of our own writes, which is read again by id when it is written or settled."""
    request = event.get("request")
    key = request.get("idempotency_key") if isinstance(request, dict) else None
    return kind == "customer.updated" and isinstance(key, str) and key.startswith(ours)


def _reads(event: Json, wanted: frozenset[str], place: str) -> bool:
    """Whether the contract reads one of the attributes that changed; without a list of them, it may."""
    data = event.get("data")
    previous = data.get("previous_attributes") if isinstance(data, dict) else None
    if not isinstance(previous, dict):
        return True
    read = {path.partition(place)[2].partition(".")[0] for path in wanted if place in path}
    return bool(read & previous.keys())


def _thing(event: Json) -> dict[str, Any]:
    data = event.get("data")
    thing = data.get("object") if isinstance(data, dict) else None
    return thing if isinstance(thing, dict) else {}


def _add(ids: set[str], value: object) -> None:
    named = value.get("id") if isinstance(value, dict) else value
    if isinstance(named, str) and named:
        ids.add(named)


def _subscriptions_of(lists: Lists, price: str) -> Iterator[str]:
    for page in lists.pages("/v1/subscriptions", [("status", "all"), ("price", price)]):
        yield from (str(record["id"]) for record in page if "id" in record)
