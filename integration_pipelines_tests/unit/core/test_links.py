"""Identity links: what joins two records, what never does, and what happens to a link when a record goes, comes back or is merged."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from integration_pipelines.core.contract import Contract
from integration_pipelines.core.passes import Pass, PassResult
from integration_pipelines.core.tables import IDENTITY_LINKS
from integration_pipelines_tests.kit.core import NOW, World, connect, crm_billing, joined, subscription, verdicts

Json = dict[str, Any]


def link(left: str, right: str, state: str = "live", age: int = 1, tenant: str = "t1") -> Json:
    """A stored link, so many days old."""
    made = NOW - timedelta(days=age)
    return {
        "tenant_id": tenant, "integration": "crm_billing", "link_id": f"link_{left}_{right}", "left_id": left, "right_id": right,
        "state": state, "match_rule": "email_domain", "match_evidence": "", "created_at": made, "updated_at": made, "epoch": 1,
    }  # fmt: skip


def stored(*links: Json) -> pa.Table:
    """As the store gives them."""
    return pa.Table.from_pylist(list(links), IDENTITY_LINKS)


def pairs(result: PassResult, before: pa.Table | None = None, tenant: str = "t1") -> dict[tuple[str, str], str]:
    """(company, customer) → state, after the pass."""
    tables = [table for table in (before, result.links) if table is not None]
    known = {k["link_id"]: k for table in tables for k in table.to_pylist() if k["tenant_id"] == tenant}
    return {(k["left_id"], k["right_id"]): k["state"] for k in known.values()}


def overlaid(before: pa.Table, changed: pa.Table, tenant: str = "t1") -> pa.Table:
    """The stored links after the pass."""
    rows = {k["link_id"]: k for k in [*before.to_pylist(), *changed.to_pylist()] if k["tenant_id"] == tenant}
    return stored(*rows.values())


def reasons(result: PassResult) -> dict[str, str]:
    """Customer → why it has no link."""
    return {d["right_id"]: d["rule_id"] for d in result.diffs.to_pylist() if d["kind"] == "missing_left" and d["link_id"] is None}


def one_customer_per_company() -> Contract:
    """The packaged contract, but a company is one customer."""
    plain = crm_billing()
    return plain.model_copy(update={"matching": plain.matching.model_copy(update={"several_right_per_left": "ambiguous"})})


def test_what_rules_recognise_and_what_they_leave_alone() -> None:
    """Id first, then the company's property, then the e-mail's domain; free mail, blanks and shared domains say nothing."""
    world = World(
        companies=[
            {"record_id": "1", "domain": "acme.com"}, {"record_id": "2", "domain": "WWW.Globex.com"},
            {"record_id": "3", "domain": "initech.io", "stripe_customer_id": "cus_named"}, {"record_id": "4", "domain": "twice.org"},
            {"record_id": "5", "domain": "www.twice.org"}, {"record_id": "6", "domain": "gmail.com"}, {"record_id": "7", "domain": ""},
        ],
        customers=[
            {"record_id": "cus_order", "email": "a@globex.com", "crm_company_id": "1"}, {"record_id": "cus_named", "email": "a@acme.com"},
            {"record_id": "cus_upper", "email": " Bob@GLOBEX.COM "}, {"record_id": "cus_www", "email": "c@www.acme.com"},
            {"record_id": "cus_dangling", "email": "d@initech.io", "crm_company_id": "404"}, {"record_id": "cus_shared", "email": "e@twice.org"},
            {"record_id": "cus_free", "email": "f@GMail.com"}, {"record_id": "cus_blank", "email": ""}, {"record_id": "cus_null", "email": None},
            {"record_id": "cus_twin_1", "email": "g@acme.com"}, {"record_id": "cus_twin_2", "email": "G@acme.com"},
            {"record_id": "cus_sub", "email": "h@shop.acme.com"},
        ],
    )  # fmt: skip
    result = world.run_pass()
    sure = [("1", "cus_order"), ("3", "cus_named"), ("2", "cus_upper"), ("1", "cus_www"), ("3", "cus_dangling")]
    asked = [("4", "cus_shared"), ("5", "cus_shared"), ("1", "cus_twin_1"), ("1", "cus_twin_2")]
    assert pairs(result) == dict.fromkeys(sure, "live") | dict.fromkeys(asked, "proposed")
    ambiguous, alone = "ambiguous.email_domain", "unmatched.no_rule_matched"
    assert reasons(result) == {
        "cus_shared": ambiguous, "cus_twin_1": ambiguous, "cus_twin_2": ambiguous, "cus_free": alone, "cus_blank": alone,
        "cus_null": alone, "cus_sub": alone,
    }  # fmt: skip


def test_a_stored_link_decides_over_every_rule() -> None:
    """Another e-mail, another domain, even swapped ones make neither a second link nor a move."""
    world = World(
        companies=[
            {"record_id": "1", "domain": "globex.com"},
            {"record_id": "2", "domain": "acme.com", "stripe_customer_id": "cus_1"},
        ],
        customers=[
            {"record_id": "cus_1", "email": "x@acme.com", "crm_company_id": "2"},
            {"record_id": "cus_2", "email": "x@globex.com"},
        ],
        links=stored(link("1", "cus_1"), link("2", "cus_2")),
    )
    assert world.run_pass().links.to_pylist() == []


def test_a_target_that_is_left_out_makes_no_link_and_says_so() -> None:
    """A quarantined or excluded company is not replaced by the next best match."""
    world = World(
        companies=[
            {"record_id": "1", "domain": "acme.com"},
            {"record_id": "2", "domain": "partner.com", "lifecycle_stage": "other"},
            {"record_id": "3", "domain": "c.com"},
        ],
        customers=[
            {"record_id": "cus_1", "email": "x@acme.com"}, {"record_id": "cus_2", "email": "x@partner.com"},
            {"record_id": "cus_3", "email": "x@c.com", "crm_company_id": "1"},
        ],
        refused=[{"object": "crm_accounts", "record_id": "1", "expectation": "in_set"}],
    )  # fmt: skip
    result = world.run_pass()
    assert pairs(result) == {}
    assert set(reasons(result).values()) == {"unmatched.counterpart_left_out"}


def test_several_customers_of_a_company_add_up_or_are_ambiguous_as_the_contract_says() -> None:
    """Aggregate links them all; otherwise two that claim one company get none, and a newcomer never joins an older link."""
    world = World(
        companies=[{"record_id": n, "domain": f"d{n}.com"} for n in "12"],
        customers=[{"record_id": f"cus_{n}{i}", "email": f"{i}@d{n}.com"} for n in "12" for i in "ab"],
        links=stored(link("2", "cus_2a")),
    )
    assert pairs(world.run_pass(), world.links) == {(n, f"cus_{n}{i}"): "live" for n in "12" for i in "ab"}
    strict = world.run_pass(one_customer_per_company())
    asked = dict.fromkeys([("1", "cus_1a"), ("1", "cus_1b"), ("2", "cus_2b")], "proposed")
    assert pairs(strict, world.links) == {("2", "cus_2a"): "live"} | asked
    assert set(reasons(strict)) == {"cus_1a", "cus_1b", "cus_2b"}


def test_a_merge_that_leaves_a_company_with_two_customers_is_held_where_the_contract_wants_one() -> None:
    """Both links stay, nothing is written, a person decides."""
    world = World(
        companies=[{"record_id": "9", "merged_ids": "1;2", "customer_segment": "SMB"}],
        customers=[{"record_id": "cus_1"}, {"record_id": "cus_2"}],
        subscriptions=[subscription("s", "cus_1")],
        links=stored(link("1", "cus_1"), link("2", "cus_2")),
    )
    strict, several = world.run_pass(one_customer_per_company()), world.run_pass()
    assert strict.writes.num_rows == 0
    assert {d["action"] for d in strict.diffs.to_pylist() if d["field"] != "*"} == {"hold"}
    assert several.writes.num_rows == 3


def test_what_a_company_showed_of_one_customer_is_forgotten_once_it_goes_by_another() -> None:
    """When the older customer is gone again, what we wrote about it is no edit that somebody made of the younger one's values."""
    both = stored(link("1", "cus_a", age=2), link("1", "cus_b"))
    world = World(
        companies=[{"record_id": "1", "stripe_customer_id": "cus_a"}],
        customers=[{"record_id": "cus_a"}, {"record_id": "cus_b"}],
        links=both,
        base=[{"link_id": "link_1_cus_b", "billing_customer_id": "cus_b"}],
    )
    moved = {row["link_id"]: row for row in world.run_pass().base_moves.to_pylist()}["link_1_cus_b"]
    alone = replace(world, customers=[{"record_id": "cus_a", "deleted": True}, {"record_id": "cus_b"}], base=[moved])

    assert moved["billing_customer_id"] is None
    assert verdicts(alone.run_pass())["billing_customer_id"]["kind"] == "drift"


GONE, LIVE = True, False
MERGES: dict[str, tuple[dict[str, tuple[str, bool]], str | None]] = {
    "merged": ({"9": ("1", LIVE)}, "9"),
    "the old record told as gone": ({"9": ("7;1", LIVE), "1": ("", GONE)}, "9"),
    "spaced ids": ({"9": (" 7; 1 ", LIVE)}, "9"),
    "a chain": ({"9": ("5", LIVE), "5": ("1", GONE)}, "9"),
    "a chain that also claims backwards": ({"9": ("5", LIVE), "5": ("6", GONE), "6": ("1", GONE), "1": ("9;6", GONE)}, "9"),
    "all old ids named at once": ({"9": ("1;5", LIVE), "5": ("1", GONE)}, "9"),
    "a claim about a living record": ({"9": ("1", LIVE), "1": ("", LIVE)}, "1"),
    "two that claim each other": ({"9": ("1", LIVE), "1": ("9", LIVE)}, "1"),
    "a record that claims itself": ({"1": ("1", LIVE)}, "1"),
    "a gone record that claims itself": ({"1": ("1", GONE)}, None),
    "a cycle of gone records": ({"9": ("1", GONE), "1": ("9", GONE)}, None),
    "a chain whose end is gone": ({"9": ("5", GONE), "5": ("1", GONE)}, None),
    "two survivors claim it": ({"8": ("1", LIVE), "9": ("1", LIVE)}, None),
    "two ends of two chains": ({"8": ("5", LIVE), "9": ("1", LIVE), "5": ("1", GONE)}, None),
}
"""What companies say about the ids they took over, and where the link of company 1 should be afterwards."""


def test_a_link_follows_a_merge_to_its_one_survivor() -> None:
    """The link moves once, to the end of the chain; a contradictory claim moves nothing, and without a survivor it is one-sided."""
    worlds = {
        case: World(
            companies=[{"record_id": n, "merged_ids": ids, "deleted": gone} for n, (ids, gone) in companies.items()],
            customers=[{"record_id": "cus_1"}],
            links=stored(link("1", "cus_1", tenant=case)),
            tenant=case,
        )
        for case, (companies, _) in MERGES.items()
    }
    result = Pass(connect(), joined(worlds.values())).run()
    for case, (_, survivor) in MERGES.items():
        moved = {("1", "cus_1"): "merged", (survivor, "cus_1"): "live"}
        stays = {("1", "cus_1"): "one_sided" if survivor is None else "live"}
        assert pairs(result, worlds[case].links, case) == (moved if survivor == "9" else stays), case
        worlds[case].links = overlaid(worlds[case].links, result.links, case)
    assert Pass(connect(), joined(worlds.values())).run().links.num_rows == 0


def test_a_merged_link_keeps_its_age_its_evidence_and_what_both_sides_held() -> None:
    """The survivor's link names the old one; an edit that waited for a person still waits, and the billing fields are filled anew."""
    world = World(
        companies=[{"record_id": "9", "merged_ids": "1", "customer_segment": "SMB", "billing_subscription_status": "paused"}],
        customers=[{"record_id": "cus_1", "crm_segment": "enterprise", "crm_company_id": "1"}],
        subscriptions=[subscription("s", "cus_1")],
        links=stored(link("1", "cus_1", age=30)),
        base=[
            {
                "link_id": "link_1_cus_1",
                "customer_segment": "small_business",
                "subscription_status": "active",
                "crm_company_id": "1",
            }
        ],
    )
    result = world.run_pass()
    old, new = sorted(result.links.to_pylist(), key=lambda k: k["left_id"])
    assert (old["state"], old["survivor_link_id"], new["created_at"]) == ("merged", new["link_id"], old["created_at"])
    assert (new["match_rule"], new["match_evidence"]) == ("merge", "the record 1 was merged into 9")
    kinds = {d["field"]: (d["kind"], d["action"]) for d in result.diffs.to_pylist()}
    assert kinds["customer_segment"] == ("foreign_edit", "hold")
    assert kinds["crm_company_id"] == ("drift", "write_right")
    assert kinds["subscription_status"] == ("drift", "write_left")
    world.links = overlaid(world.links, result.links)
    world.base = [{k: v for k, v in row.items() if k != "tenant_id"} for row in result.base_moves.to_pylist()]
    assert {d["field"]: d["kind"] for d in world.run_pass().diffs.to_pylist()}["customer_segment"] == "foreign_edit"


def test_metadata_that_names_a_merged_company_means_its_survivor() -> None:
    """A customer without a link is recognised by the id that the company once had."""
    world = World(
        companies=[{"record_id": "9", "merged_ids": "5;1"}],
        customers=[{"record_id": "cus_1", "crm_company_id": "1"}, {"record_id": "cus_2", "crm_company_id": "9"}],
    )
    assert pairs(world.run_pass()) == {("9", "cus_1"): "live", ("9", "cus_2"): "live"}


def test_a_record_that_goes_leaves_a_one_sided_link_and_nothing_is_written() -> None:
    """The other side is neither written nor deleted; the difference waits for a person, and so does the pair when the record is back."""
    expected = {(GONE, LIVE): "missing_left", (LIVE, GONE): "missing_right", (GONE, GONE): "missing_left"}
    worlds = {}
    for gone in expected:
        company: Json = {"record_id": "1", "domain": "acme.com", "customer_segment": "SMB", "deleted": gone[0]}
        customer: Json = {"record_id": "cus_1", "email": "x@acme.com", "deleted": gone[1]}
        links = stored(link("1", "cus_1", tenant=str(gone)))
        worlds[gone] = World([company, {"record_id": "2", "domain": "acme.com"}], [], [customer], links=links, tenant=str(gone))
    result = Pass(connect(), joined(worlds.values())).run()
    assert set(result.links["state"].to_pylist()) == {"one_sided"}
    assert result.writes.num_rows == 0
    assert {d["tenant_id"]: (d["kind"], d["status"]) for d in result.diffs.to_pylist()} == {
        str(g): (k, "held") for g, k in expected.items()
    }
    for gone, world in worlds.items():
        world.links = overlaid(world.links, result.links, str(gone))
        for row in (*world.companies, *world.customers):
            assert isinstance(row, dict)
            row["deleted"] = False
    back = Pass(connect(), joined(worlds.values())).run()
    assert [(k["left_id"], k["state"], k["match_rule"]) for k in back.links.to_pylist()] == [("1", "proposed", "returned")] * 3
    assert back.writes.num_rows == 0


def test_a_pair_that_was_taken_apart_is_not_joined_again() -> None:
    """Rules look past the removed pair: to another record, or to nothing with the reason said."""
    world = World(
        companies=[{"record_id": "1", "domain": "acme.com"}, {"record_id": "2", "domain": "b.com"}],
        customers=[
            {"record_id": "cus_1", "email": "x@acme.com", "crm_company_id": "1"},
            {"record_id": "cus_2", "email": "x@b.com", "crm_company_id": "1"},
        ],
        links=stored(link("1", "cus_1", "tombstone"), link("1", "cus_2", "tombstone")),
    )
    result = world.run_pass()
    assert pairs(result) == {("2", "cus_2"): "live"}
    assert reasons(result) == {"cus_1": "unmatched.link_removed"}


ODD = ["a", "A", "1", "01", "001", "1 ", "a\x1fb", "b\x1fa", "\x00", "'; DROP TABLE links; --", "\u00e9", "e\u0301", "\U0001f600"]


def test_ids_are_compared_to_the_letter() -> None:
    """Case, leading zeros, odd characters: different ids are different records with links of their own."""
    world = World(
        companies=[{"record_id": one, "stripe_customer_id": f"cus_{n}"} for n, one in enumerate(ODD)],
        customers=[{"record_id": f"cus_{n}"} for n, _ in enumerate(ODD)],
    )
    result = world.run_pass()
    assert pairs(result) == {(one, f"cus_{n}"): "live" for n, one in enumerate(ODD)}
    assert len(set(result.links["link_id"].to_pylist())) == len(ODD)


def test_link_ids_of_different_pairs_never_meet() -> None:
    """A separator inside an id does not make two pairs look the same."""
    world = World(
        companies=[{"record_id": "a\x1fb", "domain": "x.com"}, {"record_id": "a", "domain": "y.com"}],
        customers=[{"record_id": "c", "email": "1@x.com"}, {"record_id": "b\x1fc", "email": "1@y.com"}],
    )
    assert len(set(world.run_pass().links["link_id"].to_pylist())) == 2


def two_tenants() -> tuple[World, World]:
    """The same ids, names and e-mails at two tenants, otherwise linked, owned and billed."""
    one = World(
        companies=[{"record_id": "1", "domain": "acme.com", "owner_id": "7"}, {"record_id": "2", "domain": "b.com", "merged_ids": "3"}],
        owners=[{"record_id": "7", "email": "o@us.com"}],
        customers=[{"record_id": "cus_1", "email": "x@acme.com"}, {"record_id": "cus_2", "email": "x@only-the-other.com", "crm_company_id": "3"}],
        subscriptions=[subscription("s", "cus_1")],
    )  # fmt: skip
    other = World(
        companies=[
            {"record_id": "3", "domain": "only-the-other.com"}, {"record_id": "1", "domain": "acme.com"},
            {"record_id": "4", "domain": "acme.com"},
        ],
        owners=[{"record_id": "7", "email": "foreign@them.com"}],
        customers=[{"record_id": "cus_1", "email": "x@acme.com"}, {"record_id": "cus_2", "email": "x@acme.com", "crm_company_id": "1"}],
        subscriptions=[subscription("s", "cus_1", currency="eur"), subscription("s2", "cus_2", currency="jpy")],
        refused=[
            {"object": "billing_subscriptions", "record_id": "s", "expectation": "type"},
            {"object": "crm_owners", "record_id": "7", "expectation": "type"},
        ],
        intents=[{"target": "crm_accounts", "target_id": "1", "field": "mrr", "value": ""}],
        links=stored(link("1", "cus_1", tenant="t2")), tenant="t2", setting_up=True,
    )  # fmt: skip
    return one, other


def test_a_tenant_gets_the_same_rows_alone_and_together_with_another() -> None:
    """Non-interference: every table of the pass, row for row, whoever else is in the batch."""
    one, other = two_tenants()
    together_pass = Pass(connect(), joined([other, one]))
    both, merged = together_pass.run(), together_pass.merged().read_all()
    for world in (one, other):
        alone = world.run_pass()
        assert merged.filter(pc.field("tenant_id") == world.tenant).to_pylist() == world.merged()
        for name in ("links", "diffs", "field_counts", "base_moves", "writes"):
            together: pa.Table = getattr(both, name)
            mine = together.filter(pc.field("tenant_id") == world.tenant)
            assert mine.to_pylist() == getattr(alone, name).to_pylist(), name
        assert both.numbers[world.tenant] == alone.numbers[world.tenant]


def test_a_clock_behind_the_partners_makes_no_other_record_of_a_new_one() -> None:
    """A customer that the partner says was made two days from now is linked, and still the same one when it is looked at again."""
    born = (NOW + timedelta(days=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
    world = World(
        companies=[{"record_id": "1", "name": "Acme", "domain": "acme.com"}],
        customers=[{"record_id": "cus_1", "email": "x@acme.com", "created_at": born}],
    )
    world.links = world.run_pass().links
    assert pairs(world.run_pass(), world.links) == {("1", "cus_1"): "live"}
    another = (NOW + timedelta(days=3)).strftime("%Y-%m-%dT%H:%M:%SZ")
    world.customers = [{"record_id": "cus_1", "email": "x@acme.com", "created_at": another}]
    assert pairs(world.run_pass(), world.links) == {("1", "cus_1"): "proposed"}
