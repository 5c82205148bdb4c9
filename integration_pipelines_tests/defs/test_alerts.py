"""Alerts as Dagster drives them: sensors look by themselves, a run that died is noted, and freshness is a check of every tenant."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import dagster as dg
import pytest

from integration_pipelines.core.alerts import EVERYBODY
from integration_pipelines.defs.integrations import integrations
from integration_pipelines.errors import AuthError
from integration_pipelines.ports.evidence import Run
from integration_pipelines.use_cases.alerts import sweep_alerts
from integration_pipelines_tests.defs.conftest import QUIET, OpenShop, Shop, given
from integration_pipelines_tests.kit.alerts import Recorder
from integration_pipelines_tests.kit.bench import CONTRACT

pytestmark = QUIET
DAY = 25 * 3600


def listening(shop: Shop) -> tuple[Shop, Recorder]:
    """The shop with somebody who hears its alerts."""
    heard = Recorder()
    alerting = replace(shop.product.ports.alerting, sinks=lambda: (heard,), sink_names=(heard.name,))
    return replace(shop, product=shop.product.with_ports(alerting=alerting)), heard


def sensor(name: str) -> dg.SensorDefinition:
    """A loaded sensor by name."""
    return next(s for s in integrations().sensors or () if s.name == name)


def look(shop: Shop) -> str:
    """One tick of the sensor that looks every minute; what it says."""
    resources = {"product": given(shop.product.ports)}
    with dg.build_sensor_context(instance=shop.instance, resources=resources, definitions=integrations()) as context:
        skipped = sensor("stale_tenants")(context)
    assert isinstance(skipped, dg.SkipReason)
    return str(skipped.skip_message)


def failure_seen(shop: Shop, run: dg.DagsterRun) -> None:
    """The sensor hears that the run failed."""
    event = dg.DagsterEvent(dg.DagsterEventType.RUN_FAILURE.value, run.job_name, message="it died")
    with dg.build_run_status_sensor_context(
        "alerts_on_run_failure", dagster_instance=shop.instance, dagster_run=run, dagster_event=event,
        resources={"product": given(shop.product.ports)},
    ).for_run_failure() as context:  # fmt: skip
        sensor("alerts_on_run_failure")(context)


def dead_run(shop: Shop, tags: Mapping[str, str], run_id: str = "") -> dg.DagsterRun:
    """A run that Dagster knows to have failed."""
    made = shop.instance.create_run_for_job(integrations().resolve_job_def("reconcile_all"), tags=dict(tags))
    return made if not run_id else made._replace(run_id=run_id)


def test_a_failed_run_is_told_and_its_end_too(shop: Shop) -> None:
    """Opened when the run fails, closed by the first look after one that went well."""
    shop, heard = listening(shop)
    shop.product.first_sync()
    shop.product.crm().broken = AuthError("The token is not accepted.", remedy="Connect again.")
    failed = shop.run(mode="apply")
    failure_seen(shop, failed.dagster_run)
    assert heard.told == [("opened", "t1", "needs_reconnect")]
    assert heard.got[0][1].finding.link == f"http://127.0.0.1:3000/runs/{failed.run_id}"
    shop.product.crm().broken = None
    shop.run(mode="apply")
    assert look(shop).startswith("0 alerts are open: 0 new, 1 over.")
    assert heard.told[-1] == ("closed", "t1", "needs_reconnect")


@pytest.mark.fault("P01")
def test_a_run_that_died_is_closed_as_failed(shop: Shop) -> None:
    """Its row has no end and Dagster says that it failed: the row says so too, and people hear of it."""
    shop, heard = listening(shop)
    ports, run = shop.product.ports, dead_run(shop, {})
    ports.runs.start([Run("t1", CONTRACT, run.run_id, "schedule", "full", ports.clock.now())])
    failure_seen(shop, run)
    (row,) = ports.runs.of_run(run.run_id)
    assert (row.outcome, row.error_kind, row.finished_at is not None) == ("failed", "transient", True)
    assert heard.told == [("opened", "t1", "run_failed")]


@pytest.mark.parametrize(
    ("tags", "tenants"),
    [
        ({"dagster/partition": "t2"}, ["t2"]),
        ({"dagster/asset_partition_range_start": "t1", "dagster/asset_partition_range_end": "t2"}, ["t1", "t2"]),
        ({"dagster/partition": "nobody"}, []),
        ({}, []),
    ],
)
def test_a_scheduled_run_that_never_reached_its_tenants_is_a_failed_run_of_each(
    shop_of: OpenShop, tags: dict[str, str], tenants: list[str]
) -> None:
    """A process that cannot even start must not look like silence."""
    shop, heard = listening(shop_of("t1", "t2", "t3"))
    run = dead_run(shop, {"trigger": "schedule", "integration": CONTRACT, **tags})
    failure_seen(shop, run)
    assert [r.tenant_id for r in shop.product.ports.runs.of_run(run.run_id)] == tenants
    assert heard.told == [("opened", t, "run_failed") for t in tenants]


def test_who_starts_a_run_by_hand_sees_how_it_ends(shop: Shop) -> None:
    """A launch refused for what it asks for is nobody's alert."""
    shop, heard = listening(shop)
    refused = shop.run(mode="aply")
    failure_seen(shop, refused.dagster_run)
    assert heard.told == []


def test_a_night_that_fails_for_many_is_one_message(shop_of: OpenShop) -> None:
    """Seven tenants, one cause, one message with all of them behind it."""
    names = [f"t{n}" for n in range(7)]
    shop, heard = listening(shop_of(*names))
    run = dead_run(shop, {
        "trigger": "schedule", "integration": CONTRACT,
        "dagster/asset_partition_range_start": "t0", "dagster/asset_partition_range_end": "t6",
    })  # fmt: skip
    failure_seen(shop, run)
    assert heard.told == [("opened", EVERYBODY, "run_failed")]
    assert len(shop.product.ports.alerting.book.find(names)) == 7


def test_freshness_is_a_check_of_every_tenant(shop: Shop) -> None:
    """Passed while the contract's hours are not over since the last certified full reconciliation; a failing run goes on counting."""
    shop.run()
    assert shop.checks("sync_certificate", "fresh_within_contract") == {"t1": True}  # new: the hours count from the installation
    shop.product.clock.sleep(DAY)
    shop.run()
    assert shop.checks("sync_certificate", "fresh_within_contract") == {"t1": False}
    shop.product.approve()
    shop.run(mode="apply")
    assert shop.checks("sync_certificate", "fresh_within_contract") == {"t1": True}
    shop.product.clock.sleep(DAY)
    shop.product.crm().broken = AuthError("The token is not accepted.")
    shop.run(mode="apply")
    assert shop.checks("sync_certificate", "fresh_within_contract") == {"t1": False}


def test_a_job_that_is_no_tenants_is_told_while_its_newest_run_failed(shop: Shop) -> None:
    """Opened and closed by who can see Dagster's runs; a look that cannot leaves it as it is."""
    shop, heard = listening(shop)
    job = integrations().resolve_job_def("prune_storage")
    shop.instance.report_run_failed(shop.instance.create_run_for_job(job))
    look(shop)
    assert heard.told == [("opened", EVERYBODY, "job_failed")]
    assert heard.got[0][1].finding.title == "A job failed: prune_storage"
    sweep_alerts(shop.product.ports, shop.product.clock.now())
    assert len(heard.told) == 1
    good = shop.instance.create_run_for_job(job)
    shop.instance.report_dagster_event(dg.DagsterEvent(dg.DagsterEventType.RUN_SUCCESS.value, job.name), run_id=good.run_id)
    look(shop)
    assert heard.told[1:] == [("closed", EVERYBODY, "job_failed")]


def test_the_sensors_are_on_under_their_names() -> None:
    """What an operator finds in the list of sensors, with words."""
    found: dict[str, Any] = {s.name: s for s in integrations().sensors or ()}
    for name in ("alerts_on_run_failure", "stale_tenants"):
        assert found[name].default_status is dg.DefaultSensorStatus.RUNNING
        assert "On by default." in found[name].description
    assert found["stale_tenants"].minimum_interval_seconds == 60
