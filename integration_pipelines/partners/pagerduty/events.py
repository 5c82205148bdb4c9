"""PagerDuty's V3 webhooks: which incident an event is about. One delivery is one event (developer.pagerduty.com, Webhooks V3).

A subscription belongs to one account and has its own secret, so the address it posts to says whose event it is. The time is not signed: an old
delivery that comes again is told by its id as long as ids are remembered, and after that asks for a look at an incident that has not changed.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from integration_pipelines.partners.pagerduty import signature
from integration_pipelines.partners.pagerduty.wire import INCIDENTS
from integration_pipelines.partners.told import UNKNOWN_TYPE, iso_moment, name, thing, touched
from integration_pipelines.ports.webhooks import PartnerEvent, RawDelivery, WebhookSource


class PagerDutyWebhooks(WebhookSource):
    """Verifies and reads what PagerDuty posts to a webhook subscription's address."""

    partner = "pagerduty"

    def verify(self, delivery: RawDelivery, secrets: Sequence[str], now: datetime) -> None:
        """See `signature.verify`; no time is signed, so `now` decides nothing."""
        del now
        signature.verify(delivery.body, delivery.header(signature.SIGNATURE_HEADER), secrets=secrets)

    def read(self, delivery: RawDelivery, document: object) -> Sequence[PartnerEvent]:
        """The one event."""
        said, text = thing(thing(document).get("event")), delivery.body.decode()
        event_id, kind = name(said.get("id")), name(said.get("event_type"))
        told = PartnerEvent("", event_id, kind, text, occurred_at=iso_moment(said.get("occurred_at")))
        if not event_id or not kind:
            return (replace(told, quarantined="it is no event of PagerDuty's: id or type is missing"),)
        if not kind.startswith("incident."):
            return (replace(told, ignored=UNKNOWN_TYPE),)
        about = thing(said.get("data"))
        incident = about.get("id") if about.get("type") == "incident" else thing(about.get("incident")).get("id")
        records = touched(INCIDENTS, [name(incident)])
        if not records:
            return (replace(told, quarantined="it does not name the incident it is about"),)
        return (replace(told, records=records),)
