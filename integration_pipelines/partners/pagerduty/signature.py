"""PagerDuty's V3 webhook signature: is this delivery PagerDuty's?

Only the signature belongs here; what an event says is read elsewhere, after this module has agreed. PagerDuty signs the body alone, not
the time: a delivery that is sent again later looks genuine, so whoever accepts it has to know the ids of events it has accepted.
Facts: developer.pagerduty.com, Verifying signatures of V3 webhooks.
"""

import hashlib
import hmac
from collections.abc import Sequence

from integration_pipelines.errors import AuthError

SIGNATURE_HEADER = "X-PagerDuty-Signature"
_SCHEME = "v1"
_LONGEST_HEADER = 4096


def verify(body: bytes, signature: str, *, secrets: Sequence[str]) -> None:
    """Check one delivery.

    Args:
        body: the raw bytes; a body that was parsed and written again does not match.
        signature: the header, `v1=…` once for every secret of the subscription.
        secrets: the subscription's secrets, several while one is being replaced; blank ones never match.

    Raises:
        AuthError: not signed with one of the secrets.
    """
    pairs = [part.strip().partition("=") for part in signature[:_LONGEST_HEADER].split(",")]
    given = [value for name, _, value in pairs if name == _SCHEME]
    genuine = False
    for secret in secrets:  # every pair is compared, so that the time taken does not tell which one matched
        expected = _digest(body, secret)
        for value in given:
            genuine |= hmac.compare_digest(expected, value.encode("utf-8", "surrogatepass")) and bool(secret)
    if not genuine:
        raise AuthError(
            "The webhook is not signed by PagerDuty.",
            remedy="Check that the secret configured here is that of the PagerDuty webhook subscription.",
            partner="pagerduty",
        )


def sign(body: bytes, *secrets: str) -> str:
    """The header PagerDuty would send for that body."""
    return ",".join(f"{_SCHEME}={_digest(body, secret).decode()}" for secret in secrets)


def _digest(body: bytes, secret: str) -> bytes:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest().encode()
