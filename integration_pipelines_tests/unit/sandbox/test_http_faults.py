"""The faults every HTTP partner can have, seen from the client's end of a real connection."""

from collections.abc import Iterator

import httpx
import pytest

from integration_pipelines.partner_models.base import Fault, FaultKind
from integration_pipelines_tests.kit.stripe_sandbox import TOKEN, Kit, served, stripe_kit

LATER = "Mon, 23 Nov 2026 00:00:10 GMT"
HEADERS = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture(scope="module")
def server() -> Iterator[Kit]:
    """One server for all tests."""
    with served(stripe_kit()) as running:
        yield running


@pytest.fixture
def kit(server: Kit) -> Kit:
    """A fresh account behind the server."""
    server.account = stripe_kit().account
    server.faults.clear()
    return server


def rename(kit: Kit) -> httpx.Response:
    """A write through the wire."""
    return httpx.post(f"{kit.url}/v1/customers/cus_1", headers=HEADERS, data={"name": "New"}, timeout=0.5)


@pytest.mark.parametrize(
    ("kind", "params", "error", "applied"),
    [
        (FaultKind.TIMEOUT, {}, httpx.ReadTimeout, False),
        (FaultKind.TIMEOUT, {"seconds": 0.05}, httpx.RemoteProtocolError, False),
        (FaultKind.TIMEOUT_AFTER_APPLYING, {}, httpx.ReadTimeout, True),
        (FaultKind.TIMEOUT_AFTER_APPLYING, {"seconds": 0.05}, httpx.RemoteProtocolError, True),
        (FaultKind.DROPPED_ANSWER, {}, httpx.RemoteProtocolError, True),
        (FaultKind.TRUNCATED, {"short": True}, httpx.RemoteProtocolError, True),
    ],
)
def test_broken_lines(kit: Kit, kind: FaultKind, params: dict[str, object], error: type[Exception], applied: bool) -> None:
    """The client sees silence or a cut; whether the write was carried out differs."""
    kit.faults.add(Fault(kind, params=params))
    with pytest.raises(error):
        rename(kit)
    assert bool(kit.account.effects) is applied


@pytest.mark.parametrize(
    ("kind", "params", "status", "headers"),
    [
        (FaultKind.RATE_LIMITED, {}, 429, {"stripe-rate-limited-reason": "global-rate"}),
        (FaultKind.RATE_LIMITED, {"retry_after": 7, "policy": "endpoint-rate"}, 429, {"retry-after": "7"}),
        (FaultKind.RATE_LIMITED, {"policy": "lock_timeout"}, 429, {}),
        (FaultKind.SERVER_ERROR, {"status": 502}, 502, {}),
        (
            FaultKind.SERVER_ERROR,
            {"status": 503, "retry_after": "Mon, 23 Nov 2026 00:00:10 GMT"},
            503,
            {"retry-after": "Mon, 23 Nov 2026 00:00:10 GMT"},
        ),
        (FaultKind.SERVER_ERROR, {"should_retry": False}, 500, {"stripe-should-retry": "false"}),
        (FaultKind.SCOPE_REMOVED, {}, 403, {}),
        (FaultKind.SCOPE_REMOVED, {"scope": "customer_read"}, 200, {}),
        (FaultKind.TOKEN_REVOKED, {}, 401, {}),
        (FaultKind.NOT_JSON, {}, 200, {"content-type": "text/html; charset=utf-8"}),
    ],
)
def test_refusals_by_fault(kit: Kit, kind: FaultKind, params: dict[str, object], status: int, headers: dict[str, str]) -> None:
    """Status and headers are the partner's own, and every reply has a request id."""
    kit.faults.add(Fault(kind, params=params))
    reply = rename(kit)
    assert reply.status_code == status
    assert headers.items() <= dict(reply.headers).items()
    assert reply.headers["request-id"].startswith("req_")
    assert bool(kit.account.effects) is (kind is FaultKind.SCOPE_REMOVED and status == 200)


def test_half_a_body_is_no_json(kit: Kit) -> None:
    """A truncated body is well framed and unreadable."""
    kit.faults.add(Fault(FaultKind.TRUNCATED))
    reply = rename(kit)
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        reply.json()


def test_faults_strike_where_and_as_often_as_they_say(kit: Kit) -> None:
    """Method, path, account, skip and times decide which requests are struck."""
    fault = Fault(FaultKind.SERVER_ERROR, account="acct_kit", method="POST", path="/customers/cus_1", skip=1, times=2)
    kit.faults.add(fault)
    kit.faults.add(Fault(FaultKind.SERVER_ERROR, account="acct_other", times=-1))
    listed = httpx.get(f"{kit.url}/v1/customers", headers=HEADERS).status_code
    assert [listed, *(rename(kit).status_code for _ in range(4))] == [200, 200, 500, 500, 200]
    assert fault.fired == 2


def test_search_stands_still_by_fault(kit: Kit) -> None:
    """A stale index stays stale for as long as the fault says."""
    kit.faults.add(Fault(FaultKind.STALE_SEARCH, params={"seconds": 1000}))
    query = {"query": "created>0"}
    assert httpx.get(f"{kit.url}/v1/customers/search", headers=HEADERS, params=query).status_code == 200
    assert kit.account.index.frozen_until == kit.account.now() + 1000


@pytest.mark.parametrize(
    ("headers", "status"),
    [({}, 401), ({"Authorization": "Bearer wrong"}, 401), ({"Authorization": "Basic !!"}, 401), (HEADERS, 200)],
)
def test_only_the_key_opens(kit: Kit, headers: dict[str, str], status: int) -> None:
    """Without the account's key there is no answer."""
    assert httpx.get(f"{kit.url}/v1/account", headers=headers).status_code == status


def test_basic_authentication_takes_the_key_as_user(kit: Kit) -> None:
    """The key as user name, without password, opens too."""
    assert httpx.get(f"{kit.url}/v1/account", auth=(TOKEN, "")).json()["id"] == "acct_kit"
