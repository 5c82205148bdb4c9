"""Merges mint a new id; the old ones keep answering."""

import pytest

from integration_pipelines.partner_models.base import PartnerRefusalError
from integration_pipelines.partner_models.hubspot.records import view_of
from integration_pipelines_tests.kit.hubspot_sandbox import hubspot_kit


def test_both_old_ids_answer_with_the_new_record() -> None:
    """The primary's values win, blanks are filled, the older creation date stays; only the survivor is listed."""
    kit = hubspot_kit()
    kit.update("1", phone="123")
    merged = kit.account.merge("companies", "2", "1")
    new_id = merged["id"]
    assert [kit.account.get_company(name)["id"] for name in ("1", "2", new_id)] == [new_id] * 3
    assert (kit.ids(), kit.ids(archived=True)) == (["3", new_id], [])
    kept = merged["properties"]
    assert (kept["name"], kept["phone"], kept["stripe_customer_id"]) == ("No 2", "123", "cus_2")
    assert (merged["createdAt"], kept["hs_merged_object_ids"], kept["hs_object_id"]) == ("2026-01-01T00:00:00Z", "2;1", new_id)


def test_a_chain_of_merges_lists_every_old_id() -> None:
    """Old ids of old merges lead to the last survivor, also as targets of further merges and writes."""
    kit = hubspot_kit()
    first = kit.account.merge("companies", "1", "2")["id"]
    last = kit.account.merge("companies", "3", "1")
    assert last["properties"]["hs_merged_object_ids"] == f"3;1;2;{first}"
    assert kit.account.update_company("2", {"properties": {"name": "all"}})["id"] == last["id"]
    body = {"inputs": [{"id": name} for name in ("1", "2", "3", first)], "properties": ["hs_merged_object_ids"]}
    assert [one["id"] for one in (kit.account.read_companies(body).body or {})["results"]] == [last["id"]]


def test_the_losers_unique_value_is_free() -> None:
    """The primary's unique value stays with the survivor, the other's can be taken."""
    kit = hubspot_kit()
    survivor = kit.account.merge("companies", "1", "2")["id"]
    kit.update("3", stripe_customer_id="cus_2")
    assert kit.account.get_company("cus_1", id_property="stripe_customer_id")["id"] == survivor


@pytest.mark.parametrize(("primary", "other", "status"), [("1", "1", 400), ("1", "9", 404), ("9", "1", 404)])
def test_impossible_merges_are_refused(primary: str, other: str, status: int) -> None:
    """With itself, or with a company that is not there."""
    kit = hubspot_kit()
    with pytest.raises(PartnerRefusalError) as caught:
        kit.account.merge_companies({"primaryObjectId": primary, "objectIdToMerge": other})
    assert (caught.value.status, kit.ids()) == (status, ["1", "2", "3"])


def test_a_company_cannot_be_merged_with_its_own_past() -> None:
    """Two ids of the same survivor are one company."""
    kit = hubspot_kit()
    kit.account.merge("companies", "1", "2")
    with pytest.raises(PartnerRefusalError, match="with itself"):
        kit.account.merge("companies", "1", "2")


def test_a_merge_tells_of_itself_but_not_of_the_fields_it_alters() -> None:
    """company.merge and a deletion for each of the two; no propertyChange. The effect says who did it."""
    kit = hubspot_kit()
    kit.update("2", phone="5")
    told: list[dict[str, object]] = []
    kit.account.on_event(told.append)
    new_id = int(kit.account.merge("companies", "1", "2")["id"])
    assert [(one["subscriptionType"], one["objectId"]) for one in told] == [
        ("company.merge", new_id),
        ("company.deletion", 1),
        ("company.deletion", 2),
    ]
    assert (told[0]["mergedObjectIds"], told[0]["newObjectId"], told[0]["numberOfPropertiesMoved"]) == ([1, 2], new_id, 1)
    assert (kit.account.effects[-1].actor, kit.account.effects[-1].after["phone"]) == ("person", "5")


def test_history_survives_a_merge() -> None:
    """The survivor tells the primary's history and what the merge added."""
    kit = hubspot_kit()
    kit.update("1", name="newer")
    merged = kit.account.merge("companies", "1", "2")["id"]
    told = kit.account.get_company(merged, view_of((), ("name",)))["propertiesWithHistory"]["name"]
    assert [one["value"] for one in told] == ["newer", "No 1"]
