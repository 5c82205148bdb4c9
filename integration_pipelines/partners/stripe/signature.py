"""Stripe's webhook signature: is this delivery Stripe's, and is it fresh?

Only the signature belongs here; what an event says is read elsewhere, after this module has agreed. Stripe's own library accepts
times in the future; here the tolerance counts in both directions.
"""

import hashlib
import hmac
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from integration_pipelines.errors import AuthError

SIGNATURE_HEADER = "Stripe-Signature"
TOLERANCE = timedelta(minutes=5)
_SCHEME = "v1"
_LONGEST_HEADER = 4096
_MOST_DIGITS = 12


def verify(body: bytes, signature: str, *, secrets: Sequence[str], now: datetime) -> datetime:
    """Check one delivery and return when Stripe signed it (aware, UTC).

    Args:
        body: the raw bytes; a body that was parsed and written again does not match.
        signature: the `Stripe-Signature` header.
        secrets: the endpoint's secrets, several while one is being replaced; blank ones never match.
        now: aware.

    Raises:
        AuthError: not signed with one of the secrets, or signed more than five minutes from `now`, past or future. It does not
            say which, so that a forger learns nothing.
    """
    stamp, given = _parts(signature)
    genuine = False
    for secret in secrets:  # every pair is compared, so that the time taken does not tell which one matched
        expected = _digest(body, stamp, secret)
        for value in given:
            genuine |= hmac.compare_digest(expected, value.encode("utf-8", "surrogatepass")) and bool(secret)
    signed_at = _moment(stamp)
    if signed_at is None or abs(now - signed_at) > TOLERANCE or not genuine:
        raise AuthError(
            "The webhook is not signed by Stripe, or it is not fresh.",
            remedy="Check that the signing secret configured here is that of the Stripe webhook endpoint.",
            partner="stripe",
        )
    return signed_at


def sign(body: bytes, *, secret: str, at: datetime) -> str:
    """The header Stripe would send for that body at that time."""
    stamp = str(int(at.timestamp()))
    return f"t={stamp},{_SCHEME}={_digest(body, stamp, secret).decode()}"


def _digest(body: bytes, stamp: str, secret: str) -> bytes:
    message = stamp.encode("utf-8", "surrogatepass") + b"." + body
    return hmac.new(secret.encode(), message, hashlib.sha256).hexdigest().encode()


def _parts(signature: str) -> tuple[str, list[str]]:
    """The time and every v1 value; other schemes are never looked at. Two times make the header worthless."""
    pairs = [part.partition("=") for part in signature[:_LONGEST_HEADER].split(",")]
    stamps = [value for name, _, value in pairs if name == "t"]
    return (stamps[0] if len(stamps) == 1 else ""), [value for name, _, value in pairs if name == _SCHEME]


def _moment(stamp: str) -> datetime | None:
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= _MOST_DIGITS):
        return None
    try:
        return datetime.fromtimestamp(int(stamp), tz=UTC)
    except (OverflowError, ValueError, OSError):
        return None
