"""What a contract may say about making and archiving records, and what the linter refuses of it."""

from collections.abc import Callable
from typing import Any

import pytest

from integration_pipelines.core.contract import Contract
from integration_pipelines.core.contract_lint import Severity, lint
from integration_pipelines.wiring import catalogues
from integration_pipelines_tests.kit.core import crm_billing

Json = dict[str, Any]


def findings(change: Callable[[Json], object], severity: Severity = Severity.ERROR, **create: object) -> list[str]:
    """What the linter says of the packaged contract with a `create` rule and a change."""
    data = crm_billing().model_dump()
    rule = {"unique": "stripe_customer_id", "value": "id", "columns": {"name": "name"}} | create
    data["matching"] |= {"unmatched_right": "create", "create": rule}
    data["guards"]["max_creates"] = 5
    data["objects"]["crm_accounts"]["columns"]["name"]["data_class"] = "personal"  # as the customer's name is
    change(data)
    found = lint(Contract.model_validate(data), catalogues())
    return [f"{f.place}: {f.message}" for f in found if f.severity is severity]


def as_it_is(_: Json) -> None:
    """No change."""


def drop_rule(data: Json) -> None:
    """Take the rule away that finds what was made."""
    data["matching"]["rules"] = [r for r in data["matching"]["rules"] if r["name"] != "stripe_customer_id"]


def business_name(data: Json) -> None:
    """Mark less than it is."""
    data["objects"]["crm_accounts"]["columns"]["name"]["data_class"] = "business"


def test_a_contract_may_make_records_by_a_unique_property() -> None:
    """The packaged contract with such a rule is accepted."""
    assert findings(as_it_is) == []


@pytest.mark.parametrize(
    ("change", "create", "says"),
    [
        (lambda d: d["matching"].update(create=None), {}, "nothing says how"),
        (lambda d: d["matching"].update(unmatched_right="report"), {}, "and none is"),
        (lambda d: d["matching"].update(unmatched_right="report", create=None, gone_right="archive"), {}, "ever made"),
        (as_it_is, {"unique": "domain"}, "no unique property"),
        (lambda d: d["fields"]["billing_customer_id"]["left"]["create"].update(unique=False), {}, "could make a second record"),
        (as_it_is, {"value": "email"}, "may change"),
        (as_it_is, {"unique": "nothing"}, "no column nothing"),
        (as_it_is, {"columns": {"name": "nothing"}}, "no column nothing"),
        (drop_rule, {}, "just before a crash"),
        (as_it_is, {"columns": {"billing_mrr": "name"}}, "A field keeps it"),
        (as_it_is, {"columns": {"domain": "email"}}, "A email is no domain"),
        (as_it_is, {"columns": {"merged_ids": "id"}}, "does not let"),
        (business_name, {}, "columns.name: It starts with personal data and is not marked so"),
    ],
)
def test_a_dangerous_rule_is_refused(change: Callable[[Json], object], create: Json, says: str) -> None:
    """Above all: no create without a unique property, and none that would not be found again."""
    assert any(says in line for line in findings(change, **create)), findings(change, **create)


def test_creating_under_a_limit_of_nothing_is_a_warning() -> None:
    """It works, but each time a person has to approve."""
    none = findings(lambda d: d["guards"].update(max_creates=0), Severity.WARNING)
    assert any("waits for approval" in line for line in none)
