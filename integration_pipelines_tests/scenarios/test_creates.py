"""CRM records made for customers without one: only where the contract says so, by upsert, once, and linked at once."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from integration_pipelines.core.contract import Contract
from integration_pipelines.ports.partner import RecordWrite
from integration_pipelines.use_cases.links_review import confirm
from integration_pipelines.use_cases.outcome import RunOutcome
from integration_pipelines_tests.kit.bench import CONTRACT, Product, product
from integration_pipelines_tests.kit.core import crm_billing
from integration_pipelines_tests.kit.fakes import FakeAccount

RULE = {"unique": "stripe_customer_id", "value": "id", "columns": {"name": "name"}}


def creating(max_creates: int = 5, gone_right: str = "report") -> Contract:
    """The packaged contract, but what billing has and the CRM lacks is made."""
    data = crm_billing().model_dump()
    data["matching"] |= {"unmatched_right": "create", "create": RULE, "gone_right": gone_right}
    data["guards"]["max_creates"] = max_creates
    return Contract.model_validate(data)


@pytest.fixture
def shop(tmp_path: Path, each_database: str) -> Iterator[Product]:
    """Three linked customers, and one, cus_alone, that the CRM does not know."""
    with product(tmp_path, database_url=each_database) as made:
        yield replace(made, contract=creating())


def holders(shop: Product, customer: str = "cus_alone") -> list[str]:
    """The CRM records made for a customer."""
    return [k for k, r in shop.crm().objects["crm_accounts"].items() if r.get("stripe_customer_id") == customer]


def links(shop: Product) -> dict[str, tuple[str, str, str]]:
    """Customer → its CRM record, the link's state and rule."""
    rows = shop.ports.links.load(["t1"], CONTRACT).to_pylist()
    return {r["right_id"]: (r["left_id"], r["state"], r["match_rule"]) for r in rows}


def test_a_customer_without_a_company_gets_one_and_a_link_in_the_same_run(shop: Product) -> None:
    """The record starts with what billing says, the link says that we made it, and the run is balanced and certified."""
    report = shop.first_sync()
    made = holders(shop)
    assert (report.outcome, report.balanced, report.certified, len(made)) == (RunOutcome.WRITTEN, True, True, 1)
    assert links(shop)["cus_alone"] == (made[0], "live", "created")
    assert report.plan is not None
    assert report.plan.numbers["creates"] == 1
    assert shop.crm().objects["crm_accounts"][made[0]]["billing_subscription_status"] == "none"


def test_a_later_run_makes_nothing_more(shop: Product) -> None:
    """The new record is like any other from then on: its fields are kept, and no second one appears."""
    shop.first_sync()
    shop.one()
    before = len(shop.crm().effects) + len(shop.billing().effects)
    report = shop.one()
    assert (report.outcome, report.certified, len(holders(shop))) == (RunOutcome.IN_SYNC, True, 1)
    assert len(shop.crm().effects) + len(shop.billing().effects) == before
    assert shop.billing().objects["billing_customers"]["cus_alone"]["crm_company_id"] == holders(shop)[0]


@pytest.mark.fault("H08")
def test_a_create_whose_answer_was_lost_is_found_by_its_unique_value(shop: Product) -> None:
    """One effect: the read finds the record, and it gets its link."""
    shop.one()
    shop.approve()
    shop.crm().lost_answers = 1
    report = shop.one()
    assert (report.certified, len(holders(shop)), links(shop)["cus_alone"][2]) == (True, 1, "created")


def test_without_the_rule_a_missing_record_stays_a_task(tmp_path: Path) -> None:
    """The packaged contract creates nothing on either side."""
    with product(tmp_path) as shop:
        shop.first_sync()
        missing = [d for d in shop.ports.diffs.load(["t1"], CONTRACT).to_pylist() if d["kind"] == "missing_left"]
        assert [(d["right_id"], d["action"], d["status"]) for d in missing] == [("cus_alone", "none", "open")]
        assert holders(shop) == []


def test_a_company_without_a_customer_is_a_task_where_the_contract_says_so(shop: Product) -> None:
    """Nobody is ever made in billing for it; linked by a person, the task is done."""
    data = crm_billing().model_dump()
    data["matching"]["unmatched_left"] = "report"
    shop = replace(shop, contract=Contract.model_validate(data))
    shop.first_sync()
    (task,) = [d for d in shop.ports.diffs.unresolved(["t1"], CONTRACT).to_pylist() if d["kind"] == "missing_right"]
    assert (task["left_id"], task["record_label"], task["action"], task["status"]) == ("9", "Lonely", "none", "open")
    assert len(shop.billing().objects["billing_customers"]) == 4
    confirm("t1", shop.contract, "9", "cus_alone", actor="ann", ports=shop.ports)
    assert (shop.one().certified, len(shop.billing().objects["billing_customers"])) == (True, 4)
    assert [d["kind"] for d in shop.ports.diffs.unresolved(["t1"], CONTRACT).to_pylist()] == []


@pytest.mark.fault("P01")
def test_a_crash_between_the_create_and_its_answer_makes_no_second_record(shop: Product) -> None:
    """The next run reads by the unique value, finds the record, links it and goes on."""
    shop.one()
    shop.approve()

    def dies(account: FakeAccount, writes: Sequence[RecordWrite]) -> None:
        if writes[0].record_id == "cus_alone":
            values = {f.path.removeprefix("properties."): f.after for f in writes[0].fields}
            account.objects["crm_accounts"]["10"] = values
            account.before_write = lambda *_: None
            raise Killed

    shop.crm().before_write = dies
    with pytest.raises(Killed):
        shop.one()
    shop.clock.sleep(3600)  # the dead run's lease runs out
    shop.one()
    report = shop.one()
    assert (report.certified, holders(shop), links(shop)["cus_alone"]) == (True, ["10"], ("10", "live", "created"))


class Killed(BaseException):
    """The process is gone."""


@pytest.mark.fault("D20")
def test_a_record_that_we_made_is_archived_only_after_approval(shop: Product) -> None:
    """Its customer is gone: the plan waits whatever the limits say, and billing is never touched."""
    shop = replace(shop, contract=creating(gone_right="archive"))
    shop.first_sync()
    shop.one()
    made, billing = holders(shop)[0], len(shop.billing().effects)
    del shop.billing().objects["billing_customers"]["cus_alone"]
    held = shop.one()
    assert (held.outcome, holders(shop)) == (RunOutcome.HELD, [made])
    assert "1 records would be deleted, which always waits for approval" in held.reason
    shop.approve()
    report = shop.one()
    assert (report.outcome, report.balanced, holders(shop)) == (RunOutcome.WRITTEN, True, [])
    assert len(shop.billing().effects) == billing


@pytest.mark.fault("D20")
def test_by_default_what_is_gone_is_reported_and_stays(shop: Product) -> None:
    """Neither our own record nor a person's is archived unless the contract says so."""
    shop.first_sync()
    shop.one()
    del shop.billing().objects["billing_customers"]["cus_alone"]
    del shop.billing().objects["billing_customers"]["cus_acme"]
    shop.one()
    assert (len(holders(shop)), "1" in shop.crm().objects["crm_accounts"]) == (1, True)


@pytest.mark.fault("D20")
def test_a_record_that_a_person_made_is_never_archived(shop: Product) -> None:
    """Only what the sync made goes again."""
    shop = replace(shop, contract=creating(gone_right="archive"))
    shop.first_sync()
    shop.one()
    del shop.billing().objects["billing_customers"]["cus_acme"]
    report = shop.one()
    assert (report.outcome, "1" in shop.crm().objects["crm_accounts"]) == (RunOutcome.IN_SYNC, True)


def test_more_creates_than_the_limit_wait_for_approval(tmp_path: Path) -> None:
    """A limit of nothing means that each one is looked at."""
    with product(tmp_path) as shop:
        shop.first_sync()
        report = replace(shop, contract=creating(max_creates=0)).one()
        assert (report.outcome, holders(shop)) == (RunOutcome.HELD, [])
        assert "1 records would be created, the limit is 0" in report.reason


@pytest.mark.fault("D13")
def test_customers_that_share_an_address_are_not_made_into_two_records(shop: Product) -> None:
    """They may be one customer: a task, and no record."""
    shop.billing().objects["billing_customers"]["cus_twin"] = {"name": "twin", "email": "x@nowhere.org"}
    shop.first_sync()
    assert (holders(shop), holders(shop, "cus_twin")) == ([], [])
