"""Batch updates: who was changed, who was refused, and about whom nobody knows."""

import json
from collections.abc import Sequence

import httpx
import pytest

from integration_pipelines.errors import AuthError, ErrorKind
from integration_pipelines.ports.partner import Applied, FieldWrite, RecordWrite, Refused, Unknown, WriteOutcome
from integration_pipelines_tests.unit.partners.hubspot_script import COMPANIES, OWNERS, Body, Script, company, write

UPDATE = "/crm/objects/2026-03/companies/batch/update"


def send(script: Script, writes: Sequence[RecordWrite]) -> dict[str, WriteOutcome]:
    """Outcomes by write."""
    outcomes = script.connector().write("crm_accounts", COMPANIES, writes)
    assert len(outcomes) == len(writes)
    return {outcome.write_id: outcome for outcome in outcomes}


def hubspot(bad: dict[str, Body]) -> Script:
    """Takes a batch, or refuses all of it with the fault of a bad record in it."""

    def answer(request: httpx.Request) -> httpx.Response:
        inputs = json.loads(request.content)["inputs"]
        fault = next((bad[item["id"]] for item in inputs if item["id"] in bad), None)
        if fault:
            return httpx.Response(int(fault.get("_status", 400)), json=fault)
        return httpx.Response(200, json={"status": "COMPLETE", "results": [company(int(item["id"])) for item in inputs]})

    return Script().on("POST", UPDATE, answer)


INVALID = {"category": "VALIDATION_ERROR", "message": "secret@value.example is no option", "errors": [{"code": "INVALID_OPTION"}]}


def test_a_write_is_sent_as_absolute_values_with_our_trace() -> None:
    """The request carries id, properties ('' clears) and the write's id for tracing."""
    script = hubspot({})
    assert send(script, [write(7, name="Acme", billing_mrr="")]) == {"write_7": Applied("write_7", "")}
    expected = {"id": "7", "properties": {"name": "Acme", "billing_mrr": ""}, "objectWriteTraceId": "write_7"}
    assert script.bodies(UPDATE) == [{"inputs": [expected]}]


@pytest.mark.parametrize("bad", [{1}, {100}, {37}, {1, 2}, {1, 50, 99}])
def test_a_bad_record_stands_alone(bad: set[int]) -> None:
    """HubSpot refuses the whole batch; all others go through, and it takes few requests to find the culprit."""
    script = hubspot({str(number): INVALID for number in bad})
    outcomes = send(script, [write(number, name="x") for number in range(1, 101)])
    assert {name for name, outcome in outcomes.items() if isinstance(outcome, Refused)} == {f"write_{number}" for number in bad}
    assert len(script.requests) <= 14 * len(bad) + 1


def test_a_refusal_says_why_and_quotes_no_value() -> None:
    """Category and code are named; what HubSpot quotes of the customer's data is not."""
    outcome = send(hubspot({"1": INVALID}), [write(1, name="x")])["write_1"]
    assert outcome == Refused("write_1", ErrorKind.INVALID, "HubSpot refused the record: VALIDATION_ERROR, INVALID_OPTION.", "")


def test_a_duplicate_unique_value_is_a_conflict() -> None:
    """409 concerns the one record that carries the value."""
    script = hubspot({"2": {"_status": 409, "category": "CONFLICT", "message": "Existing ID: 77"}})
    outcomes = send(script, [write(1, name="x"), write(2, stripe_customer_id="cus_1")])
    assert isinstance(outcomes["write_1"], Applied)
    assert isinstance(refused := outcomes["write_2"], Refused)
    assert refused.kind is ErrorKind.CONFLICT


def test_a_property_that_does_not_exist_costs_one_extra_request() -> None:
    """All who carry it share the fault, so HubSpot is not asked about each of them."""
    fault = {"category": "VALIDATION_ERROR", "errors": [{"code": "PROPERTY_DOESNT_EXIST", "context": {"propertyName": ["gone"]}}]}
    script = hubspot({str(number): fault for number in range(1, 51)})
    writes = [write(number, gone="x") if number <= 50 else write(number, name="x") for number in range(1, 101)]
    outcomes = send(script, writes)
    assert sum(isinstance(outcome, Refused) for outcome in outcomes.values()) == 50
    assert len(script.requests) == 2


@pytest.mark.fault("H13")
def test_207_is_read_record_by_record() -> None:
    """Results are applied, errors refused by id or by trace, and whoever is not mentioned is unknown."""
    mixed: Body = {
        "results": [company(1), {**company(50), "objectWriteTraceId": "write_5"}],
        "numErrors": 2,
        "errors": [
            {"category": "OBJECT_NOT_FOUND", "context": {"ids": ["2"]}},
            {"category": "CONFLICT", "context": {"objectWriteTraceId": ["write_3"], "id": ["1"]}},  # 1 has the value already
        ],
    }
    outcomes = send(Script().on("POST", UPDATE, mixed, status=207), [write(number, name="x") for number in range(1, 6)])
    kinds = [type(outcomes[f"write_{number}"]) for number in range(1, 6)]
    assert kinds == [Applied, Refused, Refused, Unknown, Applied]


def _cut(request: httpx.Request) -> httpx.Response:
    raise httpx.ReadError("cut", request=request)


def _html(request: httpx.Request) -> httpx.Response:
    del request
    return httpx.Response(200, html="<html></html>")


def _server_error(request: httpx.Request) -> httpx.Response:
    del request
    return httpx.Response(504, json={"status": "error"})


@pytest.mark.parametrize("answer", [_cut, _html, _server_error])
def test_without_a_trustworthy_answer_nothing_is_claimed_and_nothing_repeated(answer: object) -> None:
    """The write may have been applied: its outcome is unknown and it is sent once."""
    script = Script()
    script.answers["POST", UPDATE] = [answer]  # type: ignore[list-item]  # the three above are answers
    outcomes = send(script, [write(1, name="x"), write(2, name="x")])
    assert {type(outcome) for outcome in outcomes.values()} == {Unknown}
    assert len(script.requests) == 1


def test_more_than_a_batch_and_the_same_record_twice_are_split() -> None:
    """At most 100 inputs, and a record once in each request, in order."""
    script = hubspot({})
    writes = [write(number, name="x") for number in range(1, 121)]
    again = RecordWrite("write_again", "key", "120", (FieldWrite("properties.name", "y"),))
    send(script, [*writes, again])
    sent = [[item["objectWriteTraceId"] for item in body["inputs"]] for body in script.bodies(UPDATE)]
    assert [len(ids) for ids in sent] == [100, 20, 1]
    assert sent[2] == ["write_again"]


def test_lost_permission_before_anything_was_sent_is_an_error() -> None:
    """Nothing happened, so the caller gets the fault itself."""
    script = Script().on("POST", UPDATE, {"category": "MISSING_SCOPES"}, status=403)
    with pytest.raises(AuthError):
        send(script, [write(1, name="x")])


def test_lost_permission_half_way_keeps_what_was_learnt() -> None:
    """Records of the first request stay applied; those never sent are refused with the fault's kind."""
    first = hubspot({}).answers["POST", UPDATE][0]
    script = Script().on("POST", UPDATE, first, lambda _: httpx.Response(401, json={"category": "EXPIRED_AUTHENTICATION"}))
    outcomes = send(script, [write(number, name="x") for number in range(1, 151)])
    assert sum(isinstance(outcome, Applied) for outcome in outcomes.values()) == 100
    assert {outcome.kind for outcome in outcomes.values() if isinstance(outcome, Refused)} == {ErrorKind.AUTH}


def test_text_that_cannot_travel_is_refused_alone() -> None:
    """Half a surrogate pair is legal in JSON and in no request."""
    outcomes = send(hubspot({}), [write(1, name="\ud800"), write(2, name="\U0001f600")])
    assert isinstance(outcomes["write_1"], Refused)
    assert isinstance(outcomes["write_2"], Applied)


@pytest.mark.parametrize("name", ["hs_object_id", "createdate"])
def test_computed_fields_are_never_sent(name: str) -> None:
    """The one record is refused with the field's name; the rest goes through."""
    script = hubspot({})
    outcomes = send(script, [write(1, **{name: "x"}), write(2, name="x")])
    assert isinstance(refused := outcomes["write_1"], Refused)
    assert f"properties.{name}" in refused.text
    assert isinstance(outcomes["write_2"], Applied)
    assert [item["id"] for item in script.bodies(UPDATE)[0]["inputs"]] == ["2"]


def test_owners_are_never_written() -> None:
    """No field of theirs is ours to change."""
    script = hubspot({})
    (outcome,) = script.connector().write("crm_owners", OWNERS, [write(1, name="x")])
    assert isinstance(outcome, Refused)
    assert not script.requests
