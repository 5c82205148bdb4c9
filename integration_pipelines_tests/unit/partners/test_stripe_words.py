"""What Stripe's fields, values and refusals mean, without any call."""

from typing import Any

import pytest

from integration_pipelines.core.contract import FieldType
from integration_pipelines.errors import ErrorKind
from integration_pipelines.partners.stripe.faults import classify
from integration_pipelines.partners.stripe.translate import (
    flattener,
    metadata_form,
    neutral_date,
    neutral_id,
    neutral_time,
    sources,
)
from integration_pipelines.partners.stripe.wire import TOP_LEVEL, creatable, identifying, knows, option, settable, writable
from integration_pipelines.ports.partner import FieldWrite
from integration_pipelines_tests.kit.core import crm_billing


def test_every_source_of_the_packaged_contract_exists() -> None:
    """The catalogue knows what the contract reads."""
    for spec in crm_billing().objects_of("right").values():
        assert [path for path in sources(spec) if not knows(spec.partner_object, path)] == []


@pytest.mark.parametrize(
    ("partner_object", "path", "nested", "expected"),
    [
        ("customers", "email", (), True), ("customers", "emial", (), False), ("customers", "metadata.anything", (), True),
        ("customers", "metadata", (), True), ("customers", "address.city", (), True), ("customers", "address.town", (), False),
        ("customers", "discount.source.coupon.percent_off", (), True), ("customers", "discount.coupon", (), False),
        ("subscriptions", "price.recurring.interval", ("items",), True), ("subscriptions", "up_to", ("items", "price.tiers"), True),
        ("subscriptions", "up_to", ("items",), False), ("subscriptions", "current_period_end", (), False),
        ("subscriptions", "customer.email", (), False), ("subscriptions", "pause_collection.behavior", (), True),
        ("invoices", "id", (), False), ("customers", "", (), False), ("customers", "address.", (), False),
    ],
)  # fmt: skip
def test_the_catalogue_knows_what_exists(partner_object: str, path: str, nested: tuple[str, ...], expected: bool) -> None:
    """Misspelt, moved and unexpanded fields are unknown, so that a contract with them is refused."""
    assert knows(partner_object, path, nested) is expected


@pytest.mark.parametrize(
    ("partner_object", "path", "expected"),
    [("customers", "metadata.crm_segment", True), ("customers", "name", False), ("customers", "metadata", False),
     ("customers", "metadata.", False), ("customers", "metadata.a[b]", False), ("customers", "metadata." + "x" * 41, False),
     ("subscriptions", "metadata.crm_segment", False)],
)  # fmt: skip
def test_only_metadata_of_customers_is_ours_to_write(partner_object: str, path: str, expected: bool) -> None:
    """Anything else belongs to billing."""
    assert writable(partner_object, path) is expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0, "1970-01-01T00:00:00Z"), (1_795_392_000, "2026-11-23T00:00:00Z"), (None, ""), ("soon", "soon"), (True, "true"),
     (10**20, "1" + "0" * 20)],
)  # fmt: skip
def test_unix_seconds_become_times(value: object, expected: str) -> None:
    """What is no time stays visible for the gate."""
    assert neutral_time(value) == expected
    assert neutral_date(value) == expected.partition("T")[0]


def test_expanded_objects_stand_for_their_id() -> None:
    """Events and expansions show the whole object where an id was declared."""
    assert neutral_id({"id": "cus_1", "name": "Ann"}) == "cus_1"
    assert neutral_id(None) == ""


def test_a_customer_reads_as_declared() -> None:
    """Absent metadata is blank, an absent attribute is missing, a discount is a list of one."""
    spec = crm_billing().objects["billing_customers"]
    coupon = {"id": "TEN", "percent_off": 10, "duration": "forever", "applies_to": {"products": ["p", "q"]}}
    record = {"id": "cus_1", "email": None, "metadata": {}, "discount": {"source": {"coupon": coupon}, "end": 1_795_392_000}}
    from integration_pipelines_tests.kit.partner_fakes import NOON  # noqa: PLC0415 - only here

    row = flattener(spec).batch([record], tenant_id="t1", observed_at=NOON).to_pylist()[0]
    assert (row["name"], row["email"], row["crm_segment"]) == (None, "", "")
    assert row["discounts"] == [
        {"percent_off": "10", "amount_off": None, "currency": None, "duration": "forever", "ends_at": "2026-11-23T00:00:00Z",
         "products": "p;q"}
    ]  # fmt: skip
    assert FieldType.LIST is spec.columns["discounts"].type


def test_a_write_names_metadata_keys_only() -> None:
    """Stripe's form fields; an empty value removes the key."""
    fields = [FieldWrite("metadata.crm_segment", "enterprise"), FieldWrite("metadata.a.b", "")]
    assert metadata_form(fields) == [("metadata[crm_segment]", "enterprise"), ("metadata[a.b]", "")]


@pytest.mark.parametrize(
    ("status", "headers", "error", "kind", "retry"),
    [
        (429, {"stripe-rate-limited-reason": "endpoint-rate"}, {"code": "rate_limit"}, ErrorKind.RATE_LIMITED, None),
        (429, {}, {"code": "lock_timeout"}, ErrorKind.CONFLICT, True),
        (409, {}, {"type": "idempotency_error", "code": "idempotency_key_in_use"}, ErrorKind.CONFLICT, True),
        (400, {}, {"type": "idempotency_error"}, ErrorKind.BUG, None),
        (402, {}, {"type": "card_error"}, ErrorKind.INVALID, None),
        (400, {}, {"code": "parameter_unknown", "param": "metadata[x]"}, ErrorKind.INVALID, None),
        (404, {}, {"code": "resource_missing"}, ErrorKind.INVALID, None),
        (401, {}, {}, ErrorKind.AUTH, None),
        (503, {"stripe-should-retry": "false"}, {}, ErrorKind.TRANSIENT, False),
        (400, {"stripe-should-retry": "true"}, {}, ErrorKind.INVALID, True),
        (500, {}, "not even an object", ErrorKind.TRANSIENT, None),
    ],
)  # fmt: skip
def test_refusals_are_understood(status: int, headers: dict[str, str], error: Any, kind: ErrorKind, retry: bool | None) -> None:  # noqa: ANN401 - any body
    """By status, type, code and header."""
    failure = classify(status, headers, {"error": error})
    assert failure is not None
    assert (failure.kind, failure.retry) == (kind, retry)


def test_a_missing_permission_is_named_and_a_sentence_is_never_repeated() -> None:
    """Stripe's sentences quote customers' data; only codes and the permission's name go on."""
    message = "Ann Smith may not. Having the 'rak_customer_read' permission would allow this request to continue."
    failure = classify(403, {}, {"error": {"message": message}})
    assert failure is not None
    assert (failure.text, failure.detail) == ("says that the permission customer_read is missing", "customer_read")
    refused = classify(400, {}, {"error": {"message": "Invalid email: ann@x", "code": "email_invalid", "param": "ann@x"}})
    assert refused is not None
    assert refused.text == "refused the request as invalid (email_invalid)"


def test_known_names_are_not_reported() -> None:
    """Attributes of the pinned API version are known, also those that only appear expanded."""
    assert {"id", "object", "metadata", "subscriptions", "tax_ids"} <= TOP_LEVEL["customers"]


def test_an_id_names_a_customer_for_good_and_metadata_needs_no_schema() -> None:
    """An e-mail may change; metadata keys are there as soon as they are written."""
    assert [identifying("customers", path) for path in ("id", "email")] == [True, False]
    assert (settable("customers", "metadata.crm_segment"), settable("customers", "email")) == (True, False)
    assert not creatable("customers", "metadata.crm_segment")
    assert option("customers", "anything") is None
