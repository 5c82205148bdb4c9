"""What starts by itself: nights and hours cover ranges of tenants, a tenant that failed among others gets one run of its own."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import dagster as dg
import pytest

from integration_pipelines.defs.batches import ranges
from integration_pipelines.defs.integrations import integrations
from integration_pipelines.defs.pruning import prune_storage
from integration_pipelines.defs.schedules import requests_for_all
from integration_pipelines.errors import AuthError
from integration_pipelines.ports.tenants import Connection
from integration_pipelines.use_cases.observations import texts
from integration_pipelines_tests.defs.conftest import QUIET, OpenShop, Shop, given
from integration_pipelines_tests.kit.bench import CONTRACT
from integration_pipelines_tests.scenarios.test_overwrites import shared_segment

pytestmark = QUIET
NIGHT = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)


def connected(shop: Shop, *tenants: str) -> Shop:
    """Those tenants are connected on both sides."""
    for tenant in tenants:
        for partner in ("hubspot", "stripe"):
            place = Connection(tenant, partner, f"{partner}-{tenant}", "http://127.0.0.1", b"sealed", NIGHT)
            shop.product.ports.tenants.connect(place)
    return shop


def due(shop: Shop, *, full: bool) -> list[dg.RunRequest]:
    """What a schedule asks for."""
    return list(requests_for_all(shop.instance, shop.product.ports.tenants, "nightly:2026-11-24", full=full))


@pytest.mark.parametrize(
    ("known", "wanted", "size", "expected"),
    [
        (["a", "b", "c"], ["a", "b", "c"], 200, [["a", "b", "c"]]),
        (["a", "b", "c"], ["a", "c"], 200, [["a"], ["c"]]),
        (["a", "b", "c", "d", "e"], ["a", "b", "c", "d", "e"], 2, [["a", "b"], ["c", "d"], ["e"]]),
        (["c", "a", "b"], ["a", "b"], 200, [["a", "b"]]),
        (["a"], [], 200, []),
    ],
)
def test_a_run_covers_neighbours_only(known: list[str], wanted: list[str], size: int, expected: list[list[str]]) -> None:
    """Dagster's ranges have no gaps: a tenant that is not wanted ends one, and none is longer than the size."""
    assert list(ranges(known, wanted, size)) == expected


def test_the_night_covers_every_connected_tenant_in_one_run_that_may_write(shop_of: OpenShop) -> None:
    """New tenants become partitions by themselves; one that is not connected yet has nothing to read."""
    shop = connected(shop_of("t1", "t2", "t3"), "t1", "t2")
    (request,) = due(shop, full=True)
    assert (request.tags["dagster/asset_partition_range_start"], request.tags["dagster/asset_partition_range_end"]) == (
        "t1",
        "t2",
    )
    assert request.run_config == {"ops": {"crm_billing_chain": {"config": {"mode": "apply", "full": True}}}}
    assert (request.tags["trigger"], request.tags["integration"], request.tags["scope"]) == ("schedule", "crm_billing", "full")


def test_the_hour_reads_only_what_changed(shop_of: OpenShop) -> None:
    """A single tenant is a plain partition, and carries its tag."""
    shop = connected(shop_of("t1"), "t1")
    (request,) = due(shop, full=False)
    assert (request.partition_key, request.tags["tenant"]) == ("t1", "t1")
    assert request.run_config["ops"]["crm_billing_chain"]["config"]["full"] is False


def test_schedules_and_sensors_are_on_and_say_their_zone() -> None:
    """An operator reads when they run, in which zone, and that they run."""
    found: list[Any] = list(integrations().schedules or ())
    zones = {s.name: (s.cron_schedule, s.execution_timezone, s.default_status) for s in found}
    running = dg.DefaultScheduleStatus.RUNNING
    assert zones["nightly_full_reconcile"] == ("0 2 * * *", "UTC", running)
    assert zones["hourly_incremental"] == ("17 * * * *", "UTC", running)
    assert zones["pruning"] == ("40 4 * * *", "UTC", running)


def test_one_failing_tenant_of_a_range_gets_a_run_of_its_own(shop_of: OpenShop) -> None:
    """The others are materialised and done; the failed one is not, is asked for once more by itself, and fails visibly there."""
    shop = shop_of("t1", "t2", "t3")
    for tenant in ("t1", "t2", "t3"):
        shop.product.first_sync(tenant)
    shop.product.crm("t2").broken = AuthError("The token is not accepted.", remedy="Connect again.")
    result = shop.run("t1", "t2", "t3", job="reconcile_all", mode="apply")
    assert not result.success
    assert shop.materialized("sync_certificate") == {"t1", "t3"}
    (request,) = asked_after(shop, result)
    assert (request.partition_key, request.tags["retry_of"]) == ("t2", result.run_id)
    own = shop.run("t2", tags=request.tags, mode="apply")
    assert not own.success
    assert asked_after(shop, own) == []


@pytest.mark.fault("P13")
def test_a_sensor_that_forgot_what_it_asked_for_has_no_second_effect(shop_of: OpenShop) -> None:
    """Its cursor is lost: it asks for the same run again, which finds everything done, since what was done stands in our own tables."""
    shop = shop_of("t1", "t2")
    for tenant in ("t1", "t2"):
        shop.product.first_sync(tenant)
    shop.product.crm("t2").broken = AuthError("The token is not accepted.", remedy="Connect again.")
    result = shop.run("t1", "t2", job="reconcile_all", mode="apply")
    shop.product.crm("t2").broken = None
    shop.product.billing("t2").objects["billing_subscriptions"]["sub_acme"]["status"] = "past_due"
    known, made = shop.writes, []
    for (request,) in (asked_after(shop, result), asked_after(shop, result)):
        assert shop.run("t2", tags=request.tags, mode="apply").success
        made.append(shop.writes - known)
    assert made == [1, 1]


@pytest.mark.fault("P19")
def test_dagster_s_own_storage_may_be_lost(shop: Shop) -> None:
    """A new instance knows no run, no partition and no cursor: the sync goes on from our tables, and only the history of runs is gone."""
    shop.product.first_sync()
    assert shop.run(mode="apply").success
    known = shop.writes
    with dg.DagsterInstance.ephemeral() as empty:
        empty.add_dynamic_partitions("tenants", ["t1"])
        anew = Shop(shop.product, empty)
        assert anew.run(mode="apply").success
        assert (anew.writes - known, anew.materialized("sync_certificate")) == (0, {"t1"})
        shop.product.billing().objects["billing_subscriptions"]["sub_acme"]["status"] = "past_due"
        assert anew.run(mode="apply").success
        assert anew.writes - known == 1


def asked_after(shop: Shop, result: dg.ExecuteInProcessResult) -> list[dg.RunRequest]:
    """What the sensor asks for after that run failed."""
    sensor: Any = next(s for s in integrations().sensors or () if s.name == "own_run_for_failed_tenants")
    with dg.build_run_status_sensor_context(
        sensor_name=sensor.name, dagster_instance=shop.instance, dagster_run=result.dagster_run,
        dagster_event=next(e for e in result.all_events if e.is_failure and e.event_type is dg.DagsterEventType.RUN_FAILURE),
        resources={"product": given(shop.product.ports)},
    ).for_run_failure() as context:  # fmt: skip
        return [r for r in sensor(context) or () if isinstance(r, dg.RunRequest)]


@pytest.mark.fault("H09")
def test_an_edit_replaced_by_a_write_that_nobody_answered_is_back_within_a_quarter_of_an_hour(shop_of: OpenShop) -> None:
    """The write arrives late, on top of an edit that nobody had seen; minutes later a run of its own settles it and puts the edit back."""
    shop = shop_of("t1")
    shop.product.first_sync()
    product = shared_segment(shop.product, "right_wins")
    shop = replace(shop, product=product)
    product.crm().objects["crm_accounts"]["1"]["customer_segment"] = "Enterprise"
    product.billing().delayed = 1
    assert product.one().writes == {"unknown": 1}
    customer = product.billing().objects["billing_customers"]["cus_acme"]
    customer["crm_segment"] = "startup"
    (late,) = texts(product.ports.ledger.unsettled(["t1"], CONTRACT), "write_id")
    product.billing().replaced[late] = {"metadata.crm_segment": "startup"}
    product.billing().arrive()
    assert customer["crm_segment"] == "enterprise"
    assert settling(shop) == []  # it may still get its answer
    product.clock.sleep(5 * 60)
    (request,) = settling(shop)
    assert (request.partition_key, request.run_config["ops"]["crm_billing_chain"]["config"]) == (
        "t1",
        {"mode": "apply", "full": False},
    )
    product.one()
    assert (customer["crm_segment"], settling(shop)) == ("startup", [])


def settling(shop: Shop) -> list[dg.RunRequest]:
    """What the sensor asks for that looks for open writes."""
    sensor = next(s for s in integrations().sensors or () if s.name == "settle_interrupted_writes")
    with dg.build_sensor_context(instance=shop.instance, resources={"product": given(shop.product.ports)}) as context:
        return [r for r in sensor(context) or () if isinstance(r, dg.RunRequest)]


def test_pruning_keeps_the_newest_run_of_every_partition(shop_of: OpenShop) -> None:
    """After many runs only those are left that hold a partition's newest state, and no partition looks as if it had never run."""
    shop = shop_of("t1", "t2")
    runs = [shop.run("t1"), shop.run("t1"), shop.run("t2"), shop.run("t1", "t2"), shop.run("t2")]
    before = {asset: shop.materialized(asset) for asset in ("crm_accounts", "sync_certificate")}
    given_product = {"product": given(shop.product.ports)}
    job = dg.Definitions(jobs=[prune_storage], resources=given_product).resolve_job_def("prune_storage")
    config = {"ops": {"remove_superseded_runs": {"config": {"keep_days": 0}}}}
    assert job.execute_in_process(instance=shop.instance, run_config=config).success
    left = {record.dagster_run.run_id for record in shop.instance.get_run_records()}
    assert left & {r.run_id for r in runs} == {runs[3].run_id, runs[4].run_id}  # t1's newest is the range, t2's the last
    assert {asset: shop.materialized(asset) for asset in before} == before
