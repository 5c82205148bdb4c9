"""A contract changes while plans wait: from the next run on only the new rules count, and nothing planned under the old ones is sent."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from integration_pipelines.use_cases.outcome import RunOutcome
from integration_pipelines_tests.kit.bench import CONTRACT, Product, product


@pytest.fixture
def shop(tmp_path: Path, each_database: str) -> Iterator[Product]:
    """A tenant whose first plan was made and approved, and not applied yet."""
    with product(tmp_path, database_url=each_database) as made:
        made.one()
        made.approve()
        yield made


def billing_owns_the_segment(shop: Product) -> Product:
    """The same product after the contract's second version gave the segment to billing."""
    fields = shop.contract.fields
    segment = fields["customer_segment"].model_copy(update={"owner": "billing", "on_foreign_edit": "restore"})
    contract = shop.contract.model_copy(update={"version": 2, "fields": fields | {"customer_segment": segment}})
    return replace(shop, contract=contract, ports=replace(shop.ports, contracts={CONTRACT: contract}))


@pytest.mark.fault("P15")
def test_an_approved_plan_of_the_old_rules_is_not_sent_under_the_new_ones(shop: Product) -> None:
    """The plan would have written segments to billing, which owns them now: nothing of it stands, and people are told which records wait."""
    report = billing_owns_the_segment(shop).one()
    assert (report.outcome, shop.crm().effects, shop.billing().effects) == (RunOutcome.PLANNED, [], [])
    assert {record for _, record in report.moved} == {"1", "2", "3", "cus_acme", "cus_bolt", "cus_core"}


@pytest.mark.fault("P15")
def test_the_next_plan_follows_the_new_rules(shop: Product) -> None:
    """No write ever goes to the side that owns a field, and the tenant ends in sync under the new contract."""
    after = billing_owns_the_segment(shop)
    for _ in range(3):
        after.one()
        plan = after.ports.plans.open("t1", CONTRACT)
        if plan is not None and plan.state == "held":
            after.approve()
    assert all("crm_segment" not in values for _, _, values, _ in shop.billing().effects)
    last = after.one()
    assert (last.outcome, last.writes, last.certified) == (RunOutcome.IN_SYNC, {}, True)


@pytest.mark.fault("P15")
def test_a_failed_write_of_the_old_rules_does_not_keep_the_new_ones_waiting(shop: Product) -> None:
    """What failed under an older version is tried at once under the new one."""
    shop.crm().refuse.add("1")
    shop.one()
    shop.crm().refuse.clear()
    contract = shop.contract.model_copy(update={"version": 2})
    after = replace(shop, contract=contract, ports=replace(shop.ports, contracts={CONTRACT: contract}))
    report = after.one()
    assert (report.writes, report.certified) == ({"applied": 1}, True)
