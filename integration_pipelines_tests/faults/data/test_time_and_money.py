"""Money and time as partners really send them: signs, floats, currencies that differ or lack, odd days; through the heart itself."""

from decimal import Decimal
from typing import Any

import pytest

from integration_pipelines.core.canonical import canonical, minor_from_major
from integration_pipelines.core.contract import FieldType
from integration_pipelines.core.sql import Sql
from integration_pipelines.partners.body import parse_json
from integration_pipelines_tests.kit.core import World, connect, discount, item, subscription, verdicts

Json = dict[str, Any]
COMPANY = {"record_id": "1", "domain": "acme.com", "name": "Acme"}
CUSTOMER = {"record_id": "cus_1", "email": "x@acme.com"}


def world(*subscriptions: Json, **company: str) -> World:
    """One linked customer with those subscriptions."""
    return World(companies=[COMPANY | company], customers=[CUSTOMER], subscriptions=list(subscriptions))


def evaluated(expression: str) -> str | None:
    """One expression's value."""
    found: str | None = Sql(connect()).arrow(f"SELECT {expression} AS v")["v"].to_pylist()[0]
    return found


@pytest.mark.fault("D07")
@pytest.mark.parametrize(
    ("items", "discounts", "minor"),
    [
        ([item(unit_amount="-500")], [], "-500"),
        ([item(), item(id="si_2", unit_amount="-1500", price_id="price_2")], [], "-500"),
        ([item()], [discount(percent_off="100")], "0"),
        ([item()], [discount(amount_off="99999", currency="usd")], "0"),
    ],
    ids=["negative price", "credit beside a price", "everything off", "more off than there is"],
)
def test_an_amount_keeps_its_sign_and_a_discount_ends_at_nothing(items: list[Json], discounts: list[Json], minor: str) -> None:
    """Credits are sums like others; a discount never turns an amount into a credit; the CRM is told in its own spelling."""
    made = world(subscription("sub_1", "cus_1", items=items, discounts=discounts))
    assert made.merged()[0]["mrr"] == minor
    written = [c["after"] for w in made.run_pass().writes.to_pylist() for c in w["changes"] if c["field"] == "mrr"]
    assert [Decimal(text) for text in written] == [Decimal(minor) / 100]


@pytest.mark.fault("D06")
@pytest.mark.parametrize(
    ("currencies", "told"),
    [(["usd", "eur"], "MIXED"), (["usd", ""], None), (["usd", "USD"], "USD")],
    ids=["two", "one lacks", "one twice"],
)
def test_amounts_of_different_currencies_never_add_up(currencies: list[str], told: str | None) -> None:
    """Two currencies, or one that nobody names: the amount is not written; the same one twice is a sum."""
    made = world(*(subscription(f"sub_{n}", "cus_1", currency=c) for n, c in enumerate(currencies)), billing_mrr="1")
    verdict = verdicts(made.run_pass()).get("mrr")
    assert verdict is not None
    if told == "USD":
        assert (verdict["action"], made.merged()[0]["mrr"]) == ("write_left", "2000")
    else:
        assert verdict["action"] == "hold"


@pytest.mark.fault("D09")
@pytest.mark.parametrize(
    ("told", "minor"), [("19.99", "1999"), ("1e3", "100000"), ("0.30000000000000004", None), ("33.30", "3330"), ("0.07", "7")]
)  # fmt: skip
def test_an_amount_comes_from_its_text_and_never_from_a_binary_float(told: str, minor: str | None) -> None:
    """The number on the wire is read as the decimal it was written as; what is no amount of the currency keeps its text."""
    read = parse_json("application/json", f'{{"amount": {told}}}'.encode(), exact=True)
    assert isinstance(read, dict)
    assert isinstance(read["amount"], Decimal)
    assert read["amount"] == Decimal(told)
    assert evaluated(minor_from_major(f"'{told}'", "'USD'")) == (minor or told)


@pytest.mark.fault("D10")
@pytest.mark.parametrize(
    ("kind", "raw", "kept"),
    [
        (FieldType.DATETIME, "2026-03-29T02:30:00+01:00", "2026-03-29T01:30:00Z"),
        (FieldType.DATETIME, "2026-10-25T02:30:00+02:00", "2026-10-25T00:30:00Z"),
        (FieldType.DATETIME, "2026-10-25T02:30:00+01:00", "2026-10-25T01:30:00Z"),
        (FieldType.DATETIME, "2026-01-01T00:00:00+14:00", "2025-12-31T10:00:00Z"),
        (FieldType.DATETIME, "2026-01-01T00:00:00-12:00", "2026-01-01T12:00:00Z"),
        (FieldType.DATETIME, "2024-02-29T23:59:59Z", "2024-02-29T23:59:59Z"),
        (FieldType.DATE, "2024-02-29", "2024-02-29"),
        (FieldType.DATE, "2026-01-01", "2026-01-01"),
        (FieldType.DATE, "2026-01-01T00:00:00Z", "2026-01-01"),
        (FieldType.DATE, "2026-01-01T00:00:00+14:00", "2026-01-01"),
        (FieldType.DATE, "2026-01-01T00:00:00-12:00", "2026-01-01"),
        (FieldType.DATE, "2026-02-29", "2026-02-29"),
    ],
)
def test_a_moment_is_kept_in_utc_and_a_day_never_shifts(kind: FieldType, raw: str, kept: str) -> None:
    """In the hour that comes twice, in the one that never comes, at the world's ends and on the leap day; no such day keeps its text."""
    assert evaluated(canonical(kind, f"'{raw}'")) == kept
