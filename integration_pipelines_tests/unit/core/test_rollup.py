"""MRR, status and dates of a customer against an independent calculation with exact fractions."""

import math
import random
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from integration_pipelines_tests.kit.core import World, discount, item, subscription, verdicts

Json = dict[str, Any]
MONTHS = {"month": Fraction(1), "year": Fraction(12), "week": Fraction(12, 52), "day": Fraction(12, 365)}


def rolled(subscriptions: list[Json], customer_discounts: list[Json] | None = None) -> Json:
    """The billing side of one customer's fields, and what they are made up of."""
    world = World(
        companies=[{"record_id": "1", "domain": "acme.com", "billing_renewal_date": "x", "billing_cancel_date": "x"}],
        customers=[{"record_id": "cus_1", "email": "x@acme.com", "discounts": customer_discounts or []}],
        subscriptions=subscriptions,
    )
    merged = world.merged()[0]
    return {k: merged[k] for k in ("subscription_status", "mrr", "mrr_currency", "renewal_date", "cancel_date", "parts")}


def months(row: Json) -> Fraction:
    """How many months a price's interval lasts."""
    return MONTHS[row["interval"]] * int(row["interval_count"])


def item_amount(row: Json) -> Fraction:
    """What an item costs an interval, in minor units."""
    quantity = int(row["quantity"])
    if row["divide_by"]:
        share = Fraction(quantity, int(row["divide_by"]))
        quantity = math.ceil(share) if row["divide_round"] == "up" else math.floor(share)
    if row["billing_scheme"] == "per_unit":
        return Fraction(row["unit_amount"]) * quantity
    total, below = Fraction(0), 0
    for tier in row["tiers"]:
        top = int(tier["up_to"]) if tier["up_to"] else None
        unit, flat = Fraction(tier["unit_amount"] or 0), Fraction(tier["flat_amount"] or 0)
        if row["tiers_mode"] == "volume":
            if top is None or quantity <= top:
                return unit * quantity + flat
        else:
            inside = max(0, (quantity if top is None else min(quantity, top)) - below)
            total += unit * inside + (flat if inside else 0)
            below = top or quantity
    return total


def discounted(value: Fraction, rows: list[Json], length: Fraction) -> Fraction:
    """Take discounts off in their order; an amount never goes below nothing."""
    for row in rows:
        if row["percent_off"]:
            value *= 1 - Fraction(row["percent_off"]) / 100
        else:
            value = max(Fraction(0), value - Fraction(row["amount_off"]) / length)
    return value


def expected_mrr(subscriptions: list[Json]) -> str:
    """The sum of all counted subscriptions, rounded half up once."""
    total = Fraction(0)
    for one in subscriptions:
        if one["status"] in {"active", "past_due"}:
            parts = [discounted(item_amount(i) / months(i), i["discounts"], months(i)) for i in one["items"]]
            total += discounted(sum(parts, Fraction(0)), one.get("discounts", []), months(one["items"][0]))
    return str(math.floor(total + Fraction(1, 2)))


def random_item(rng: random.Random) -> Json:
    """Any kind of plan that a price can express."""
    tiers = [
        {"up_to": "10", "unit_amount": str(rng.randint(1, 999)), "flat_amount": str(rng.choice([0, 500]))},
        {"up_to": "100", "unit_amount": "7.25", "flat_amount": ""},
        {"up_to": "", "unit_amount": "3", "flat_amount": "99"},
    ]
    tiered = rng.random() < 0.4
    packaged = rng.random() < 0.3
    return item(
        quantity=str(rng.randint(1, 250)), interval=rng.choice(list(MONTHS)), interval_count=str(rng.choice([1, 2, 3, 6])),
        billing_scheme="tiered" if tiered else "per_unit", unit_amount="" if tiered else str(Decimal(rng.randint(1, 99999)) / 10),
        tiers_mode=rng.choice(["graduated", "volume"]) if tiered else "", tiers=tiers if tiered else [],
        divide_by="10" if packaged else "", divide_round=rng.choice(["up", "down"]) if packaged else "",
        discounts=[discount(percent_off="12.5")] if rng.random() < 0.2 else [],
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(12))
def test_mrr_equals_an_independent_calculation_for_every_kind_of_plan(seed: int) -> None:
    """Per unit, tiered, packaged, discounted, any interval: equal to exact fractions, to the minor unit."""
    rng = random.Random(seed)
    subscriptions = [
        subscription(
            f"sub_{n}", "cus_1", status=rng.choice(["active", "past_due", "trialing", "canceled"]),
            items=[random_item(rng) for _ in range(rng.randint(1, 3))],
            discounts=rng.choice([[], [discount(percent_off="33.3")], [discount(amount_off="1500", currency="usd"), discount(percent_off="10")]]),
        )
        for n in range(4)
    ]  # fmt: skip
    found = rolled(subscriptions)
    assert found["mrr"] == expected_mrr(subscriptions)
    parts = {part["record_id"]: part["monthly_minor"] for part in found["parts"]}
    assert parts == {one["record_id"]: expected_mrr([one]) for one in subscriptions}


def test_each_customer_of_a_company_names_its_own_parts() -> None:
    """Both roll-ups are the company's, one customer brings two subscriptions to it, the other one, and a third none."""
    world = World(
        companies=[{"record_id": "1", "domain": "acme.com"}],
        customers=[{"record_id": f"cus_{n}", "email": f"{n}@acme.com"} for n in (1, 2, 3)],
        subscriptions=[
            subscription("b", "cus_1", status="canceled", ended_at="2026-10-05T10:00:00Z"),
            subscription("a", "cus_1"),
            subscription("c", "cus_2", currency="usd", items=[item(unit_amount="250")]),
        ],
    )
    rows = {row["right_id"]: row for row in world.merged()}
    parts = {
        right: [(p["record_id"], p["status"], p["monthly_minor"], p["currency"]) for p in row["parts"]]
        for right, row in rows.items()
    }
    assert {row["mrr"] for row in rows.values()} == {"1250"}
    assert parts == {
        "cus_1": [("a", "active", "1000", "USD"), ("b", "canceled", "0", "USD")],
        "cus_2": [("c", "active", "250", "USD")],
        "cus_3": [],
    }


def test_a_part_that_cannot_be_computed_has_no_amount() -> None:
    """It is among the parts all the same, since it is why the value waits."""
    beyond = subscription("a", "cus_1", items=[item(unit_amount="9" * 25, quantity="9" * 12)])
    assert [(p["record_id"], p["monthly_minor"]) for p in rolled([beyond])["parts"]] == [("a", None)]


@pytest.mark.parametrize("items", [1, 10])
def test_what_costs_more_than_anybody_pays_is_still_told(items: int) -> None:
    """Neither a day's price a month long nor the sum of several leaves the room that a part's amount has."""
    dear = [item(unit_amount="999999999999", quantity="999999", interval="day" if items == 1 else "month") for _ in range(items)]
    found = rolled([subscription("a", "cus_1", items=dear)])
    assert int(found["mrr"]) > 2**63
    assert [p["monthly_minor"] for p in found["parts"]] == [found["mrr"]]


def test_thirds_that_add_up_to_a_half_round_as_the_half_they_are() -> None:
    """1/3 + 1/3 + 5/6 of a minor unit are 1.5 and round to 2."""
    parts = [item(unit_amount=a, interval_count="3") for a in ("1", "1", "2.5")]
    assert rolled([subscription("sub_1", "cus_1", items=parts)])["mrr"] == "2"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"items": [item(usage_type="metered")]}, "0"),
        ({"items": [item(interval="")]}, "0"),
        ({"status": "trialing"}, "0"),
        ({"status": "unpaid"}, "0"),
        ({"cancel_at_period_end": "true"}, "1000"),
        ({"paused_collection": "void"}, "1000"),
        ({"discounts": [discount(percent_off="50", duration="once")]}, "1000"),
        ({"discounts": [discount(percent_off="50", duration="repeating", ends_at="2026-11-22T00:00:00Z")]}, "1000"),
        ({"discounts": [discount(percent_off="50", duration="repeating", ends_at="2027-01-01T00:00:00Z")]}, "500"),
        ({"discounts": [discount(percent_off="100")]}, "0"),
        ({"discounts": [discount(amount_off="300", currency="eur")]}, "1000"),
        ({"discounts": [discount(percent_off="50", products="prod_other")]}, "1000"),
        ({"discounts": [discount(percent_off="50", products="prod_other;prod_1")]}, "500"),
    ],
)
def test_what_counts_towards_mrr(change: Json, expected: str) -> None:
    """Metered, one-off, trial and unpaid parts do not count; running discounts do, in their own currency and for their products."""
    assert rolled([subscription("sub_1", "cus_1", **change)])["mrr"] == expected


def test_a_customers_discount_counts_only_when_the_subscription_has_none() -> None:
    """The customer's own discount is a fallback."""
    half = [discount(percent_off="50")]
    assert rolled([subscription("sub_1", "cus_1")], half)["mrr"] == "500"
    assert rolled([subscription("sub_1", "cus_1", discounts=[discount(percent_off="10")])], half)["mrr"] == "900"


@pytest.mark.parametrize(
    ("subscriptions", "status", "renewal", "cancel"),
    [
        ([], "none", "", ""),
        ([subscription("a", "cus_1")], "active", "2026-12-01", ""),
        ([subscription("a", "cus_1"), subscription("b", "cus_1", status="past_due")], "past_due", "2026-12-01", ""),
        ([subscription("a", "cus_1", cancel_at_period_end="true")], "canceling", "", "2026-12-01"),
        ([subscription("a", "cus_1", cancel_at="2027-02-03T00:00:00Z")], "canceling", "", "2027-02-03"),
        ([subscription("a", "cus_1", cancel_at_period_end="true"), subscription("b", "cus_1")], "active", "2026-12-01", ""),
        ([subscription("a", "cus_1", status="trialing", trial_end="2026-12-09T00:00:00Z")], "trialing", "2026-12-09", ""),
        ([subscription("a", "cus_1", status="paused")], "paused", "", ""),
        ([subscription("a", "cus_1", status="canceled", ended_at="2026-10-05T10:00:00Z")], "canceled", "", "2026-10-05"),
        ([subscription("a", "cus_1", status="incomplete_expired")], "canceled", "", ""),
    ],
)
def test_status_and_dates_of_all_subscriptions_together(
    subscriptions: list[Json], status: str, renewal: str, cancel: str
) -> None:
    """The worst useful status wins, the earliest renewal counts, and an end shows only when nothing renews."""
    found = rolled(subscriptions)
    assert (found["subscription_status"], found["renewal_date"], found["cancel_date"]) == (status, renewal, cancel)


@pytest.mark.fault("D06")
def test_several_currencies_are_mixed_and_the_amount_is_held() -> None:
    """Amounts never add across currencies: the currency says MIXED and the amount waits for a person."""
    world = World(
        companies=[{"record_id": "1", "domain": "acme.com"}],
        customers=[{"record_id": "cus_1", "email": "x@acme.com"}],
        subscriptions=[subscription("a", "cus_1"), subscription("b", "cus_1", currency="eur")],
    )
    found = verdicts(world.run_pass())
    assert (found["mrr_currency"]["resolved_value"], found["mrr"]["action"]) == ("MIXED", "hold")


@pytest.mark.fault("D08")
@pytest.mark.parametrize(("currency", "spelled"), [("jpy", "1000"), ("usd", "10.00"), ("kwd", "1.000")])
def test_amounts_are_written_with_the_decimals_of_their_currency(currency: str, spelled: str) -> None:
    """1,000 minor units are 1000 yen, 10.00 dollars and 1.000 dinars."""
    world = World(
        companies=[{"record_id": "1", "domain": "acme.com"}],
        customers=[{"record_id": "cus_1", "email": "x@acme.com"}],
        subscriptions=[subscription("a", "cus_1", currency=currency)],
    )
    changes = [c for w in world.run_pass().writes.to_pylist() for c in w["changes"] if c["field"] == "mrr"]
    assert [c["after"] for c in changes] == [spelled]
