"""HubSpot's webhooks: which records an event names, and at which account.

A delivery is an array of up to a hundred events of any accounts in which the app is installed, each naming its own (`portalId`). An
`eventId` is not unique (developers.hubspot.com, webhooks), so an event is told by all that it says but the number of tries. The webhooks
journal writes the same facts in another shape (`journalEvents`, with `action` and `objectTypeId`); both are read.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import orjson

from integration_pipelines.partners.hubspot import signature
from integration_pipelines.partners.told import UNKNOWN_TYPE, Json, iso_moment, moment, name, number, thing, touched
from integration_pipelines.ports.inbox import EventKind
from integration_pipelines.ports.webhooks import PartnerEvent, RawDelivery, WebhookSource

_BY_WORD = {"company": "companies", "contact": "contacts", "deal": "deals", "ticket": "tickets", "product": "products"}
_BY_TYPE_ID = {"0-1": "contacts", "0-2": "companies", "0-3": "deals", "0-5": "tickets", "0-7": "products"}
_ONE = frozenset({"creation", "deletion", "propertyChange", "restore", "privacyDeletion"})
_JOURNAL = {
    "CREATE": "creation", "UPDATE": "propertyChange", "DELETE": "deletion", "RESTORE": "restore", "SNAPSHOT": "creation",
    "GDPR_DELETE": "privacyDeletion", "MERGE": "merge",
}  # fmt: skip
_TIMES_TRIED = "attemptNumber"
_UNREADABLE = "it is no event of HubSpot's: the account or the type is missing"


class HubSpotWebhooks(WebhookSource):
    """Verifies and reads what HubSpot posts to an app's target address."""

    partner = "hubspot"

    def verify(self, delivery: RawDelivery, secrets: Sequence[str], now: datetime) -> None:
        """See `signature.verify`: only the third version counts, over the address as HubSpot called it."""
        stamp = delivery.header(signature.TIMESTAMP_HEADER)
        signed = signature.Delivery(delivery.method, delivery.uri, delivery.body, stamp)
        signature.verify(signed, delivery.header(signature.SIGNATURE_HEADER), secrets=secrets, now=now)

    def read(self, delivery: RawDelivery, document: object) -> Sequence[PartnerEvent]:
        """The events in their order, also of several accounts."""
        del delivery  # its events name themselves
        if isinstance(document, list):
            return [_classic(said) for said in document]
        journal = thing(document).get("journalEvents")
        if isinstance(journal, list):
            return [_journal(said) for said in journal]
        return [replace(_told(document, "", None), quarantined="it is neither an array of events nor a journal")]


def _classic(document: object) -> PartnerEvent:
    said = thing(document)
    kind, at = name(said.get("subscriptionType")), _milliseconds(said.get("occurredAt"))
    told = _told(document, kind, at)
    if not told.account or not kind:
        return replace(told, quarantined=_UNREADABLE)
    word, _, what = kind.partition(".")
    partner_object = _BY_TYPE_ID.get(str(said.get("objectTypeId"))) if word == "object" else _BY_WORD.get(word)
    return _named(told, partner_object, _ids(what, said, partner_object))


def _journal(document: object) -> PartnerEvent:
    said = thing(document)
    action = name(said.get("action"))
    at = iso_moment(said.get("occurredAt")) or _milliseconds(said.get("occurredAt"))
    told = _told(document, f"journal.{action}", at)
    if not told.account or not action:
        return replace(told, quarantined=_UNREADABLE)
    if action == "APP_UNINSTALL":
        return replace(told, kind=EventKind.UNINSTALL)
    partner_object = _BY_TYPE_ID.get(str(said.get("objectTypeId")))
    return _named(told, partner_object, _ids(_JOURNAL.get(action, ""), said, partner_object))


def _told(document: object, kind: str, at: datetime | None) -> PartnerEvent:
    """Without what it names; told from others by its number, if it has one, and all that it says but the number of tries."""
    said = thing(document)
    told = {key: value for key, value in said.items() if key != _TIMES_TRIED} or document
    own, content = number(said.get("eventId")), orjson.dumps(told, option=orjson.OPT_SORT_KEYS)
    event_id = f"{own}-{hashlib.sha256(content).hexdigest()[:32]}".removeprefix("-")
    return PartnerEvent(number(said.get("portalId")), event_id, kind, orjson.dumps(document).decode(), occurred_at=at)


def _named(told: PartnerEvent, partner_object: str | None, ids: Sequence[str] | None) -> PartnerEvent:
    if partner_object is None or ids is None:
        return replace(told, ignored=UNKNOWN_TYPE)
    records = touched(partner_object, ids)
    return replace(told, records=records) if records else replace(told, quarantined="it does not name the record it is about")


def _ids(what: str, said: Json, partner_object: str | None) -> list[str] | None:
    """The ids in it, blank where they are none; None if that is nothing we know. A merge names the survivor and all that went into it."""
    if what in _ONE:
        return [number(said.get("objectId"))]
    if what == "merge":
        merged = said.get("mergedObjectIds")
        others = merged if isinstance(merged, list) else []
        return [number(v) for v in (said.get("newObjectId"), said.get("primaryObjectId"), said.get("objectId"), *others)]
    if what == "associationChange":
        first, _, second = name(said.get("associationType")).partition("_TO_")  # COMPANY_TO_CONTACT
        sides = ((first, "fromObjectId"), (second, "toObjectId"))
        return [number(said.get(place)) for side, place in sides if _BY_WORD.get(side.lower()) == partner_object]
    return None


def _milliseconds(value: object) -> datetime | None:
    return moment(value / 1000) if isinstance(value, int) and not isinstance(value, bool) else None
