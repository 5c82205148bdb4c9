"""Stripe's webhooks: which records an event names, and which request of ours caused it.

One delivery is one event. What it says of the record is rendered in the version of the webhook endpoint and may be old by now, so that only
ids are taken from it (docs.stripe.com/api/events/object). A connected account is named by `account`, one's own is not.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from integration_pipelines.partners.stripe import signature
from integration_pipelines.partners.stripe.changes import TYPES
from integration_pipelines.partners.told import UNKNOWN_TYPE, UNKNOWN_VERSION, Json, moment, name, thing, touched
from integration_pipelines.ports.inbox import EventKind, TouchedRecord
from integration_pipelines.ports.webhooks import PartnerEvent, RawDelivery, WebhookSource

_ACCESS_ENDED = "account.application.deauthorized"
_WIDE: Mapping[str, tuple[str, ...]] = {"price.updated": ("subscriptions",), "coupon.updated": ("subscriptions", "customers")}
"""These change amounts of records that they do not name."""
_PLACES: Mapping[str, Mapping[str, str]] = {
    "customers": {"customer": "id", "subscription": "customer", "discount": "customer", "invoice": "customer"},
    "subscriptions": {"subscription": "id", "discount": "subscription", "invoice": "subscription"},
    "prices": {"price": "id"},
    "products": {"product": "id"},
    "coupons": {"coupon": "id"},
}
"""Partner object → kind of thing in the event → where its id stands."""
_MORE = ("customer.subscription.trial_will_end", "invoice.paid", "invoice.payment_failed")
KNOWN = frozenset({*(kind for kinds in TYPES.values() for kind in kinds), *_MORE, _ACCESS_ENDED})
"""Types that say something about records; all others are stored and ignored."""


class StripeWebhooks(WebhookSource):
    """Verifies and reads what Stripe posts to a webhook endpoint."""

    partner = "stripe"

    def verify(self, delivery: RawDelivery, secrets: Sequence[str], now: datetime) -> None:
        """See `signature.verify`."""
        signature.verify(delivery.body, delivery.header(signature.SIGNATURE_HEADER), secrets=secrets, now=now)

    def read(self, delivery: RawDelivery, document: object) -> Sequence[PartnerEvent]:
        """The one event."""
        said = thing(document)
        event_id, kind, at = name(said.get("id")), name(said.get("type")), moment(said.get("created"))
        told = PartnerEvent(name(said.get("account")), event_id, kind, delivery.body.decode(), occurred_at=at)
        if not event_id or not kind or not isinstance(said.get("object"), str):
            return (replace(told, quarantined="it is no event of Stripe's: id, type or object is missing"),)
        return (_event(said, told),)


def _event(said: Json, told: PartnerEvent) -> PartnerEvent:
    if said["object"] != "event":  # thin events of the second version only refer to what happened
        return replace(told, ignored=UNKNOWN_VERSION)
    if told.type not in KNOWN:
        return replace(told, ignored=UNKNOWN_TYPE)
    records = _records(thing(thing(said.get("data")).get("object")))
    if told.type == _ACCESS_ENDED:
        return replace(told, kind=EventKind.UNINSTALL)
    if told.type in _WIDE:
        return replace(told, kind=EventKind.WIDE, records=records, objects=_WIDE[told.type])
    if not records:
        return replace(told, quarantined="it does not name the record it is about")
    return replace(told, records=records, echo_key=name(thing(said.get("request")).get("idempotency_key")))


def _records(about: Json) -> tuple[TouchedRecord, ...]:
    kind = about.get("object")
    found: list[TouchedRecord] = []
    for partner_object, places in _PLACES.items():
        where = places.get(kind, "") if isinstance(kind, str) else ""
        value = _parent(about) if (kind, where) == ("invoice", "subscription") else about.get(where)
        found += touched(partner_object, [name(value) or name(thing(value).get("id"))])  # an expanded reference is an object
    return tuple(found)


def _parent(invoice: Json) -> object:
    """The subscription of an invoice: since 2025-03-31.basil below its parent, before that beside it."""
    return thing(thing(invoice.get("parent")).get("subscription_details")).get("subscription") or invoice.get("subscription")
