"""Pairs that wait for a person: what the rules cannot tell, and what was gone and is back. Nothing is ever written because of them."""

from datetime import timedelta
from itertools import permutations, product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration_pipelines.core.links import link_id
from integration_pipelines.core.passes import Pass
from integration_pipelines_tests.kit.core import NOW, World, connect, joined, subscription
from integration_pipelines_tests.unit.core.test_links import GONE, LIVE, link, overlaid, pairs, reasons, stored

Json = dict[str, Any]
SHARED = [{"record_id": "1", "domain": "acme.com"}, {"record_id": "2", "domain": "acme.com"}]


def proposed(world: World) -> dict[tuple[str, str], str]:
    """The pairs in doubt after a pass → why; the world keeps the links."""
    result = world.run_pass()
    world.links = overlaid(world.links, result.links)
    return {(k["left_id"], k["right_id"]): k["match_evidence"] for k in world.links.to_pylist() if k["state"] == "proposed"}


@pytest.mark.fault("D13")
def test_an_e_mail_that_two_customers_share_links_neither_and_asks() -> None:
    """The evidence names the rule and the doubt; a second look changes nothing; nothing is written meanwhile."""
    world = World(
        companies=[{"record_id": "1", "domain": "acme.com"}],
        customers=[{"record_id": "cus_1", "email": "x@acme.com"}, {"record_id": "cus_2", "email": "X@ACME.com"}],
        subscriptions=[subscription("s", "cus_1")],
    )
    result = world.run_pass()
    assert result.writes.num_rows == 0
    assert reasons(result) == {"cus_1": "ambiguous.email_domain", "cus_2": "ambiguous.email_domain"}
    asked = proposed(world)
    assert set(asked) == {("1", "cus_1"), ("1", "cus_2")}
    assert all("Not certain: another record has the same value for email_domain." in why for why in asked.values())
    assert world.run_pass().links.num_rows == 0


def test_every_candidate_is_offered_and_withdrawn_when_the_doubt_is_gone() -> None:
    """Two companies at one domain; one changes its own, the other is linked and the question is closed; it may come up again."""
    world = World(companies=SHARED, customers=[{"record_id": "cus_1", "email": "x@acme.com"}])
    assert set(proposed(world)) == {("1", "cus_1"), ("2", "cus_1")}
    world.companies = [SHARED[0], {"record_id": "2", "domain": "other.com"}]
    assert proposed(world) == {}
    assert pairs(world.run_pass(), world.links) == {("1", "cus_1"): "live", ("2", "cus_1"): "tombstone"}
    world.links, world.companies = stored(*(k for k in world.links.to_pylist() if k["state"] == "tombstone")), SHARED
    assert set(proposed(world)) == {("1", "cus_1"), ("2", "cus_1")}


def test_a_queue_stays_readable_however_many_candidates_there_are() -> None:
    """A domain of a hundred companies is one question with some examples, and says how many there are."""
    world = World(
        companies=[{"record_id": f"{n:03}", "domain": "acme.com"} for n in range(100)],
        customers=[{"record_id": "cus_1", "email": "x@acme.com"}],
    )
    asked = proposed(world)
    assert len(asked) == 20
    assert all("100 records match" in why for why in asked.values())


@pytest.mark.fault("D19")
@pytest.mark.parametrize("claimed_by_rules", [False, True])
def test_a_company_that_is_taken_out_of_a_merge_is_not_relinked(claimed_by_rules: bool) -> None:
    """The survivor keeps the customer; the pair of before waits for a person, even where the customer's metadata names the company."""
    named = "1" if claimed_by_rules else ""
    customer = {"record_id": "cus_1", "crm_company_id": named}
    world = World(companies=[{"record_id": "9", "merged_ids": "1"}], customers=[customer], links=stored(link("1", "cus_1")))
    world.links = overlaid(world.links, world.run_pass().links)
    world.companies = [{"record_id": "9"}, {"record_id": "1"}]
    assert list(proposed(world)) == [("1", "cus_1")]
    assert pairs(world.run_pass(), world.links) == {("9", "cus_1"): "live", ("1", "cus_1"): "proposed"}
    world.companies = [{"record_id": "9", "merged_ids": "1"}]
    assert pairs(world.run_pass(), world.links) == {("9", "cus_1"): "live", ("1", "cus_1"): "merged"}


@pytest.mark.fault("D19")
def test_a_record_that_was_deleted_and_is_back_waits_for_a_person() -> None:
    """Its customer is ambiguous, whatever the rules find; gone again it is one-sided again."""
    company = {"record_id": "1", "domain": "acme.com", "customer_segment": "SMB"}
    customer = {"record_id": "cus_1", "email": "x@acme.com", "crm_company_id": "1"}
    world = World(companies=[company], customers=[customer], links=stored(link("1", "cus_1", "one_sided")))
    result = world.run_pass()
    assert reasons(result) == {"cus_1": "ambiguous.returned"}
    assert result.writes.num_rows == 0
    assert list(proposed(world)) == [("1", "cus_1")]
    world.companies = [company | {"deleted": True}]
    assert pairs(world.run_pass(), world.links) == {("1", "cus_1"): "one_sided"}


@pytest.mark.fault("D23")
@pytest.mark.parametrize("side", ["left", "right"])
def test_another_record_under_the_same_id_is_not_the_linked_one(side: str) -> None:
    """Made after the pair was linked: a new incarnation, offered for review; made before it, it is the record that was linked."""
    linked = NOW - timedelta(days=30)
    for days, state in ((-1, "live"), (1, "proposed")):
        born = (linked + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")
        company = {"record_id": "1"} | ({"created_at": born} if side == "left" else {})
        customer = {"record_id": "cus_1"} | ({"created_at": born} if side == "right" else {})
        world = World(companies=[company], customers=[customer], links=stored(link("1", "cus_1", age=30)))
        assert pairs(world.run_pass(), world.links) == {("1", "cus_1"): state}


@pytest.mark.fault("D17")
@pytest.mark.parametrize(
    ("companies", "disputed"),
    [
        ({"9": ("1", LIVE), "1": ("", LIVE)}, {"1"}),
        ({"9": ("1", LIVE), "1": ("9", LIVE)}, {"1"}),
        ({"1": ("1", LIVE)}, {"1"}),
        ({"9": ("1", GONE), "1": ("", LIVE)}, set()),
    ],
)
def test_a_merge_claim_that_the_records_contradict_is_refused_and_told(
    companies: dict[str, tuple[str, bool]], disputed: set[str]
) -> None:
    """The link stays where it is, and nothing is written to it until the claim and the records agree."""
    world = World(
        companies=[{"record_id": n, "merged_ids": ids, "deleted": gone} for n, (ids, gone) in companies.items()],
        customers=[{"record_id": "cus_1"}],
        subscriptions=[subscription("s", "cus_1")],
        links=stored(link("1", "cus_1")),
    )
    result = world.run_pass()
    assert result.links.num_rows == 0
    told = {d["left_id"] for d in result.diffs.to_pylist() if d["rule_id"] == "link.disputed"}
    assert told == disputed
    assert (result.writes.num_rows == 0) == bool(disputed)


@pytest.mark.fault("D14")
def test_however_e_mails_and_domains_are_swapped_the_links_stay() -> None:
    """Links are by id: in whatever order the values stand, none moves a link and none makes a second."""
    orders = enumerate(
        product(permutations(["a@one.com", "b@two.com", "c@three.com"]), permutations(["one.com", "two.com", "three.com"]))
    )
    worlds = [
        World(
            companies=[{"record_id": str(n), "domain": d} for n, d in enumerate(domains)],
            customers=[{"record_id": f"cus_{n}", "email": e} for n, e in enumerate(emails)],
            links=stored(*(link(str(n), f"cus_{n}", tenant=f"t{order}") for n in range(3))),
            tenant=f"t{order}",
        )
        for order, (emails, domains) in orders
    ]
    result = Pass(connect(), joined(worlds)).run()
    assert len(worlds) == 36
    assert result.links.num_rows == 0
    assert reasons(result) == {}


IDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6)


@pytest.mark.fault("D24")
@given(st.tuples(IDS, IDS, IDS, IDS), st.tuples(IDS, IDS, IDS, IDS))
def test_the_id_of_a_link_is_one_pair_s_and_no_other_s(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    """Case, length, leading zeros and separators all count: equal link ids mean equal pairs."""
    assert (link_id(*one) == link_id(*other)) == (one == other)


@pytest.mark.fault("D22")
def test_a_customer_who_comes_back_begins_a_new_epoch_once() -> None:
    """Billing says active after canceled: written with that reason, and counted when both sides were seen to hold it."""
    ended, back = subscription("s1", "cus_1", status="canceled", ended_at="2026-01-01T00:00:00Z"), subscription("s2", "cus_1")
    company: Json = {"record_id": "1", "billing_subscription_status": "canceled"}
    world = World(
        companies=[company], customers=[{"record_id": "cus_1"}], subscriptions=[ended, back], links=stored(link("1", "cus_1")),
        base=[{"link_id": "link_1_cus_1", "subscription_status": "canceled"}],
    )  # fmt: skip
    first = world.run_pass()
    assert first.links.num_rows == 0
    told = {d["field"]: d["reason"] for d in first.diffs.to_pylist()}
    assert told["subscription_status"].endswith("the customer had left and is back")
    company["billing_subscription_status"] = "active"
    second = world.run_pass()
    assert [(k["state"], k["epoch"]) for k in second.links.to_pylist()] == [("live", 2)]
    world.links = overlaid(world.links, second.links)
    world.base = [{k: v for k, v in row.items() if k != "tenant_id"} for row in second.base_moves.to_pylist()]
    assert world.run_pass().links.num_rows == 0


@pytest.mark.fault("D22")
def test_what_was_seen_earlier_never_brings_a_customer_back() -> None:
    """An older observation that arrives late stands behind the newer one, whatever it says."""
    late = subscription("s", "cus_1", status="active", _sequence=1)
    newest = subscription("s", "cus_1", status="canceled", ended_at="2026-01-01T00:00:00Z", _sequence=2)
    world = World(
        companies=[{"record_id": "1", "billing_subscription_status": "canceled"}], customers=[{"record_id": "cus_1"}],
        subscriptions=[newest, late], links=stored(link("1", "cus_1")),
        base=[{"link_id": "link_1_cus_1", "subscription_status": "canceled"}],
    )  # fmt: skip
    assert "subscription_status" not in {d["field"] for d in world.run_pass().diffs.to_pylist()}


def test_proposals_never_take_the_place_of_a_link() -> None:
    """A customer with a live link is in no queue, and a pair in the queue is in no write."""
    world = World(
        companies=[*SHARED, {"record_id": "3", "domain": "b.com"}],
        customers=[{"record_id": "cus_1", "email": "x@acme.com"}, {"record_id": "cus_2", "email": "x@b.com"}],
        subscriptions=[subscription("s1", "cus_1"), subscription("s2", "cus_2")],
    )
    result = world.run_pass()
    assert set(map(str, result.writes["target_id"].to_pylist())) == {"3", "cus_2"}
