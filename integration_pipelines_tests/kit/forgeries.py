"""Deliveries that are almost genuine, made systematically from genuine ones: every part of what is signed, changed in every way we could think of."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from integration_pipelines.partners import standard_webhooks
from integration_pipelines.partners.hubspot import signature as hubspot
from integration_pipelines.partners.stripe import signature as stripe
from integration_pipelines_tests.kit.receiving import (
    APP_SECRET,
    PUBLIC,
    Signed,
    hubspot_event,
    secret_of,
    signed_hubspot,
    signed_standard,
    signed_stripe,
    stripe_event,
)

Forgery = tuple[str, Signed]
_STRANGE_STAMPS = ("", " ", "0", "-1", "+{}", "{}.0", " {}", "{} ", "0x1", "{}e0", "٣", "NaN", "9" * 13, "9" * 400, "{}\t", "1_0")


def forgeries(now: datetime, gateway: str) -> Iterator[Forgery]:
    """Name and delivery; none of them may be taken. `gateway` is a secret of Standard Webhooks that counts at t1's Stripe address."""
    yield from _named("stripe", _stripe(now))
    yield from _named("hubspot", _hubspot(now))
    yield from _named("standard", _standard(now, gateway))


def _named(partner: str, found: Iterator[Forgery]) -> Iterator[Forgery]:
    yield from ((f"{partner}: {name}", signed) for name, signed in found)


def _with(signed: Signed, **headers: str | None) -> Signed:
    """Other headers; None takes one away."""
    changed = {name.replace("_", "-"): value for name, value in headers.items()}
    kept = {n: v for n, v in signed.headers.items() if n.lower() not in {name.lower() for name in changed}}
    return replace(signed, headers=kept | {n: v for n, v in changed.items() if v is not None})


def _bodies(signed: Signed) -> Iterator[Forgery]:
    """The signature stays, the body does not."""
    body = signed.body
    for place in range(0, len(body), max(1, len(body) // 40)):
        yield f"byte {place} flipped", replace(signed, body=body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :])
    for cut in range(0, len(body), max(1, len(body) // 20)):
        yield f"cut at {cut}", replace(signed, body=body[:cut])
    for name, new in {
        "written again": json.dumps(json.loads(body)).encode(),
        "written again, tight": json.dumps(json.loads(body), separators=(",", ":"), sort_keys=True).encode(),
        "a blank more": body + b" ", "a line more": body + b"\r\n", "a blank before": b" " + body, "twice": body + body,
        "a byte order mark before": b"\xef\xbb\xbf" + body, "in UTF-16": body.decode().encode("utf-16"), "with a NUL": body + b"\x00",
    }.items():  # fmt: skip
        if new != body:
            yield name, replace(signed, body=new)


def _texts(value: str) -> Iterator[tuple[str, str]]:
    """A signature, cut and changed at every place."""
    for place in range(len(value)):
        other = "0" if value[place] != "0" else "1"
        yield f"signature changed at {place}", value[:place] + other + value[place + 1 :]
        yield f"signature cut at {place}", value[:place]
    yield from {
        "signature in capitals": value.upper(), "signature with a blank": value[:-1] + " ", "signature longer": value + "0",
        "signature reversed": value[::-1], "signature of zeros": "0" * len(value), "signature beyond ASCII": value[:-1] + "\xe9",
    }.items()  # fmt: skip


def _moments(now: datetime) -> Iterator[tuple[str, datetime]]:
    for seconds in (301, 302, 600, 3_600, 86_400, 30 * 86_400, 3650 * 86_400):
        yield f"{seconds} s old", now - timedelta(seconds=seconds)
        yield f"{seconds} s early", now + timedelta(seconds=seconds)


def _secrets(genuine: str) -> Mapping[str, str]:
    return {
        "another tenant's secret": secret_of("t2"), "the app's secret": "x" + APP_SECRET, "half the secret": genuine[: len(genuine) // 2],
        "a longer secret": genuine + "0", "the secret in capitals": genuine.upper() if genuine.upper() != genuine else genuine.lower(),
        "a blank": " ", "the secret with a line end": genuine + "\n", "the tenant's name": "t1", "a word": "whsec_", "null": "null",
    }  # fmt: skip


def _stripe(now: datetime) -> Iterator[Forgery]:
    genuine = signed_stripe(stripe_event(), now)
    body, secret = genuine.body, secret_of("t1")
    header = genuine.headers[stripe.SIGNATURE_HEADER]
    stamp, _, v1 = header.removeprefix("t=").partition(",v1=")

    def signed(value: str | None) -> Signed:
        return _with(genuine, **{stripe.SIGNATURE_HEADER: value})

    yield "no signature", signed(None)
    yield from (
        (f"header {value[:20]!r}", signed(value))
        for value in ("", "t", "v1", "=", ",", f"t={stamp}", f"v1={v1}", f"t={stamp},v0={v1}", f"t={stamp},v2={v1}", f"T={stamp},V1={v1}",
                      f"t={stamp},v1 ={v1}", f"t={stamp};v1={v1}", f"t={stamp},t={stamp},v1={v1}", f"t={stamp},v1={v1}=", f"{stamp},{v1}",
                      f't={stamp},v1="{v1}"', f"t={stamp}," + "v1=00," * 500, f"t={stamp},v1={base64.b64encode(bytes.fromhex(v1)).decode()}")
    )  # fmt: skip
    for shift in (-300, -10, -1, 1, 10, 300):
        yield f"time shifted by {shift}", signed(f"t={int(stamp) + shift},v1={v1}")
    yield from ((f"time {s[:20]!r}", signed(f"t={s.format(stamp)},v1={v1}")) for s in _STRANGE_STAMPS)
    yield from ((name, signed(f"t={stamp},v1={value}")) for name, value in _texts(v1))
    yield from ((name, signed_stripe(body, at)) for name, at in _moments(now))
    yield from ((name, signed_stripe(body, now, secret=other)) for name, other in _secrets(secret).items())
    yield "time not signed", signed(f"t={stamp},v1={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}")
    yield (
        "weaker hash",
        signed(f"t={stamp},v1={hmac.new(secret.encode(), f'{stamp}.'.encode() + body, hashlib.sha1).hexdigest()}"),
    )
    yield "hash without the secret", signed(f"t={stamp},v1={hashlib.sha256(f'{stamp}.'.encode() + body).hexdigest()}")
    yield from _bodies(genuine)


def _hubspot(now: datetime) -> Iterator[Forgery]:
    genuine = signed_hubspot([hubspot_event()], now)
    body, path = genuine.body, genuine.path
    value, stamp = genuine.headers[hubspot.SIGNATURE_HEADER], genuine.headers[hubspot.TIMESTAMP_HEADER]

    def signed(text: str | None, at: str | None = stamp) -> Signed:
        return _with(genuine, **{hubspot.SIGNATURE_HEADER: text, hubspot.TIMESTAMP_HEADER: at})

    def over(method: str = "POST", uri: str = PUBLIC + path, content: bytes = body, at: str = stamp) -> Signed:
        return signed(hubspot.sign(hubspot.Delivery(method, uri, content, at), APP_SECRET))

    yield "no signature", signed(None)
    yield "no time", signed(value, None)
    first = hashlib.sha256(APP_SECRET.encode() + body).hexdigest()
    second = hashlib.sha256(APP_SECRET.encode() + b"POST" + (PUBLIC + path).encode() + body).hexdigest()
    for name, old in (("first version", first), ("second version", second)):
        yield name, _with(signed(None), X_HubSpot_Signature=old, X_HubSpot_Signature_Version="v1")
        yield f"{name} as the third", signed(old)
    for method in ("GET", "PUT", "post ", ""):
        yield f"signed for {method!r}", over(method=method)
    address = PUBLIC + path
    others = (
        path,
        "http" + address[5:],
        address.replace("/in", ""),
        address + "?",
        address + "?a=b",
        address + "/",
        address + "/t1",
    )
    for uri in (*others, address.replace("hooks", "evil"), "http://receiver" + path, address.upper()):
        yield f"signed for {uri}", over(uri=uri)
    for shift in (-300_000, -1_000, -1, 1, 1_000, 300_000):
        yield f"time shifted by {shift}", signed(value, str(int(stamp) + shift))
    for strange in _STRANGE_STAMPS:
        yield f"time {strange[:20]!r}", signed(value, strange.format(stamp))
    yield "seconds for milliseconds", over(at=stamp[:-3])
    yield from ((name, signed(text)) for name, text in _texts(value))
    yield from ((name, signed_hubspot(body, at)) for name, at in _moments(now))
    yield from ((name, signed_hubspot(body, now, secret=other)) for name, other in _secrets(APP_SECRET).items())
    yield "hexadecimal", signed(base64.b64decode(value).hex())
    yield "for web addresses", signed(value.replace("+", "-").replace("/", "_").rstrip("="))
    yield from _bodies(genuine)


def _standard(now: datetime, gateway: str) -> Iterator[Forgery]:
    genuine = signed_standard(stripe_event(), now, secret=gateway)
    value, stamp = genuine.headers["webhook-signature"], genuine.headers["webhook-timestamp"]
    other = "whsec_" + base64.b64encode(b"x" * 24).decode()

    def signed(text: str | None, **headers: str | None) -> Signed:
        return _with(genuine, webhook_signature=text, **headers)

    yield "no signature", signed(None)
    yield "no id", signed(value, webhook_id=None)
    yield "no time", signed(value, webhook_timestamp=None)
    yield "another id", signed(value, webhook_id="msg_2")
    yield "another scheme", signed(value.replace("v1,", "v1a,"))
    yield "no scheme", signed(value.removeprefix("v1,"))
    yield "another secret", signed_standard(stripe_event(), now, secret=other)
    message = standard_webhooks.Message("", stamp, genuine.body)
    yield "a blank id", signed(standard_webhooks.sign(message, gateway), webhook_id="")
    for shift in (-300, -1, 1, 300):
        yield f"time shifted by {shift}", signed(value, webhook_timestamp=str(int(stamp) + shift))
    yield from ((name, signed(f"v1,{text}")) for name, text in _texts(value.removeprefix("v1,")))
    yield from ((name, signed_standard(genuine.body, at, secret=gateway)) for name, at in _moments(now))
    yield "at another address", replace(genuine, path="/webhooks/stripe/t2")
    yield from _bodies(genuine)
