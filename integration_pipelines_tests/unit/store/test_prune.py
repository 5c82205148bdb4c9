"""What the store forgets and what it keeps, on both databases."""

from datetime import timedelta
from pathlib import Path

import pytest

from integration_pipelines.ports.lake import Mode, NewEntry, StoredFile
from integration_pipelines.ports.webhooks import PartnerEvent, Scheme, WebhookSecret
from integration_pipelines.ports.writing import PlanState
from integration_pipelines.store.open import Stores
from integration_pipelines.store.prune import SqlPruning
from integration_pipelines.use_cases.land_events import land_events
from integration_pipelines.use_cases.prune import prune
from integration_pipelines.use_cases.receive import Arrival
from integration_pipelines_tests.kit.bench import CONTRACT, product
from integration_pipelines_tests.unit.store.rows import CRM, NOW, diff, diffs, outcomes, plan, query, run

OLD = NOW - timedelta(days=100)
KEPT_FROM = NOW - timedelta(days=90)


def noted(stores: Stores, tenant: str, run_id: str, age: int) -> None:
    """A run that began so many days ago and noted three differences and the outcomes of its records."""
    at = NOW - timedelta(days=age)
    stores.runs.start([run(run_id, tenant, started_at=at)])
    rows = [diff(f"{tenant}_{n}", tenant_id=tenant, last_seen_at=at) for n in range(3)]
    stores.diffs.record(diffs(*rows), {tenant: run_id})
    stores.runs.save_outcomes(outcomes(("crm_accounts", "1", "held"), tenant=tenant), CRM, {tenant: run_id})


def kept(stores: Stores, table: str) -> list[tuple[str, str]]:
    """Which runs still have rows there."""
    sql = f"SELECT DISTINCT tenant_id, run_id FROM {table} ORDER BY 1, 2"
    return [(row["tenant_id"], row["run_id"]) for row in query(stores.engine, sql)]


def test_notes_of_old_runs_go_but_the_newest_of_each_tenant(stores: Stores) -> None:
    """Whatever its age, a tenant's newest run can still be asked about; runs, diffs and everything younger stay."""
    for tenant, run_id, age in (("t1", "a", 200), ("t1", "b", 100), ("t1", "c", 1), ("t2", "d", 300), ("t2", "e", 200)):
        noted(stores, tenant, run_id, age)
    removed = SqlPruning(stores.engine, batch=2).forget_runs(KEPT_FROM)
    left = [("t1", "c"), ("t2", "e")]
    assert [kept(stores, t) for t in ("diff_observations", "run_records", "run_outcomes")] == [left, left, left]
    assert removed == {"diff_observations": 9, "run_records": 3, "run_outcomes": 3, "field_counts": 0}
    assert len(stores.runs.last(None, CRM, limit=9)) == 5
    assert stores.diffs.unresolved(["t1", "t2"], CRM).num_rows == 6
    assert not any(stores.pruning.forget_runs(KEPT_FROM).values())


def test_files_below_a_newer_full_read_count_no_more(stores: Stores) -> None:
    """Old ones of the same dataset only; what is read now stays as it was."""
    modes = [("a", Mode.FULL), ("a", Mode.DELTA), ("a", Mode.FULL), ("a", Mode.DELTA), ("b", Mode.DELTA), ("b", Mode.DELTA)]
    for number, (dataset, mode) in enumerate(modes):
        file = StoredFile(f"t1/x/{dataset}{number}.parquet", "0" * 64, 1, 1)
        stores.manifest.append([NewEntry("t1", CRM, dataset, mode, file, "run_1")], OLD)
    before = [stores.manifest.current(["t1"], CRM, dataset) for dataset in "ab"]
    assert stores.pruning.forget_files(OLD, 10) == []
    assert stores.pruning.forget_files(NOW, 1) == ["t1/x/a0.parquet"]
    assert stores.pruning.forget_files(NOW, 10) == ["t1/x/a1.parquet"]
    assert stores.pruning.forget_files(NOW, 10) == []
    assert [stores.manifest.current(["t1"], CRM, dataset) for dataset in "ab"] == before


@pytest.mark.parametrize(
    ("state", "age", "goes"),
    [
        (PlanState.APPLIED, 91, True),
        (PlanState.REJECTED, 91, True),
        (PlanState.SUPERSEDED, 91, True),
        (PlanState.HELD, 91, False),
        (PlanState.APPROVED, 91, False),
        (PlanState.APPLIED, 89, False),
    ],
)
def test_files_of_plans_that_are_over_are_named(stores: Stores, state: PlanState, age: int, goes: bool) -> None:
    """A plan that somebody may still decide or apply keeps its file for ever."""
    made = plan("p1", state=state, created_at=NOW - timedelta(days=age))
    stores.plans.save([made])
    assert stores.pruning.plan_files(KEPT_FROM) == ({made.file.path} if goes else set())


def test_a_pruned_product_goes_on_as_if_nothing_happened(tmp_path: Path, each_database: str) -> None:
    """Months of runs later most files and notes are gone, and the next run is in sync without a write."""
    with product(tmp_path, database_url=each_database) as shop:
        shop.first_sync()
        for _ in range(3):
            shop.clock.moment += timedelta(days=60)
            shop.crm().objects["crm_owners"]["7"]["last_name"] += "x"
            assert shop.one().certified
        files = shop.ports.manifest.paths()
        pruned = prune(ports=shop.ports)
        assert pruned.replaced_files > 0
        assert pruned.rows["diff_observations"] > 0
        assert shop.ports.manifest.paths() < files
        assert shop.one().writes == {}
        assert not any(prune(ports=shop.ports).rows.values())
        assert shop.ports.plans.list("t1", CONTRACT)


def test_webhooks_are_remembered_for_thirty_five_days(tmp_path: Path) -> None:
    """Then ended events go with their files, and secrets that ended; what waits stays whatever its age, and so do younger ones."""
    with product(tmp_path) as shop:
        ports = shop.ports
        start = ports.clock.now()
        arrivals = [
            Arrival("t1", "stripe", PartnerEvent("", f"evt_{n}", "x", "{}", ignored="unknown_type"), (), start) for n in range(2)
        ]
        waits = Arrival("t1", "stripe", PartnerEvent("", "evt_9", "x", "{}"), (CONTRACT,), start)
        for arrival in (*arrivals, waits):
            land_events([arrival], inbox=ports.inbox, landing=ports.landing, clock=ports.clock)
        for number, ends in ((1, start + timedelta(hours=1)), (2, None)):
            ports.webhook_secrets.add(WebhookSecret("t1", "stripe", f"whs_{number}", Scheme.PARTNER, b"sealed", start, ends))
        shop.clock.sleep(34 * 86_400)
        assert prune(ports=ports).landed_files == 0
        shop.clock.sleep(2 * 86_400)
        assert prune(ports=ports).landed_files == 2
        left = ports.inbox.known({("t1", "stripe", f"evt_{n}") for n in range(10)})
        assert {event for _, _, event in left} == {"evt_9"}
        (kept,) = ports.inbox.paths(ports.clock.now())
        assert len(ports.landing.read(kept)) == 1
        assert [secret.secret_id for secret in ports.webhook_secrets.load("t1")] == ["whs_2"]
