"""Zendesk's webhooks: which ticket an event is about. All escalations of that ticket are meant (`client.ZendeskConnector.named`).

A webhook is subscribed to ticket events, and each is one delivery (developer.zendesk.com, Ticket events); or a trigger posts to it what its
author wrote, which has to be JSON with the ticket's number as `ticket_id`: `{"ticket_id": "{{ticket.id}}"}`. A webhook belongs to one account
and has its own secret, so the address it posts to says whose event it is.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from integration_pipelines.partners.told import UNKNOWN_TYPE, UNKNOWN_VERSION, Json, iso_moment, name, number, thing, touched
from integration_pipelines.partners.zendesk import signature
from integration_pipelines.partners.zendesk.wire import ESCALATIONS
from integration_pipelines.ports.webhooks import PartnerEvent, RawDelivery, WebhookSource

INVOCATION_HEADER = "X-Zendesk-Webhook-Invocation-Id"
VERSION = "2022-06-20"
TRIGGERED = "trigger"
_TYPE, _SUBJECT = "zen:event-type:", "zen:ticket:"


class ZendeskWebhooks(WebhookSource):
    """Verifies and reads what Zendesk posts to a webhook's endpoint."""

    partner = "zendesk"

    def verify(self, delivery: RawDelivery, secrets: Sequence[str], now: datetime) -> None:
        """See `signature.verify`."""
        stamp, signed = delivery.header(signature.TIMESTAMP_HEADER), delivery.header(signature.SIGNATURE_HEADER)
        signature.verify(delivery.body, stamp, signed, secrets=secrets, now=now)

    def read(self, delivery: RawDelivery, document: object) -> Sequence[PartnerEvent]:
        """The one event."""
        said, text = thing(document), delivery.body.decode()
        if "ticket_id" in said:
            return (_triggered(said, delivery, text),)
        event_id, kind = name(said.get("id")), name(said.get("type")).removeprefix(_TYPE)
        told = PartnerEvent("", event_id, kind, text, occurred_at=iso_moment(said.get("time")))
        if not event_id or not kind:
            return (replace(told, quarantined="it is no event of Zendesk's: id or type is missing"),)
        return (_event(told, said),)


def _event(told: PartnerEvent, said: Json) -> PartnerEvent:
    if said.get("zendesk_event_version") != VERSION:
        return replace(told, ignored=UNKNOWN_VERSION)
    if not told.type.startswith("ticket."):
        return replace(told, ignored=UNKNOWN_TYPE)
    subject = name(said.get("subject"))
    return _about(told, number(subject.removeprefix(_SUBJECT)) if subject.startswith(_SUBJECT) else "")


def _triggered(said: Json, delivery: RawDelivery, text: str) -> PartnerEvent:
    """What a trigger posts says the same each time, so it is told from others by its invocation, or else by when it was signed."""
    event_id = name(delivery.header(INVOCATION_HEADER)) or name(delivery.header(signature.TIMESTAMP_HEADER))
    return _about(PartnerEvent("", event_id, TRIGGERED, text), number(said.get("ticket_id")))


def _about(told: PartnerEvent, ticket: str) -> PartnerEvent:
    records = touched(ESCALATIONS, [ticket])
    return replace(told, records=records) if records else replace(told, quarantined="it does not name the ticket it is about")
