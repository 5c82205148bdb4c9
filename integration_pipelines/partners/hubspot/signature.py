"""HubSpot's webhook signature, version 3: is this delivery HubSpot's, and is it fresh?

Only the signature belongs here; what a delivery says is read elsewhere, after this module has agreed. The older signature
versions, which HubSpot sends along, are never accepted: they do not cover the time.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from integration_pipelines.errors import AuthError

SIGNATURE_HEADER = "X-HubSpot-Signature-v3"
TIMESTAMP_HEADER = "X-HubSpot-Request-Timestamp"
TOLERANCE = timedelta(minutes=5)

_MAX_TIMESTAMP_DIGITS = 15
# HubSpot signs the address with these characters decoded, however the request line spells them.
_DECODED = {
    "%3a": ":", "%2f": "/", "%3f": "?", "%40": "@", "%21": "!", "%24": "$",
    "%27": "'", "%28": "(", "%29": ")", "%2a": "*", "%2c": ",", "%3b": ";",
}  # fmt: skip
_ENCODED = re.compile("|".join(_DECODED), re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Delivery:
    """What HubSpot signs.

    Args:
        method: as HubSpot called, e.g. `POST`.
        uri: the full public address with its query, as HubSpot called it (not what a proxy made of it).
        body: the raw bytes; a body that was parsed and written again does not match.
        timestamp: the timestamp header, milliseconds since 1970.
    """

    method: str
    uri: str
    body: bytes
    timestamp: str


def verify(delivery: Delivery, signature: str, *, secrets: Sequence[str], now: datetime) -> datetime:
    """Check one delivery and return when HubSpot sent it (aware, UTC).

    Args:
        delivery: what was signed.
        signature: the signature header.
        secrets: the app's client secrets, several while one is being replaced; blank ones never match.
        now: aware.

    Raises:
        AuthError: not signed with one of the secrets, or sent more than five minutes from `now`, past or future. It does
            not say which of them, so that a forger learns nothing.
    """
    sent_at = _sent_at(delivery.timestamp)
    given = signature.encode("utf-8", "surrogatepass")
    genuine = False
    for secret in secrets:  # every secret is tried, so that the time taken does not tell which one matched
        genuine |= hmac.compare_digest(sign(delivery, secret).encode(), given) and bool(secret)
    if sent_at is None or abs(now - sent_at) > TOLERANCE or not genuine:
        raise AuthError(
            "The webhook is not signed by HubSpot, or it is not fresh.",
            remedy="Check that the client secret and the public address configured here are those of the HubSpot app.",
            partner="hubspot",
        )
    return sent_at


def sign(delivery: Delivery, secret: str) -> str:
    """The signature HubSpot would send: base64 of HMAC-SHA256 over method, address, body and timestamp."""
    uri = _ENCODED.sub(lambda found: _DECODED[found.group().lower()], delivery.uri).encode("utf-8", "surrogatepass")
    message = delivery.method.upper().encode() + uri + delivery.body + delivery.timestamp.encode("utf-8", "surrogatepass")
    return base64.b64encode(hmac.new(secret.encode(), message, hashlib.sha256).digest()).decode()


def _sent_at(timestamp: str) -> datetime | None:
    """Milliseconds since 1970 as a time; None for anything else (a sign, a fraction, other scripts' digits)."""
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= _MAX_TIMESTAMP_DIGITS):
        return None
    try:
        return datetime.fromtimestamp(int(timestamp) / 1000, tz=UTC)
    except (OverflowError, ValueError, OSError):
        return None
