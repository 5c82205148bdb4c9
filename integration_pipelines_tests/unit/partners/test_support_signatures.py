"""Zendesk's and PagerDuty's webhook signatures are accepted only when they are genuine, and Zendesk's only when they are fresh."""

import base64
import hashlib
import hmac
from datetime import timedelta

import pytest

from integration_pipelines.errors import AuthError
from integration_pipelines.partners.pagerduty import signature as pagerduty
from integration_pipelines.partners.zendesk import signature as zendesk
from integration_pipelines_tests.kit.partner_fakes import NOON

BODY, SECRET = '{"subject":"Zoë"}'.encode(), "s3cret"
STAMP = NOON.strftime("%Y-%m-%dT%H:%M:%SZ")
GOOD = zendesk.sign(BODY, STAMP, SECRET)
V1 = hmac.new(SECRET.encode(), BODY, hashlib.sha256).hexdigest()


def test_zendesk_signs_the_time_and_the_raw_body() -> None:
    """Base64 of HMAC-SHA256 over both; the body may be empty."""
    by_hand = base64.b64encode(hmac.new(SECRET.encode(), STAMP.encode() + BODY, hashlib.sha256).digest()).decode()
    assert by_hand == GOOD
    assert zendesk.verify(BODY, STAMP, GOOD, secrets=["old", SECRET], now=NOON) == NOON
    assert zendesk.verify(b"", STAMP, zendesk.sign(b"", STAMP, SECRET), secrets=[SECRET], now=NOON) == NOON


@pytest.mark.parametrize(("seconds", "fresh"), [(0, True), (300, True), (-300, True), (301, False), (-301, False)])
def test_zendesk_s_tolerance_counts_in_both_directions(seconds: int, fresh: bool) -> None:
    """Five minutes early or late pass, a second more does not."""
    now = NOON + timedelta(seconds=seconds)
    if fresh:
        zendesk.verify(BODY, STAMP, GOOD, secrets=[SECRET], now=now)
        return
    with pytest.raises(AuthError):
        zendesk.verify(BODY, STAMP, GOOD, secrets=[SECRET], now=now)


@pytest.mark.parametrize(
    ("body", "stamp", "given", "secrets"),
    [
        (BODY + b" ", STAMP, GOOD, [SECRET]),
        (BODY, "2026-11-23T12:00:01Z", GOOD, [SECRET]),
        (BODY, STAMP, "", [SECRET]),
        (BODY, STAMP, GOOD[:-2], [SECRET]),
        (BODY, STAMP, GOOD.lower(), [SECRET]),
        (BODY, STAMP, "\udcff", [SECRET]),
        (BODY, STAMP, GOOD, []),
        (BODY, STAMP, GOOD, ["other"]),
        (BODY, STAMP, zendesk.sign(BODY, STAMP, ""), [""]),
        (BODY, "", zendesk.sign(BODY, "", SECRET), [SECRET]),
        (BODY, "1795435200", zendesk.sign(BODY, "1795435200", SECRET), [SECRET]),
        (BODY, "2026-11-23T12:00:00", zendesk.sign(BODY, "2026-11-23T12:00:00", SECRET), [SECRET]),
        (BODY, "2026-13-23T12:00:00Z", zendesk.sign(BODY, "2026-13-23T12:00:00Z", SECRET), [SECRET]),
    ],
)
def test_anything_else_is_not_zendesk_s(body: bytes, stamp: str, given: str, secrets: list[str]) -> None:
    """Changed, re-timed, missing, cut, unknown or empty secret, or a time that is none: one answer for all."""
    with pytest.raises(AuthError, match="not signed by Zendesk, or it is not fresh"):
        zendesk.verify(body, stamp, given, secrets=secrets, now=NOON)


@pytest.mark.parametrize("header", [f"v1={V1}", f"v1=00, v1={V1}", f"v2=zz,v1={V1},v1=0"])
def test_any_of_several_of_pagerduty_s_signatures_will_do(header: str) -> None:
    """While a secret is replaced there is one for each."""
    pagerduty.verify(BODY, header, secrets=["new", SECRET])
    assert pagerduty.sign(BODY, SECRET) == f"v1={V1}"


@pytest.mark.parametrize(
    "header", ["", V1, f"v0={V1}", f"v1={V1[:-1]}", f"v1={V1.upper()}", "v1=", "v1=\udcff", f"v1={'x' * 5000},v1={V1}"]
)
def test_anything_else_is_not_pagerduty_s(header: str) -> None:
    """Without a scheme, of another one, cut, or longer than any header of theirs; and an empty secret opens nothing."""
    with pytest.raises(AuthError, match="not signed by PagerDuty"):
        pagerduty.verify(BODY, header, secrets=[SECRET])
    for secrets in ([], [""], ["other"]):
        with pytest.raises(AuthError):
            pagerduty.verify(BODY, pagerduty.sign(BODY, *secrets) or f"v1={V1}", secrets=["" for _ in secrets])
