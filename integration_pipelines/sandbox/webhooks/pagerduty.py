"""PagerDuty's V3 deliveries: one event a request, signed over the body once for every secret that counts."""

import hashlib
import hmac
from collections.abc import Iterable, Sequence

import orjson

from integration_pipelines.partner_models.base import Json
from integration_pipelines.partner_models.pagerduty.account import PagerDutyAccount
from integration_pipelines.sandbox.webhooks.lines import Message, Parcel
from integration_pipelines.sandbox.webhooks.per_account import AccountWebhooks, Endpoint, EndpointLine

GAPS = (10, 60, 300, 900, 3_600, 7_200, 14_400, 28_800, 43_200, 43_200)  # ten tries in about two days
_HEADERS = {"Content-Type": "application/json", "User-Agent": "PagerDuty-Webhook/V3.0", "Accept": "*/*"}


class PagerDutyLine(EndpointLine):
    """One webhook subscription of an account."""

    partner = "pagerduty"
    patience = 5.0

    def compose(self, parcels: Sequence[Parcel], at: float) -> Message:
        """The event in its envelope."""
        body = orjson.dumps({"event": parcels[0].event})
        named = {
            "X-Webhook-Subscription": self.endpoint.id,
            "X-PagerDuty-Signature": signature(body, self.endpoint.secrets_at(at)),
        }
        return Message(body, {**_HEADERS, **named})

    def gap(self, attempt: int) -> float | None:
        """Ten tries, spread over two days."""
        return GAPS[attempt - 1] if attempt <= len(GAPS) else None


def signature(body: bytes, valid: Iterable[str]) -> str:
    """The header: HMAC-SHA256 over the raw body, once for every secret."""
    return ",".join(f"v1={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}" for secret in valid)


class PagerDutyWebhooks(AccountWebhooks[PagerDutyAccount]):
    """The subscriptions of all accounts: each is told of everything that happens to incidents."""

    partner = "pagerduty"

    def line(self, account: PagerDutyAccount, endpoint: Endpoint) -> EndpointLine:
        """See `AccountWebhooks`."""
        del account
        return PagerDutyLine(endpoint)

    def parcel(self, account: PagerDutyAccount, event: Json) -> Parcel:
        """See `AccountWebhooks`."""
        return Parcel(account.account, str(event["event_type"]), str(event["id"]), event)
