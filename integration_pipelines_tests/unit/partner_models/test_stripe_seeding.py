"""Seeds and people's edits in the modelled Stripe account."""

from typing import Any

import orjson
import pytest

from integration_pipelines.partner_models.base import PartnerRefusalError
from integration_pipelines_tests.kit.stripe_sandbox import START, Kit, stripe_kit


@pytest.fixture
def kit() -> Kit:
    """A subscription with two items."""
    made = stripe_kit()
    items = [{"price": "price_month", "quantity": 2, "id": "si_1"}, {"price": "price_year", "id": "si_2"}]
    made.account.insert("subscriptions", {"id": "sub_1", "customer": "cus_1", "items": items, "created": 1_700_000_000})
    return made


@pytest.mark.parametrize(
    ("object_name", "record"),
    [
        ("customers", {"id": "bad", "email": 5, "metadata": None, "created": "yesterday"}),
        ("customers", {"id": "bad", "email": ["a"], "discount": "di_none"}),
        ("subscriptions", {"id": "bad", "customer": None, "status": "dancing", "items": None, "discounts": None}),
        ("subscriptions", {"id": "bad", "customer": "cus_none", "items": [{"price": None, "quantity": "x"}]}),
        ("subscriptions", {"id": "bad", "customer": "cus_1", "items": [{"price": "price_none", "created": None}]}),
        ("prices", {"id": "bad", "product": None, "unit_amount_decimal": "1,5", "recurring": {"interval": "eon"}}),
        ("coupons", {"id": "bad", "percent_off": 150, "duration": "never"}),
    ],
)
def test_malformed_seeds_are_kept_as_they_are(object_name: str, record: dict[str, Any]) -> None:
    """Values Stripe would never hold are listed, searched and shown without trouble, unchanged."""
    kit = stripe_kit()
    kit.account.insert(object_name, record)
    shown = next(entry for entry in kit.account.list_page(object_name, {"limit": 100})["data"] if entry["id"] == "bad")
    completed = {"items", "recurring"}
    assert {name: shown[name] for name in record.keys() - completed} == {name: record[name] for name in record.keys() - completed}
    assert orjson.dumps(kit.account.state())
    assert kit.account.advance() == 0


def test_seeds_tell_nobody(kit: Kit) -> None:
    """No effect, no event: the account was simply like that."""
    assert (kit.account.effects, kit.events()) == ([], [])


def test_a_seeded_period_holds_the_present(kit: Kit) -> None:
    """An old subscription is in its current period, not in its first."""
    for item in kit.account.get("subscriptions", "sub_1")["items"]["data"]:
        assert item["current_period_start"] <= START < item["current_period_end"]


def test_seeding_again_replaces(kit: Kit) -> None:
    """The same id twice is one record with the later content."""
    kit.account.insert("subscriptions", {"id": "sub_1", "customer": "cus_2", "items": [{"price": "price_month"}]})
    assert len(kit.account.get("subscriptions", "sub_1")["items"]["data"]) == 1
    assert kit.ids("subscriptions", customer="cus_1") == []
    assert kit.ids("subscriptions", customer="cus_2") == ["sub_1"]


def test_same_seeds_make_same_ids() -> None:
    """An account is the same again when it is built the same way."""
    first, second = stripe_kit(), stripe_kit()
    assert first.create("customers", name="x") == second.create("customers", name="x")
    assert first.account.state() == second.account.state()


@pytest.mark.parametrize(
    ("place", "fields", "path", "event"),
    [
        (("customers", "cus_1"), {"metadata.crm_segment": "SMB"}, ("metadata", "crm_segment"), "customer.updated"),
        (("customers", "cus_1"), {"address.city": "Köln"}, ("address", "city"), "customer.updated"),
        (("customers", "cus_1"), {"email": 7}, ("email",), "customer.updated"),
        (("subscriptions", "sub_1"), {"items.1.quantity": 9}, ("items", "data", 1, "quantity"), "customer.subscription.updated"),
        (("subscriptions", "sub_1"), {"items.data.0.price": "price_packs"}, None, "customer.subscription.updated"),
        (("subscription_items", "si_2"), {"quantity": 4}, ("quantity",), "customer.subscription.updated"),
        (("subscriptions", "sub_1"), {"discounts": [{"coupon": "TEN"}]}, None, "customer.subscription.updated"),
        (("subscriptions", "sub_1"), {"status": "canceled"}, ("status",), "customer.subscription.deleted"),
        (("customers", "cus_1"), {"discount": {"coupon": "TEN"}}, None, "customer.updated"),
        (("prices", "price_month"), {"unit_amount_decimal": "odd"}, ("unit_amount_decimal",), "price.updated"),
        (("coupons", "TEN"), {"percent_off": 20}, ("percent_off",), "coupon.updated"),
    ],
)
def test_people_edit_anything(
    kit: Kit, place: tuple[str, str], fields: dict[str, Any], path: tuple[Any, ...] | None, event: str
) -> None:
    """An edit by path changes the record, makes its event and is noted as a person's."""
    node: Any = kit.account.edit(*place, fields)
    for step in path or ():
        node = node[step]
    if path:
        assert node == next(iter(fields.values()))
    assert kit.events() == [event]
    assert [(effect.actor, effect.changed) for effect in kit.account.effects] == [("person", True)]


def test_people_clear_and_delete(kit: Kit) -> None:
    """An empty value removes a metadata key; `deleted` deletes the customer."""
    kit.account.edit("customers", "cus_1", {"metadata.a": "1", "metadata.b.c": "2"})
    assert kit.account.edit("customers", "cus_1", {"metadata.a": ""})["metadata"] == {"b.c": "2"}
    assert kit.account.edit("customers", "cus_1", {"deleted": True})["deleted"] is True


@pytest.mark.parametrize(
    ("object_name", "record_id", "fields"),
    [
        ("customers", "cus_none", {"name": "x"}),
        ("unicorns", "u_1", {"name": "x"}),
        ("customers", "cus_1", {"id": "cus_9"}),
        ("subscriptions", "sub_1", {"items.7.quantity": 1}),
    ],
)
def test_impossible_edits_are_refused(kit: Kit, object_name: str, record_id: str, fields: dict[str, Any]) -> None:
    """Unknown records and places are refused and nothing is noted."""
    with pytest.raises(PartnerRefusalError):
        kit.account.edit(object_name, record_id, fields)
    assert kit.account.effects == []


def test_merging_is_not_something_stripe_does(kit: Kit) -> None:
    """There is no merge of customers."""
    with pytest.raises(PartnerRefusalError, match="does not merge"):
        kit.account.merge("customers", "cus_1", "cus_2")


def test_state_is_complete_and_ordered(kit: Kit) -> None:
    """Every object, oldest first, with what replies hide but secrets."""
    state = kit.account.state()
    assert [record["id"] for record in state["customers"]] == ["cus_1", "cus_2"]
    assert "tiers" in next(price for price in state["prices"] if price["id"] == "price_tiers")
    assert state == kit.account.state()


@pytest.mark.parametrize("value", [5, True, "x", [], 1.5])
def test_metadata_that_is_no_object_is_refused(kit: Kit, value: object) -> None:
    """A person's odd edit is said to be one, and the record stays as it was."""
    before = kit.account.get("customers", "cus_1")
    with pytest.raises(PartnerRefusalError):
        kit.account.edit("customers", "cus_1", {"metadata": value})
    assert kit.account.get("customers", "cus_1") == before


def test_odd_discounts_can_be_set_right_again(kit: Kit) -> None:
    """After discounts that are none, a list of coupons is taken."""
    kit.account.edit("subscriptions", "sub_1", {"discounts": True})
    kit.account.edit("subscriptions", "sub_1", {"discounts": [{"coupon": "TEN"}]})
    assert len(kit.account.get("subscriptions", "sub_1")["discounts"]) == 1
