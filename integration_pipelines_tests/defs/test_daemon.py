"""A launch through Dagster's own doors: webserver, queue, daemon, run worker; with nothing configured but the tracked files."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from integration_pipelines.wiring import open_ports
from integration_pipelines_tests.defs.running import Dagster, connected_home, dagster_dev, wait_for
from integration_pipelines_tests.kit.bench import CONTRACT

ADD = """mutation($key: String!) { addDynamicPartition(partitionsDefName: "tenants", partitionKey: $key, repositorySelector:
  {repositoryName: "__repository__", repositoryLocationName: "integration_pipelines"}) { __typename } }"""
LAUNCH = """mutation($p: ExecutionParams!) { launchRun(executionParams: $p) {
  __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"""
RUN = "query($id: ID!) { runOrError(runId: $id) { ... on Run { status tags { key value } } } }"
STATS = """{ assetNodes { assetKey { path } partitionStats { numMaterialized numFailed } } }"""
SELECTOR = {"repositoryName": "__repository__", "repositoryLocationName": "integration_pipelines"}
HISTORY = {"billing_customers_changes", "billing_subscriptions_changes", "crm_accounts_changes"}


def launch(dagster: Dagster, tenant_id: str) -> str:
    """Launch the job for one tenant as the UI does; returns the run's id."""
    assert dagster.ask(ADD, {"key": tenant_id})["addDynamicPartition"]["__typename"] == "AddDynamicPartitionSuccess"
    return start(dagster, "reconcile_tenant", {"dagster/partition": tenant_id})


def start(dagster: Dagster, job: str, tags: Mapping[str, str], config: Mapping[str, object] | None = None) -> str:
    """Launch a job with those tags and that run config; returns the run's id."""
    selector, listed = SELECTOR | {"jobName": job}, [{"key": k, "value": v} for k, v in tags.items()]
    params = {"selector": selector, "runConfigData": config or {}, "mode": "default", "executionMetadata": {"tags": listed}}
    answer = dagster.ask(LAUNCH, {"p": params})["launchRun"]
    assert answer["__typename"] == "LaunchRunSuccess", answer
    return str(answer["run"]["runId"])


def fill_yesterday_and_today(dagster: Dagster, tenant_id: str) -> dict[str, Any]:
    """Backfill two days of history by one run over a range, as a backfill of the UI launches it; the history assets' partitions then."""
    today = datetime.now(UTC).date()
    ends = {"start": today - timedelta(days=1), "end": today}
    tags = {f"dagster/asset_partition_range_{end}": f"{day}|{tenant_id}" for end, day in ends.items()}
    run_id = start(dagster, "backfill_history", tags)
    assert wait_for(lambda: ended(dagster, run_id))["status"] == "SUCCESS"
    nodes = dagster.ask(STATS)["assetNodes"]
    return {n["assetKey"]["path"][0]: n["partitionStats"] for n in nodes if n["assetKey"]["path"][0] in HISTORY}


def ended(dagster: Dagster, run_id: str) -> dict[str, Any] | None:
    """The run's status and tags, once it has ended."""
    run: dict[str, Any] = dagster.ask(RUN, {"id": run_id})["runOrError"]
    return run if run["status"] in {"SUCCESS", "FAILURE", "CANCELED"} else None


@pytest.mark.slow
def test_a_launched_run_only_plans_and_is_visible(tmp_path: Path) -> None:
    """Through queue and daemon to a worker: the tenant's assets are there, its plan waits, logs say whose they are, nothing lies around."""
    with connected_home(tmp_path) as settings, open_ports(settings) as ports:
        tenant_id = ports.tenants.all()[0].tenant_id
        with dagster_dev(tmp_path) as dagster:
            run_id = launch(dagster, tenant_id)
            run = wait_for(lambda: ended(dagster, run_id))
            nodes = dagster.ask(STATS)["assetNodes"]
            filled = fill_yesterday_and_today(dagster, tenant_id)
        assert run["status"] == "SUCCESS"
        assert {"key": "tenant", "value": tenant_id} in run["tags"]
        chain = [n for n in nodes if len(n["assetKey"]["path"]) == 1 and n["assetKey"]["path"][0] not in HISTORY]
        assert chain
        assert [n for n in chain if n["partitionStats"] != {"numMaterialized": 1, "numFailed": 0}] == []
        assert filled == {name: {"numMaterialized": 2, "numFailed": 0} for name in HISTORY}
        plan = ports.plans.open(tenant_id, CONTRACT)
        assert plan is not None
        assert (plan.run_id, ports.ledger.of_run(tenant_id, run_id).num_rows) == (run_id, 0)
    lines = [json.loads(line) for path in (tmp_path / "data/dagster/logs").rglob("*.err") for line in json_lines(path)]
    assert [(x["tenant"], x["integration"], x["run"]) for x in lines if x["event"] == "tenant_ended"] == [
        (tenant_id, CONTRACT, run_id)
    ]
    left = {p.name for p in tmp_path.iterdir() if not p.name.startswith(".tmp_dagster_home")}  # of a process that is about to end
    assert left == {"dagster.yaml", "data", "dev.log", "workspace.yaml"}


def json_lines(path: Path) -> list[str]:
    """Our own lines among Dagster's."""
    return [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("{")]
