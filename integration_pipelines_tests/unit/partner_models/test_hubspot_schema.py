"""Owners, properties, groups, limits and scopes of the modelled account."""

from typing import Any

import pytest

from integration_pipelines.partner_models.base import Json, PartnerRefusalError
from integration_pipelines.partner_models.hubspot.limits import RateLimits
from integration_pipelines_tests.kit.hubspot_sandbox import hubspot_kit

GOOD: Json = {"name": "plan", "label": "Plan", "type": "string", "fieldType": "text", "groupName": "companyinformation"}
CHOICE = {"type": "enumeration", "fieldType": "select"}


@pytest.mark.parametrize(
    ("asked", "ids"),
    [
        ({}, ["11", "13"]),
        ({"archived": True}, ["12"]),
        ({"email": "ANN@a.example"}, ["11"]),
        ({"limit": 1}, ["11"]),
        ({"limit": 1, "after": "11"}, ["13"]),
    ],
)
def test_owners_are_listed(asked: dict[str, Any], ids: list[str]) -> None:
    """Who left is listed only where asked for, and has no user id of their own."""
    found = hubspot_kit().account.list_owners(**asked)["results"]
    assert [owner["id"] for owner in found] == ids
    assert all(("userId" in owner) is not owner["archived"] for owner in found)


def test_an_owner_who_leaves_cannot_be_given_a_company() -> None:
    """A person archives the owner; the company keeps the id, new writes of it are refused."""
    kit = hubspot_kit()
    kit.update("1", hubspot_owner_id="11")
    kit.account.edit("owners", "11", {"archived": True})
    assert kit.value("1", "hubspot_owner_id") == "11"
    with pytest.raises(PartnerRefusalError, match="valid owner"):
        kit.update("2", hubspot_owner_id="11")
    assert kit.account.get_owner("11", archived=True)["email"] == "ann@a.example"


def test_a_property_is_made_used_and_archived() -> None:
    """Filled with HubSpot's defaults; archived, it is refused in writes and its name stays taken."""
    kit = hubspot_kit()
    kit.account.create_group({"name": "billing_sync", "label": "Billing sync"})
    made = kit.account.create_property({**GOOD, "groupName": "billing_sync"})
    assert (made["hubspotDefined"], made["hasUniqueValue"], made["options"], made["archived"]) == (False, False, [], False)
    kit.update("1", plan="gold")
    kit.account.archive_property("plan")
    with pytest.raises(PartnerRefusalError, match="does not exist"):
        kit.update("1", plan="silver")
    with pytest.raises(PartnerRefusalError, match="already exists"):
        kit.account.create_property(GOOD)


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "Plan"},
        {"name": "9plan"},
        {"name": "hs_plan"},
        {"name": "x" * 101},
        {"label": None},
        {"type": "money"},
        {"fieldType": "select"},
        {"groupName": "no_such"},
        {"surprise": 1},
        {"numberDisplayHint": "currency"},
        CHOICE,
        {**CHOICE, "options": [{"label": "A", "value": "a"}, {"label": "B", "value": "a"}]},
        {**CHOICE, "options": [{"label": "A"}]},
        {**CHOICE, "options": [{"label": "A", "value": "a"}], "hasUniqueValue": True},
    ],
)
def test_a_property_that_cannot_be(wrong: Json) -> None:
    """Name, types, group and options are checked: 400."""
    with pytest.raises(PartnerRefusalError) as caught:
        hubspot_kit().account.create_property({**GOOD, **wrong})
    assert caught.value.status == 400


def test_options_are_replaced_as_a_whole_and_values_stay() -> None:
    """A person removes an option: companies keep the value, new writes of it are refused."""
    kit = hubspot_kit()
    kit.update("1", customer_segment="SMB")
    kit.account.edit("properties", "customer_segment", {"options": [{"label": "Enterprise", "value": "Enterprise"}]})
    assert kit.value("1", "customer_segment") == "SMB"
    with pytest.raises(PartnerRefusalError, match="allowed options"):
        kit.update("2", customer_segment="SMB")


@pytest.mark.parametrize(("name", "given"), [("name", {"label": "x"}), ("stripe_customer_id", {"hasUniqueValue": False})])
def test_what_cannot_be_changed_about_a_property(name: str, given: Json) -> None:
    """HubSpot's own definitions, and whether values are unique."""
    with pytest.raises(PartnerRefusalError, match="cannot be changed"):
        hubspot_kit().account.update_property(name, given)


def test_a_batch_of_properties_fails_one_by_one() -> None:
    """207: the taken name is an error, the other is made."""
    kit = hubspot_kit()
    status, body = kit.account.batch_properties("create", {"inputs": [{**GOOD, "name": "billing_mrr"}, GOOD]})
    assert body is not None
    assert (status, [one["name"] for one in body["results"]], body["errors"][0]["category"]) == (207, ["plan"], "CONFLICT")
    status, body = kit.account.batch_properties("read", {"inputs": [{"name": "plan"}, {"name": "none"}], "archived": False})
    assert body is not None
    assert (status, [one["name"] for one in body["results"]]) == (207, ["plan"])


def test_requests_are_limited_in_a_rolling_window() -> None:
    """The window empties as time passes; searches have a limit of their own and no headers; a day ends."""
    kit = hubspot_kit(RateLimits(ten_seconds=2, searches_per_second=1, daily=4))
    admit = kit.account.admit
    assert admit()["X-HubSpot-RateLimit-Remaining"] == "1"
    kit.clock.at += 6
    assert admit()["X-HubSpot-RateLimit-Daily-Remaining"] == "2"
    assert admit(search=True) == {}
    for search, policy in ((False, "TEN_SECONDLY_ROLLING"), (True, "SECONDLY")):
        with pytest.raises(PartnerRefusalError) as caught:
            admit(search=search)
        assert caught.value.facts["policyName"] == policy
    kit.clock.at += 4
    assert admit()["X-HubSpot-RateLimit-Remaining"] == "0"
    with pytest.raises(PartnerRefusalError, match="daily"):
        admit()
    kit.clock.at += 86_400
    assert admit()


def test_a_scope_that_was_not_granted_is_named() -> None:
    """403 MISSING_SCOPES with the scope."""
    kit = hubspot_kit()
    kit.account.scopes = frozenset({"oauth"})
    with pytest.raises(PartnerRefusalError) as caught:
        kit.account.admit({"crm.objects.owners.read"})
    assert caught.value.facts["errors"][0]["context"] == {"requiredGranularScopes": ["crm.objects.owners.read"]}  # type: ignore[index]  # facts are whatever the partner says
