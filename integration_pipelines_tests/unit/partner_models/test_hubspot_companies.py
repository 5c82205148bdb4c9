"""Reading and writing single companies: defaults, history, change marks, archive, ids."""

import pytest

from integration_pipelines.partner_models.base import PartnerRefusalError
from integration_pipelines.partner_models.hubspot.records import view_of
from integration_pipelines_tests.kit.hubspot_sandbox import hubspot_kit


def test_only_default_properties_come_unless_named() -> None:
    """Named properties replace the defaults but for three; unknown ones are passed over, unset ones are null."""
    account = hubspot_kit().account
    default = account.get_company("1")["properties"]
    named = account.get_company("1", view_of(("phone", "domain", "no_such")))["properties"]
    assert set(default) == {"createdate", "domain", "hs_lastmodifieddate", "hs_object_id", "name"}
    assert set(named) == {"phone", "domain", "createdate", "hs_lastmodifieddate", "hs_object_id"}
    assert (named["phone"], named["domain"]) == (None, "1.example")


def test_history_tells_who_wrote_what_and_when() -> None:
    """Apps write as INTEGRATION, people as CRM_UI; newest first, with the seeded value last; '' shows a clearing."""
    kit = hubspot_kit()
    kit.clock.at += 60
    kit.update("1", name="by app")
    kit.clock.at += 60
    kit.account.edit("companies", "1", {"properties.name": ""})
    page = kit.account.list_companies(limit=50, history=("name",))
    told = page["results"][0]["propertiesWithHistory"]["name"]
    assert [(one["value"], one["sourceType"], one["timestamp"]) for one in told] == [
        ("", "CRM_UI", "2026-11-23T00:02:00Z"),
        ("by app", "INTEGRATION", "2026-11-23T00:01:00Z"),
        ("No 1", "IMPORT", "2026-01-01T00:00:00Z"),
    ]


def test_a_change_moves_the_mark_and_a_repeat_does_not() -> None:
    """A write of the same value leaves no version and no new time, but is noted as a write without change."""
    kit = hubspot_kit()
    kit.update("1", name="new", domain="1.example")
    kit.clock.at += 5
    kit.update("1", name="new")
    first, second = kit.account.effects
    assert (first.fields, first.before, first.after) == (
        ("domain", "name"),
        {"domain": "1.example", "name": "No 1"},
        {"domain": "1.example", "name": "new"},
    )
    assert (first.object, first.id, first.changed, second.changed, second.actor) == ("companies", "1", True, False, "api")
    assert kit.account.get_company("1")["updatedAt"] == "2026-11-23T00:00:00Z"


def test_a_recalculation_marks_a_company_modified_without_an_effect() -> None:
    """HubSpot's own work looks like a change to a reader."""
    kit = hubspot_kit()
    kit.clock.at += 0.25
    kit.account.recalculate("2")
    assert kit.value("2", "hs_lastmodifieddate") == "2026-11-23T00:00:00.250Z"
    assert kit.account.effects == []


def test_pages_visit_every_company_once_though_one_is_made_meanwhile() -> None:
    """The cursor is an id, so new and archived companies shift nothing."""
    kit = hubspot_kit()
    first = kit.account.list_companies(limit=2)
    kit.account.archive_company("1")
    made = kit.create(name="late")
    rest = kit.account.list_companies(limit=2, after=first["paging"]["next"]["after"])
    assert [one["id"] for one in rest["results"]] == ["3", made]
    assert "paging" not in rest


@pytest.mark.parametrize(
    ("limit", "after", "history"), [(0, None, ()), (101, None, ()), (51, None, ("name",)), (10, "x", ()), (10, "9" * 30, ())]
)
def test_pages_out_of_range_are_refused(limit: int, after: str | None, history: tuple[str, ...]) -> None:
    """At most 100 companies a page, 50 with history; a cursor is a number."""
    with pytest.raises(PartnerRefusalError, match=r"limit|cursor"):
        hubspot_kit().account.list_companies(limit=limit, after=after, history=history)


def test_an_archived_company_is_read_only_where_asked_for_and_forgotten_after_90_days() -> None:
    """Archiving hides; archiving again or something unknown is no error."""
    kit = hubspot_kit()
    for record_id in ("2", "2", "999"):
        kit.account.archive_company(record_id)
    assert (kit.ids(), kit.ids(archived=True)) == (["1", "3"], ["2"])
    shown = kit.account.get_company("2", archived=True)
    assert (shown["archived"], shown["archivedAt"]) == (True, "2026-11-23T00:00:00Z")
    with pytest.raises(PartnerRefusalError, match="could not be found"):
        kit.account.get_company("2")
    kit.clock.at += 91 * 86_400
    assert kit.ids(archived=True) == []
    assert len(kit.account.effects) == 1


def test_a_restored_company_comes_back_without_a_value_that_is_taken() -> None:
    """Restoring keeps the id; a unique value that somebody took meanwhile stays theirs."""
    kit = hubspot_kit()
    kit.account.edit("companies", "1", {"archived": True})
    kit.update("2", stripe_customer_id="cus_1")
    kit.clock.at += 60
    assert kit.found() == ["2", "3"]
    kit.account.edit("companies", "1", {"archived": False})
    assert kit.found() == ["1", "2", "3"]
    assert kit.ids() == ["1", "2", "3"]
    assert (kit.value("1", "stripe_customer_id"), kit.value("2", "stripe_customer_id")) == ("", "cus_1")


def test_a_unique_value_is_held_by_one_company_and_names_it() -> None:
    """409 with the holder's id; after a clearing the value is free, and it addresses its holder."""
    kit = hubspot_kit()
    with pytest.raises(PartnerRefusalError, match="Existing ID: 2") as caught:
        kit.update("1", stripe_customer_id="cus_2")
    assert (caught.value.status, caught.value.code) == (409, "CONFLICT")
    kit.update("2", stripe_customer_id="")
    kit.update("1", stripe_customer_id="cus_2")
    assert kit.account.get_company("cus_2", id_property="stripe_customer_id")["id"] == "1"
    with pytest.raises(PartnerRefusalError, match="non-unique"):
        kit.account.get_company("1.example", id_property="domain")


def test_planted_data_is_kept_and_shown_as_it_is() -> None:
    """Malformed values get in by `insert` only, without effect or event."""
    kit = hubspot_kit()
    told: list[object] = []
    kit.account.on_event(told.append)
    kit.account.insert("companies", {"id": "5", "properties": {"billing_mrr": "lots", "name": 7, "customer_segment": "Mars"}})
    shown = kit.account.get_company("5", view_of(("billing_mrr", "name", "customer_segment")))["properties"]
    assert (shown["billing_mrr"], shown["name"], shown["customer_segment"]) == ("lots", 7, "Mars")
    assert (kit.account.effects, told) == ([], [])


def test_a_planted_company_may_surprise_and_have_a_past() -> None:
    """Unknown top-level fields are shown, ids merged away answer, and new ids stay clear of planted ones."""
    kit = hubspot_kit()
    planted = {"id": "9500000000", "brand_new": 1, "properties": {"hs_merged_object_ids": "51;52"}}
    kit.account.insert("companies", planted)
    assert kit.account.get_company("52")["id"] == "9500000000"
    assert kit.account.get_company("9500000000")["brand_new"] == 1
    assert kit.create(name="next") == "9500000001"


def test_webhook_events_tell_of_each_change() -> None:
    """A creation, every changed property and a deletion, in order, with the portal they belong to."""
    kit = hubspot_kit()
    told: list[dict[str, object]] = []
    kit.account.on_event(told.append)
    made = kit.create(name="A")
    kit.account.edit("companies", made, {"name": "B", "domain": ""})
    kit.account.archive_company(made)
    assert [(one["subscriptionType"], one.get("propertyValue"), one["changeSource"]) for one in told] == [
        ("company.creation", None, "INTEGRATION"),
        ("company.propertyChange", "A", "INTEGRATION"),
        ("company.propertyChange", "B", "CRM_UI"),
        ("company.deletion", None, "INTEGRATION"),
    ]
    assert {(one["portalId"], one["objectId"], one["occurredAt"]) for one in told} == {(4711, int(made), 1_795_392_000_000)}
