"""Figures from the store."""

from integration_pipelines.core.alerts import AlertKind, Changes
from integration_pipelines.ports.tenants import Tenant
from integration_pipelines.ports.writing import Settled
from integration_pipelines.store.open import Stores
from integration_pipelines_tests.unit.store.conftest import StillClock
from integration_pipelines_tests.unit.store.rows import CRM, LATER, NOW, diff, diffs, outcomes, refused, run, write, writes
from integration_pipelines_tests.unit.store.test_alerts import alert

T1 = {"tenant": "t1", "integration": CRM}


def test_an_empty_store_has_figures_without_rows(stores: Stores) -> None:
    """Every metric is named from the start."""
    figures = stores.metrics.figures()
    assert len(figures) == 14
    assert not any(figures.values())


def test_every_figure_is_counted_per_tenant(stores: Stores, clock: StillClock) -> None:
    """Runs, records of the last balanced run, diffs, writes, failures, quarantine, alerts, age and switches."""
    stores.tenants.add(Tenant("t1", "Acme", NOW))
    stores.tenants.install("t1", CRM, 1, NOW)
    stores.tenants.switch("t1", CRM, enabled=True)
    stores.runs.start([run("run_1"), run("run_2", started_at=LATER), run("run_3", started_at=LATER)])
    stores.runs.finish([run("run_1", finished_at=NOW, outcome="in_sync", certified=True)])
    stores.runs.save_outcomes(outcomes(("a", "1", "failed")), CRM, {"t1": "run_1"})
    stores.runs.save_outcomes(outcomes(("a", "1", "in_sync"), ("b", "1", "in_sync"), ("a", "2", "held")), CRM, {"t1": "run_2"})
    stores.diffs.record(diffs(diff("d1"), diff("d2", kind="conflict"), diff("d3", resolved_at=NOW)), {"t1": "run_1"})
    stores.ledger.intend(writes(write("w1"), write("w2")))
    stores.ledger.settle([Settled("w1", "sent")], NOW)
    stores.ledger.settle([Settled("w1", "failed", "invalid", "no")], NOW)
    stores.quarantine.replace(refused(("1", "x"), ("1", "y"), ("2", "x")), ["t1"], CRM, ["crm_accounts"], NOW)
    stores.alert_book.revise(lambda _: Changes(opened=(alert(kind=AlertKind.STALE),)), ())
    clock.sleep(90)
    found = {name.removeprefix("integration_pipelines_"): rows for name, rows in stores.metrics.figures().items()}
    assert found == {
        "runs": [(T1 | {"outcome": "in_sync"}, 1), (T1 | {"outcome": "running"}, 2)],
        "records": [(T1 | {"outcome": "held"}, 1), (T1 | {"outcome": "in_sync"}, 2)],
        "open_diffs": [(T1 | {"kind": "conflict"}, 1), (T1 | {"kind": "drift"}, 1)],
        "writes": [(T1 | {"state": "failed"}, 1), (T1 | {"state": "planned"}, 1)],
        "write_failures": [(T1 | {"kind": "invalid"}, 1)],
        "quarantined_records": [(T1, 2)],
        "open_alerts": [(T1 | {"kind": "stale"}, 1)],
        "certified_age_seconds": [(T1, 90)],
        "enabled": [(T1, 1)],
        "paused": [(T1, 0)],
        "event_latency_seconds": [],
        "events_waiting": [],
        "messages": [],
        "oldest_event_seconds": [],
    }
