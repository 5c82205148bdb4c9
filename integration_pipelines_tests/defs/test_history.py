"""History in Dagster: a backfill materialises exactly its days and tenants, the window holds, and what it finds is only planned."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import dagster as dg
import pytest

from integration_pipelines.core.history import Coverage
from integration_pipelines.defs.expiry import prune_history
from integration_pipelines.defs.history import backfill_job, history_assets, history_partitions
from integration_pipelines.defs.integrations import integrations
from integration_pipelines.errors import AuthError
from integration_pipelines_tests.defs.conftest import QUIET, OpenShop, Shop, given
from integration_pipelines_tests.defs.test_runs import failure_of
from integration_pipelines_tests.kit.history_bench import Past, change, moment, remembering

pytestmark = QUIET
CHANGES = "billing_customers_changes"


@dataclass(frozen=True, slots=True)
class Bench:
    """A shop whose partners have a past."""

    shop: Shop
    past: Past

    def backfill(
        self, first: str, last: str, *tenants: str, mode: str = "", tags: Mapping[str, str] | None = None
    ) -> dg.ExecuteInProcessResult:
        """One run over a range of days and tenants, as a backfill of the UI launches it."""
        product = remembering(self.shop.product, self.past)
        names = tenants or ("t1",)
        history = history_assets(product.contract, product.clock.now())
        ours = dg.Definitions(assets=[history], jobs=[backfill_job([history])], resources={"product": given(product.ports)})
        span = {
            "dagster/asset_partition_range_start": f"{first}|{names[0]}",
            "dagster/asset_partition_range_end": f"{last}|{names[-1]}",
        }
        config = {"ops": {"crm_billing_history": {"config": {"mode": mode}}}} if mode else None
        return ours.resolve_job_def("backfill_history").execute_in_process(
            instance=self.shop.instance, tags={**span, **(tags or {})}, run_config=config, raise_on_error=False
        )

    def metadata(self, partition: str, asset: str = CHANGES) -> dict[str, object]:
        """Of the newest materialisation of a partition."""
        query = dg.AssetRecordsFilter(asset_key=dg.AssetKey(asset), asset_partitions=[partition])
        (record,) = self.shop.instance.fetch_materializations(query, limit=1).records
        assert record.asset_materialization is not None
        return {name: value.value for name, value in record.asset_materialization.metadata.items()}


@pytest.fixture
def bench(shop_of: OpenShop) -> Bench:
    """Two tenants."""
    shop = shop_of("t1", "t2")
    return Bench(shop, Past({"billing_customers": [change("cus_acme", "name", "Old", "acme", moment("2026-11-20"))]}))


def test_a_backfill_materialises_exactly_its_days_and_tenant(bench: Bench) -> None:
    """Three days of one tenant are three partitions of every history asset, each with its rows and coverage."""
    assert bench.backfill("2026-11-19", "2026-11-21").success
    expected = {f"2026-11-{day}|t1" for day in (19, 20, 21)}
    for asset in ("crm_accounts_changes", CHANGES, "billing_subscriptions_changes"):
        assert bench.shop.materialized(asset) == expected
    found = bench.metadata("2026-11-20|t1")
    assert (found["dagster/row_count"], found["coverage"], found["reason"]) == (1, "whole", "-")
    assert bench.metadata("2026-11-19|t1")["dagster/row_count"] == 0


def test_a_range_of_tenants_is_filled_tenant_by_tenant(bench: Bench) -> None:
    """One whose partner refuses fails the run and has no partition; the other's are there."""
    bench.past.broken["t1"] = AuthError("Stripe does not accept the token.", remedy="Connect it again.")
    result = bench.backfill("2026-11-20", "2026-11-21", "t1", "t2")
    assert (result.success, bench.shop.materialized(CHANGES)) == (False, {"2026-11-20|t2", "2026-11-21|t2"})
    assert "1 of 2 tenants failed. t1: Stripe does not accept the token. Connect it again." in failure_of(result)


def test_days_beyond_the_window_are_left_out(bench: Bench) -> None:
    """They exist as partitions, since the start is fixed for a quarter, but only the days of the window are filled."""
    assert bench.backfill("2026-08-24", "2026-08-27").success
    assert bench.shop.materialized(CHANGES) == {"2026-08-26|t1", "2026-08-27|t1"}


def test_a_backfill_wholly_beyond_the_window_is_refused(bench: Bench) -> None:
    """With the reason and the days that can be had."""
    result = bench.backfill("2026-08-01", "2026-08-02")
    assert (result.success, bench.shop.materialized(CHANGES)) == (False, set())
    assert "older than the 90 days of history that crm_billing keeps. Choose days from 2026-08-26 to 2026-11-23." in failure_of(
        result
    )


def test_a_day_that_the_partner_forgot_is_materialised_with_the_reason(bench: Bench) -> None:
    """The question was answered: nothing can be told."""
    bench.past.changes.clear()
    bench.past.coverage[date(2026, 11, 20)] = Coverage.NONE
    assert bench.backfill("2026-11-20", "2026-11-20").success
    found = bench.metadata("2026-11-20|t1")
    assert (found["coverage"], found["reason"], found["dagster/row_count"]) == ("none", "it forgot", 0)


def test_what_a_backfill_finds_is_planned_and_not_written(bench: Bench) -> None:
    """The touched record differs from what was synced: a plan holds it; with `mode: apply` it is written."""
    bench.shop.product.first_sync()
    account = bench.shop.product.billing().objects["billing_subscriptions"]
    account["sub_acme"]["status"] = "past_due"
    bench.past.changes = {"billing_subscriptions": [change("sub_acme", "status", "active", "past_due", moment("2026-11-20"))]}
    before = bench.shop.writes
    assert bench.backfill("2026-11-20", "2026-11-20").success
    plan = bench.shop.product.ports.plans.open("t1", "crm_billing")
    assert plan is not None
    assert (bench.shop.writes, plan.numbers["records"]) == (before, 1)
    assert bench.backfill("2026-11-20", "2026-11-20", mode="apply").success
    assert bench.shop.writes == before + 1


def test_every_backfill_carries_its_tags(bench: Bench) -> None:
    """Tenant, integration and trigger as every launch of ours, and a place behind everything else in the queue."""
    bench.backfill("2026-11-20", "2026-11-20", tags={"dagster/backfill": "b1"})
    tags = bench.shop.instance.get_runs()[0].tags
    expected = {
        "tenant": "t1",
        "integration": "crm_billing",
        "trigger": "backfill",
        "scope": "records",
        "dagster/priority": "-10",
    }
    assert tags.items() >= expected.items()


def test_every_night_what_left_the_window_goes(bench: Bench) -> None:
    """A run of its own over all tenants, scheduled and on."""
    assert bench.backfill("2026-11-20", "2026-11-21").success
    bench.shop.product.clock.sleep(90 * 86_400)
    product = {"product": given(bench.shop.product.ports)}
    job = dg.Definitions(jobs=[prune_history], resources=product).resolve_job_def("prune_history")
    assert job.execute_in_process(instance=bench.shop.instance, raise_on_error=False).success
    assert bench.shop.product.ports.history.load(["t1"], "crm_billing") == []
    due = {s.name: s for s in integrations().schedules or () if isinstance(s, dg.ScheduleDefinition)}["forgetting"]
    assert (due.cron_schedule, due.execution_timezone, due.default_status) == (
        "50 4 * * *",
        "UTC",
        dg.DefaultScheduleStatus.RUNNING,
    )


@pytest.mark.parametrize(
    ("now", "start"),
    [("2026-11-23", "2026-07-01"), ("2026-12-28", "2026-07-01"), ("2026-12-29", "2026-10-01"), ("2026-02-01", "2025-10-01")],
)
def test_the_start_of_the_partitions_is_fixed_for_a_quarter(now: str, start: str) -> None:
    """It moves with the quarter in which the window begins, so that Dagster's caches live for three months."""
    days = history_partitions(90, moment(now)).get_partitions_def_for_dimension("day")
    assert isinstance(days, dg.TimeWindowPartitionsDefinition)
    assert days.start.date().isoformat() == start


def test_a_backfill_in_the_ui_is_one_run_a_tenant() -> None:
    """The policy of every history asset is a single run, which Dagster cuts by tenant."""
    graph = integrations().resolve_asset_graph()
    node = graph.get(dg.AssetKey(CHANGES))
    assert node.backfill_policy == dg.BackfillPolicy.single_run()
    assert node.group_name == "history"
