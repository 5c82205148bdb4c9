"""A launch through Dagster's own doors: webserver, queue, daemon, run worker; with nothing configured but the tracked files."""

import json
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
SELECTOR = {"repositoryName": "__repository__", "repositoryLocationName": "integration_pipelines", "jobName": "reconcile_tenant"}


def launch(dagster: Dagster, tenant_id: str) -> str:
    """Launch the job for one tenant as the UI does; returns the run's id."""
    assert dagster.ask(ADD, {"key": tenant_id})["addDynamicPartition"]["__typename"] == "AddDynamicPartitionSuccess"
    tags = [{"key": "dagster/partition", "value": tenant_id}]
    params = {"selector": SELECTOR, "runConfigData": {}, "mode": "default", "executionMetadata": {"tags": tags}}
    answer = dagster.ask(LAUNCH, {"p": params})["launchRun"]
    assert answer["__typename"] == "LaunchRunSuccess", answer
    return str(answer["run"]["runId"])


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
        assert run["status"] == "SUCCESS"
        assert {"key": "tenant", "value": tenant_id} in run["tags"]
        assert [n for n in nodes if n["partitionStats"] != {"numMaterialized": 1, "numFailed": 0}] == []
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
