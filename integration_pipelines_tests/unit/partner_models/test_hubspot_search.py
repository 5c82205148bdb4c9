"""Searching: operators, paging, limits, and an index that lags or stands still."""

from typing import Any

import pytest

from integration_pipelines.partner_models.base import Json, PartnerRefusalError
from integration_pipelines_tests.kit.hubspot_sandbox import Kit, hubspot_kit


def where(name: str, operator: str, value: object = None, **rest: object) -> Json:
    """One filter."""
    return {"propertyName": name, "operator": operator, **({} if value is None else {"value": value}), **rest}


def filled() -> Kit:
    """Company 1 pays 10, company 2 pays 200, company 3 nothing."""
    kit = hubspot_kit()
    kit.update("1", billing_mrr="10", customer_segment="SMB", billing_renewal_date="2026-12-01", name="Blue Whale GmbH")
    kit.update("2", billing_mrr="200.00", customer_segment="Enterprise", billing_renewal_date="2027-01-01")
    return kit


@pytest.mark.parametrize(
    ("given", "ids"),
    [
        (where("billing_mrr", "EQ", "200"), ["2"]),
        (where("billing_mrr", "NEQ", "200"), ["1"]),
        (where("billing_mrr", "GT", "9"), ["1", "2"]),
        (where("billing_mrr", "LT", "200"), ["1"]),
        (where("billing_mrr", "GTE", 200), ["2"]),
        (where("billing_mrr", "LTE", "200"), ["1", "2"]),
        (where("billing_mrr", "BETWEEN", "5", highValue="15"), ["1"]),
        (where("customer_segment", "IN", values=["SMB", "Other"]), ["1"]),
        (where("customer_segment", "NOT_IN", values=["SMB"]), ["2"]),
        (where("billing_mrr", "HAS_PROPERTY"), ["1", "2"]),
        (where("billing_mrr", "NOT_HAS_PROPERTY"), ["3"]),
        (where("name", "CONTAINS_TOKEN", "whale"), ["1"]),
        (where("name", "CONTAINS_TOKEN", "bl*"), ["1"]),
        (where("name", "NOT_CONTAINS_TOKEN", "whale"), ["2", "3"]),
        (where("name", "EQ", "blue whale gmbh"), ["1"]),
        (where("billing_renewal_date", "GTE", "1798761600000"), ["2"]),
        (where("createdate", "LT", "2026-01-02T00:00:00Z"), ["1"]),
        (where("hs_lastmodifieddate", "GTE", "1795392000000"), ["1", "2"]),
        (where("hs_object_id", "GT", "1"), ["2", "3"]),
    ],
)
def test_operators(given: Json, ids: list[str]) -> None:
    """Each operator compares as the property's type; a blank is found by NOT_HAS_PROPERTY and its like only."""
    assert filled().found(given) == ids


def test_groups_are_alternatives_and_their_filters_conditions() -> None:
    """(a and b) or c."""
    kit = filled()
    groups = [
        {"filters": [where("billing_mrr", "GT", "1"), where("customer_segment", "EQ", "SMB")]},
        {"filters": [where("hs_object_id", "EQ", "3")]},
    ]
    assert kit.found(filterGroups=groups) == ["1", "3"]


@pytest.mark.parametrize(
    ("sort", "ids"),
    [
        ([{"propertyName": "billing_mrr", "direction": "DESCENDING"}], ["2", "1", "3"]),
        ([{"propertyName": "billing_mrr"}], ["1", "2", "3"]),
        (["-hs_object_id"], ["3", "2", "1"]),
        ([], ["1", "2", "3"]),
    ],
)
def test_sorts(sort: list[Any], ids: list[str]) -> None:
    """One sort, blanks last, else by id."""
    assert filled().found(sorts=sort) == ids


@pytest.mark.parametrize(("query", "ids"), [("whale", ["1"]), ("2.example", ["2"]), ("no", ["2", "3"]), ("zebra", [])])
def test_query_looks_for_words(query: str, ids: list[str]) -> None:
    """The beginnings of words in name, domain, website and phone."""
    assert filled().found(query=query) == ids


@pytest.mark.parametrize(
    "body",
    [
        {"limit": 201},
        {"limit": "x"},
        {"after": "9999", "limit": 2},
        {"after": "-1"},
        {"sorts": ["name", "domain"]},
        {"sorts": ["no_such"]},
        {"query": "x" * 3001},
        {"filterGroups": [{"filters": []}] * 6},
        {"filterGroups": [{"filters": [where("name", "EQ", "x")] * 11}]},
        {"filterGroups": [{"filters": [where("no_such", "EQ", "x")]}]},
        {"filterGroups": [{"filters": [where("name", "LIKE", "x")]}]},
        {"filterGroups": [{"filters": [where("name", "EQ")]}]},
        {"filterGroups": [{"filters": [where("name", "IN")]}]},
        {"filterGroups": [{"filters": [where("billing_mrr", "GT", "many")]}]},
        {"filterGroups": "x"},
        {"properties": "name"},
    ],
)
def test_what_a_search_does_not_take(body: Json) -> None:
    """400 VALIDATION_ERROR, also beyond the 10,000th result."""
    with pytest.raises(PartnerRefusalError) as caught:
        hubspot_kit().account.search_companies(body)
    assert (caught.value.status, caught.value.code) == (400, "VALIDATION_ERROR")


def test_pages_of_a_search_count_results() -> None:
    """The cursor is a number of results; the total is told on every page."""
    account = filled().account
    first = account.search_companies({"limit": 2})
    rest = account.search_companies({"limit": 2, "after": first["paging"]["next"]["after"]})
    assert ([one["id"] for one in first["results"] + rest["results"]], first["total"]) == (["1", "2", "3"], 3)
    assert "paging" not in rest


def test_the_index_learns_late() -> None:
    """Until the lag is over a new value is neither found nor shown, and what went away is."""
    kit = hubspot_kit(search_lag=10)
    kit.update("1", name="fresh")
    kit.account.archive_company("2")
    made = kit.create(name="new")
    new_id = kit.account.merge("companies", "3", made)["id"]
    stale = kit.account.search_companies({"properties": ["name"]})["results"]
    assert [(one["id"], one["properties"]["name"], one["archived"]) for one in stale] == [
        ("1", "No 1", False),
        ("2", "No 2", False),
        ("3", "No 3", False),
    ]
    assert stale[0]["updatedAt"] == "2026-01-01T00:00:00Z"
    kit.clock.at += 10
    assert kit.found() == ["1", new_id]
    assert kit.found(where("name", "EQ", "fresh")) == ["1"]


def test_a_frozen_index_catches_up_when_it_thaws() -> None:
    """While it stands still time passes outside only."""
    kit = hubspot_kit()
    kit.account.freeze_search(60)
    kit.clock.at += 59
    kit.update("1", name="later")
    assert kit.found(where("name", "EQ", "later")) == []
    kit.clock.at += 1
    assert kit.found(where("name", "EQ", "later")) == ["1"]
