"""The log of runs and their balances."""

from dataclasses import replace
from datetime import timedelta

import pyarrow as pa

from integration_pipelines.store.open import Stores
from integration_pipelines_tests.unit.store.rows import CRM, LATER, NOW, outcomes, query, run


def test_a_run_begins_and_ends(stores: Stores) -> None:
    """How a run ended is added to how it began."""
    stores.runs.start([run("run_1")])
    assert stores.runs.last(["t1"], CRM) == [run("run_1")]
    ended = run("run_1", finished_at=LATER, outcome="written", counts={"confirmed": 3}, balanced=True, certified=False)
    stores.runs.finish([replace(ended, started_at=LATER, trigger="event")])
    assert stores.runs.last(["t1"], CRM) == [ended]


def test_a_run_that_failed_keeps_its_reason(stores: Stores) -> None:
    """Kind and text of the fault are there for whoever looks."""
    failed = run("run_1", finished_at=LATER, outcome="failed", error_kind="auth", error_text="Reconnect.")
    stores.runs.start([run("run_1")])
    stores.runs.finish([failed])
    assert stores.runs.last(None, CRM) == [failed]


def test_the_newest_runs_of_each_tenant(stores: Stores) -> None:
    """Tenants in order, each with its newest runs first, no more than asked for."""
    for tenant in ("t2", "t1"):
        stores.runs.start([run(f"run_{i}", tenant, started_at=NOW + timedelta(minutes=i)) for i in range(3)])
    found = [(r.tenant_id, r.run_id) for r in stores.runs.last(None, CRM, limit=2)]
    assert found == [("t1", "run_2"), ("t1", "run_1"), ("t2", "run_2"), ("t2", "run_1")]
    assert stores.runs.last([], CRM) == []


def test_a_balance_is_counted_and_its_exceptions_listed(stores: Stores) -> None:
    """Every outcome is counted; records that are not in sync are kept by name, also one that wrongly has two outcomes."""
    balance = outcomes(("a", "1", "in_sync"), ("a", "2", "in_sync"), ("a", "3", "held"), ("a", "3", "failed"), ("b", "4", "held"))
    stores.runs.save_outcomes(pa.concat_tables([balance, balance.slice(4)]), CRM, {"t1": "run_1"})
    counted = [(r["object"], r["outcome"], r["records"]) for r in stores.runs.outcomes("t1", CRM, "run_1").to_pylist()]
    assert counted == [("a", "failed", 1), ("a", "held", 1), ("a", "in_sync", 2), ("b", "held", 2)]
    listed = query(stores.engine, "SELECT object, record_id, outcome FROM run_records ORDER BY 1, 2, 3")
    assert [tuple(r.values()) for r in listed] == [("a", "3", "failed"), ("a", "3", "held"), ("b", "4", "held")]


def test_a_second_balance_of_a_run_replaces_the_first(stores: Stores) -> None:
    """A run has one balance."""
    stores.runs.save_outcomes(outcomes(("a", "1", "held"), ("a", "2", "held")), CRM, {"t1": "run_1"})
    stores.runs.save_outcomes(outcomes(("a", "1", "in_sync")), CRM, {"t1": "run_1"})
    assert stores.runs.outcomes("t1", CRM, "run_1").to_pylist() == [
        {"tenant_id": "t1", "object": "a", "outcome": "in_sync", "rule": "", "records": 1}
    ]
    assert query(stores.engine, "SELECT * FROM run_records") == []
