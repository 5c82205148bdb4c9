"""HubSpot's webhook signature: only HubSpot's own, fresh deliveries pass."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from integration_pipelines.errors import AuthError
from integration_pipelines.partners.hubspot.signature import Delivery, sign, verify

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SECRET = "an-app-secret"


def delivery(sent_at: datetime = NOW) -> Delivery:
    """One delivery sent at that time."""
    return Delivery("POST", "https://hooks.example.com/hubspot?a=1", b'[{"objectId":1}]', str(int(sent_at.timestamp() * 1000)))


def test_a_known_answer() -> None:
    """The scheme is base64(HMAC-SHA256(secret, METHOD + URI + BODY + TIMESTAMP)), worked out here by hand."""
    known = Delivery("POST", "https://example.com/h", b"{}", "1700000000000")
    assert sign(known, "s") == "CSXYEPBrOhaiG/KGN9NW+46Fb2Lc9V+iOCc8JENAu0s="


@pytest.mark.parametrize("secrets", [(SECRET,), ("new-secret", SECRET), (SECRET, "old-secret")])
def test_a_signed_delivery_passes_under_any_secret_in_use(secrets: tuple[str, ...]) -> None:
    """While a secret is replaced both are accepted, and the time of sending comes back."""
    assert verify(delivery(), sign(delivery(), SECRET), secrets=secrets, now=NOW) == NOW


@pytest.mark.parametrize("minutes", [-5, 0, 5])
def test_five_minutes_either_way_are_fresh(minutes: int) -> None:
    """Clocks may differ by five minutes in both directions."""
    sent = delivery(NOW + timedelta(minutes=minutes))
    verify(sent, sign(sent, SECRET), secrets=(SECRET,), now=NOW)


@pytest.mark.parametrize("seconds", [-301, 301, -86_400, 86_400])
def test_older_and_future_deliveries_are_refused(seconds: int) -> None:
    """A captured delivery cannot be replayed later, nor one be prepared for the future."""
    sent = delivery(NOW + timedelta(seconds=seconds))
    with pytest.raises(AuthError):
        verify(sent, sign(sent, SECRET), secrets=(SECRET,), now=NOW)


@pytest.mark.parametrize(
    "forged",
    [
        replace(delivery(), body=b"[]"),
        replace(delivery(), uri="https://hooks.example.com/hubspot?a=2"),
        replace(delivery(), method="PUT"),
        replace(delivery(), timestamp=str(int(NOW.timestamp() * 1000) + 1)),
    ],
)
def test_anything_changed_after_signing_is_refused(forged: Delivery) -> None:
    """Body, address, method and time are all covered."""
    with pytest.raises(AuthError):
        verify(forged, sign(delivery(), SECRET), secrets=(SECRET,), now=NOW)


@pytest.mark.parametrize("timestamp", ["", "-1", "+1", "1e12", "1.5", "١٢٣", "9" * 16, "9" * 15, " 1", "\udc80"])
def test_a_timestamp_that_is_none_is_refused_even_when_signed(timestamp: str) -> None:
    """Only plain milliseconds count as a time."""
    odd = replace(delivery(), timestamp=timestamp)
    with pytest.raises(AuthError):
        verify(odd, sign(odd, SECRET), secrets=(SECRET,), now=NOW)


@pytest.mark.parametrize("secrets", [(), ("",), ("", "")])
def test_without_a_secret_the_door_is_closed(secrets: tuple[str, ...]) -> None:
    """A blank secret is no secret: anybody could sign with it."""
    with pytest.raises(AuthError):
        verify(delivery(), sign(delivery(), ""), secrets=secrets, now=NOW)


def test_an_address_counts_as_hubspot_spells_it() -> None:
    """HubSpot signs the address with some characters decoded, whichever way the request line has them."""
    plain = replace(delivery(), uri="https://hooks.example.com/h?to=a@b.com/c:d")
    encoded = replace(delivery(), uri="https://hooks.example.com/h?to=a%40b.com%2Fc%3Ad")
    assert sign(plain, SECRET) == sign(encoded, SECRET)


def test_the_refusal_tells_a_forger_nothing() -> None:
    """Wrong signature, wrong time and no signature read the same and show neither secret nor signature."""
    texts = set()
    for given, at in ((sign(delivery(), SECRET), NOW - timedelta(days=1)), ("x", NOW), ("", NOW), ("\udc80", NOW)):
        with pytest.raises(AuthError) as refused:
            verify(delivery(), given, secrets=(SECRET,), now=at)
        texts.add(str(refused.value))
    assert len(texts) == 1
    assert SECRET not in texts.pop()
