"""Customers of the modelled Stripe account: metadata rules, refusals, deletion."""

from typing import Any

import pytest

from integration_pipelines.partner_models.base import PartnerRefusalError
from integration_pipelines_tests.kit.stripe_sandbox import stripe_kit


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"b": "2"}, {"a": "1", "b": "2"}),
        ({"a": ""}, {}),
        ({"a": "", "b": "x", "gone": ""}, {"b": "x"}),
        ("", {}),
        ({}, {"a": "1"}),
        ({"k" * 40: "v" * 500}, {"a": "1", "k" * 40: "v" * 500}),
        ({"0": "zero"}, {"a": "1", "0": "zero"}),
    ],
)
def test_metadata_merges_per_key(given: Any, expected: dict[str, str]) -> None:  # noqa: ANN401 - as a form may say it
    """Keys merge, an empty value deletes its key, an empty whole deletes all."""
    kit = stripe_kit()
    kit.update("customers", "cus_1", metadata={"a": "1"})
    assert kit.update("customers", "cus_1", metadata=given)["metadata"] == expected


@pytest.mark.parametrize(
    "given",
    [{"k" * 41: "v"}, {"k": "v" * 501}, {"k[x]": "v"}, {"": "v"}, {"k": {"deep": "v"}}, {f"k{n}": "v" for n in range(51)}],
    ids=["key too long", "value too long", "brackets", "no key", "nested", "too many"],
)
def test_metadata_beyond_the_limits_is_refused_whole(given: dict[str, Any]) -> None:
    """A refused write leaves no trace: no change, no effect, no event."""
    kit = stripe_kit()
    with pytest.raises(PartnerRefusalError) as caught:
        kit.update("customers", "cus_1", name="New", metadata=given)
    assert caught.value.status == 400
    assert kit.account.get("customers", "cus_1")["name"] == "No 1"
    assert (kit.account.effects, kit.events()) == ([], [])


@pytest.mark.parametrize(
    ("values", "code", "param"),
    [
        ({"colour": "red"}, "parameter_unknown", "colour"),
        ({"email": "no address"}, "email_invalid", "email"),
        ({"balance": "1.5"}, "parameter_invalid_integer", "balance"),
        ({"tax_exempt": "maybe"}, "", "tax_exempt"),
        ({"phone": "1" * 21}, "", "phone"),
        ({"address": {"planet": "x"}}, "parameter_unknown", "address[planet]"),
        ({"shipping": {"phone": "1"}}, "parameter_missing", "shipping[name]"),
    ],
)
def test_what_stripe_refuses_is_refused(values: dict[str, Any], code: str, param: str) -> None:
    """Wrong parameters are named, with Stripe's code."""
    with pytest.raises(PartnerRefusalError) as caught:
        stripe_kit().create("customers", **values)
    assert (caught.value.status, caught.value.code, caught.value.facts["param"]) == (400, code, param)


def test_update_changes_given_fields_only() -> None:
    """What a write does not name stays; empty text unsets."""
    kit = stripe_kit()
    after = kit.update("customers", "cus_1", name="", phone="+1")
    assert (after["name"], after["phone"], after["email"]) == (None, "+1", "1@a.example")


def test_effects_say_what_a_write_changed() -> None:
    """Each accepted write is noted with its fields before and after; writing the same again is noted as no change."""
    kit = stripe_kit()
    for key in ("k1", "k2"):
        kit.write("customers", "update", "cus_1", key, name="New", metadata={"crm.segment": "SMB"})
    first, second = kit.account.effects
    assert first.object == "customers"
    assert first.fields == ("metadata.crm.segment", "name")
    assert (first.before, first.after) == (
        {"metadata.crm.segment": None, "name": "No 1"},
        {"metadata.crm.segment": "SMB", "name": "New"},
    )
    assert (first.changed, second.changed, second.idempotency_key) == (True, False, "k2")
    assert kit.events() == ["customer.updated"]


def test_deleting_a_customer_ends_its_subscriptions() -> None:
    """Subscriptions are cancelled first; the customer leaves lists, refuses writes, and its id keeps answering."""
    kit = stripe_kit()
    sub = kit.create("subscriptions", customer="cus_1", items=[{"price": "price_month"}])
    kit.write("customers", "delete", "cus_1")
    assert kit.account.get("customers", "cus_1") == {"id": "cus_1", "object": "customer", "deleted": True}
    assert kit.account.get("subscriptions", sub["id"])["status"] == "canceled"
    assert kit.ids("customers") == ["cus_2"]
    assert kit.ids("customers", email="1@a.example") == []
    assert kit.events()[-2:] == ["customer.subscription.deleted", "customer.deleted"]
    with pytest.raises(PartnerRefusalError, match="No such customer"):
        kit.update("customers", "cus_1", name="Back")
