"""The control door over real HTTP: accounts, state, a person's edits and merges, faults, effects, and what it refuses."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from integration_pipelines.sandbox.server import running_sandbox
from integration_pipelines.sandbox.world import World
from integration_pipelines_tests.kit.stripe_sandbox import START

Json = dict[str, Any]
RECORD = {"object": "companies", "id": "1", "fields": {"name": "x"}}


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """One sandbox for all tests: two tenants of twenty customers."""
    with running_sandbox(World(tenants=2, customers=20, seed=5, now=START, search_lag=0.0, rate_limits=False)) as url:
        yield url


@pytest.fixture
def door(address: str) -> Iterator[httpx.Client]:
    """The control door, without faults."""
    with httpx.Client(base_url=f"{address}/_control", trust_env=False) as client:
        client.delete("/faults")
        yield client


def account(door: httpx.Client, partner: str, tenant: str = "tenant-1") -> Json:
    """One account as the door lists it."""
    found: list[Json] = door.get("/accounts", params={"partner": partner, "tenant": tenant}).json()
    return found[0]


def ask(of: Json, path: str) -> httpx.Response:
    """A request to a partner with the account's own token."""
    return httpx.get(f"{of['base_url']}{path}", headers={"Authorization": f"Bearer {of['token']}"}, trust_env=False)


def records(door: httpx.Client, of: Json, name: str) -> list[Json]:
    """The records of one object."""
    state = door.get("/state", params={"account": of["account"], "object": name}).json()
    found: list[Json] = state[0]["state"][name]
    return found


def test_every_account_is_listed_with_what_opens_it(door: httpx.Client) -> None:
    """Two tenants at two partners; address and token of each are taken by the partner itself."""
    listed = door.get("/accounts").json()
    assert [(a["tenant"], a["partner"]) for a in listed] == [(f"tenant-{n}", p) for n in (1, 2) for p in ("hubspot", "stripe")]
    path = {"stripe": "/v1/customers", "hubspot": "/crm/v3/objects/companies"}
    assert {ask(a, path[a["partner"]]).status_code for a in listed} == {200}
    assert len({a["token"] for a in listed}) == 4


def test_only_the_list_of_accounts_tells_tokens(door: httpx.Client) -> None:
    """Neither state, effects and faults nor a refusal repeat one, not even the one that was sent."""
    listed = door.get("/accounts").json()
    of = listed[0]
    body = {"partner": of["partner"], "account": of["token"], "object": "companies", "id": of["token"], "fields": {"name": "x"}}
    answers = [door.get("/state"), door.get("/effects"), door.get("/faults"), door.get("/health")]
    answers += [door.post("/edit", json=body), door.post("/edit", json=body | {"account": of["account"]})]
    answers += [door.post("/faults", json={"kind": of["token"]}), door.get("/state", params={"account": of["token"]})]
    assert not [a.request.url.path for a in answers for one in listed if one["token"] in a.text]


@pytest.mark.parametrize(
    ("query", "partners", "objects"),
    [
        ({}, ["hubspot", "stripe"] * 2, None),
        ({"tenant": "tenant-2"}, ["hubspot", "stripe"], None),
        ({"partner": "stripe", "object": "customers"}, ["stripe", "stripe"], {"customers"}),
        ({"tenant": "tenant-1", "partner": "hubspot", "object": "owners"}, ["hubspot"], {"owners"}),
    ],
)
def test_state_shows_what_was_asked_for(door: httpx.Client, query: dict[str, str], partners: list[str], objects: object) -> None:
    """Filters narrow accounts and objects; without them everything is there."""
    found = door.get("/state", params=query).json()
    assert [one["partner"] for one in found] == partners
    assert all(objects is None or set(one["state"]) == objects for one in found)
    assert all(records for one in found if objects for records in one["state"].values())


@pytest.mark.parametrize(
    ("partner", "kind", "fields", "path"),
    [
        ("hubspot", "companies", {"name": "New"}, ("properties", "name")),
        ("stripe", "customers", {"metadata.a": "New"}, ("metadata", "a")),
    ],
)
def test_an_edit_is_a_persons_effect(door: httpx.Client, partner: str, kind: str, fields: Json, path: tuple[str, str]) -> None:
    """The record changes at once, and the effect says who did it, what was there before and what is there now."""
    of = account(door, partner)
    chosen = records(door, of, kind)[0]["id"]
    body = {"partner": partner, "account": of["account"], "object": kind, "id": chosen, "fields": fields}
    assert door.post("/edit", json=body).raise_for_status().json()[path[0]][path[1]] == "New"
    assert next(r for r in records(door, of, kind) if r["id"] == chosen)[path[0]][path[1]] == "New"
    effect = door.get("/effects", params={"partner": partner, "object": kind, "id": chosen, "actor": "person"}).json()[-1]
    assert (effect["changed"], effect["tenant"], "New" in str(effect["after"])) == (True, "tenant-1", True)
    assert "New" not in str(effect["before"])


def test_a_new_world_has_no_effects() -> None:
    """Seeding is no write."""
    assert [a.effects for a in World(tenants=2, customers=60, seed=5, now=START).accounts] == [[]] * 4


def test_merged_companies_answer_as_their_survivor(door: httpx.Client) -> None:
    """A person merges two; both old ids lead to the new record."""
    of = account(door, "hubspot", "tenant-2")
    one, other = [c["id"] for c in records(door, of, "companies") if not c["archived"]][:2]
    body = {"partner": "hubspot", "account": of["account"], "object": "companies", "primary_id": one, "other_id": other}
    survivor = door.post("/merge", json=body).raise_for_status().json()["id"]
    assert {ask(of, f"/crm/v3/objects/companies/{old}").json()["id"] for old in (one, other)} == {survivor}


def test_a_fault_fires_as_often_as_it_was_told_and_where(door: httpx.Client) -> None:
    """Once, for one account and path; it is counted, and the next request goes through."""
    mine, other = account(door, "stripe"), account(door, "stripe", "tenant-2")
    fault = {"kind": "rate_limited", "account": mine["account"], "path": "/customers", "params": {"retry_after": 3}}
    assert door.post("/faults", json=fault).json() == {"active": 1}
    assert ask(other, "/v1/customers").status_code == 200
    struck = ask(mine, "/v1/customers")
    assert (struck.status_code, struck.headers["Retry-After"]) == (429, "3")
    assert ask(mine, "/v1/customers").status_code == 200
    assert [(f["kind"], f["times"], f["fired"]) for f in door.get("/faults").json()] == [("rate_limited", 0, 1)]


def test_faults_are_cleared_together(door: httpx.Client) -> None:
    """Also those that would go on for ever."""
    of = account(door, "hubspot")
    door.post("/faults", json=[{"kind": "token_revoked", "times": -1}, {"kind": "server_error", "skip": 5}]).raise_for_status()
    assert ask(of, "/crm/v3/owners").status_code == 401
    assert door.delete("/faults").json() == {"active": 0}
    assert (door.get("/faults").json(), ask(of, "/crm/v3/owners").status_code) == ([], 200)


def test_of_a_list_with_one_wrong_fault_none_is_taken(door: httpx.Client) -> None:
    """All or nothing."""
    assert door.post("/faults", json=[{"kind": "timeout"}, {"kind": "earthquake"}]).status_code == 400
    assert door.get("/faults").json() == []


def test_effects_can_be_narrowed(door: httpx.Client) -> None:
    """By moment, by whether anything changed, by record and by who wrote."""
    of = account(door, "stripe", "tenant-2")
    first, second = [r["id"] for r in records(door, of, "customers")][:2]
    for record, name in ((first, "A"), (first, "A"), (second, "B")):
        body = {"partner": "stripe", "account": of["account"], "object": "customers", "id": record, "fields": {"name": name}}
        door.post("/edit", json=body).raise_for_status()

    def count(**query: str) -> int:
        return len(door.get("/effects", params={"account": of["account"], "object": "customers", **query}).json())

    last = door.get("/effects", params={"account": of["account"]}).json()[-1]["at"]
    assert (count(), count(changed="true"), count(changed="false"), count(id=first)) == (3, 2, 1, 2)
    assert (count(actor="person"), count(actor="api"), count(since=str(last)), count(since=str(last + 1))) == (3, 0, 1, 0)


@pytest.mark.parametrize(
    ("method", "path", "sent", "status"),
    [
        ("POST", "/edit", b"{", 400),
        ("POST", "/edit", [], 400),
        ("POST", "/edit", {"partner": "hubspot"}, 400),
        ("POST", "/edit", RECORD | {"partner": "hubspot", "account": 7}, 400),
        ("POST", "/edit", RECORD | {"partner": "hubspot", "account": "0", "extra": 1}, 400),
        ("POST", "/edit", RECORD | {"partner": "hubspot", "account": "0", "fields": {}}, 400),
        ("POST", "/edit", RECORD | {"partner": "hubspot", "account": "0"}, 404),
        ("POST", "/edit", RECORD | {"partner": "hubspot", "account": "40005001"}, 404),
        ("POST", "/edit", RECORD | {"partner": "hubspot", "account": "40005001", "object": "planets"}, 404),
        ("POST", "/merge", {"partner": "hubspot", "account": "40005001", "object": "companies", "primary_id": "1"}, 400),
        ("POST", "/faults", {}, 400),
        ("POST", "/faults", {"kind": "earthquake"}, 400),
        ("POST", "/faults", {"kind": "timeout", "times": "often"}, 400),
        ("POST", "/faults", {"kind": "timeout", "times": True}, 400),
        ("POST", "/faults", {"kind": "timeout", "times": -2}, 400),
        ("POST", "/faults", {"kind": "timeout", "when": "now"}, 400),
        ("POST", "/faults", {"kind": "timeout", "params": {"seconds": "soon"}}, 400),
        ("POST", "/faults", {"kind": "timeout", "account": "acct_nobody"}, 404),
        ("POST", "/faults", ["timeout"], 400),
        ("GET", "/effects?since=yesterday", None, 400),
        ("GET", "/effects?since=nan", None, 400),
        ("GET", "/effects?changed=maybe", None, 400),
        ("GET", "/effects?tennant=tenant-1", None, 400),
        ("GET", "/effects?tenant=tenant-9", None, 404),
        ("GET", "/state?object=planets", None, 404),
        ("GET", "/state?partner=sybase", None, 404),
        ("GET", "/edit", None, 404),
        ("GET", "/nowhere", None, 404),
    ],
)
def test_wrong_requests_are_refused_with_a_remedy(door: httpx.Client, method: str, path: str, sent: object, status: int) -> None:
    """The answer says what is wrong and what to do; nothing is switched on."""
    content = sent if isinstance(sent, bytes) else None if sent is None else json.dumps(sent)
    reply = door.request(method, path, content=content)
    said = reply.json()
    assert reply.status_code == status, said
    assert said["message"].endswith(".")
    assert said["remedy"].endswith(".")
    assert door.get("/faults").json() == []


def test_partners_that_cannot_merge_say_so(door: httpx.Client) -> None:
    """Stripe has no merge of customers."""
    of = account(door, "stripe")
    body = {"partner": "stripe", "account": of["account"], "object": "customers", "primary_id": "a", "other_id": "b"}
    assert door.post("/merge", json=body).status_code == 400


def test_a_silent_request_does_not_hold_the_server(capfd: pytest.CaptureFixture[str]) -> None:
    """The sandbox ends at once, and without a traceback, although a fault keeps a request waiting for a minute."""
    with ThreadPoolExecutor(1) as threads, httpx.Client(trust_env=False) as client:
        with running_sandbox(World(tenants=1, customers=1, seed=5, now=START)) as url:
            of = client.get(f"{url}/_control/accounts").json()[1]
            client.post(f"{url}/_control/faults", json={"kind": "timeout"}).raise_for_status()
            waiting = threads.submit(ask, of, "/v1/customers")
            while not client.get(f"{url}/_control/faults").json()[0]["fired"]:
                time.sleep(0.01)
            began = time.monotonic()
        assert time.monotonic() - began < 5
        assert isinstance(waiting.exception(timeout=5), httpx.TransportError)
    assert "Traceback" not in capfd.readouterr().err


def test_the_command_serves_the_sandbox(tmp_path: Path, unused_port: int) -> None:
    """`sandbox serve` answers at its port, with the faults of its file switched on."""
    faults = tmp_path / "faults.json"
    faults.write_text('[{"kind": "server_error", "times": 1}]')
    run = "from integration_pipelines.cli.main import run; run()"
    options = ["sandbox", "serve", "--port", str(unused_port), "--customers", "20", "--faults", str(faults)]
    with subprocess.Popen([sys.executable, "-c", run, *options], stdout=subprocess.DEVNULL) as process:
        try:
            assert _answer(f"http://127.0.0.1:{unused_port}/_control/health").json() == {"status": "ok", "accounts": 15}
            assert len(_answer(f"http://127.0.0.1:{unused_port}/_control/faults").json()) == 1
        finally:
            process.terminate()


@pytest.fixture
def unused_port() -> int:
    """A port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port


def _answer(url: str) -> httpx.Response:
    """The answer of a server that may still be starting."""
    deadline = time.monotonic() + 30
    while True:
        try:
            return httpx.get(url, trust_env=False)
        except httpx.ConnectError:
            assert time.monotonic() < deadline, "the sandbox did not come up"
            time.sleep(0.1)
