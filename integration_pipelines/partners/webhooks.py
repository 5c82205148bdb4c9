"""The partners whose webhooks are understood. How one signs and speaks is its own `signature` and `events`."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from integration_pipelines.partners import standard_webhooks
from integration_pipelines.partners.hubspot.events import HubSpotWebhooks
from integration_pipelines.partners.pagerduty.events import PagerDutyWebhooks
from integration_pipelines.partners.stripe.events import StripeWebhooks
from integration_pipelines.partners.zendesk.events import ZendeskWebhooks
from integration_pipelines.ports.webhooks import RawDelivery, StandardWebhooks, WebhookRules, WebhookSource

_ALL = (HubSpotWebhooks(), PagerDutyWebhooks(), StripeWebhooks(), ZendeskWebhooks())
SOURCES: Mapping[str, WebhookSource] = {source.partner: source for source in _ALL}


class Gateway(StandardWebhooks):
    """What a gateway passes on, signed by it."""

    def verify(self, delivery: RawDelivery, secrets: Sequence[str], now: datetime) -> None:
        """See `standard_webhooks.verify`."""
        message_id, stamp = delivery.header(standard_webhooks.ID_HEADER), delivery.header(standard_webhooks.TIMESTAMP_HEADER)
        message = standard_webhooks.Message(message_id, stamp, delivery.body)
        standard_webhooks.verify(message, delivery.header(standard_webhooks.SIGNATURE_HEADER), secrets=secrets, now=now)


def rules(public_url: str) -> WebhookRules:
    """How a receiver at that address tells genuine deliveries, and reads them."""
    return WebhookRules(SOURCES, Gateway(), public_url.rstrip("/"))
