"""Batches: what fails alone, what fails together, and in which order."""

from typing import Any

import pytest

from integration_pipelines.partner_models.base import PartnerRefusalError
from integration_pipelines_tests.kit.hubspot_sandbox import Kit, hubspot_kit


def change(record_id: str, **values: str) -> dict[str, Any]:
    """One input of an update."""
    return {"id": record_id, "properties": values, "objectWriteTraceId": f"w{record_id}"}


def names(kit: Kit) -> list[object]:
    """The names of the three seeded companies."""
    return [kit.value(record_id, "name") for record_id in ("1", "2", "3")]


def test_a_missing_record_fails_alone() -> None:
    """207: the others are written; the error names the id and the trace of its input."""
    kit = hubspot_kit()
    status, body = kit.account.batch_companies("update", {"inputs": [change("1", name="A"), change("9", name="B")]})
    assert body is not None
    assert (status, body["numErrors"], names(kit)) == (207, 1, ["A", "No 2", "No 3"])
    assert [(one["id"], one["objectWriteTraceId"]) for one in body["results"]] == [("1", "w1")]
    assert body["errors"][0]["context"] == {"ids": ["9"], "objectWriteTraceId": ["w9"]}


@pytest.mark.parametrize(
    ("bad", "status"),
    [
        (change("2", nothing="x"), 400),
        (change("2", customer_segment="Mars"), 400),
        (change("9", customer_segment="Mars"), 400),
        (change("1", name="again"), 400),
        (change("2", stripe_customer_id="cus_3"), 409),
        ({"id": "2"}, 400),
        ({"properties": {}}, 400),
    ],
)
def test_a_malformed_input_refuses_the_whole_batch(bad: dict[str, Any], status: int) -> None:
    """Unknown property, bad option, an id twice, a taken unique value: nothing of the batch is written."""
    kit = hubspot_kit()
    with pytest.raises(PartnerRefusalError) as caught:
        kit.account.batch_companies("update", {"inputs": [change("1", name="A"), bad]})
    assert (caught.value.status, names(kit), kit.account.effects) == (status, ["No 1", "No 2", "No 3"], [])


@pytest.mark.parametrize("verb", ["create", "update", "upsert", "archive"])
@pytest.mark.parametrize("inputs", [None, [], "x", [1], [change(str(number)) for number in range(101)]])
def test_a_batch_has_one_to_a_hundred_inputs(verb: str, inputs: object) -> None:
    """No inputs, too many, or something else: 400."""
    with pytest.raises(PartnerRefusalError, match="inputs"):
        hubspot_kit().account.batch_companies(verb, {"inputs": inputs})


def test_a_unique_value_that_one_input_gives_up_the_next_may_take() -> None:
    """In one batch, in order; but two inputs may not take the same value."""
    kit = hubspot_kit()
    steps = [change("1", stripe_customer_id=""), change("2", stripe_customer_id="cus_1")]
    kit.account.batch_companies("update", {"inputs": steps})
    assert [kit.value(one, "stripe_customer_id") for one in ("1", "2")] == ["", "cus_1"]
    twice = {"inputs": [{"properties": {"stripe_customer_id": "cus_x"}}] * 2}
    with pytest.raises(PartnerRefusalError, match="already has that value"):
        kit.account.batch_companies("create", twice)
    assert len(kit.ids()) == 3


def test_upsert_changes_the_holder_or_makes_one() -> None:
    """`new` tells which; a property that is not unique cannot be the key."""
    kit = hubspot_kit()
    inputs = [{"id": name, "idProperty": "stripe_customer_id", "properties": {"name": "U"}} for name in ("cus_2", "cus_9")]
    status, body = kit.account.batch_companies("upsert", {"inputs": inputs})
    assert body is not None
    assert (status, [one["new"] for one in body["results"]]) == (200, [False, True])
    assert body["results"][0]["id"] == "2"
    assert body["results"][1]["properties"]["stripe_customer_id"] == "cus_9"
    for bad in ({"idProperty": "domain"}, {}):
        with pytest.raises(PartnerRefusalError, match=r"non-unique|idProperty"):
            kit.account.batch_companies("upsert", {"inputs": [{"id": "x", "properties": {}, **bad}]})


def test_batch_read_answers_each_record_once() -> None:
    """By id or by unique value; whoever is not there is named together in one error."""
    kit = hubspot_kit()
    ids = [{"id": name} for name in ("2", "8", "2", "9")]
    status, body = kit.account.read_companies({"inputs": ids, "properties": ["name"], "propertiesWithHistory": []})
    assert body is not None
    assert (status, [one["id"] for one in body["results"]]) == (207, ["2"])
    assert body["errors"][0]["context"] == {"ids": ["8", "9"]}
    by_key = {"inputs": [{"id": "cus_3"}], "idProperty": "stripe_customer_id", "propertiesWithHistory": ["name"]}
    status, body = kit.account.read_companies(by_key)
    assert body is not None
    assert (status, body["results"][0]["propertiesWithHistory"]["name"][0]["value"]) == (200, "No 3")


def test_batch_create_and_archive() -> None:
    """201 with the new records; 204 without a body."""
    kit = hubspot_kit()
    status, body = kit.account.batch_companies("create", {"inputs": [{"properties": {"name": "N"}}]})
    assert body is not None
    assert status == 201
    gone = {"inputs": [{"id": body["results"][0]["id"]}, {"id": "404"}]}
    assert kit.account.batch_companies("archive", gone) == (204, None)
    assert kit.ids() == ["1", "2", "3"]
