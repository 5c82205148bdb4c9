"""What analysts query."""

from datetime import timedelta
from typing import Any

import pyarrow as pa
import pytest
from sqlalchemy.engine import Engine

from integration_pipelines.core.contract import Contract
from integration_pipelines.errors import ContractError
from integration_pipelines.store.engine import reading
from integration_pipelines.store.open import Stores
from integration_pipelines.store.views import create_contract_views
from integration_pipelines_tests.kit.core import crm_billing
from integration_pipelines_tests.unit.store.rows import CRM, LATER, NOW, diff, diffs, link, links, outcomes, query, run


@pytest.mark.parametrize(
    ("value", "currency", "readable"),
    [
        ("123450", "USD", "1,234.50 USD"), ("5", "USD", "0.05 USD"), ("0", "USD", "0.00 USD"), ("-5", "EUR", "-0.05 EUR"),
        ("-123456789", "EUR", "-1,234,567.89 EUR"), ("123450", "JPY", "123,450 JPY"), ("0", "JPY", "0 JPY"), ("999", "JPY", "999 JPY"),
        ("1234567", "KWD", "1,234.567 KWD"), ("7", "KWD", "0.007 KWD"), ("9223372036854775807", "USD", "92,233,720,368,547,758.07 USD"),
        ("100000", "USD", "1,000.00 USD"), ("99999", "USD", "999.99 USD"), ("-1000", "KWD", "-1.000 KWD"),
        ("9223372036854775807", "JPY", "9,223,372,036,854,775,807 JPY"), ("-9223372036854775807", "KWD", "-9,223,372,036,854,775.807 KWD"),
        ("92233720368547758070", "USD", "92233720368547758070"), ("--5", "USD", "--5"), ("5-", "USD", "5-"),
        ("", "USD", "(blank)"), (None, "USD", None), ("12.345", "USD", "12.345"), ("abc", "USD", "abc"), ("-", "USD", "-"),
        ("100", "MIXED", "100"), ("100", None, "100"),
    ],
)  # fmt: skip
def test_amounts_are_readable(stores: Stores, value: str | None, currency: str | None, readable: str | None) -> None:
    """Major units with all decimals of the currency, groups of three, the code; what is no amount stays as it is."""
    stores.diffs.record(diffs(diff("d1", left_value=value, currency=currency)), {"t1": "run_1"})
    assert query(stores.engine, "SELECT readable_left_value FROM open_diffs") == [{"readable_left_value": readable}]


def test_open_diffs_are_those_not_resolved(stores: Stores) -> None:
    """A text that looks like a number is no amount."""
    rows = [diff("d1", field="note", left_value="123450", currency=None, amount_delta_minor=None), diff("d2", resolved_at=NOW)]
    stores.diffs.record(diffs(*rows), {"t1": "run_1"})
    found = query(stores.engine, "SELECT diff_id, readable_left_value, readable_amount_delta FROM open_diffs")
    assert found == [{"diff_id": "d1", "readable_left_value": "123450", "readable_amount_delta": None}]


def test_history_has_a_row_per_run_and_diff(stores: Stores) -> None:
    """With what both sides said in that run."""
    stores.runs.start([run("run_1", trigger="schedule")])
    stores.diffs.record(diffs(diff("d1", left_value="100")), {"t1": "run_1"})
    stores.diffs.record(diffs(diff("d1", left_value="200", status="held")), {"t1": "run_2"})
    sql = "SELECT run_id, trigger, readable_left_value AS said, status FROM diff_history ORDER BY run_id"
    assert [tuple(r.values()) for r in query(stores.engine, sql)] == [
        ("run_1", "schedule", "1.00 USD", "open"),
        ("run_2", None, "2.00 USD", "held"),
    ]


def _counts(*rows: tuple[str, int, int, int, int]) -> pa.Table:
    names = ("field", "compared", "matched", "differing", "held")
    fixed = {"tenant_id": "t1", "object": "crm_accounts"}
    return pa.Table.from_pylist([fixed | dict(zip(names, r, strict=True)) for r in rows])


def test_the_summary_is_of_the_newest_run_that_compared(stores: Stores) -> None:
    """Fields with their counts, objects with their records; a run that did not compare is passed over."""
    stores.runs.start([run(f"run_{i}", started_at=NOW + timedelta(minutes=i)) for i in range(3)])
    stores.runs.save_field_counts(_counts(("mrr", 9, 9, 0, 0)), CRM, {"t1": "run_0"})
    stores.runs.save_field_counts(_counts(("mrr", 5, 1, 3, 1)), CRM, {"t1": "run_1"})
    stores.runs.save_field_counts(_counts(("mrr", 5, 4, 0, 1)), CRM, {"t1": "run_1"})
    records = [("in_sync", 4), ("held", 1), ("quarantined", 2), ("excluded", 3), ("unmatched", 1), ("failed", 1)]
    balance = outcomes(*(("crm_accounts", f"{what}_{i}", what) for what, n in records for i in range(n)))
    stores.runs.save_outcomes(balance, CRM, {"t1": "run_1"})
    sql = """SELECT run_id, field, compared, matched, differing, held, quarantined, excluded, unmatched
      FROM reconciliation_summary ORDER BY field"""
    assert [tuple(r.values()) for r in query(stores.engine, sql)] == [
        ("run_1", "*", 6, 4, 1, 1, 2, 3, 1),
        ("run_1", "mrr", 5, 4, 0, 1, 2, 3, 1),
    ]


def _status(diff_id: str, link_id: str, value: str, **changes: Any) -> Any:  # noqa: ANN401 - any column
    plain = {"field": "subscription_status", "currency": None, "amount_delta_minor": None, "link_id": link_id}
    return diff(diff_id, **(plain | {"left_value": "active", "right_value": value, "resolved_value": value} | changes))


def test_mrr_at_risk_follows_the_last_known_status(stores: Stores) -> None:
    """At risk is who is past due now, resolved or not; who recovered is not; who canceled is while the other side does not show it."""
    rows = [
        _status("s1", "l1", "past_due", resolved_at=NOW), diff("m1", link_id="l1", resolved_at=NOW),
        _status("s2", "l2", "past_due"), _status("s3", "l2", "active", last_seen_at=LATER),
        _status("s4", "l3", "canceled"), diff("m3", link_id="l3", left_value="5000", right_value="0", resolved_value="0"),
        _status("s5", "l4", "canceled", resolved_at=NOW),
    ]  # fmt: skip
    stores.diffs.record(diffs(*rows), {"t1": "run_1"})
    sql = """SELECT link_id, status, status_differs, readable_mrr, mrr_differs, readable_other_side_mrr FROM mrr_at_risk ORDER BY 1"""
    assert [tuple(r.values()) for r in query(stores.engine, sql)] == [
        ("l1", "past_due", 0, "1,234.50 USD", 0, None),
        ("l3", "canceled", 1, "0.00 USD", 1, "50.00 USD"),
    ]


def test_a_contract_has_views_in_its_own_words(stores: Stores) -> None:
    """Roles' names in place of left and right, in columns, actions and kinds; made again they stay as they are."""
    for _ in range(2):
        create_contract_views(stores.engine, crm_billing())
    rows = [diff("d1"), diff("d2", field="*", kind="missing_left", action="none", currency=None), diff("d3", integration="other")]
    stores.diffs.record(diffs(*rows), {"t1": "run_1"})
    stores.links.save(links(link("l1", "1", "cus_1")))
    sql = "SELECT crm_id, billing_id, crm_value, readable_billing_value, action, kind, field_label FROM crm_billing_diffs ORDER BY diff_id"
    assert [tuple(r.values()) for r in query(stores.engine, sql)] == [
        ("1", "cus_1", "5000", "1,234.50 USD", "write_crm", "drift", "MRR"),
        ("1", "cus_1", "5000", "123450", "none", "missing_crm", "whole record"),
    ]
    assert query(stores.engine, "SELECT crm_id, billing_id FROM crm_billing_links") == [{"crm_id": "1", "billing_id": "cus_1"}]


def test_a_changed_contract_changes_its_views(stores: Stores, owner: Engine) -> None:
    """The view says what the contract says now."""
    create_contract_views(owner, crm_billing())
    told = crm_billing().model_dump()
    told["roles"]["left"]["name"] = "sales"
    for part in (*told["objects"].values(), *told["scopes"]):
        part["role"] = "sales" if part["role"] == "crm" else part["role"]
    create_contract_views(owner, Contract.model_validate(told))
    assert query(stores.engine, "SELECT sales_id FROM crm_billing_links") == []


def test_a_contract_cannot_hide_a_general_view(stores: Stores) -> None:
    """Its name would take the view away from everybody else."""
    with pytest.raises(ContractError, match="open_diffs"):
        create_contract_views(stores.engine, crm_billing().model_copy(update={"contract": "open"}))


@pytest.mark.parametrize("each_database", ["sqlite"], indirect=True)
def test_a_view_tells_what_it_means(stores: Stores) -> None:
    """The comment stands in the database."""
    with reading(stores.engine) as connection:
        text = connection.exec_driver_sql("SELECT sql FROM sqlite_master WHERE name = 'mrr_at_risk'").scalar_one()
    assert "past_due" in text.split("*/")[0]
