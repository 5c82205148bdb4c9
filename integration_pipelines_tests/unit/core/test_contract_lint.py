"""Dangerous contracts are refused: each rule of the linter is shown to bite on a contract that breaks it, and on no other."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from integration_pipelines.core.contract import Contract
from integration_pipelines.core.contract_lint import Severity, lint
from integration_pipelines.core.contract_load import load_contract
from integration_pipelines.wiring import catalogues
from integration_pipelines_tests.unit.core.test_contract_load import TEXT

Json = dict[str, Any]
Change = Callable[[Json], object]
PLAIN = yaml.load(TEXT, Loader=yaml.CSafeLoader)


def findings(change: Change, severity: Severity = Severity.ERROR) -> list[str]:
    """What is found in the packaged contract after a change, as `place: message`."""
    data = copy.deepcopy(PLAIN)
    change(data)
    contract = Contract.model_validate(data)
    return [f"{f.place}: {f.message}" for f in lint(contract, catalogues()) if f.severity is severity]


def test_the_packaged_contract_is_sound() -> None:
    """What ships has no finding at all, with the real partners' catalogues."""
    assert lint(load_contract(TEXT), catalogues()) == []


def at(data: Json, path: str) -> tuple[Any, Any]:
    """The mapping or list that holds the last step of a dotted path, and that step."""
    *steps, last = (int(step) if step.isdecimal() else step for step in path.split("."))
    inner: Any = data
    for step in steps:
        inner = inner[step]
    return inner, last


def put(path: str, value: object) -> Change:
    """Set a value by its dotted path."""

    def change(data: Json) -> None:
        inner, last = at(data, path)
        inner[last] = value

    return change


def drop(path: str) -> Change:
    """Remove a value by its dotted path."""

    def change(data: Json) -> None:
        inner, last = at(data, path)
        del inner[last]

    return change


def rename(path: str, name: str) -> Change:
    """Move a value to another name beside it."""

    def change(data: Json) -> None:
        inner, last = at(data, path)
        inner[name] = inner.pop(last)

    return change


def together(*changes: Change) -> Change:
    """One change after the other."""

    def change(data: Json) -> None:
        for one in changes:
            one(data)

    return change


BARE = {"expect": "in_set", "reason": "r", "remedy": "r"}
ONE_INSIDE = {"x": {"source": "name", "type": "text"}}
LOOKUP = {"object": "crm_owners", "column": "email"}
NONE_FIRST = ["none", "past_due", "unpaid", "active", "canceling", "trialing", "paused", "incomplete", "canceled"]
SAME_RULE = {"name": "again", "left": "id", "right": "crm_company_id", "explanation": "Again."}
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
        (put("matching.several_right_per_left", "line_items"), "No field shows the line items"),
        (put("fields.cancel_date.right.rollup", "line_items"), "does not ask for line items"),
        (put("fields.cancel_date.right.rollup", "line_items"), "Line items are text"),
        (put("objects.crm_accounts.born", "made_at"), "made_at"),
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
        (put("roles.left.name", "sync"), "sync has a meaning of its own"),
        (put("roles.left.name", "billing"), "Both sides have the same name"),
        (put("objects.crm_owners.role", "sales"), "There is no role sales"),
        (rename("objects.crm_owners", "write_plan"), "An asset of the product has this name"),
        (rename("objects.crm_owners", "quarantined_records"), "An asset of the product has this name"),
        (rename("objects.crm_owners.columns.first_name", "tenant_id"), "The product has a column of this name"),
        (rename("fields.mrr", "link_id"), "The product uses this name itself"),
        (rename("fields.mrr", "record_label"), "The product uses this name itself"),
        (put("objects.crm_owners.parent", "id"), "A lookup object has no parent"),
        (put("objects.billing_subscriptions.parent_object", "crm_accounts"), "is not the main object of billing"),
        (put("objects.crm_accounts.aliases", "old_ids"), "There is no column old_ids"),
        (put("objects.crm_accounts.columns.id.source", "properties.hs_object_id"), "No column has the source id"),
        (put("objects.billing_customers.columns.discounts.fields", {}), "A list without columns keeps nothing"),
        (put("objects.billing_customers.columns.name.fields", ONE_INSIDE), "has no columns of its own"),
        (put("objects.crm_accounts.columns.domain.expectations", [BARE]), "in_set lacks `values`"),
        (put("fields.crm_company_id.left", {}), "The owner's side says nothing"),
        (put("fields.billing_synced_at.type", "text"), "can only say when it wrote"),
        (put("fields.mrr.two_way_rule", "left_wins"), "the rule would never apply"),
        (put("fields.mrr.right.column", "name"), "a column and a roll-up at once"),
        (put("fields.customer_segment.left", {"rollup": "status"}), "Only rows of the right side can be rolled up"),
        (put("fields.billing_synced_at.right.lookup", LOOKUP), "needs a column"),
        (put("fields.mrr.left.map", {"a": "b"}), "this one would be ignored"),
        (put("objects.crm_accounts.columns.billing_cancel_date.source", "properties.billing_renewal_date"), "ownership is ambiguous"),
        (put("fields.account_owner.right.create", NARROW), "that can be created"),
        (put("objects.crm_owners.options", {"team": ["sales"]}), "hubspot has no option team for owners"),
        (put("fields.account_owner.left.lookup.object", "billing_customers"), "no lookup object billing_customers on this side"),
        (drop("objects.crm_owners.columns.archived"), "does not tell who left"),
        (put("fields.account_owner.data_class", "internal"), "fields.account_owner: It holds personal data"),
        (put("objects.billing_customers.columns.crm_owner_name.data_class", "business"), "crm_owner_name: It holds personal data"),
        (put("fields.customer_segment.values", ["enterprise", "enterprise"]), "A value stands twice"),
        (put("fields.account_owner.type", "list"), "A list cannot be kept the same"),
        (put("fields.account_owner.values", ["a"]), "Only a closed set has values"),
        (put("fields.renewal_date.max_length", 5), "Only text has a length"),
        (put("objects.crm_accounts.columns.billing_mrr.type", "date"), "A column of type date cannot hold money"),
        (put("objects.crm_accounts.columns.billing_renewal_date.type", "datetime"), "A column of type datetime cannot hold date"),
        (put("fields.customer_segment.left.map", {"Enterprise": "enterprise"}), "The gate lets Mid-Market, SMB, Startup pass"),
        (put("objects.crm_accounts.columns.billing_subscription_status.expectations.0.values", ["active"]), "The gate would refuse"),
        (put("fields.mrr.default", "0.5"), "no whole number of minor units"),
        (put("fields.renewal_date.default", "x"), "The default would never be used"),
        (put("fields.renewal_date.currency_field", "mrr_currency"), "Only money has a currency"),
        (together(put("fields.mrr.owner", "two_way"), put("fields.mrr.two_way_rule", "hold")), "one amount in two currencies"),
        (put("matching.rules.1.name", "email_domain"), "The rule email_domain stands 2 times"),
        (put("matching.rules.1", {**SAME_RULE}), "are compared 2 times"),
        (put("matching.rules.0.right", "vat_id"), "The right side has no column vat_id"),
        (put("matching.rules.2.unique_right", "phone"), "The right side has no column phone"),
        (put("matching.rules.2.exclude_free_mail", False), "would link strangers"),
        (put("matching.rules.2.left", "name"), "name is of type text, not domain"),
        (drop("rollup"), "the contract has none"),
        (put("rollup.object", "crm_owners"), "There is no detail object crm_owners"),
        (rename("objects.billing_subscriptions.columns.items.fields.tiers", "steps"), "The roll-up reads tiers"),
        (rename("objects.billing_customers.columns.discounts", "rebates"), "The roll-up reads discounts"),
        (put("rollup.status_order", NONE_FIRST), "`none` does not come last"),
        (put("rollup.status_order.0", "overdue"), "No roll-up ever says overdue"),
        (put("rollup.ended_statuses", ["canceled", "active"]), "active counts and has ended"),
        (put("rollup.counted_statuses", ["live"]), "No subscription ever says live"),
        (put("rollup.counted_statuses", []), "The list is empty"),
        (put("fields.subscription_status.values", ["none", "active"]), "which is not allowed"),
        (put("scopes.0.role", "sales"), "There is no role sales"),
        (put("scopes.0.scope", "crm.objects.companies.read"), "is asked for it 2 times"),
        (put("scopes.0.reason", " "), "without a name or a reason"),
        (put("fields.mrr.purpose", ""), "It says nothing"),
        (put("fields.mrr.label", "Renewal date"), "2 fields are called Renewal date"),
        (put("guards.deletes_need_approval", False), "deleted unseen"),
        (put("guards.max_blanking_percent", 6), "so the limit never applies"),
        (put("latency.target_seconds", 90_000), "comes sooner than that"),
    ],
)  # fmt: skip
def test_each_rule_bites(change: Change, says: str | None) -> None:
    """A contract that breaks one rule gets an error with that rule's words; a harmless change gets none."""
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


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (put("guards.max_update_percent", 60), "More than half"),
        (together(put("guards.max_blanking_percent", 20), put("guards.max_update_percent", 30)), "may vanish unseen"),
        (put("latency.full_reconcile_hours", 200), "more than a week"),
        (put("failure.retry_hours", 0), "fails once is given up"),
        (put("boundaries.history_days", 400), "History over a year"),
        (put("boundaries.excluded", []), "never touch"),
        (put("rollup.counted_statuses", ["active", "trialing"]), "trialing counts"),
        (put("matching.rules", []), "only stored links"),
        (put("objects.billing_customers.label", ["email"]), "columns.name: It is read and stored, and nothing uses it"),
    ],
)
def test_what_is_unwise_is_a_warning(change: Change, says: str) -> None:
    """It refuses nothing, and it is said."""
    assert findings(change) == []
    assert any(says in line for line in findings(change, Severity.WARNING))


@pytest.mark.parametrize("side", ["left", "right"])
def test_every_finding_says_what_to_do(side: str) -> None:
    """Place, message and remedy are never empty, and end like sentences."""
    data = copy.deepcopy(PLAIN)
    for field in data["fields"].values():
        field["owner"] = "two_way"
        field[side] = {}
    found = lint(Contract.model_validate(data), catalogues())
    assert found
    assert all(f.place and f.message.endswith(".") and f.remedy.rstrip('"`').endswith((".", "?")) for f in found)
