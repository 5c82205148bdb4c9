"""HubSpot's error bodies: which kind, which words, and nothing of what they quote."""

import pytest

from integration_pipelines.errors import ErrorKind
from integration_pipelines.partners.hubspot.refusals import classify, reason
from integration_pipelines_tests.unit.partners.hubspot_script import Body

QUOTING = "Property values were not valid: maria@customer.example"


@pytest.mark.parametrize(
    ("status", "body", "kind", "text"),
    [
        (400, {"category": "VALIDATION_ERROR"}, ErrorKind.INVALID, "refused the request: VALIDATION_ERROR"),
        (400, {"category": "SOMETHING_NEW"}, ErrorKind.INVALID, "refused the request: SOMETHING_NEW"),
        (409, {"category": "CONFLICT"}, ErrorKind.CONFLICT, "refused the request: CONFLICT"),
        (409, {"subCategory": "x"}, None, None),
        (403, {}, ErrorKind.AUTH, "says that a permission is missing"),
        (
            403,
            {"errors": [{"context": {"requiredGranularScopes": ["a.b.read"]}}]},
            ErrorKind.AUTH,
            "says that the scope a.b.read is missing",
        ),
        (429, {"policyName": "SECONDLY"}, ErrorKind.RATE_LIMITED, "asks us to slow down (SECONDLY)"),
        (429, None, ErrorKind.RATE_LIMITED, "asks us to slow down"),
        (477, {}, ErrorKind.TRANSIENT, "is moving the account to another data centre"),
        (401, {"category": "EXPIRED_AUTHENTICATION"}, None, None),
        (500, {"category": "INTERNAL"}, None, None),
        (404, {"category": "OBJECT_NOT_FOUND"}, None, None),
        (400, "text", None, None),
    ],
)
def test_a_refusal_becomes_a_kind_and_words(status: int, body: object, kind: ErrorKind | None, text: str | None) -> None:
    """Where HubSpot's body adds nothing to the status, the common table decides."""
    failure = classify(status, {}, body)
    assert (failure.kind if failure else None, failure.text if failure else None) == (kind, text)


@pytest.mark.parametrize(
    "body",
    [
        {"category": QUOTING, "message": QUOTING},
        {"category": "VALIDATION_ERROR", "message": QUOTING, "errors": [{"message": QUOTING, "code": QUOTING, "in": QUOTING}]},
        {"errors": [{"context": {"propertyName": [QUOTING], "value": [QUOTING]}}, QUOTING], "context": QUOTING},
        {"errors": QUOTING},
    ],
)
def test_words_quote_nothing(body: Body) -> None:
    """HubSpot repeats the refused value in its messages; only codes and names pass."""
    assert "customer" not in reason(body)


def test_words_name_codes_and_properties_once() -> None:
    """What a person needs to find the fault."""
    fault = {"code": "INVALID_OPTION", "context": {"propertyName": ["billing_mrr"]}}
    assert (
        reason({"category": "VALIDATION_ERROR", "errors": [fault, fault]})
        == "VALIDATION_ERROR, INVALID_OPTION, property billing_mrr"
    )
