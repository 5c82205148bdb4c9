"""Standard Webhooks is accepted only when it is genuine and fresh."""

from datetime import UTC, datetime, timedelta

import pytest

from integration_pipelines.alerting.webhook import key_of, signed
from integration_pipelines.errors import AuthError
from integration_pipelines.partners.standard_webhooks import Message, secret_bytes, sign, verify

# The specification's own example.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = b'{"test": 2432232314}'
MESSAGE = Message("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", BODY)
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
AT = datetime.fromtimestamp(1614265330, tz=UTC)


def test_our_signature_is_that_of_the_specification() -> None:
    """Its example verifies, what we sign is the same, and what our own alerts send verifies too."""
    assert sign(MESSAGE, SECRET) == SIGNATURE
    assert verify(MESSAGE, SIGNATURE, secrets=[SECRET], now=AT) == AT
    sent = signed(key_of(SECRET), "a1_opened", AT, BODY)
    ours = Message(sent["webhook-id"], sent["webhook-timestamp"], BODY)
    assert verify(ours, sent["webhook-signature"], secrets=[SECRET], now=AT) == AT


def test_any_of_several_signatures_and_secrets_will_do() -> None:
    """While a secret is replaced both are in use; another version's signature beside it does not disturb."""
    other = "whsec_" + "A" * 32
    assert verify(MESSAGE, f"v1a,xyz v1,AAAA {SIGNATURE}", secrets=[other, SECRET], now=AT) == AT


@pytest.mark.parametrize("minutes", [-5, 5])
def test_the_tolerance_counts_in_both_directions(minutes: int) -> None:
    """Five minutes early or late pass, a second more does not."""
    verify(MESSAGE, SIGNATURE, secrets=[SECRET], now=AT + timedelta(minutes=minutes))
    with pytest.raises(AuthError):
        verify(MESSAGE, SIGNATURE, secrets=[SECRET], now=AT + timedelta(minutes=minutes, seconds=minutes))


@pytest.mark.parametrize(
    "secret", ["", "whsec_", "whsec_AAAA", "whsec_" + "A" * 100, "whsec_***", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_\xe9"]
)
def test_what_is_no_secret_opens_nothing(secret: str) -> None:
    """Too short, too long, not base64, or without its prefix: not even what is signed with an empty key."""
    assert secret_bytes(secret) is None
    with pytest.raises(AuthError):
        verify(MESSAGE, SIGNATURE, secrets=[secret], now=AT)
    with pytest.raises(ValueError, match="not a secret"):
        sign(MESSAGE, secret)
