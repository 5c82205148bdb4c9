"""A plan that was approved a while ago: records that moved since are left alone and named, and its cost is told beside the forecast."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from integration_pipelines.errors import ConflictError
from integration_pipelines.use_cases.approve import approve_plan
from integration_pipelines.use_cases.plan_story import named, tell_plan
from integration_pipelines_tests.kit.bench import CONTRACT, Product, product


@pytest.fixture
def shop(tmp_path: Path, each_database: str) -> Iterator[Product]:
    """One tenant whose first plan is approved and not applied."""
    with product(tmp_path, database_url=each_database) as made:
        made.one()
        made.approve()
        yield made


def test_a_record_that_moved_before_the_run_is_left_alone_and_named(shop: Product) -> None:
    """In the run's reason and in the plan itself; all others are written."""
    plan = shop.ports.plans.open("t1", CONTRACT)
    assert plan is not None
    shop.crm().objects["crm_accounts"]["1"]["customer_segment"] = "Enterprise"
    report = shop.one()
    assert "1 records changed after the plan was made and were left alone: billing_customers cus_acme" in report.reason
    story = tell_plan(shop.ports.plans.find("t1", plan.plan_id), ports=shop.ports)
    assert story.moved == [("billing_customers", "cus_acme")]
    assert sorted(w["state"] for w in story.writes) == ["confirmed"] * 5 + ["left alone"]


def test_a_record_that_moves_during_the_run_is_left_alone_and_named(shop: Product) -> None:
    """Between the look and the write: nothing of it is replaced."""

    def edit() -> None:
        shop.crm().objects["crm_accounts"]["2"]["stripe_customer_id"] = "cus_other"

    shop.crm().before_fetch = edit
    report = shop.one()
    assert "crm_accounts 2" in report.reason
    assert shop.crm().objects["crm_accounts"]["2"]["stripe_customer_id"] == "cus_other"


def test_every_change_says_why_and_the_run_what_it_cost(shop: Product) -> None:
    """The forecast stands beside the number of calls that were really made."""
    report = shop.one()
    assert report.plan is not None
    story = tell_plan(report.plan, ports=shop.ports)
    reasons = {c["why"] for w in story.writes for c in w["changes"]}
    assert "first comparison: billing owns this field" in reasons
    counts = shop.ports.runs.last(["t1"], CONTRACT)[0].counts
    assert (story.calls_used, counts["calls_forecast"]) == (counts["calls_used"], report.plan.numbers["calls_forecast"])
    assert 0 < counts["calls_used"] <= 2 * counts["calls_forecast"]


def test_a_superseded_plan_cannot_be_approved(tmp_path: Path) -> None:
    """Whoever looked at an older plan has not seen what would be written now."""
    with product(tmp_path) as shop:
        shop.one()
        older = shop.ports.plans.open("t1", CONTRACT)
        assert older is not None
        shop.crm().objects["crm_accounts"]["1"]["customer_segment"] = "Enterprise"
        shop.one()
        with pytest.raises(ConflictError, match="is superseded and cannot become approved"):
            approve_plan("t1", older.plan_id, actor="ann", ports=shop.ports)


def test_many_records_are_counted_after_the_first_twenty() -> None:
    """A sentence stays a sentence."""
    text = named(("crm_accounts", f"{n:03}") for n in range(25))
    assert (text.count("crm_accounts"), text.endswith("and 5 more")) == (20, True)
