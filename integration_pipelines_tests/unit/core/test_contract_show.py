"""A contract in plain words says all that it rules, follows its switches, and never claims what it does not do."""

from collections.abc import Callable
from typing import Any

import pytest
import yaml

from integration_pipelines.core.contract import Contract
from integration_pipelines.core.contract_load import load_contract
from integration_pipelines.core.contract_show import properties_to_create, scopes, show
from integration_pipelines_tests.unit.core.test_contract_load import TEXT

CONTRACT = load_contract(TEXT)
Json = dict[str, Any]


def changed(change: Callable[[Json], object]) -> str:
    """The words of the packaged contract after a change."""
    data = yaml.load(TEXT, Loader=yaml.CSafeLoader)
    change(data)
    return show(Contract.model_validate(data))


def test_everything_that_is_ruled_is_said() -> None:
    """Every field, column, scope and rule stands in the words, each with its purpose, reason or explanation."""
    words = show(CONTRACT)
    assert all(f"`{name}`): {field.purpose}" in words for name, field in CONTRACT.fields.items())
    assert all(
        f"| {name} | {c.source} | {c.purpose} |" in words for o in CONTRACT.objects.values() for name, c in o.columns.items()
    )
    assert all(f"| {scope.scope} | {scope.reason} |" in words for scope in CONTRACT.scopes)
    assert all(rule.explanation in words for rule in CONTRACT.matching.rules)
    assert all(excluded in words for excluded in CONTRACT.boundaries.excluded)


@pytest.mark.parametrize(
    "claim",
    [
        "n weeks are n times 12/52 and n days are n times 12/365",
        "A trial counts 0. Metered and one-off prices are left out",
        "repeating ones until their end; one-time ones never",
        "limited to products, on each such item; then its others, in order, on the sum",
        "never takes a sum below 0",
        "counts until that end",
        "rounded half up once",
        "the currency says `MIXED`, and the amount is held",
        "The currency is blank when nothing runs",
        "past_due > unpaid > active > canceling > trialing > paused > incomplete > canceled > none",
        "more than 5 % of the linked records, 50 being free in any case",
        "within 60 s; everything is compared every 24 h",
        "History reaches back 90 days",
        "No record is created",
        "| billing | billing_mrr (created at set-up) | rolled up: mrr | the other side shows the default (0) |",
        "hubspot_owner_id, looked up as email (blank when the person left)",
        "held until a person decides",
        "Left out of the sync: lifecycle_stage is other.",
    ],
)
def test_the_rules_are_said_precisely(claim: str) -> None:
    """What decides over money, ownership and limits stands there in so many words."""
    assert claim in show(CONTRACT)


CREATES = {"unmatched_right": "create", "create": {"unique": "stripe_customer_id", "value": "id", "columns": {"name": "name"}}}


def put(part: str, key: str, value: object) -> Callable[[Json], object]:
    """Set a key of one part."""
    return lambda data: data[part].update({key: value})


@pytest.mark.parametrize(
    ("change", "claim"),
    [
        (put("rollup", "paused_collection", "zero"), "whose collection is paused counts 0"),
        (put("rollup", "repeating_discounts", "ignore"), "repeating ones never"),
        (put("matching", "several_right_per_left", "ambiguous"), "are ambiguous and wait for a person"),
        (put("matching", "several_right_per_left", "line_items"), "are added up and listed line by line"),
        (put("guards", "max_creates", 3), "At most 3 records a day are created"),
        (put("guards", "max_missing_percent", 7), "lacks more than 7 %"),
        (put("matching", "unmatched_right", "ignore"), "nothing matches is left alone"),
        (lambda d: d["matching"].update(CREATES), "one is made on the CRM side, under its unique stripe_customer_id"),
        (lambda d: d["matching"].update(CREATES | {"gone_right": "archive"}), "put into the archive, after approval"),
        (lambda d: d["fields"]["mrr"].update({"label": "a|b\nc"}), "a\\|b c"),
        (lambda d: d["fields"]["account_owner"]["left"]["lookup"].update({"when_archived": "keep"}), "kept when the person left"),
    ],
)
def test_the_words_follow_the_contract(change: Callable[[Json], object], claim: str) -> None:
    """A switch that is turned is said as turned; nothing an author writes breaks a table."""
    assert claim not in show(CONTRACT)
    assert claim in changed(change)


def test_without_a_rollup_none_is_told() -> None:
    """A contract that adds nothing up says nothing about it."""
    plain = CONTRACT.model_copy(update={"rollup": None})
    assert "become one view" not in show(plain)


def test_scopes_name_the_partner_that_grants_them() -> None:
    """In the contract's order, one row each."""
    rows = scopes(CONTRACT)
    assert len(rows) == len(CONTRACT.scopes)
    assert rows[0] == ("crm", "hubspot", "oauth", "Signs the tenant in.")
    assert {(role, partner) for role, partner, _, _ in rows} == {("crm", "hubspot"), ("billing", "stripe")}


def test_properties_are_named_as_the_partner_names_them() -> None:
    """Only what a side asks to create, under the object it belongs to."""
    wanted = properties_to_create(CONTRACT, "left")
    assert list(wanted) == ["companies"]
    assert wanted["companies"]["billing_mrr"].number_hint == "currency"
    assert wanted["companies"]["stripe_customer_id"].unique
    assert len(wanted["companies"]) == 7
    assert properties_to_create(CONTRACT, "right") == {}
