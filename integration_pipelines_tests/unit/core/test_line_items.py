"""Several customers behind one company, line by line: the list beside the sum, always the same text for the same customers."""

from integration_pipelines.core.contract import Contract, FieldType
from integration_pipelines_tests.kit.core import World, crm_billing, item, subscription, verdicts
from integration_pipelines_tests.unit.core.test_links import link, stored

LINES = "cus_1 | active | 10.00 USD a month | renews 2026-12-01\ncus_2 | past_due | 20.50 EUR a month | renews 2026-12-01\ncus_3 | none"


def listing() -> Contract:
    """The packaged contract, with a text that lists what is behind a company instead of the billing customer's id."""
    plain = crm_billing()
    kept = plain.fields["billing_customer_id"]
    shown = kept.model_copy(
        update={"type": FieldType.TEXT, "right": kept.right.model_copy(update={"column": None, "rollup": "line_items"})}
    )
    return plain.model_copy(
        update={
            "matching": plain.matching.model_copy(update={"several_right_per_left": "line_items"}),
            "fields": dict(plain.fields) | {"billing_customer_id": shown},
        }
    )


def world(**company: str) -> World:
    """A company with three customers: one pays dollars, one euros, one nothing."""
    return World(
        companies=[{"record_id": "1"} | company],
        customers=[{"record_id": f"cus_{n}"} for n in (3, 1, 2)],
        subscriptions=[
            subscription("s1", "cus_1"),
            subscription("s2", "cus_2", currency="eur", status="past_due", items=[item(unit_amount="2050")]),
        ],
        links=stored(*(link("1", f"cus_{n}", age=9 - n) for n in (1, 2, 3))),
    )


def test_each_customer_has_a_line_beside_the_sum() -> None:
    """In the order of their ids, each in its own currency; the sum of two currencies is still none."""
    found = verdicts(world(stripe_customer_id="cus_1").run_pass(listing()))
    assert found["billing_customer_id"]["right_value"] == LINES
    assert found["mrr_currency"]["right_value"] == "MIXED"


def test_the_same_customers_are_the_same_text() -> None:
    """A company that shows the list is in sync; another amount changes one line."""
    assert "billing_customer_id" not in verdicts(world(stripe_customer_id=LINES).run_pass(listing()))
    changed = world(stripe_customer_id=LINES)
    changed.subscriptions = [subscription("s1", "cus_1", items=[item(unit_amount="1100")]), *changed.subscriptions[1:]]
    assert verdicts(changed.run_pass(listing()))["billing_customer_id"]["right_value"] == LINES.replace("10.00", "11.00")
