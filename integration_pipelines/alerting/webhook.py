"""A signed webhook as the Standard Webhooks specification has it: headers `webhook-id`, `webhook-timestamp`, `webhook-signature`."""

import base64
import binascii
import hashlib
import hmac
import json
from datetime import datetime

from integration_pipelines.alerting.http import post, require_safe
from integration_pipelines.alerting.verdict import verdict
from integration_pipelines.core.alerts import Alert, AlertEvent
from integration_pipelines.errors import ConfigError
from integration_pipelines.ports.alerts import AlertSink, Arrived, NotArrived

PREFIX = "whsec_"
_SHORTEST, _LONGEST = 24, 64


class SignedWebhook(AlertSink):
    """Posts JSON that the receiver can verify. A repeated delivery has the same id, so the receiver can drop it."""

    name = "webhook"

    def __init__(self, url: str, secret: str) -> None:
        self._url = require_safe(url, "The address of the webhook")
        self._key = key_of(secret)

    def deliver(self, alert: Alert, event: AlertEvent, at: datetime) -> Arrived | NotArrived:
        """One message, signed now."""
        body = json.dumps(payload(alert, event, at), separators=(",", ":")).encode()
        number = f"_{alert.told_at:%Y%m%dT%H%M%S}" if event is AlertEvent.REMINDED else ""
        return verdict(post(self._url, body, signed(self._key, f"{alert.alert_id}_{event}{number}", at, body)))


def key_of(secret: str) -> bytes:
    """The key in a secret `whsec_…`.

    Raises:
        ConfigError: it is not base64 of 24 to 64 bytes.
    """
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not _SHORTEST <= len(key) <= _LONGEST:
        remedy = "Use whsec_ and the base64 text of 24 to 64 random bytes."
        raise ConfigError("The webhook's secret is not of the form of the Standard Webhooks specification.", remedy=remedy)
    return key


def signed(key: bytes, message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """The headers of a message."""
    moment = str(int(at.timestamp()))
    digest = hmac.digest(key, b".".join((message_id.encode(), moment.encode(), body)), hashlib.sha256)
    return {
        "Content-Type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": moment,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


def payload(alert: Alert, event: AlertEvent, at: datetime) -> dict[str, object]:
    """Type, moment and data, as the specification recommends."""
    finding = alert.finding
    data = {
        "alert_id": alert.alert_id,
        "tenant_id": finding.tenant_id,
        "integration": finding.integration,
        "kind": str(finding.kind),
        "subject": finding.subject,
        "severity": str(finding.severity),
        "title": finding.title,
        "text": finding.text,
        "remedy": finding.remedy,
        "link": finding.link,
        "run_id": finding.run_id,
        "opened_at": alert.opened_at.isoformat(),
        "closed_at": alert.closed_at.isoformat() if alert.closed_at else None,
        "occurrences": alert.occurrences,
    }
    return {"type": f"alert.{event}", "timestamp": at.isoformat(), "data": data}
