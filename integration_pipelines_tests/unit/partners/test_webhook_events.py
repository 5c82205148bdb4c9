"""What each partner's webhooks name: records, account, time and echo; and that no document, however odd, is more than set aside."""

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration_pipelines.partners.webhooks import SOURCES
from integration_pipelines.ports.inbox import EventKind
from integration_pipelines.ports.webhooks import PartnerEvent, RawDelivery

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
Json = dict[str, Any]
_KEYS = (
    "id", "type", "object", "data", "account", "created", "request", "eventId", "portalId", "subscriptionType", "objectId", "objectTypeId",
    "mergedObjectIds", "associationType", "journalEvents", "action", "occurredAt", "subject", "ticket_id", "zendesk_event_version", "time",
    "event", "event_type", "occurred_at", "incident", "customer", "subscription",
)  # fmt: skip
_WORDS = (
    "event", "customer.updated", "price.updated", "invoice.paid", "company.merge", "company.associationChange", "object.creation",
    "COMPANY_TO_CONTACT", "MERGE", "0-2", "zen:ticket:7", "zen:event-type:ticket.created", "2022-06-20", "incident.triggered", "cus_1", "7",
)  # fmt: skip
_LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(_WORDS)
)
_OBJECTS = st.sampled_from(_KEYS)
_DOCUMENTS = st.recursive(
    _LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_OBJECTS, inner, max_size=6), max_leaves=20
)


def read(partner: str, document: object, **headers: str) -> list[PartnerEvent]:
    """What a delivery of that document tells."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    delivery = RawDelivery("POST", "https://x/", named, orjson.dumps(document), NOW)
    return list(SOURCES[partner].read(delivery, document))


def names(event: PartnerEvent) -> list[str]:
    """Its records in short."""
    return [f"{r.partner_object} {r.record_id}" for r in event.records]


_BOTH = ["customers cus_1", "subscriptions sub_1"]


def stripe(kind: str, thing: Json, **facts: object) -> PartnerEvent:
    """One event of Stripe's."""
    said = {"id": "evt_1", "object": "event", "type": kind, "created": 1_795_435_200, "data": {"object": thing}} | facts
    (event,) = read("stripe", said)
    return event


@pytest.mark.parametrize(
    ("kind", "thing", "named"),
    [
        ("customer.created", {"object": "customer", "id": "cus_1"}, ["customers cus_1"]),
        ("customer.deleted", {"object": "customer", "id": "cus_1", "deleted": True}, ["customers cus_1"]),
        ("customer.subscription.deleted", {"object": "subscription", "id": "sub_1", "customer": "cus_1"}, _BOTH),
        ("customer.subscription.updated", {"object": "subscription", "id": "sub_1", "customer": {"id": "cus_1"}}, _BOTH),
        ("customer.discount.created", {"object": "discount", "customer": "cus_1", "subscription": None}, ["customers cus_1"]),
        ("customer.discount.deleted", {"object": "discount", "subscription": "sub_1"}, ["subscriptions sub_1"]),
        ("invoice.paid", {"object": "invoice", "customer": "cus_1", "parent": {"subscription_details": {"subscription": "sub_1"}}},
         _BOTH),
        ("invoice.payment_failed", {"object": "invoice", "customer": "cus_1", "subscription": "sub_1"}, _BOTH),
        ("product.deleted", {"object": "product", "id": "prod_1"}, ["products prod_1"]),
    ],
)  # fmt: skip
def test_stripes_events_name_the_record_and_what_it_belongs_to(kind: str, thing: Json, named: list[str]) -> None:
    """References may be ids or expanded; an invoice is no record of ours, its subscription is."""
    event = stripe(kind, thing)
    assert (names(event), event.kind, event.ignored, event.quarantined) == (named, EventKind.RECORDS, "", "")
    assert event.occurred_at == NOW


def test_stripe_tells_which_request_and_which_account() -> None:
    """The idempotency key of the request that caused it, and a connected account."""
    event = stripe("customer.updated", {"object": "customer", "id": "c"}, account="acct_7", request={"idempotency_key": "ip:1"})
    assert (event.account, event.echo_key) == ("acct_7", "ip:1")


def hubspot(kind: str, **facts: object) -> PartnerEvent:
    """One event of HubSpot's."""
    said = {"eventId": 1, "portalId": 62515, "occurredAt": 1_795_435_200_000, "subscriptionType": kind, "attemptNumber": 0}
    (event,) = read("hubspot", [said | facts])
    return event


@pytest.mark.parametrize(
    ("kind", "facts", "named"),
    [
        ("company.creation", {"objectId": 7}, ["companies 7"]),
        ("company.deletion", {"objectId": 7}, ["companies 7"]),
        ("company.restore", {"objectId": 7}, ["companies 7"]),
        ("company.propertyChange", {"objectId": 7, "propertyName": "name", "propertyValue": "x"}, ["companies 7"]),
        ("object.propertyChange", {"objectId": 7, "objectTypeId": "0-2"}, ["companies 7"]),
        ("contact.privacyDeletion", {"objectId": 7}, ["contacts 7"]),
        ("company.merge", {"primaryObjectId": 1, "mergedObjectIds": [2, 3], "newObjectId": 4}, [f"companies {n}" for n in (4, 1, 2, 3)]),
        ("company.associationChange", {"associationType": "COMPANY_TO_CONTACT", "fromObjectId": 1, "toObjectId": 2}, ["companies 1"]),
        ("company.associationChange", {"associationType": "CONTACT_TO_COMPANY", "fromObjectId": 1, "toObjectId": 2}, ["companies 2"]),
    ],
)  # fmt: skip
def test_hubspots_events_name_every_record_that_they_are_about(kind: str, facts: Json, named: list[str]) -> None:
    """A merge names the survivor and all that went into it."""
    event = hubspot(kind, **facts)
    assert (names(event), event.account, event.occurred_at) == (named, "62515", NOW)


@pytest.mark.parametrize("kind", ["company.somethingNew", "quote.creation", "object.creation", "", "x" * 300])
def test_what_hubspot_may_say_one_day_is_told_apart(kind: str) -> None:
    """Unknown types are ignored by rule, none at all is set aside."""
    event = hubspot(kind, objectId=7)
    assert (event.ignored == "unknown_type") != bool(event.quarantined)
    assert event.records == ()


def test_an_event_of_hubspots_is_told_by_what_it_says_and_not_by_its_tries() -> None:
    """Its number is not unique; a repeat differs in the number of tries only."""
    first, again = (hubspot("company.creation", objectId=7, attemptNumber=n) for n in (0, 3))
    others = [
        hubspot("company.creation", objectId=8),
        hubspot("company.deletion", objectId=7),
        hubspot("company.creation", objectId=7, eventId=2),
    ]
    assert first.event_id == again.event_id
    assert len({e.event_id for e in (first, *others)}) == 4


def test_hubspots_journal_is_read_in_its_own_shape() -> None:
    """The same facts under other names; that an app was removed is an end of access, and other objects are ignored by rule."""
    entries = [
        {"type": "crmObject", "portalId": 1, "occurredAt": "2026-11-23T12:00:00Z", "action": "UPDATE", "objectTypeId": "0-2", "objectId": 7},
        {"type": "crmObject", "portalId": 1, "action": "MERGE", "objectTypeId": "0-2", "objectId": 4, "mergedObjectIds": [2, 3]},
        {"type": "appLifecycleEvent", "portalId": 1, "action": "APP_UNINSTALL"},
        {"type": "crmObject", "portalId": 1, "action": "UPDATE", "objectTypeId": "2-77", "objectId": 7},
        {"type": "crmObject", "action": "UPDATE"},
    ]  # fmt: skip
    update, merge, gone, other, nobodys = read("hubspot", {"offset": "x", "journalEvents": entries})
    assert (names(update), update.occurred_at, update.type) == (["companies 7"], NOW, "journal.UPDATE")
    assert names(merge) == ["companies 4", "companies 2", "companies 3"]
    assert (gone.kind, other.ignored, bool(nobodys.quarantined)) == (EventKind.UNINSTALL, "unknown_type", True)


def zendesk(**facts: object) -> PartnerEvent:
    """One event of Zendesk's."""
    said = {
        "account_id": 9,
        "id": "e1",
        "type": "zen:event-type:ticket.priority_changed",
        "subject": "zen:ticket:7",
        "zendesk_event_version": "2022-06-20",
    }
    (event,) = read("zendesk", said | {"time": "2026-11-23T12:00:00Z"} | facts)
    return event


@pytest.mark.parametrize(
    ("facts", "ends"),
    [
        ({}, (["escalations 7"], "", False)),
        ({"zendesk_event_version": "2031-01-01"}, ([], "unknown_version", False)),
        ({"type": "zen:event-type:user.created", "subject": "zen:user:7"}, ([], "unknown_type", False)),
        ({"subject": "zen:user:7"}, ([], "", True)),
        ({"id": 7}, ([], "", True)),
    ],
)
def test_zendesks_events_name_their_ticket(facts: Json, ends: tuple[list[str], str, bool]) -> None:
    """In the version that is understood."""
    event = zendesk(**facts)
    assert (names(event), event.ignored, bool(event.quarantined)) == ends


def test_what_a_zendesk_trigger_posts_is_told_by_its_invocation() -> None:
    """It says the same each time; without an invocation the moment it was signed tells it from others."""
    (first,) = read("zendesk", {"ticket_id": "7"}, x_zendesk_webhook_invocation_id="inv_1")
    (second,) = read("zendesk", {"ticket_id": 7}, x_zendesk_webhook_signature_timestamp="2026-11-23T12:00:00Z")
    assert (first.event_id, second.event_id) == ("inv_1", "2026-11-23T12:00:00Z")
    assert names(first) == names(second) == ["escalations 7"]


@pytest.mark.parametrize(
    ("kind", "data", "named"),
    [
        ("incident.resolved", {"type": "incident", "id": "PX"}, ["incidents PX"]),
        ("incident.annotated", {"type": "incident_note", "id": "N", "incident": {"id": "PX"}}, ["incidents PX"]),
        ("pagey.ping", {"type": "ping"}, []),
    ],
)
def test_pagerdutys_events_name_their_incident(kind: str, data: Json, named: list[str]) -> None:
    """A note's event names the incident that it stands on."""
    (event,) = read("pagerduty", {"event": {"id": "01", "event_type": kind, "occurred_at": "2026-11-23T12:00:00Z", "data": data}})
    assert (names(event), event.quarantined) == (named, "")


@pytest.mark.fault("E11", "E12")
@pytest.mark.parametrize("partner", sorted(SOURCES))
@given(document=_DOCUMENTS)
def test_no_document_is_more_than_set_aside(partner: str, document: object) -> None:
    """Whatever is signed: every event ends as records, ignored or quarantined, and what it names could be stored."""
    for event in read(partner, document):
        ends = [bool(event.records) or event.kind is not EventKind.RECORDS, bool(event.ignored), bool(event.quarantined)]
        assert ends.count(True) == 1
        assert all(0 < len(r.record_id) <= 255 for r in event.records)
        assert len(event.type) <= 300
