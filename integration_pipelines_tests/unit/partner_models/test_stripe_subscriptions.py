"""Subscriptions of the modelled Stripe account: items, discounts, trials, ends, and what time does to them."""

from datetime import UTC, datetime
from typing import Any

import pytest

from integration_pipelines.partner_models.base import Json, PartnerRefusalError
from integration_pipelines.partner_models.stripe.periods import DAY, period_end, period_holding
from integration_pipelines_tests.kit.stripe_sandbox import Kit, stripe_kit

MONTHLY = [{"price": "price_month", "quantity": "2"}]


def stamp(text: str) -> int:
    """Seconds of a UTC time."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def subscribe(kit: Kit, **values: Any) -> Json:  # noqa: ANN401 - parameters of any shape
    """A monthly subscription of the first customer."""
    return kit.create("subscriptions", **{"customer": "cus_1", "items": MONTHLY, **values})


def test_periods_live_on_items_only() -> None:
    """The subscription has no period; its items have, by their own prices."""
    kit = stripe_kit()
    made = subscribe(kit, items=[*MONTHLY, {"price": "price_year"}])
    assert not {"current_period_end", "current_period_start", "discount"} & set(made)
    ends = [item["current_period_end"] for item in made["items"]["data"]]
    assert ends == [stamp("2026-12-23"), stamp("2027-11-23")]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"customer": "cus_none"}, "No such customer"),
        ({"items": []}, "Missing required param: items"),
        ({"items": [{"price": "price_once"}]}, "type=one_time"),
        ({"items": [{"price": "price_metered", "quantity": 1}]}, "metered"),
        ({"items": [{"price": "price_month"}, {"price": "price_yen"}]}, "same currency"),
        ({"items": [{"price": "price_month"}] * 21}, "between 1 and 20"),
        ({"discounts": [{"coupon": "NONE"}]}, "No such coupon"),
        ({"collection_method": "send_invoice"}, "days_until_due"),
        ({"trial_end": 1}, "future"),
        ({"colour": "red"}, "unknown parameter"),
    ],
)
def test_refused_subscriptions_leave_nothing_behind(values: dict[str, Any], message: str) -> None:
    """A refusal in the middle takes back the items and discounts already made."""
    kit = stripe_kit()
    kit.account.insert(
        "prices", {"id": "price_yen", "product": "prod_gold", "currency": "jpy", "recurring": {"interval": "month"}}
    )
    before = kit.account.state()
    with pytest.raises(PartnerRefusalError, match=message):
        subscribe(kit, **{"discounts": [{"coupon": "TEN"}], **values})
    assert kit.account.state() == before
    assert kit.account.effects == []


def test_items_are_added_changed_and_removed() -> None:
    """An update names items by id; the event carries the list as it was."""
    kit = stripe_kit()
    made = subscribe(kit)
    item = made["items"]["data"][0]["id"]
    kit.update("subscriptions", made["id"], items=[{"id": item, "quantity": "5"}, {"price": "price_packs", "quantity": "11"}])
    after = kit.update("subscriptions", made["id"], items=[{"id": item, "deleted": "true"}])
    assert [(entry["price"]["id"], entry["quantity"]) for entry in after["items"]["data"]] == [("price_packs", 11)]
    event = kit.account.state()["events"][1]
    assert event["data"]["previous_attributes"]["items"]["data"][0]["quantity"] == 2
    with pytest.raises(PartnerRefusalError, match="between 1 and"):
        kit.update("subscriptions", made["id"], items=[{"id": after["items"]["data"][0]["id"], "deleted": True}])


def test_a_later_item_joins_the_running_period() -> None:
    """Another item of an old subscription is in today's period; another interval starts afresh today."""
    kit = stripe_kit()
    made = subscribe(kit)
    kit.clock.at += 40 * DAY
    kit.account.advance()
    joined = kit.update("subscriptions", made["id"], items=[{"price": "price_packs"}])["items"]["data"]
    assert {item["current_period_end"] for item in joined} == {stamp("2027-01-23")}
    moved = kit.update("subscriptions", made["id"], items=[{"id": joined[0]["id"], "price": "price_year"}])["items"]["data"]
    assert moved[0]["current_period_end"] == stamp("2028-01-02")


def test_discounts_are_kept_replaced_and_removed() -> None:
    """A discount is named to keep it, a coupon to add one, emptiness removes all; repeating ones have an end."""
    kit = stripe_kit()
    made = subscribe(kit, discounts=[{"coupon": "TEN"}, {"coupon": "HALF_YEAR"}])
    first, second = made["discounts"]
    ends = [discount["end"] for discount in kit.account.state()["discounts"]]
    assert ends == [None, stamp("2027-05-23")]
    assert kit.update("subscriptions", made["id"], discounts=[{"discount": second}])["discounts"] == [second]
    assert kit.update("subscriptions", made["id"], discounts="")["discounts"] == []
    with pytest.raises(PartnerRefusalError, match="No such discount"):
        kit.update("subscriptions", made["id"], discounts=[{"discount": first}])


def test_pause_collection_leaves_the_status_alone() -> None:
    """Not collecting is not pausing."""
    kit = stripe_kit()
    made = subscribe(kit)
    after = kit.update("subscriptions", made["id"], pause_collection={"behavior": "void"})
    assert (after["status"], after["pause_collection"]) == ("active", {"behavior": "void", "resumes_at": None})
    assert kit.update("subscriptions", made["id"], pause_collection="")["pause_collection"] is None


def test_pause_and_resume_need_the_right_status() -> None:
    """Only what runs can pause, only what is paused can resume."""
    kit = stripe_kit()
    made = subscribe(kit)["id"]
    with pytest.raises(PartnerRefusalError, match="must be paused"):
        kit.write("subscriptions", "resume", made)
    assert kit.write("subscriptions", "pause", made).body["status"] == "paused"
    assert kit.write("subscriptions", "resume", made).body["status"] == "active"


def test_a_cancelled_subscription_is_nearly_fixed() -> None:
    """Only metadata and the reason may change; cancelling again finds nothing."""
    kit = stripe_kit()
    made = subscribe(kit)["id"]
    gone = kit.write("subscriptions", "delete", made).body
    assert (gone["status"], gone["ended_at"]) == ("canceled", int(kit.clock.at))
    assert kit.update("subscriptions", made, metadata={"a": "b"})["metadata"] == {"a": "b"}
    with pytest.raises(PartnerRefusalError, match="can only update"):
        kit.update("subscriptions", made, description="x")
    with pytest.raises(PartnerRefusalError) as caught:
        kit.write("subscriptions", "delete", made)
    assert caught.value.status == 404


def test_time_renews_ends_trials_and_carries_out_cancellations() -> None:
    """What is due happens by itself: the events carry no request."""
    kit = stripe_kit()
    renewing = subscribe(kit)["id"]
    trial = subscribe(kit, trial_period_days=14)["id"]
    ending = subscribe(kit, cancel_at_period_end="true")["id"]
    kit.clock.at += 31 * DAY
    assert kit.account.advance() == 3
    states = {name: kit.account.get("subscriptions", name) for name in (renewing, trial, ending)}
    assert states[renewing]["items"]["data"][0]["current_period_end"] == stamp("2027-01-23")
    assert (states[trial]["status"], states[trial]["items"]["data"][0]["current_period_end"]) == ("active", stamp("2027-01-07"))
    assert states[ending]["status"] == "canceled"
    assert [event["request"]["id"] for event in kit.account.state()["events"][3:]] == [None] * 3
    assert kit.account.advance() == 0


@pytest.mark.parametrize(
    ("start", "interval", "count", "end"),
    [
        ("2026-01-31", "month", 1, "2026-02-28"),
        ("2026-01-31", "month", 2, "2026-03-31"),
        ("2028-02-29", "year", 1, "2029-02-28"),
        ("2026-12-15", "month", 3, "2027-03-15"),
        ("2026-01-01", "week", 2, "2026-01-15"),
        ("2026-01-01", "day", 10, "2026-01-11"),
    ],
)
def test_period_ends_follow_the_calendar(start: str, interval: str, count: int, end: str) -> None:
    """Months end on their last day where the anchor's day is missing."""
    assert period_end(stamp(start), interval, count) == stamp(end)


@pytest.mark.parametrize(("interval", "count"), [("day", 10), ("week", 1), ("month", 1), ("month", 3), ("year", 1)])
def test_the_period_that_holds_a_moment_holds_it(interval: str, count: int) -> None:
    """For any age of a subscription the present lies inside its period, also around month ends."""
    start = stamp("2023-01-31T12:00:00")
    price = {"recurring": {"interval": interval, "interval_count": count}}
    for day in range(1500):
        moment = start + day * DAY
        first, last = period_holding(price, start, moment)
        assert first <= moment < last
