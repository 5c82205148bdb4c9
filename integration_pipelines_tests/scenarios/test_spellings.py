"""Partners keep values in their own way: what they show of our own value is no difference, and two systems never write in circles."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from integration_pipelines.core.contract import FieldType
from integration_pipelines.core.spelling import means_the_same
from integration_pipelines.use_cases.outcome import RunOutcome
from integration_pipelines_tests.kit.bench import CONTRACT, Product, product

Spell = Callable[[str, str], str]


@pytest.fixture
def shop(tmp_path: Path, each_database: str) -> Iterator[Product]:
    """A tenant in sync."""
    with product(tmp_path, database_url=each_database) as made:
        made.first_sync()
        yield made


def of(column: str, change: Callable[[str], str]) -> Spell:
    """A partner that keeps one column its own way."""
    return lambda name, value: change(value) if name == column else value


def rename_owner(shop: Product, first: str, last: str) -> None:
    """The CRM's owner gets another name."""
    shop.crm().objects["crm_owners"]["7"] |= {"first_name": first, "last_name": last}


@pytest.mark.fault("D11", "D12")
@pytest.mark.parametrize(
    ("first", "kept"),
    [
        ("Ann-Marie", str.lower), ("Ann Marie", lambda v: v.replace(" ", "")), ("A" * 300, lambda v: v[:256]),
        ("Zoë", lambda v: f" {v} "), ("Ann.", lambda v: v.replace(".", "")),
    ],
)  # fmt: skip
def test_a_value_kept_in_another_way_is_written_once(shop: Product, first: str, kept: Callable[[str], str]) -> None:
    """Lower-cased, without blanks, cut off, padded: the run is certified, and no further run writes anything."""
    shop.billing().spell = of("crm_owner_name", kept)
    rename_owner(shop, first, "Lee")
    report = shop.one()
    assert (report.outcome, report.certified) == (RunOutcome.WRITTEN, True)
    for _ in range(3):
        again = shop.one()
        assert (again.outcome, again.writes, again.certified) == (RunOutcome.IN_SYNC, {}, True)


@pytest.mark.fault("D12")
def test_an_edit_of_a_value_in_the_partners_spelling_is_seen(shop: Product) -> None:
    """The remembered spelling stands for our value only: what a person enters afterwards is put back, as for any field of the CRM's."""
    shop.billing().spell = of("crm_owner_name", str.upper)
    rename_owner(shop, "Bea", "Ray")
    shop.one()
    shop.billing().objects["billing_customers"]["cus_acme"]["crm_owner_name"] = "Somebody Else"
    report = shop.one()
    assert report.writes == {"applied": 1}
    assert shop.billing().objects["billing_customers"]["cus_acme"]["crm_owner_name"] == "BEA RAY"
    kinds = [d["kind"] for d in shop.ports.diffs.load(["t1"], CONTRACT).to_pylist() if d["right_value"] == "Somebody Else"]
    assert kinds == ["foreign_edit"]


@pytest.mark.fault("D12")
def test_a_partner_that_shows_something_else_ends_no_run_in_a_circle(shop: Product) -> None:
    """Another value than the one written is no spelling: after three times the breaker opens and the run says why."""
    shop.billing().spell = of("crm_owner_name", lambda _: "Robot")
    rename_owner(shop, "Bea", "Ray")
    before = len(shop.billing().effects)
    outcomes = [shop.one().outcome for _ in range(8)]
    assert outcomes[-1] is RunOutcome.HELD
    assert len(shop.billing().effects) - before == 3 * 3  # three customers, each written three times at most
    assert "tried again from" in shop.one().reason


@pytest.mark.fault("D12")
@pytest.mark.parametrize(
    ("column", "kept"), [("billing_mrr", lambda v: f"-{v}"), ("crm_owner_id", lambda v: v[1:])], ids=["an amount's sign", "an id's digit"]
)  # fmt: skip
def test_an_amount_or_an_id_that_lost_a_sign_is_no_spelling(shop: Product, column: str, kept: Callable[[str], str]) -> None:
    """What looks alike and is another amount, or somebody else's id, is never called in sync."""
    owners = shop.crm().objects["crm_owners"]
    owners["71204330"] = dict(owners["7"])
    shop.crm().objects["crm_accounts"]["1"]["owner_id"] = "71204330"
    (price,) = shop.billing().objects["billing_subscriptions"]["sub_acme"]["items"]
    price["unit_amount"] = "2500"
    for account in (shop.crm(), shop.billing()):
        account.spell = of(column, kept)
    assert shop.one().certified is False


TEXT, MONEY, ID = FieldType.TEXT, FieldType.MONEY, FieldType.ID


@pytest.mark.parametrize(
    ("kind", "written", "shown", "same"),
    [
        (TEXT, "Acme", " acme ", True), (TEXT, "12.505", "12.51", True), (TEXT, "12.505", "12.50", True),
        (TEXT, "+49 30 1234567", "030 1234567", True), (TEXT, "x" * 70_000, "x" * 65_536, True), (TEXT, "Startup", "Enterprise", False),
        (TEXT, "10", "100", False), (TEXT, "12.505", "12.6", False), (TEXT, "", "x", False), (TEXT, "1e400", "5", False),
        (FieldType.DATE, "2026-01-01", "2026-01-02", False), (FieldType.ENUM, "active", "act", False),
        (FieldType.DECIMAL, "12.505", "12.51", True), (MONEY, "1000", "-1000", False), (MONEY, "100050", "1000.5", False),
        (ID, "cus_A", "cus_a", True), (ID, "71204330", "1204330", False), (ID, "a-1", "a1", False),
    ],
)  # fmt: skip
def test_what_a_partner_may_have_made_of_a_value(kind: FieldType, written: str, shown: str, same: bool) -> None:
    """Case, blanks, marks, rounding, cutting off and a phone's country code; never another word, number or id."""
    assert means_the_same(kind, written, shown) is same
