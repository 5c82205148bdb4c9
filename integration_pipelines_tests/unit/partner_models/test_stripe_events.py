"""The event log of the modelled Stripe account."""

from typing import Any

import pytest

from integration_pipelines.partner_models.base import Json, PartnerRefusalError
from integration_pipelines.partner_models.stripe.events import DAY, previous_attributes
from integration_pipelines_tests.kit.stripe_sandbox import stripe_kit


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"a": 1, "b": 2}, {"a": 1, "b": 3}, {"b": 2}),
        ({"m": {"x": "1", "y": "2"}}, {"m": {"x": "1", "z": "3"}}, {"m": {"y": "2", "z": None}}),
        ({"l": [1, 2]}, {"l": [1, 3]}, {"l": [1, 2]}),
        ({"h": None}, {"h": {"k": 1}}, {"h": None}),
        ({"h": {"k": 1}}, {"h": None}, {"h": {"k": 1}}),
    ],
)
def test_previous_attributes(before: Json, after: Json, expected: Json) -> None:
    """Changed keys only: per key in hashes, whole for arrays, null for what was not there."""
    assert previous_attributes(before, after) == expected


def test_events_are_snapshots() -> None:
    """An event keeps what the record said then, whatever happens later."""
    kit = stripe_kit()
    kit.write("customers", "update", "cus_1", "k1", name="First")
    kit.update("customers", "cus_1", name="Second")
    first, second = kit.account.state()["events"]
    assert (first["data"]["object"]["name"], first["data"]["previous_attributes"]) == ("First", {"name": "No 1"})
    assert first["request"] == {"id": "req_k1", "idempotency_key": "k1"}
    assert second["data"]["previous_attributes"] == {"name": "First"}


def test_events_are_kept_thirty_days() -> None:
    """Older events are in no list and answer 404."""
    kit = stripe_kit()
    kit.update("customers", "cus_1", name="Old")
    old = kit.ids("events")[0]
    kit.clock.at += 30 * DAY + 1
    kit.update("customers", "cus_1", name="New")
    assert len(kit.ids("events")) == 1
    with pytest.raises(PartnerRefusalError, match="No such event"):
        kit.account.get("events", old)


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"types": ["customer.updated", "price.updated"]}, ["customer.updated", "price.updated"]),
        ({"type": "customer.*"}, ["customer.created", "customer.updated"]),
        ({"types": {"0": "price.updated"}}, ["price.updated"]),
        ({"created": {"gt": "1795392000"}}, ["customer.created"]),
        ({"delivery_success": "false"}, ["customer.created", "customer.updated"]),
        ({"delivery_success": "true"}, ["price.updated"]),
    ],
)
def test_event_filters(filters: dict[str, Any], expected: list[str]) -> None:
    """By type, by time, by whether every endpoint took them."""
    kit = stripe_kit()
    endpoint = kit.create("webhook_endpoints", url="https://a.example", enabled_events=["*"])["id"]
    kit.update("prices", "price_month", nickname="x")
    kit.account.mark_delivered(kit.ids("events")[0], endpoint)
    kit.update("customers", "cus_1", name="x")
    kit.clock.at += 10
    kit.create("customers")
    found = kit.account.list_page("events", filters)["data"]
    assert sorted(event["type"] for event in found) == expected


def test_too_many_types_are_refused() -> None:
    """At most twenty types in one request."""
    with pytest.raises(PartnerRefusalError, match="up to 20"):
        stripe_kit().ids("events", types=[f"t{number}" for number in range(21)])


def test_listeners_hear_every_event_once() -> None:
    """Whoever delivers webhooks is told in the order of the changes, and not about writes that changed nothing."""
    kit = stripe_kit()
    heard: list[str] = []
    kit.account.on_event(lambda event: heard.append(event["type"]))
    kit.update("customers", "cus_1", name="x")
    kit.update("customers", "cus_1", name="x")
    kit.account.edit("coupons", "TEN", {"name": "Ten"})
    assert heard == ["customer.updated", "coupon.updated"]
