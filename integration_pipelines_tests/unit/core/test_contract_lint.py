"""Dangerous contracts are refused: each rule of the linter is shown to bite on a contract that breaks it, and on no other."""

from collections.abc import Callable
from typing import Any

import pytest
import yaml

from integration_pipelines.core.contract_lint import Severity, lint
from integration_pipelines.core.contract_load import load_contract
from integration_pipelines.wiring import catalogues
from integration_pipelines_tests.unit.core.test_contract_load import TEXT

Json = dict[str, Any]


def findings(change: Callable[[Json], object]) -> list[str]:
    """The errors of the packaged contract after a change, as `place: message`."""
    data = yaml.safe_load(TEXT)
    change(data)
    contract = load_contract(yaml.safe_dump(data, allow_unicode=True))
    return [f"{f.place}: {f.message}" for f in lint(contract, catalogues()) if f.severity is Severity.ERROR]


def test_the_packaged_contract_is_sound() -> None:
    """What ships has no finding at all, with the real partners' catalogues."""
    assert lint(load_contract(TEXT), catalogues()) == []


def put(path: str, value: object) -> Callable[[Json], object]:
    """Set a value by its dotted path."""

    def change(data: Json) -> None:
        *steps, last = path.split(".")
        for step in steps:
            data = data[step]
        data[last] = value

    return change


def drop(path: str) -> Callable[[Json], object]:
    """Remove a value by its dotted path."""

    def change(data: Json) -> None:
        *steps, last = path.split(".")
        for step in steps:
            data = data[step]
        del data[last]

    return change


BAD_PATTERN = {"expect": "matches", "pattern": "(", "reason": "r", "remedy": "r"}
NARROW = {"label": "l", "description": "d", "field_type": "select", "wire_type": "enumeration", "options": ["x"]}
MAP = {
    "Enterprise": "enterprise",
    "Corporate": "enterprise",
    "Mid-Market": "mid_market",
    "SMB": "small_business",
    "Startup": "startup",
}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (put("fields.mrr.owner", "finance"), "There is no owner finance"),
        (put("fields.mrr.owner", "two_way"), "nobody says who wins"),
        (put("fields.renewal_date.left.column", "billing_cancel_date"), "ownership is ambiguous"),
        (put("fields.account_owner.right.column", "email"), "does not let us write email"),
        (put("fields.subscription_status.owner", "crm"), "a lookup or roll-up cannot be"),
        (put("fields.customer_segment.owner", "billing"), None),
        (put("fields.customer_segment.left.map", MAP), None),
        (put("fields.customer_segment.left.map.SMB", "tiny"), "not allowed: tiny"),
        (drop("objects.crm_accounts.columns.name.expectations"), "No expectation watches this column"),
        (drop("objects.billing_subscriptions.columns.items.fields.interval.expectations"), "No expectation watches this column"),
        (put("objects.billing_customers.columns.name.source", "full_name"), "stripe has no full_name on customers"),
        (put("objects.crm_accounts.columns.name.source", "properties.hs_nonsense"), "hubspot has no properties.hs_nonsense"),
        (put("objects.crm_accounts.columns.domain.expectations", [BAD_PATTERN]), "regular expression"),
        (drop("fields.mrr.currency_field"), "An amount without a currency means nothing"),
        (put("fields.mrr_currency.owner", "crm"), "have different owners"),
        (put("fields.subscription_status.default", "unheard_of"), "The default is not an allowed value"),
        (drop("fields.subscription_status.default"), "A blank becomes the default, and there is none"),
        (drop("fields.customer_segment.values"), "A closed set without values"),
        (put("fields.account_owner.left.lookup.object", "crm_people"), "There is no lookup object crm_people"),
        (put("fields.account_owner.left.lookup.column", "mail"), "crm_owners has no column mail"),
        (put("fields.account_owner.left.column", "boss"), "There is no column boss"),
        (put("rollup.status_order", ["active", "none"]), "The order lacks"),
        (put("matching.free_mail_domains", []), "none is listed"),
        (put("fields.customer_segment.left.create", NARROW), "options lack"),
        (put("objects.crm_owners.kind", "main"), "has 2 main objects"),
        (drop("objects.billing_subscriptions.parent"), "A detail needs `parent`"),
        (put("roles.left.partner", "acme"), "There is no partner acme"),
        (put("scopes", [{"role": "crm", "scope": "oauth", "reason": "Signs in."}]), "No permission is listed for billing"),
        (put("fields.customer_segment.left.column", "billing_subscription_status"), "an edit would go round for ever"),
    ],
)  # fmt: skip
def test_each_rule_bites(change: Callable[[Json], object], says: str | None) -> None:
    """A contract that breaks one rule gets a finding with that rule's words; a harmless change gets none."""
    found = findings(change)
    if says is None:
        assert found == []
    else:
        assert any(says in line for line in found), found


def test_a_map_that_does_not_round_trip_is_refused_on_the_written_side() -> None:
    """Two spellings of one value are fine where it is read, and refused where it is written."""

    def change(data: Json) -> None:
        segment = data["fields"]["customer_segment"]
        segment["owner"] = "billing"
        segment["left"]["map"] = MAP

    assert any("would not come back as it was" in line for line in findings(change))
