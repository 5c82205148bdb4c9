"""What is not even looked at, what is taken although it cannot be read, and what happens when nothing can be stored."""

import asyncio
import errno
import os
import socket
import time
from collections.abc import AsyncIterator, Sequence

import pytest

from integration_pipelines.errors import TransientError
from integration_pipelines.ports.inbox import InboxEvent
from integration_pipelines.store.inbox import SqlInbox
from integration_pipelines.web import body, group_commit
from integration_pipelines_tests.kit.receiving import (
    JSON,
    Reception,
    Signed,
    hubspot_event,
    served,
    signed_hubspot,
    signed_stripe,
    stripe_event,
)

MIB = 1024 * 1024
PROBLEM = "application/problem+json"


def nothing_is_kept(desk: Reception) -> bool:
    """No file, no row."""
    return (desk.rows("event_id"), desk.files()) == ([], [])


@pytest.mark.fault("E17")
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"])
@pytest.mark.parametrize("path", ["/webhooks/stripe/t1", "/webhooks/hubspot"])
def test_only_post_is_answered(closed_desk: Reception, method: str, path: str) -> None:
    """Anything else is a wrong method, said as a problem."""
    desk = closed_desk
    answer = desk.request(method, path, JSON)
    assert (answer.status_code, answer.headers["allow"], answer.headers["content-type"]) == (405, "POST", PROBLEM)


@pytest.mark.fault("E17")
@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": ""}, {"content-type": "text/plain"}, {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "multipart/form-data; boundary=x"}, {"content-type": "application/jsonp"}, {"content-type": "application/json, text/plain"},
        {"content-type": "application/json; charset=utf-16"}, {"content-type": "application/json; charset=latin-1"},
        {"content-encoding": "gzip"}, {"content-encoding": "br"}, {"content-encoding": "identity, gzip"},
    ],
)  # fmt: skip
def test_another_type_is_not_read(closed_desk: Reception, headers: dict[str, str]) -> None:
    """However genuine the signature: nothing is unpacked and no other alphabet is tried."""
    desk = closed_desk
    answer = desk.send(signed_stripe(stripe_event(), desk.now), **headers)
    assert (answer.status_code, answer.headers["content-type"]) == (415, PROBLEM)
    assert nothing_is_kept(desk)


@pytest.mark.parametrize(
    "kind", ["application/json", "Application/JSON; charset=UTF-8", 'application/json;charset="utf-8"', "application/json; x=y"]
)
def test_json_is_json_however_it_is_spelt(desk: Reception, kind: str) -> None:
    """With its alphabet or without."""
    assert desk.send(signed_stripe(stripe_event(), desk.now), **{"content-type": kind}).status_code == 200


@pytest.mark.fault("E10", "H16")
@pytest.mark.parametrize("size", [MIB + 1, 10 * MIB])
@pytest.mark.parametrize("with_length", [True, False])
def test_a_body_beyond_a_mebibyte_is_not_taken(closed_desk: Reception, size: int, with_length: bool) -> None:
    """Whether its length was said before, or only counted while it came; the rest is not waited for."""
    desk = closed_desk
    sent = signed_stripe(b" " * size, desk.now)
    read: list[int] = []

    async def parts() -> AsyncIterator[bytes]:
        for start in range(0, size, 64 * 1024):
            read.append(start)
            yield sent.body[start : start + 64 * 1024]

    headers = {**sent.headers} | ({"content-length": str(size)} if with_length else {})
    answer = desk.call(lambda client: client.post(sent.path, content=parts(), headers=headers))
    assert (answer.status_code, answer.headers["content-type"], answer.headers["connection"]) == (413, PROBLEM, "close")
    assert len(read) <= 17
    assert nothing_is_kept(desk)


@pytest.mark.fault("E10")
def test_a_length_that_is_no_number_does_not_help(closed_desk: Reception) -> None:
    """The bytes are counted."""
    desk = closed_desk
    sent = signed_stripe(b" " * (MIB + 1), desk.now)
    for length in ("9" * 400, "-1", "1e3", "0x10"):
        assert desk.send(sent, **{"content-length": length}).status_code == 413


def test_a_body_of_exactly_a_mebibyte_is_taken(desk: Reception) -> None:
    """The limit itself is within."""
    event = stripe_event(kind="customer.created")
    filled = b'{"filler": "' + b"x" * (MIB - 400) + b'", ' + signed_stripe(event, desk.now).body[1:]
    exact = filled + b" " * (MIB - len(filled))
    assert desk.send(signed_stripe(exact, desk.now)).status_code == 200
    assert desk.rows("event_id", "outcome") == [("evt_1", "waiting")]


@pytest.mark.fault("E10", "H15")
def test_a_body_that_dribbles_is_given_up(desk: Reception, monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole of it has so many seconds, however often a byte comes."""
    monkeypatch.setattr(body, "MOST_SECONDS", 0.3)
    sent = signed_stripe(stripe_event(), desk.now)

    async def parts() -> AsyncIterator[bytes]:
        for byte in sent.body:
            await asyncio.sleep(0.05)
            yield bytes([byte])

    answer = desk.call(lambda client: client.post(sent.path, content=parts(), headers={**sent.headers}))
    assert (answer.status_code, answer.headers["connection"]) == (408, "close")
    assert nothing_is_kept(desk)


@pytest.mark.fault("T04")
@pytest.mark.parametrize(
    "tenant",
    ["", "..", "%2e%2e", "..%2f..%2fetc", "%2e%2e%2fapp", "t1%2f", "t1/", "t1/x", "t1%00", "t1%0a", "t1%20", "%20t1", "t1;", "T1%7f", "%c3%bc",
     "t" * 65, "t" * 300, "t" * 5000, "a.b", "%ef%bb%bft1", "%u2215", "t1%5c", "C:", "~root", "*", "%25", "$(id)", "app%2f..%2ft1"],
)  # fmt: skip
def test_a_name_that_is_none_has_no_address(closed_desk: Reception, tenant: str) -> None:
    """Before anything is compared with a secret, and whatever a proxy or file system would make of it."""
    desk = closed_desk
    sent = signed_stripe(stripe_event(), desk.now)
    answer = desk.send(Signed(f"/webhooks/stripe/{tenant}", sent.body, sent.headers))
    assert answer.status_code == 404
    assert nothing_is_kept(desk)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/webhooks",
        "/webhooks/",
        "/webhooks/nobody",
        "/webhooks/nobody/t1",
        "/webhooks/stripe/t1/more",
        "/docs",
        "/openapi.json",
    ],
)
def test_there_is_nothing_else(closed_desk: Reception, path: str) -> None:
    """No such partner, no such path: the same problem."""
    desk = closed_desk
    answer = desk.request("POST", path, JSON, b"{}")
    assert (answer.status_code, answer.headers["content-type"]) == (404, PROBLEM)


@pytest.mark.fault("E11", "E12", "H16")
@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"\xff\xfe{\x00}\x00", "byte order mark"), (b"\xef\xbb\xbf{}", "byte order mark"), (b'{"id": "\xff"}', "not UTF-8"),
        (b'{"id": "\\ud800"}', "half a letter"), (b'{"id": "a\\u0000"}', "NUL"), (b'{"id": "\x00"}', "not JSON"), (b"", "not JSON"),
        (b'{"id": "evt_1", "id": "evt_2"}', "key twice"), (b"[" * 100_000, "nested"), (b'{"a": NaN}', "number"), (b'{"a": 1e400}', "number"),
        (b'{"a": 9007199254740993}', "number"), (b"null", "no event"), (b"[]", "no event"), (b'"evt_1"', "no event"), (b"{}", "no event"),
        (b'{"id": 1, "type": "x", "object": "event"}', "no event"), (b'{"id": "' + b"x" * 256 + b'", "type": "x", "object": "event"}', "no event"),
        (b'{"id": "evt_1", "type": "customer.updated", "object": "event"}', "does not name the record"),
        (b'{"id": "evt_1", "type": "customer.updated", "object": "event", "data": {"object": {"object": "customer", "id": 7}}}', "does not name"),
    ],
)  # fmt: skip
def test_what_is_genuine_but_cannot_be_read_is_set_aside(each_desk: Reception, content: bytes, why: str) -> None:
    """Kept to the byte, with the reason, once however often it comes; the partner need not send it again."""
    desk = each_desk
    sent = signed_stripe(content, desk.now)
    assert [desk.send(sent).status_code, desk.send(sent).status_code] == [200, 200]
    ((tenant, outcome, reason),) = desk.rows("tenant_id", "outcome", "reason")
    assert (tenant, outcome) == ("t1", "quarantined")
    assert why in reason
    (line,) = desk.landed("t1")
    kept = line["event"]
    assert kept.encode() == content or kept.startswith("base64:")


@pytest.mark.fault("E11", "E12")
@pytest.mark.parametrize(
    "content",
    [b"{", b"{}", b"[1]", b'[{"eventId": 1}]', b"[[]]", b'[{"portalId": true, "subscriptionType": "x"}]'],
)
def test_what_does_not_say_whose_it_is_belongs_to_nobody(desk: Reception, content: bytes) -> None:
    """At the address of all tenants it is set aside apart from any tenant."""
    assert desk.send(signed_hubspot(content, desk.now)).status_code == 200
    assert [t for t, _ in desk.rows("tenant_id", "outcome")] == ["app"]
    assert len(desk.landed("app")) == 1


def test_a_bad_event_does_not_spoil_its_batch(desk: Reception) -> None:
    """The others are taken as if it were not there."""
    events = [hubspot_event(1), {"portalId": 101}, 7, hubspot_event(2) | {"objectId": "x"}, hubspot_event(3)]
    assert desk.send(signed_hubspot(events, desk.now)).status_code == 200
    assert [o for (o,) in desk.rows("outcome")].count("waiting") == 2
    assert [o for (o,) in desk.rows("outcome")].count("quarantined") == 3


@pytest.mark.fault("P03")
@pytest.mark.parametrize("call", ["open", "write", "fsync", "rename", "mkdir"])
def test_with_a_full_disk_nothing_is_accepted_and_then_it_goes_on(
    desk: Reception, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """503 with a time to come again; nothing stays half, and the same delivery is taken when there is room."""
    sent = signed_stripe(stripe_event(), desk.now)

    def full(*_: object, **__: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, call, full)
        answer = desk.send(sent)
    assert (answer.status_code, answer.headers["retry-after"], answer.headers["content-type"]) == (503, "10", PROBLEM)
    assert nothing_is_kept(desk)
    assert desk.send(sent).status_code == 200
    assert len(desk.landed("t1")) == 1


@pytest.mark.fault("P03", "P07")
@pytest.mark.parametrize("call", ["known", "accept"])
def test_with_a_store_that_does_not_answer_nothing_is_accepted(
    desk: Reception, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """503; a file without a row counts for nothing, and delivered again the event is taken once."""
    sent = signed_stripe(stripe_event(), desk.now)

    def down(*_: object) -> int:
        raise TransientError("The store's database is busy or does not answer.")

    with monkeypatch.context() as patched:
        patched.setattr(SqlInbox, call, down)
        assert desk.send(sent).status_code == 503
    assert desk.rows("event_id") == []
    assert [desk.send(sent).status_code, desk.send(sent).status_code] == [200, 200]
    assert desk.rows("event_id") == [("evt_1",)]


@pytest.mark.fault("P04")
def test_after_a_disk_that_did_not_confirm_nothing_more_is_taken(desk: Reception, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asking it again would get a yes that means nothing: the receiver says that it is not healthy, and ends."""

    def broken(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", broken)
        assert desk.send(signed_stripe(stripe_event(), desk.now)).status_code == 503
    assert desk.send(signed_stripe(stripe_event(), desk.now)).status_code == 503
    assert desk.request("GET", "/healthz").status_code == 503
    assert nothing_is_kept(desk)


@pytest.mark.fault("P18", "P08")
def test_with_too_much_waiting_more_is_not_taken(desk: Reception, monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits in memory is bounded; who comes too late is told when to come again."""
    monkeypatch.setattr(group_commit, "MOST_WAITING_BYTES", 3_000)
    events = [signed_stripe(stripe_event(n) | {"filler": "x" * 600}, desk.now) for n in range(20)]
    codes = [answer.status_code for answer in desk.send_all(events)]
    assert set(codes) == {200, 503}
    assert len(desk.rows("event_id")) == codes.count(200)


def test_a_mistake_in_one_delivery_does_not_spoil_its_group(desk: Reception, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be stored for a reason of our own fails alone."""
    real = SqlInbox.accept

    def choosy(inbox: SqlInbox, events: Sequence[InboxEvent]) -> int:
        if any(event.event_id == "evt_3" for event in events):
            raise ValueError
        return real(inbox, events)

    monkeypatch.setattr(SqlInbox, "accept", choosy)
    answers = desk.send_all([signed_stripe(stripe_event(n), desk.now) for n in range(6)])
    assert [a.status_code for a in answers] == [200, 200, 200, 500, 200, 200]
    assert answers[3].headers["content-type"] == PROBLEM


def test_a_sender_that_goes_away_leaves_nothing(desk: Reception) -> None:
    """It ends in the middle of its body: that is counted, and no file and no row is written."""
    sent = signed_stripe(stripe_event(), desk.now)
    head = f"POST {sent.path} HTTP/1.1\r\nhost: x\r\ncontent-length: {len(sent.body)}\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in sent.headers.items())
    with served(desk) as address:
        host, _, port = address.removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port)), timeout=15) as line:
            line.sendall(head.encode() + b"\r\n" + sent.body[:10])
        end = time.monotonic() + 30
        while 'reason="went_away"' not in (page := desk.request("GET", "/metrics").text) and time.monotonic() < end:
            time.sleep(0.05)
    assert 'webhook_refused_total{partner="stripe",reason="went_away"} 1.0' in page
    assert nothing_is_kept(desk)
