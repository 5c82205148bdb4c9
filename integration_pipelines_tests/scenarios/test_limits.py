"""Limits of a plan in real runs: nothing goes out past them, whole plans and many small ones alike."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from integration_pipelines.use_cases.outcome import RunOutcome
from integration_pipelines_tests.kit.bench import Product, product
from integration_pipelines_tests.kit.core import crm_billing


@pytest.fixture
def shop(tmp_path: Path, each_database: str) -> Iterator[Product]:
    """A tenant in sync, of whom two records may change at a time."""
    guards = crm_billing().guards.model_copy(update={"update_floor": 2})
    with product(tmp_path, database_url=each_database) as made:
        made.first_sync()
        yield replace(made, contract=crm_billing().model_copy(update={"guards": guards}))


def moved(shop: Product, company: str) -> RunOutcome | None:
    """The outcome of a run for one company whose segment somebody changed."""
    shop.crm().objects["crm_accounts"][company]["customer_segment"] = "Enterprise"
    return shop.one(only=(company,)).outcome


@pytest.mark.fault("D21")
def test_a_mass_blanking_halts_before_the_first_one(shop: Product) -> None:
    """Every owner cleared at once is held with its numbers, and not a single value is lost."""
    before = len(shop.billing().effects)
    for company in ("1", "2"):
        shop.crm().objects["crm_accounts"][company]["owner_id"] = ""
    report = shop.one()
    assert (report.outcome, len(shop.billing().effects)) == (RunOutcome.HELD, before)
    assert "6 values would be blanked, the limit is 5 (1 %)" in report.reason


def test_many_small_runs_do_not_get_round_the_limit(shop: Product) -> None:
    """The third record of a day is held with the day's total; what a person approved does not count, and the next day is a new one."""
    assert [moved(shop, company) for company in ("1", "2")] == [RunOutcome.WRITTEN, RunOutcome.WRITTEN]
    before = len(shop.billing().effects)
    assert (moved(shop, "3"), len(shop.billing().effects)) == (RunOutcome.HELD, before)
    plan = shop.ports.plans.open("t1", shop.contract.contract)
    assert plan is not None
    assert "1 records would change on top of 2 in the last 24 hours, the limit is 2" in plan.reason
    shop.ports.plans.decide(plan.plan_id, plan.plan_hash, plan.state.REJECTED, "ann", shop.clock.now())
    shop.clock.sleep(timedelta(hours=25).total_seconds())
    assert shop.one(only=("3",)).outcome is RunOutcome.WRITTEN
