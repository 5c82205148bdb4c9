"""Lists of the modelled Stripe account: order, cursors, filters."""

from typing import Any

import pytest

from integration_pipelines.partner_models.base import PartnerRefusalError
from integration_pipelines_tests.kit.stripe_sandbox import Kit, stripe_kit

CREATED = [50, 10, 30, 30, 20, 40]  # out of order, with a tie


@pytest.fixture
def kit() -> Kit:
    """Six more customers, all older than the kit's own."""
    made = stripe_kit()
    for number, created in enumerate(CREATED):
        made.account.insert("customers", {"id": f"cus_{created}_{number}", "created": created, "email": f"{created}@b.example"})
    return made


NEWEST_FIRST = ["cus_2", "cus_1", "cus_50_0", "cus_40_5", "cus_30_3", "cus_30_2", "cus_20_4", "cus_10_1"]


@pytest.mark.parametrize("limit", [1, 2, 3, 8, 100])
def test_pages_forwards_and_backwards_cover_the_list(kit: Kit, limit: int) -> None:
    """Following either cursor visits every record once, in order."""
    forwards = kit.ids("customers", limit=limit)
    while kit.account.list_page("customers", {"limit": limit, "starting_after": forwards[-1]})["data"]:
        forwards += kit.ids("customers", limit=limit, starting_after=forwards[-1])
    assert forwards == NEWEST_FIRST
    backwards = [NEWEST_FIRST[-1]]
    while more := kit.ids("customers", limit=limit, ending_before=backwards[0]):
        backwards = more + backwards
    assert backwards == NEWEST_FIRST


def test_has_more_is_exact(kit: Kit) -> None:
    """A page that ends with the last record says so."""
    assert kit.account.list_page("customers", {"limit": 8})["has_more"] is False
    assert kit.account.list_page("customers", {"limit": 7})["has_more"] is True
    assert len(kit.account.list_page("customers", {})["data"]) == 8


def test_a_record_created_while_paging_shifts_nothing(kit: Kit) -> None:
    """Cursors name records, so a new first record repeats and skips none."""
    first = kit.ids("customers", limit=3)
    kit.create("customers", name="new")
    assert first + kit.ids("customers", limit=100, starting_after=first[-1]) == NEWEST_FIRST


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"created": {"gte": "30", "lt": "50"}}, ["cus_40_5", "cus_30_3", "cus_30_2"]),
        ({"created": {"gt": "30", "lte": "50"}}, ["cus_50_0", "cus_40_5"]),
        ({"created": "20"}, ["cus_20_4"]),
        ({"email": "30@b.example"}, ["cus_30_3", "cus_30_2"]),
        ({"email": "30@B.example"}, []),
        ({"email": "30@b.example", "limit": 1}, ["cus_30_3"]),
        ({"email": "30@b.example", "starting_after": "cus_30_3"}, ["cus_30_2"]),
        ({"created": {"lt": "50"}, "starting_after": "cus_40_5", "limit": 2}, ["cus_30_3", "cus_30_2"]),
    ],
)
def test_customer_filters(kit: Kit, filters: dict[str, Any], expected: list[str]) -> None:
    """Creation time by bounds, e-mail to the letter, together with paging."""
    assert kit.ids("customers", **filters) == expected


@pytest.mark.parametrize(
    ("values", "status"),
    [
        ({"limit": 0}, 400),
        ({"limit": 101}, 400),
        ({"limit": "ten"}, 400),
        ({"starting_after": "cus_none"}, 400),
        ({"starting_after": "cus_1", "ending_before": "cus_2"}, 400),
        ({"created": {"since": "1"}}, 400),
        ({"updated": "1"}, 400),
    ],
)
def test_wrong_list_parameters_are_refused(kit: Kit, values: dict[str, Any], status: int) -> None:
    """Nothing is silently ignored, least of all a filter."""
    with pytest.raises(PartnerRefusalError) as caught:
        kit.account.list_page("customers", values)
    assert caught.value.status == status


def test_moved_index_follows_an_update(kit: Kit) -> None:
    """A filter sees the record's present value."""
    kit.update("customers", "cus_10_1", email="new@b.example")
    assert kit.ids("customers", email="10@b.example") == []
    assert kit.ids("customers", email="new@b.example") == ["cus_10_1"]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, ["sub_past_due", "sub_expired", "sub_active"]),
        ({"status": "all"}, ["sub_past_due", "sub_expired", "sub_canceled", "sub_active"]),
        ({"status": "ended"}, ["sub_expired", "sub_canceled"]),
        ({"status": "canceled"}, ["sub_canceled"]),
        ({"customer": "cus_1"}, ["sub_active"]),
        ({"price": "price_year"}, ["sub_past_due"]),
        ({"collection_method": "send_invoice", "status": "all"}, ["sub_canceled"]),
        ({"current_period_end": {"lt": "1700"}}, ["sub_active"]),
        ({"current_period_start": {"gte": "1200"}}, ["sub_active"]),
    ],
)
def test_subscription_filters(filters: dict[str, Any], expected: list[str]) -> None:
    """Cancelled ones hide unless asked for; period filters use the earliest end and the latest start of the items."""
    kit = stripe_kit()
    period = {"current_period_start": 1000, "current_period_end": 2000}
    other = {"price": "price_packs", "current_period_start": 1500, "current_period_end": 1600}
    for number, (status, items) in enumerate(
        {
            "active": [{"price": "price_month", **period}, other],
            "canceled": [],
            "expired": [],
            "past_due": [{"price": "price_year", **period}],
        }.items()
    ):
        method = "send_invoice" if status == "canceled" else "charge_automatically"
        fields = {"id": f"sub_{status}", "created": number, "customer": f"cus_{1 + bool(number)}", "collection_method": method}
        kit.account.insert("subscriptions", {**fields, "status": status.replace("expired", "incomplete_expired"), "items": items})
    assert kit.ids("subscriptions", **filters) == expected


@pytest.mark.parametrize(
    ("object_name", "filters", "expected"),
    [
        ("prices", {"type": "one_time"}, ["price_once"]),
        ("prices", {"recurring": {"usage_type": "metered"}}, ["price_metered"]),
        ("prices", {"product": "prod_none"}, []),
        ("products", {"ids": ["prod_gold", "prod_none"]}, ["prod_gold"]),
        ("products", {"active": "false"}, []),
        ("coupons", {"limit": 1}, ["HALF_YEAR"]),
    ],
)
def test_catalogue_filters(object_name: str, filters: dict[str, Any], expected: list[str]) -> None:
    """Prices, products and coupons have filters of their own."""
    assert stripe_kit().ids(object_name, **filters) == expected


def test_items_beyond_the_inline_ones_are_paged() -> None:
    """A subscription shows its first items in order; the rest is read with the last one as cursor."""
    kit = stripe_kit(inline_items=2)
    items = [{"price": "price_month", "id": f"si_{number}"} for number in range(5)]
    shown = kit.account.insert("subscriptions", {"id": "sub_1", "customer": "cus_1", "items": items})["items"]
    rest = kit.ids("subscription_items", subscription="sub_1", starting_after=shown["data"][-1]["id"])
    assert shown["has_more"]
    assert [item["id"] for item in shown["data"]] + rest == [f"si_{number}" for number in range(5)]
