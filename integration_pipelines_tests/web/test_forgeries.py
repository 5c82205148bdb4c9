"""What is not genuine, however near it comes, is refused with one and the same answer, and leaves nothing behind."""

import hmac
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from integration_pipelines.errors import AuthError
from integration_pipelines.partners.webhooks import SOURCES, Gateway
from integration_pipelines.ports.webhooks import RawDelivery, Scheme
from integration_pipelines_tests.kit.forgeries import forgeries
from integration_pipelines_tests.kit.receiving import (
    APP_SECRET,
    PUBLIC,
    Reception,
    Signed,
    hubspot_event,
    secret_of,
    signed_hubspot,
    signed_standard,
    signed_stripe,
    stripe_event,
)

GATEWAY = "whsec_c2VjcmV0LW9mLXRoZS1nYXRld2F5LTAx"
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.mark.fault("E06", "E16")
def test_five_hundred_forgeries_are_refused_alike(desk: Reception) -> None:
    """Every one gets the same bytes as an answer, no file and no row is written, and the genuine ones still pass."""
    desk.add_secret("t1", "stripe", GATEWAY, Scheme.STANDARD)
    made = list(forgeries(desk.now, GATEWAY))
    answers = desk.send_all([signed for _, signed in made])
    taken = [name for (name, _), answer in zip(made, answers, strict=True) if answer.status_code != 401]
    assert taken == []
    assert len(made) >= 500
    assert len({(a.content, *sorted(a.headers.items())) for a in answers}) == 1
    assert answers[0].json() == {"type": "about:blank", "title": "Unauthorized", "status": 401}
    assert (desk.rows("event_id"), desk.files()) == ([], [])
    genuine = [signed_stripe(stripe_event(), desk.now), signed_hubspot([hubspot_event()], desk.now)]
    assert {a.status_code for a in desk.send_all(genuine)} == {200}


@pytest.mark.fault("E06")
def test_a_header_that_comes_twice_counts_as_none(desk: Reception) -> None:
    """Two readers might take different ones."""
    sent = signed_stripe(stripe_event(), desk.now)
    headers = [*sent.headers.items(), ("stripe-signature", sent.headers["Stripe-Signature"])]
    answer = desk.call(lambda client: client.post(sent.path, content=sent.body, headers=headers))
    assert answer.status_code == 401


@pytest.mark.fault("E06")
@pytest.mark.parametrize("partner", ["stripe", "hubspot", "standard"])
def test_the_time_taken_does_not_tell_which_secret_matched(partner: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many comparisons are made whichever of the secrets it is, and each of them takes as long whatever it compares."""
    genuine = secret_of("t1") if partner == "stripe" else APP_SECRET if partner == "hubspot" else GATEWAY
    signers: dict[str, Callable[[], Signed]] = {
        "stripe": lambda: signed_stripe(stripe_event(), NOW),
        "hubspot": lambda: signed_hubspot([hubspot_event()], NOW),
        "standard": lambda: signed_standard(stripe_event(), NOW, secret=GATEWAY),
    }
    sent = signers[partner]()
    verify = Gateway().verify if partner == "standard" else SOURCES[partner].verify
    headers = {name.lower(): value for name, value in sent.headers.items()}
    delivery = RawDelivery("POST", PUBLIC + sent.path, headers, sent.body, NOW)
    compared: list[int] = []
    real = hmac.compare_digest

    def counted(one: bytes, other: bytes) -> bool:
        compared.append(1)
        return real(one, other)

    monkeypatch.setattr(hmac, "compare_digest", counted)
    counts = []
    others = ["whsec_b25lLW90aGVyLXNlY3JldC0wMTIzNDU2Nzg5", "another-one-0123456789"]
    for secrets in ([genuine, *others], [*others, genuine], [others[0], genuine, others[1]]):
        compared.clear()
        verify(delivery, secrets, NOW)
        counts.append(len(compared))
    compared.clear()
    with pytest.raises(AuthError):
        verify(delivery, [*others, "the-third-0123456789"], NOW)
    assert {*counts, len(compared)} == {3}
