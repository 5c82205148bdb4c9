"""A contract's faults are named with line, field and remedy, all at once, and never with a traceback or a value."""

from pathlib import Path

import pytest

import integration_pipelines
from integration_pipelines.core.contract_load import load_contract
from integration_pipelines.core.contract_show import show
from integration_pipelines.errors import ContractError

TEXT = (Path(integration_pipelines.__file__).parent / "contracts" / "crm_billing.yaml").read_text(encoding="utf-8")


def refused(text: str) -> tuple[str, ...]:
    """The problems of a contract that is refused."""
    with pytest.raises(ContractError) as caught:
        load_contract(text, "c.yaml")
    return caught.value.problems


def line_of(text: str, needle: str) -> int:
    """The line, from 1, on which something stands first."""
    return next(n for n, line in enumerate(text.splitlines(), 1) if needle in line)


def test_the_packaged_contract_loads() -> None:
    """What ships is sound."""
    contract = load_contract(TEXT)
    assert (contract.contract, contract.boundaries.history_days, contract.main_object("left")) == (
        "crm_billing",
        90,
        "crm_accounts",
    )


@pytest.mark.parametrize(
    ("old", "new", "field", "says"),
    [
        ("    owner: billing\n", "    ownr: billing\n", "fields.billing_customer_id.ownr", "is not a known key"),
        ("    owner: billing\n", "", "fields.billing_customer_id.owner", "is missing"),
        ("kind: lookup", "kind: lookups", "objects.crm_owners.kind", "must be 'main', 'detail' or 'lookup'"),
        ("history_days: 90", "history_days: soon", "boundaries.history_days", "must be a whole number"),
        ("history_days: 90", "history_days: 0", "boundaries.history_days", "must be at least 1"),
        ("failure: {retry_hours: 24", "failure: {retry_hours: -1", "failure.retry_hours", "must be at least 0"),
        ("contract: crm_billing", "contract: CRM billing", "contract", "must match"),
    ],
)
def test_a_fault_names_line_field_and_remedy(old: str, new: str, field: str, says: str) -> None:
    """Each line reads file, line, field, what is wrong, what to do."""
    text = TEXT.replace(old, new, 1)
    problem = next(p for p in refused(text) if f": {field}: " in p)
    assert says in problem
    assert problem.startswith("c.yaml:")
    if new.strip():
        assert problem.startswith(f"c.yaml:{line_of(text, new.strip())}:")


def test_all_faults_are_named_at_once() -> None:
    """Nobody mends a file one error at a time."""
    assert (
        len(refused(TEXT.replace("history_days: 90", "history_days: soon").replace("max_creates: 0", "max_creates: none"))) == 2
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a:\n\tb: 1\n", "not YAML"),
        ("- a\n", "must be a mapping"),
        ("contract: a\ncontract: b\n", "is written twice"),
        ("a: *nowhere\n", "not YAML"),
    ],
)
def test_what_is_no_contract_at_all_is_refused_in_words(text: str, says: str) -> None:
    """Broken YAML, lists and doubled keys get a sentence with a line."""
    assert any(says in p and p.startswith("c.yaml:") for p in refused(text))


def test_values_never_appear_in_messages() -> None:
    """A secret pasted into the wrong place is not echoed."""
    assert all("hunter2" not in p for p in refused(TEXT.replace("history_days: 90", "history_days: hunter2")))


def test_a_contract_is_said_in_plain_words() -> None:
    """Every field with its owner, every scope with its reason, every rule with its explanation."""
    contract = load_contract(TEXT)
    words = show(contract)
    assert all(f"`{name}`" in words for name in contract.fields)
    assert all(scope.reason in words for scope in contract.scopes)
    assert all(rule.explanation in words for rule in contract.matching.rules)
