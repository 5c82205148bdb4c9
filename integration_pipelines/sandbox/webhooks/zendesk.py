"""Zendesk's deliveries: one event a request, or what a trigger says, signed over time and body with the webhook's secret."""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import UTC, datetime

import orjson

from integration_pipelines.partner_models.base import Json
from integration_pipelines.partner_models.zendesk.account import ZendeskAccount
from integration_pipelines.partner_models.zendesk.events import TRIGGER
from integration_pipelines.sandbox.webhooks.lines import Message, Parcel
from integration_pipelines.sandbox.webhooks.per_account import AccountWebhooks, Endpoint, EndpointLine

GAPS = (2.0, 10.0, 60.0)  # Zendesk tries a few times within minutes, and no more
_HEADERS = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "Zendesk Webhook"}


class ZendeskLine(EndpointLine):
    """One webhook of an account; a replaced secret signs nothing any more."""

    partner = "zendesk"
    patience = 12.0

    def __init__(self, account: ZendeskAccount, endpoint: Endpoint) -> None:
        super().__init__(endpoint)
        self._account = account

    def compose(self, parcels: Sequence[Parcel], at: float) -> Message:
        """One event, or the body of a trigger."""
        body, stamp = orjson.dumps(parcels[0].event), f"{datetime.fromtimestamp(at, tz=UTC).isoformat()[:19]}Z"
        named = {
            "X-Zendesk-Account-Id": str(self._account.store.account_id),
            "X-Zendesk-Webhook-Id": self.endpoint.id,
            "X-Zendesk-Webhook-Invocation-Id": parcels[0].event_id,
            "X-Zendesk-Webhook-Signature": signature(body, stamp, self.endpoint.secret),
            "X-Zendesk-Webhook-Signature-Timestamp": stamp,
        }
        return Message(body, {**_HEADERS, **named})

    def gap(self, attempt: int) -> float | None:
        """Three tries more."""
        return GAPS[attempt - 1] if attempt <= len(GAPS) else None


def signature(body: bytes, stamp: str, secret: str) -> str:
    """Base64 of HMAC-SHA256 over the time and the raw body."""
    return base64.b64encode(hmac.new(secret.encode(), stamp.encode() + body, hashlib.sha256).digest()).decode()


class ZendeskWebhooks(AccountWebhooks[ZendeskAccount]):
    """The webhooks of all desks: each is told of every ticket event and of everything that a trigger says."""

    partner = "zendesk"

    def line(self, account: ZendeskAccount, endpoint: Endpoint) -> EndpointLine:
        """See `AccountWebhooks`."""
        return ZendeskLine(account, endpoint)

    def parcel(self, account: ZendeskAccount, event: Json) -> Parcel:
        """A ticket event names itself; what a trigger says is told by the request alone."""
        if event.get("type") == TRIGGER:
            return Parcel(account.account, TRIGGER, str(event["id"]), event["body"])
        return Parcel(account.account, str(event["type"]), str(event["id"]), event)
