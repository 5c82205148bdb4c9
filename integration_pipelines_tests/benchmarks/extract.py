"""Full extraction beside dlt's REST source: same sandbox, same objects, same page size, both to Parquet on the local disk.

Ours: the connectors and the lake (every declared field, hash and fsync included), with our own request quota lifted, since the sandbox's
limits are off and dlt keeps none. dlt: `rest_api_source` to its filesystem destination.
Each runs in a fresh process and tells its wall time, its CPU time without imports, and how many records of each object it wrote.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from typing import Any

from integration_pipelines_tests.benchmarks.report import Figure
from integration_pipelines_tests.benchmarks.serve import sandbox_process

OBJECTS = {"customers": "billing_customers", "subscriptions": "billing_subscriptions", "companies": "crm_accounts"}
Told = dict[str, Any]


def figures(customers: int, rounds: int) -> list[Figure]:
    """Measure both, alternating; the best round of each counts, since everything else on the machine only slows."""
    with sandbox_process(customers) as accounts:
        told: dict[str, list[Told]] = {"ours": [], "dlt": []}
        for _ in range(rounds):
            for who, runs in told.items():
                runs.append(_fresh(who, accounts))
    ours, other = (min(told[who], key=lambda t: float(t["cpu"])) for who in ("ours", "dlt"))
    if ours["records"] != other["records"]:
        raise RuntimeError(f"both must read the same: {ours['records']} and {other['records']}")
    total = sum(ours["records"].values())
    per = 100_000 / total
    name = "dlt rest_api to filesystem (Parquet)"
    return [
        Figure("extract: records a second", total / ours["wall"], "records/s", name, total / other["wall"]),
        Figure("extract: CPU per 100,000 records", ours["cpu"] * per, "CPU s", name, other["cpu"] * per),
        Figure(
            "extract: CPU of the read alone, per 100,000 records",
            ours["cpu"] * per,
            "CPU s",
            f"{name}, extract step only",
            other["read_cpu"] * per,
        ),
    ]


def _fresh(who: str, accounts: dict[str, dict[str, str]]) -> Told:
    """Run one side in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        quiet = {"RUNTIME__DLTHUB_TELEMETRY": "false", "RUNTIME__LOG_LEVEL": "CRITICAL", "DLT_DATA_DIR": folder}
        command = [sys.executable, "-m", "integration_pipelines_tests.benchmarks.extract", who, folder, json.dumps(accounts)]
        done = subprocess.run(command, env={**os.environ, **quiet}, capture_output=True, text=True, check=True)
    told: Told = json.loads(done.stdout.splitlines()[-1])
    return told


def _ours(folder: str, accounts: dict[str, dict[str, str]]) -> Told:
    from integration_pipelines.partners.hubspot.client import HubSpotConnector  # noqa: PLC0415 - each side loads its own libraries only
    from integration_pipelines.partners.stripe.client import StripeConnector  # noqa: PLC0415 - idem
    from integration_pipelines.ports.quota import Quota  # noqa: PLC0415 - idem
    from integration_pipelines.store.clock import SortableIds, SystemClock  # noqa: PLC0415 - idem
    from integration_pipelines.store.lake import ParquetLake  # noqa: PLC0415 - idem
    from integration_pipelines.wiring import packaged_contracts  # noqa: PLC0415 - idem

    class Lifted(Quota):
        """Every permit at once."""

        def acquire(self, bucket: str, per_second: float, burst: int, timeout: float) -> None:
            """Granted."""

        def park(self, bucket: str, seconds: float) -> None:
            """Never asked for here."""

    clock = SystemClock()
    lake = ParquetLake(folder, SortableIds(clock))
    contract = packaged_contracts()["crm_billing"]
    makers: dict[str, Any] = {"stripe": StripeConnector, "hubspot": HubSpotConnector}
    began, cpu, records = time.perf_counter(), time.process_time(), {}
    for partner_object, name in OBJECTS.items():
        spec = contract.objects[name]
        account = accounts[contract.role(contract.side_of(spec.role)).partner]
        token = account["token"]
        connector = makers[account["partner"]](
            tenant_id="t1", base_url=account["base_url"], token=lambda given=token: given, quota=Lifted(), clock=clock
        )
        extraction = connector.extract(name, spec, None)
        file = lake.write(tenant_id="t1", dataset=name, schema=extraction.schema, batches=iter(extraction))
        records[partner_object] = file.rows
        connector.close()
    return {"wall": time.perf_counter() - began, "cpu": time.process_time() - cpu, "records": records}


def _dlt(folder: str, accounts: dict[str, dict[str, str]]) -> Told:
    warnings.simplefilter("ignore")  # its own deprecations are not ours to judge
    import dlt  # noqa: PLC0415 - idem
    from dlt.destinations import filesystem  # noqa: PLC0415 - idem

    pipeline = dlt.pipeline(
        "bench", destination=filesystem(f"file://{folder}/out"), dataset_name="raw", pipelines_dir=f"{folder}/pipelines"
    )
    began, cpu = time.perf_counter(), time.process_time()
    for source in (_stripe(accounts["stripe"]), _hubspot(accounts["hubspot"])):
        pipeline.extract(source, loader_file_format="parquet")
    read_cpu = time.process_time() - cpu
    pipeline.normalize()
    pipeline.load()
    wall, spent = time.perf_counter() - began, time.process_time() - cpu
    trace: Any = pipeline.last_trace
    counts = trace.last_normalize_info.row_counts
    return {"wall": wall, "cpu": spent, "read_cpu": read_cpu, "records": {name: counts[name] for name in OBJECTS}}


def _stripe(account: dict[str, str]) -> Any:  # noqa: ANN401 - dlt's own type
    from dlt.sources.rest_api import rest_api_source  # noqa: PLC0415 - idem

    pages: Any = {"type": "cursor", "cursor_path": "data[-1].id", "cursor_param": "starting_after", "has_more_path": "has_more"}
    return rest_api_source(
        {
            "client": {
                "base_url": f"{account['base_url']}/v1/",
                "auth": {"type": "bearer", "token": account["token"]},
                "paginator": pages,
            },
            "resource_defaults": {"write_disposition": "replace"},
            "resources": [
                {"name": "customers", "endpoint": {"path": "customers", "params": {"limit": 100}, "data_selector": "data"}},
                {
                    "name": "subscriptions",
                    "endpoint": {"path": "subscriptions", "params": {"limit": 100, "status": "all"}, "data_selector": "data"},
                },
            ],
        },
        name="stripe",
    )


def _hubspot(account: dict[str, str]) -> Any:  # noqa: ANN401 - idem
    from dlt.sources.rest_api import rest_api_source  # noqa: PLC0415 - idem

    pages: Any = {"type": "cursor", "cursor_path": "paging.next.after", "cursor_param": "after"}
    wanted = "name,domain,lifecyclestage,hubspot_owner_id,customer_segment,hs_merged_object_ids"
    endpoint: Any = {"path": "companies", "params": {"limit": 100, "properties": wanted}, "data_selector": "results"}
    base = f"{account['base_url']}/crm/objects/2026-03/"
    return rest_api_source(
        {
            "client": {"base_url": base, "auth": {"type": "bearer", "token": account["token"]}, "paginator": pages},
            "resource_defaults": {"write_disposition": "replace"},
            "resources": [{"name": "companies", "endpoint": endpoint}],
        },
        name="hubspot",
    )


if __name__ == "__main__":
    side = {"ours": _ours, "dlt": _dlt}[sys.argv[1]]
    print(json.dumps(side(sys.argv[2], json.loads(sys.argv[3]))))  # noqa: T201 - the answer to the parent
