"""Search in the modelled Stripe account: its language, its lag, its cursor."""

import pytest

from integration_pipelines.partner_models.base import PartnerRefusalError
from integration_pipelines_tests.kit.stripe_sandbox import Kit, stripe_kit


@pytest.fixture
def kit() -> Kit:
    """Two customers with metadata, indexed long ago."""
    made = stripe_kit()
    made.update("customers", "cus_1", metadata={"crm id": "a'b"}, phone="+49 123")
    made.clock.at += 100
    return made


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("email:'1@A.example'", ["cus_1"]),
        ('email:"1@a.example" OR email:"2@a.example"', ["cus_2", "cus_1"]),
        ("name:'No 1' AND email:'2@a.example'", []),
        ("name:'No 1' email:'1@a.example'", ["cus_1"]),
        ("name~'no'", None),
        ("name~'no 2'", ["cus_2"]),
        ("-name:'No 2'", ["cus_1"]),
        (r"metadata['crm id']:'a\'b'", ["cus_1"]),
        ('metadata["crm id"]:null', ["cus_2"]),
        ('-metadata["crm id"]:null', ["cus_1"]),
        ("created>1700000001", ["cus_2"]),
        ("created>=1700000001 AND created<1700000002", ["cus_1"]),
        ("created:1700000002", ["cus_2"]),
        ("created>'soon'", None),
        ("name:'a' AND name:'b' OR name:'c'", None),
        ("balance:1", None),
        ("metadata:'x'", None),
        ("name>'a'", None),
        ("nonsense", None),
        ("name:'open", None),
    ],
)
def test_language(kit: Kit, query: str, expected: list[str] | None) -> None:
    """Terms with AND or OR, negation, parts, numbers, metadata and null; everything else is refused, not guessed."""
    if expected is not None:
        assert kit.found(query) == expected
        return
    with pytest.raises(PartnerRefusalError) as caught:
        kit.found(query)
    assert caught.value.facts["param"] == "query"


def test_index_learns_with_a_lag(kit: Kit) -> None:
    """Within the lag a new record is not found and a changed one is found as it was."""
    kit.update("customers", "cus_1", name="Renamed")
    made = kit.create("customers", name="Brand new")["id"]
    assert (kit.found("name:'No 1'"), kit.found("name:'Brand new'")) == (["cus_1"], [])
    kit.clock.at += 61
    assert (kit.found("name:'No 1'"), kit.found("name:'Brand new'"), kit.found("name:'Renamed'")) == ([], [made], ["cus_1"])


def test_frozen_index_stands_still(kit: Kit) -> None:
    """While frozen nothing is learnt; afterwards everything is."""
    kit.account.freeze_search(1000)
    kit.update("customers", "cus_1", name="Renamed")
    kit.clock.at += 900
    assert kit.found("name:'Renamed'") == []
    kit.clock.at += 100
    assert kit.found("name:'Renamed'") == ["cus_1"]


def test_deleted_customers_leave_the_index(kit: Kit) -> None:
    """A deleted customer is found until the index has learnt of it."""
    kit.write("customers", "delete", "cus_1")
    assert kit.found("name:'No 1'") == ["cus_1"]
    kit.clock.at += 61
    assert kit.found("name:'No 1'") == []


def test_cursor_continues_and_is_checked(kit: Kit) -> None:
    """`next_page` leads to the rest; an invented page is refused."""
    first = kit.account.search("customers", {"query": "created>0", "limit": 1})
    second = kit.account.search("customers", {"query": "created>0", "limit": 1, "page": first["next_page"]})
    assert [page["data"][0]["id"] for page in (first, second)] == ["cus_2", "cus_1"]
    assert (second["has_more"], second["next_page"]) == (False, None)
    with pytest.raises(PartnerRefusalError, match="Invalid page"):
        kit.account.search("customers", {"query": "created>0", "page": "???"})


def test_status_of_subscriptions_and_prices_by_product(kit: Kit) -> None:
    """Other objects have fields of their own; coupons cannot be searched at all."""
    kit.account.insert("subscriptions", {"id": "sub_1", "customer": "cus_1", "status": "unpaid", "created": 1})
    assert kit.found("status:'unpaid'", "subscriptions") == ["sub_1"]
    assert kit.found("product:'prod_gold' AND type:'one_time'", "prices") == ["price_once"]
    with pytest.raises(PartnerRefusalError, match="Unrecognized"):
        kit.found("name:'x'", "coupons")
