"""Two Dagsters that know nothing of each other, over one PostgreSQL and one pair of partners: what no queue keeps apart.

Part of `make proof-crash`; among the tests `faults/process/test_together` has eight workers without Dagster.
"""

import os
import shutil
from collections import Counter
from pathlib import Path

import httpx
import pytest
import yaml

from integration_pipelines.ports.bundle import Ports
from integration_pipelines.use_cases.approve import approve_plan
from integration_pipelines.use_cases.outcome import SyncMode
from integration_pipelines.use_cases.sync import sync
from integration_pipelines.wiring import open_ports
from integration_pipelines_tests.defs.running import ROOT, Dagster, connected_home, dagster_dev, wait_for
from integration_pipelines_tests.defs.test_daemon import ADD, ended, start
from integration_pipelines_tests.kit.bench import CONTRACT

WORKERS_EACH = 4
PATIENCE = 480


def without_limits(home: Path) -> None:
    """Dagster's files in a folder; its queue lets runs of one tenant go at the same time."""
    home.mkdir(exist_ok=True)
    shutil.copy(ROOT / "workspace.yaml", home)
    profile = yaml.safe_load((ROOT / "dagster.yaml").read_text(encoding="utf-8"))
    del profile["run_queue"]["tag_concurrency_limits"]
    (home / "dagster.yaml").write_text(yaml.safe_dump(profile), encoding="utf-8")


def approved(tenant_id: str, ports: Ports) -> int:
    """How many records the tenant's approved first plan writes."""
    sync([tenant_id], ports.contracts[CONTRACT], ports=ports, mode=SyncMode.PLAN, run_id="run_plan")
    plan = ports.plans.open(tenant_id, CONTRACT)
    assert plan is not None
    approve_plan(tenant_id, plan.plan_id, actor="tester", ports=ports)
    return plan.numbers["records"]


def launched(dagster: Dagster, tenant_id: str) -> list[str]:
    """Ids of runs that may write, all for that tenant."""
    assert dagster.ask(ADD, {"key": tenant_id})["addDynamicPartition"]["__typename"] == "AddDynamicPartitionSuccess"
    config = {"ops": {f"{CONTRACT}_chain": {"config": {"mode": "apply", "full": True}}}}
    return [start(dagster, "reconcile_tenant", {"dagster/partition": tenant_id}, config) for _ in range(WORKERS_EACH)]


def effects(tenant_id: str, ports: Ports) -> Counter[tuple[str, str]]:
    """How often the partners carried a write of ours to a record out, by object and record."""
    server = ports.tenants.connections(tenant_id)[0].base_url.rpartition("/")[0]
    rows = httpx.get(f"{server}/_control/effects", params={"actor": "api"}, trust_env=False).raise_for_status().json()
    return Counter((row["object"], row["id"]) for row in rows if row["object"] in {"companies", "customers"})


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.skipif(os.environ.get("INTEGRATION_PIPELINES_CRASH") != "all", reason="takes minutes: make proof-crash")
@pytest.mark.fault("P09", "P14")
def test_the_workers_of_two_daemons_have_one_effect_each(tmp_path: Path, postgresql_url: str) -> None:
    """Both daemons start four runs for one tenant at once: every record of the approved plan is written once, and nothing stays open."""
    with connected_home(tmp_path, database_url=postgresql_url) as settings, open_ports(settings) as ports:
        tenant_id = ports.tenants.all()[0].tenant_id
        records = approved(tenant_id, ports)
        for home in (tmp_path, tmp_path / "other"):
            without_limits(home)
        where = {"INTEGRATION_PIPELINES_DATABASE_URL": postgresql_url, "INTEGRATION_PIPELINES_HOME": str(tmp_path)}
        with (
            dagster_dev(tmp_path, patience=PATIENCE, more=where) as one,
            dagster_dev(tmp_path / "other", patience=PATIENCE, more=where) as two,
        ):
            runs = [(dagster, run) for dagster in (one, two) for run in launched(dagster, tenant_id)]
            statuses = Counter(str(status_of(dagster, run)) for dagster, run in runs)
        told = [r for r in ports.runs.last([tenant_id], CONTRACT, limit=20) if r.run_id in {run for _, run in runs}]
        outcomes = Counter(r.outcome for r in told)
        made = effects(tenant_id, ports)
        assert statuses == {"SUCCESS": len(runs)}
        assert (outcomes["written"], set(outcomes) - {"written", "skipped", "in_sync"}, outcomes.total()) == (1, set(), len(runs))
        assert (len(made), set(made.values())) == (records, {1})
        assert ports.ledger.unsettled([tenant_id], CONTRACT).num_rows == 0


def status_of(dagster: Dagster, run_id: str) -> object:
    """How that run ended, once it has."""
    return wait_for(lambda: ended(dagster, run_id), PATIENCE)["status"]
