"""A contract's faults are named with line, field and remedy, all at once, and never with a traceback or a value."""

import copy
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

import integration_pipelines
from integration_pipelines.core.contract_load import load_contract
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
        ("    owner: billing\n", "    ownr: billing\n", "fields.billing_customer_id.ownr", "Did you mean `owner`?"),
        ("    owner: billing\n", "    zzz: billing\n", "fields.billing_customer_id.zzz", "Remove it or correct its spelling."),
        ("    owner: billing\n", "", "fields.billing_customer_id.owner", "is missing"),
        ("kind: lookup", "kind: lookups", "objects.crm_owners.kind", "must be 'main', 'detail' or 'lookup'"),
        ("history_days: 90", "history_days: soon", "boundaries.history_days", "must be a whole number"),
        ("history_days: 90", "history_days: 1.5", "boundaries.history_days", "must be a whole number"),
        ("history_days: 90", "history_days: 0", "boundaries.history_days", "must be at least 1"),
        ("failure: {retry_hours: 24", "failure: {retry_hours: -1", "failure.retry_hours", "must be at least 0"),
        ("max_update_percent: 5", "max_update_percent: .nan", "guards.max_update_percent", "must be at most 100"),
        ("contract: crm_billing", "contract: CRM billing", "contract", "must be lower-case letters"),
        ("  crm_owners:", "  crm-owners:", "objects.crm-owners", "must be lower-case letters"),
        ("title: CRM ↔ billing", "title: 7", "title", "must be text. Put it in quotes."),
        ("title: CRM ↔ billing", "title: no", "title", "must be text. Put it in quotes."),
        ("title: CRM ↔ billing", "title: !!binary aGVsbG8=", "title", "has a tag"),
        ("title: CRM ↔ billing", "title: a\ntitle: b", "title", "is written twice"),
        ("excluded: [invoice", "excluded: [7, invoice", "boundaries.excluded.0", "must be text"),
        ("excluded: [invoice", "exclude: [invoice", "boundaries.exclude", "Did you mean `excluded`?"),
        ("{column: billing_mrr,", "{colum: billing_mrr,", "fields.mrr.left.colum", "Did you mean `column`?"),
        ("fields: &discount_fields", "filds: &discount_fields", "objects.billing_customers.columns.discounts.filds", "`fields`"),
    ],
)
def test_a_fault_names_line_field_and_remedy(old: str, new: str, field: str, says: str) -> None:
    """Each line reads file, line, field, what is wrong, what to do."""
    text = TEXT.replace(old, new, 1)
    problem = next(p for p in refused(text) if f": {field}: " in p)
    assert says in problem
    assert problem.startswith("c.yaml:")
    if new.strip():
        assert problem.startswith(f"c.yaml:{line_of(text, new.strip().splitlines()[-1])}:")


def test_all_faults_are_named_at_once() -> None:
    """Nobody mends a file one error at a time, and a misspelt key is one fault, not two."""
    text = TEXT.replace("history_days: 90", "history_days: soon").replace("max_creates: 0", "max_creats: none")
    assert [p.split(": ")[1] for p in refused(text)] == ["boundaries.history_days", "guards.max_creats"]


def test_a_fault_behind_an_alias_names_the_line_where_it_stands() -> None:
    """What an anchor defines is corrected at the anchor, however far away it is used."""
    text = TEXT.replace("{source: end, type: datetime", "{source: end, type: datetme")
    lines = {int(p.split(":")[1]) for p in refused(text)}
    assert lines == {line_of(text, "type: datetme")}


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("", 1, "must be a mapping"),
        ("- a\n", 1, "must be a mapping"),
        ("a:\n\tb: 1\n", 2, "begins with a tab"),
        ("a: *nowhere\n", 1, "has no anchor"),
        ("a: &x 1\nb: &x 2\n", 2, "stands twice"),
        ("a: 'open\n", 2, "not YAML"),
        ("a: 1\n---\nb: 2\n", 2, "second document"),
        ("a: 1\nb: \x07\n", 2, "cannot be shown"),
        ("a: \ud800\n", 1, "cannot be shown"),
        ("a: 1\n? [b]\n: 2\n", 2, "no plain word"),
        ("a: 1\nb: !!python/name:os.system x\n", 2, "has a tag"),
        ("a: 1\nb: !!int many\n", 2, "does not fit its tag"),
        ("a: 1\n<<: 3\n", 2, "no mapping"),
        ("a: " + "[" * 100_000, 1, "nested deeper"),
        ("a: &a [*a]\n", 1, "contains itself"),
        ("a: &a {<<: *a}\n", 1, "contains itself"),
        ("a: " + "x" * 1_000_001, 1, "longer than"),
        ("a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40)), 1, "aliases make more"),
        ("a0: &a0 {x: 1}\n" + "".join(f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}\n" for n in range(1, 40)), 2, "aliases make"),
    ],
)  # fmt: skip
def test_what_is_no_contract_at_all_is_refused_in_words(text: str, line: int, says: str) -> None:
    """Broken, hostile and surprising YAML gets a sentence with its line, in bounded time, and never a crash."""
    assert any(says in p and p.startswith(f"c.yaml:{line}:") for p in refused(text))


def test_merged_mappings_give_way_to_what_is_written() -> None:
    """As YAML's merge key says: own keys win, then the first of several."""
    text = TEXT.replace(
        "latency: {target_seconds: 60, full_reconcile_hours: 24}",
        "latency: {<<: [{target_seconds: 7, full_reconcile_hours: 8}, {full_reconcile_hours: 9}], target_seconds: 60}",
    )
    latency = load_contract(text).latency
    assert (latency.target_seconds, latency.full_reconcile_hours) == (60, 8)


def places(data: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:  # noqa: ANN401 - YAML is any data
    """Every path of plain data."""
    inner = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [path, *(p for key, value in inner for p in places(value, (*path, key)))]


PLAIN = yaml.load(TEXT, Loader=yaml.CSafeLoader)
ODD: st.SearchStrategy[object] = st.sampled_from(
    ["hunter2", 7, -1, 1.5, True, None, float("nan"), [], ["hunter2"], {}, {"hunter2": 1}, [[]], 10**30]
)


@settings(max_examples=60, deadline=None)
@example(place=("asset_prefix",), odd=7)
@given(place=st.sampled_from([p for p in places(PLAIN) if p]), odd=ODD)
def test_no_damage_gets_more_than_a_sentence(place: tuple[str | int, ...], odd: object) -> None:
    """Whatever stands anywhere, the file loads or every problem has file, line and field, without the value and without jargon."""
    data = copy.deepcopy(PLAIN)
    inner = data
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = odd
    try:
        load_contract(yaml.dump(data, allow_unicode=True, Dumper=yaml.CSafeDumper), "c.yaml")
    except ContractError as error:
        for problem in error.problems:
            assert re.match(r"c\.yaml:\d+: [\w.-]+: \S", problem), problem
            assert not re.search(r"input|valid|pydantic|instance|{|}", problem), problem
            assert odd == {"hunter2": 1} or "hunter2" not in problem


def test_values_never_appear_in_messages() -> None:
    """A secret pasted into the wrong place is not echoed."""
    assert all("hunter2" not in p for p in refused(TEXT.replace("history_days: 90", "history_days: hunter2")))
