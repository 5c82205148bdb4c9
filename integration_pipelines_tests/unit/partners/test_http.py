"""The rules of the one HTTP client: what is asked again, what is unknown, what is parked, and what is never said aloud."""

import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import httpx
import pytest
import structlog

from integration_pipelines.errors import (
    AuthError,
    ConfigError,
    ConflictError,
    IntegrationError,
    InvalidError,
    RateLimitedError,
    TransientError,
    UnknownOutcomeError,
)
from integration_pipelines.partners.http import Bucket, Partner, PartnerHttp
from integration_pipelines_tests.kit.partner_fakes import OpenQuota, VirtualClock

Answer = httpx.Response | Exception
HTML = httpx.Response(200, text="<html>Please wait</html>", headers={"content-type": "text/html"})
HALF = httpx.Response(200, text='{"id": ', headers={"content-type": "application/json"})
OK = {"id": "x"}


class Bench:
    """A client over scripted answers."""

    def __init__(self, answers: Iterator[Answer], token: Callable[[], str] = lambda: "secret-token") -> None:
        self.answers = answers
        self.requests: list[httpx.Request] = []
        self.clock = VirtualClock()
        self.quota = OpenQuota()
        partner = Partner(name="acme", label="Acme", buckets={"default": Bucket(10, 5), "search": Bucket(2, 1)})
        self.http = PartnerHttp(
            partner=partner, tenant_id="t1", base_url="https://api.acme.example/base", token=token, quota=self.quota,
            clock=self.clock, transport=httpx.MockTransport(self._answer),
        )  # fmt: skip

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = next(self.answers)
        if isinstance(answer, Exception):
            raise answer
        return answer


def bench(*answers: Answer) -> Bench:
    """Those answers, the last one for ever."""
    return Bench(itertools.chain(answers, itertools.repeat(answers[-1])))


def status(code: int, headers: Mapping[str, str] | None = None) -> httpx.Response:
    """A refusal."""
    return httpx.Response(code, json={"error": "no"}, headers={"x-request-id": "req_7", **(headers or {})})


GOOD = httpx.Response(200, json=OK)


@pytest.mark.fault("H06", "H11", "H12", "H14")
@pytest.mark.parametrize(
    "trouble",
    [status(500), status(502), status(503), status(504), status(408), HTML, HALF, httpx.Response(204), httpx.ReadTimeout("late"),
     httpx.ConnectError("no"), httpx.RemoteProtocolError("cut"), httpx.ReadError("reset")],
)  # fmt: skip
def test_a_read_is_asked_again_and_gives_up_after_four_tries(trouble: Answer) -> None:
    """Every fault that may pass is tried again; an answer that is no JSON is one of them and never an empty list."""
    assert bench(trouble, trouble, GOOD).http.request("GET", "/v1/x").data == OK
    hopeless = bench(trouble)
    with pytest.raises(TransientError) as caught:
        hopeless.http.request("GET", "/v1/x")
    assert not isinstance(caught.value, UnknownOutcomeError)
    assert (hopeless.http.calls, len(hopeless.requests)) == (4, 4)


@pytest.mark.fault("H05", "H06", "H14")
@pytest.mark.parametrize(
    "trouble", [status(500), status(504), HTML, httpx.Response(204), httpx.ReadTimeout("late"), httpx.ReadError("reset")]
)
def test_a_write_without_a_trustworthy_answer_is_unknown(trouble: Answer) -> None:
    """It is not sent twice unless the partner recognises a repeat, and then it is the same request each time."""
    once = bench(trouble)
    with pytest.raises(UnknownOutcomeError):
        once.http.request("POST", "/v1/x", json=OK, write=True)
    assert len(once.requests) == 1
    keyed = bench(trouble)
    with pytest.raises(UnknownOutcomeError):
        keyed.http.request("POST", "/v1/x", form={"a": "1"}, headers={"Idempotency-Key": "k"}, write=True, idempotent=True)
    assert {(r.headers["idempotency-key"], r.content) for r in keyed.requests} == {("k", b"a=1")}
    assert len(keyed.requests) == 4


def test_a_write_that_never_left_is_tried_again_and_is_not_unknown() -> None:
    """A refused connection proves that nothing was sent."""
    assert bench(httpx.ConnectError("no"), httpx.ConnectTimeout("no"), GOOD).http.request("POST", "/v1/x", write=True).data == OK
    with pytest.raises(TransientError) as caught:
        bench(httpx.ConnectError("no")).http.request("POST", "/v1/x", write=True)
    assert not isinstance(caught.value, UnknownOutcomeError)


@pytest.mark.parametrize(
    ("later", "expected"),
    [(status(429), UnknownOutcomeError), (status(401), UnknownOutcomeError), (status(409), UnknownOutcomeError),
     (httpx.ConnectError("no"), UnknownOutcomeError), (status(400), InvalidError)],
)  # fmt: skip
def test_a_lost_answer_is_not_forgotten_by_a_later_refusal(later: Answer, expected: type[IntegrationError]) -> None:
    """After one lost answer only a proper refusal of the same request settles it."""
    with pytest.raises(expected) as caught:
        bench(httpx.ReadTimeout("late"), later).http.request("POST", "/v1/x", write=True, idempotent=True)
    assert type(caught.value) is expected


@pytest.mark.fault("H23")
@pytest.mark.parametrize(
    ("code", "expected"),
    [(400, InvalidError), (401, AuthError), (403, AuthError), (404, InvalidError), (409, ConflictError), (410, InvalidError),
     (412, ConflictError), (428, ConflictError), (422, InvalidError), (301, InvalidError), (302, InvalidError)],
)  # fmt: skip
def test_refusals_are_sorted_by_kind_and_not_repeated(code: int, expected: type[IntegrationError]) -> None:
    """One attempt, the right kind, the partner's request id; a redirect is a refusal and is not followed."""
    world = bench(status(code, {"location": "https://evil.example/"}))
    with pytest.raises(expected) as caught:
        world.http.request("GET", "/v1/x")
    assert (caught.value.request_id, caught.value.partner, len(world.requests)) == ("req_7", "acme", 1)


@pytest.mark.fault("H04")
@pytest.mark.parametrize(
    ("headers", "parked"),
    [({"retry-after": "7"}, 7), ({"retry-after": "Mon, 23 Nov 2026 09:00:09 GMT", "date": "Mon, 23 Nov 2026 09:00:00 GMT"}, 9)],
)
def test_retry_after_parks_the_bucket_and_is_waited_for(headers: dict[str, str], parked: float) -> None:
    """Seconds or a date relative to the reply's own; our clock's error does not matter."""
    world = bench(status(429, headers), GOOD)
    world.http.request("GET", "/v1/x", bucket="search")
    assert world.quota.parked == [("t1:acme:search", parked)]
    assert world.clock.waits == [parked]
    assert world.quota.asked[0] == ("t1:acme:search", 2, 1)


@pytest.mark.fault("H04")
@pytest.mark.parametrize(
    ("value", "asked"),
    [("120", 120), ("31536000", 3600), ("Tue, 23 Nov 2027 09:00:00 GMT", 3600)],
    ids=["two minutes", "year", "date"],
)
def test_a_wait_beyond_the_deadline_frees_the_worker(value: str, asked: float) -> None:
    """The bucket is parked for an hour at most, and nobody sleeps."""
    world = bench(status(429, {"retry-after": value}))
    with pytest.raises(RateLimitedError) as caught:
        world.http.request("GET", "/v1/x")
    assert (caught.value.retry_after, world.clock.waits, world.quota.parked) == (asked, [], [("t1:acme:default", asked)])


@pytest.mark.fault("H04")
@pytest.mark.parametrize("value", ["soon", "-5", "Mon, 23 Nov 2020 09:00:00 GMT", "", "1e9"])
def test_an_unusable_retry_after_means_the_usual_backoff(value: str) -> None:
    """Past, negative and unreadable values do not stop the retry."""
    world = bench(status(429, {"retry-after": value}), GOOD)
    assert world.http.request("GET", "/v1/x").data == OK
    assert 1 <= world.clock.waits[0] <= 60


def test_our_own_quota_refuses_before_anything_is_sent() -> None:
    """No permit, no request."""
    world = bench(GOOD)
    world.quota.closed = True
    with pytest.raises(RateLimitedError):
        world.http.request("GET", "/v1/x")
    assert world.http.calls == 0


def test_everything_fits_into_the_deadline() -> None:
    """Waits between attempts count; no attempt starts after the end."""
    world = bench(status(503, {"retry-after": "4"}))
    with pytest.raises(TransientError):
        world.http.request("GET", "/v1/x", deadline=10)
    assert sum(world.clock.waits) <= 10
    assert len(world.requests) == 3


def test_a_token_renewed_meanwhile_is_tried_once() -> None:
    """After a 401 the request goes again only if there is another token."""
    tokens = iter(["old", "new", "new", "new"])
    world = Bench(itertools.chain([status(401)], itertools.repeat(GOOD)), lambda: next(tokens))
    assert world.http.request("GET", "/v1/x").data == OK
    assert [r.headers["authorization"] for r in world.requests] == ["Bearer old", "Bearer new"]


def test_numbers_stay_exact_by_default_and_are_fast_on_demand() -> None:
    """Decimals are never binary floats unless the caller says that none matter."""
    reply = httpx.Response(
        200, content=b'{"a": 33.30, "b": 123456789012345678901234567890}', headers={"content-type": "application/json"}
    )
    data: Any = bench(reply).http.request("GET", "/v1/x").data
    assert (str(data["a"]), data["b"]) == ("33.30", 123456789012345678901234567890)
    lone = httpx.Response(200, content=b'{"a": "\\ud800"}', headers={"content-type": "application/json"})
    assert bench(lone).http.request("GET", "/v1/x", exact=False).data == {"a": "\ud800"}


def test_ids_in_paths_cannot_leave_their_place() -> None:
    """They are quoted; dots alone are refused."""
    world = bench(GOOD)
    world.http.request("GET", "/v1/x/{}", ids=("a/../b?c=d#e",))
    assert world.requests[0].url.raw_path == b"/base/v1/x/a%2F..%2Fb%3Fc%3Dd%23e"
    for bad in ("", ".", ".."):
        with pytest.raises(InvalidError):
            world.http.request("GET", "/v1/x/{}", ids=(bad,))


@pytest.mark.parametrize(
    "link",
    ["https://evil.example/base/v1/x", "http://api.acme.example/base/v1/x", "https://api.acme.example/other", "//evil.example/base/v1/x",
     "https://api.acme.example@evil.example/base/v1/x", "/base/../v1"],
)  # fmt: skip
def test_paging_links_stay_at_home(link: str) -> None:
    """A link to another place is refused; one to the same place becomes a path."""
    http = bench(GOOD).http
    assert http.same_origin("https://api.acme.example/base/v1/x?after=2") == "/v1/x?after=2"
    assert http.same_origin("/base/v1/x?after=2") == "/v1/x?after=2"
    with pytest.raises(TransientError):
        http.same_origin(link)


@pytest.mark.parametrize(
    "url", ["http://api.acme.example", "ftp://api.acme.example", "api.acme.example", "https://", "http://10.0.0.1"]
)
def test_credentials_travel_only_over_tls_or_loopback(url: str) -> None:
    """Any other address is a configuration error."""
    with pytest.raises(ConfigError):
        PartnerHttp(
            partner=Partner(name="acme", label="Acme", buckets={}), tenant_id="t1", base_url=url, token=lambda: "", quota=OpenQuota(),
            clock=VirtualClock(),
        )  # fmt: skip


def test_logs_say_where_and_how_long_but_nothing_of_the_content() -> None:
    """Path templates without ids; no token, query value, body or header."""
    world = bench(status(503), GOOD)
    with structlog.testing.capture_logs() as lines:
        world.http.request(
            "POST", "/v1/customers/{}/cus_9", ids=("cus_1",), params={"email": "ann@x.example"}, json={"name": "Ann"},
            write=True, idempotent=True,
        )  # fmt: skip
    assert [(line["event"], line["attempt"], line["status"], line["request_id"]) for line in lines] == [
        ("partner_trouble", 1, 503, "req_7"), ("partner_answered", 2, 200, ""),
    ]  # fmt: skip
    assert {(line["tenant"], line["partner"], line["method"], line["path"]) for line in lines} == {
        ("t1", "acme", "POST", "/v1/customers/{}/{}")
    }
    assert not [word for word in ("cus_", "ann@", "Ann", "secret-token") if word in repr(lines)]
