"""Zendesk's webhook signature: is this delivery Zendesk's, and is it fresh?

Only the signature belongs here; what an event says is read elsewhere, after this module has agreed. The body may be empty.
Facts: developer.zendesk.com/documentation/webhooks/verifying.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from integration_pipelines.errors import AuthError

SIGNATURE_HEADER = "X-Zendesk-Webhook-Signature"
TIMESTAMP_HEADER = "X-Zendesk-Webhook-Signature-Timestamp"
TOLERANCE = timedelta(minutes=5)
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})")


def verify(body: bytes, timestamp: str, signature: str, *, secrets: Sequence[str], now: datetime) -> datetime:
    """Check one delivery and return when Zendesk signed it (aware, UTC).

    Args:
        body: the raw bytes; a body that was parsed and written again does not match.
        timestamp: the timestamp header, an ISO 8601 time.
        signature: the signature header.
        secrets: the webhook's signing secrets, several while one is being replaced; blank ones never match.
        now: aware.

    Raises:
        AuthError: not signed with one of the secrets, or signed more than five minutes from `now`, past or future. It does not
            say which, so that a forger learns nothing.
    """
    given = signature.encode("utf-8", "surrogatepass")
    genuine = False
    for secret in secrets:  # every secret is tried, so that the time taken does not tell which one matched
        genuine |= hmac.compare_digest(sign(body, timestamp, secret).encode(), given) and bool(secret)
    signed_at = _moment(timestamp)
    if signed_at is None or abs(now - signed_at) > TOLERANCE or not genuine:
        raise AuthError(
            "The webhook is not signed by Zendesk, or it is not fresh.",
            remedy="Check that the signing secret configured here is that of the Zendesk webhook.",
            partner="zendesk",
        )
    return signed_at


def sign(body: bytes, timestamp: str, secret: str) -> str:
    """The signature Zendesk would send: base64 of HMAC-SHA256 over timestamp and body."""
    message = timestamp.encode("utf-8", "surrogatepass") + body
    return base64.b64encode(hmac.new(secret.encode(), message, hashlib.sha256).digest()).decode()


def _moment(timestamp: str) -> datetime | None:
    if not _TIME.fullmatch(timestamp):
        return None
    try:
        return datetime.fromisoformat(timestamp).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
