"""Signatures as Standard Webhooks says: for what a gateway passes on, and for partners that sign so (standardwebhooks.com, specification 1.0).

Only symmetric signatures (`v1`) are accepted. Signed is the id, the time and the raw body, so nothing of them can be exchanged.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from integration_pipelines.errors import AuthError

ID_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER = "webhook-id", "webhook-timestamp", "webhook-signature"
PREFIX = "whsec_"
TOLERANCE = timedelta(minutes=5)
SHORTEST_SECRET, LONGEST_SECRET = 24, 64
_VERSION = "v1"
_LONGEST_HEADER = 4096
_MOST_DIGITS = 12


@dataclass(frozen=True, slots=True)
class Message:
    """What is signed: the headers' id and unix seconds, and the raw bytes."""

    message_id: str
    timestamp: str
    body: bytes


def verify(message: Message, signatures: str, *, secrets: Sequence[str], now: datetime) -> datetime:
    """Check one message and return when it was signed (aware, UTC).

    Args:
        message: what was signed.
        signatures: the signature header, several values apart by blanks.
        secrets: `whsec_` and base64 of 24 to 64 bytes; several while one is being replaced, others never match.
        now: aware.

    Raises:
        AuthError: not signed with one of the secrets, or signed more than five minutes from `now`, past or future. It does not
            say which, so that a forger learns nothing.
    """
    given = [
        value for version, _, value in (s.partition(",") for s in signatures[:_LONGEST_HEADER].split(" ")) if version == _VERSION
    ]
    genuine = False
    for secret in secrets:  # every pair is compared, so that the time taken does not tell which one matched
        key = secret_bytes(secret)
        expected = _digest(message, key or b"")
        for value in given:
            genuine |= hmac.compare_digest(expected, value.encode("utf-8", "surrogatepass")) and key is not None
    signed_at = _moment(message.timestamp)
    if signed_at is None or abs(now - signed_at) > TOLERANCE or not genuine or not message.message_id:
        raise AuthError(
            "The webhook is not signed as it should be, or it is not fresh.",
            remedy="Check that the secret configured here is the one that the sender signs with.",
        )
    return signed_at


def sign(message: Message, secret: str) -> str:
    """The signature header for a message; raises ValueError if that is no secret."""
    key = secret_bytes(secret)
    if key is None:
        raise ValueError("not a secret of Standard Webhooks")
    return f"{_VERSION},{_digest(message, key).decode()}"


def secret_bytes(secret: str) -> bytes | None:
    """The key in a secret; None if it is no such secret."""
    if not secret.startswith(PREFIX):
        return None
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return None
    return key if SHORTEST_SECRET <= len(key) <= LONGEST_SECRET else None


def _digest(message: Message, key: bytes) -> bytes:
    head = f"{message.message_id}.{message.timestamp}.".encode("utf-8", "surrogatepass")
    return base64.b64encode(hmac.new(key, head + message.body, hashlib.sha256).digest())


def _moment(stamp: str) -> datetime | None:
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= _MOST_DIGITS):
        return None
    try:
        return datetime.fromtimestamp(int(stamp), tz=UTC)
    except (OverflowError, ValueError, OSError):
        return None
