"""dlt's side of `extract`: the same objects through its REST source into Parquet files, with its own paginators and defaults.

Two ways. As it comes: everything the partner sends, nested lists as tables of their own. Given the contract's fields: only those top
level fields that the contract reads, nested values left as JSON, which is the leanest way to the same content.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dlt
import pyarrow.parquet as pq
from dlt.sources.rest_api import rest_api_source
from dlt.sources.rest_api.typing import RESTAPIConfig

from integration_pipelines_tests.benchmarks.meter import Answer, Meter
from integration_pipelines_tests.benchmarks.task import PAGE, Task, which

_PAGES = {
    "stripe": {"type": "cursor", "cursor_path": "data[-1].id", "cursor_param": "starting_after", "has_more_path": "has_more"},
    "hubspot": {"type": "cursor", "cursor_path": "paging.next.after", "cursor_param": "after"},
}
_STRIPE_ASKED: dict[str, dict[str, object]] = {
    "billing_subscriptions": {"status": "all", "expand[]": ["data.discounts", "data.items.data.discounts"]}
}
_NESTED = ("items", "discounts", "discount", "pause_collection", "metadata")


def as_it_comes(meter: Meter, folder: Path, task: Task) -> Answer:
    """Everything the partner sends, normalised into tables."""
    return _both(meter, folder, task, {})


def given_the_fields(meter: Meter, folder: Path, task: Task) -> Answer:
    """Only what the contract reads, with nested values left as JSON."""
    wanted = set(task["fields"])
    lean = {
        "max_table_nesting": 0,
        "processing_steps": [{"map": lambda record: {name: record[name] for name in record if name in wanted}}],
        "columns": {name: {"data_type": "json"} for name in _NESTED if name in wanted},
    }
    return _both(meter, folder, task, lean)


def _both(meter: Meter, folder: Path, task: Task, more: Mapping[str, Any]) -> Answer:
    """Warm up on the small account, then read the large one; each stage is a lap."""
    _run(Meter(), folder / "small", task, task["small"], more)
    return which(_run(meter, folder / "large", task, task["large"], more))


def _run(meter: Meter, folder: Path, task: Task, account: Mapping[str, str], more: Mapping[str, Any]) -> list[object]:
    """One pipeline run; returns the ids that arrived."""
    pipeline = dlt.pipeline(
        f"bench_{folder.name}", destination=dlt.destinations.filesystem((folder / "out").as_uri()), dataset_name="bench",
        pipelines_dir=str(folder / "pipelines"),
    )  # fmt: skip
    source = rest_api_source(_config(task, account, more))
    with meter.lap("extract"):
        pipeline.extract(source, loader_file_format="parquet")
    with meter.lap("normalize"):
        pipeline.normalize()
    with meter.lap("load"):
        pipeline.load()
    files = sorted((folder / "out" / "bench" / task["object"]).glob("*.parquet"))
    return [name for file in files for name in pq.read_table(file, columns=["id"])["id"].to_pylist()]


def _config(task: Task, account: Mapping[str, str], more: Mapping[str, Any]) -> RESTAPIConfig:
    stripe = task["partner"] == "stripe"
    asked = _STRIPE_ASKED.get(task["object"], {}) if stripe else {"archived": "false", "properties": ",".join(task["properties"])}
    endpoint = {"path": task["path"], "params": {"limit": PAGE, **asked}, "data_selector": "data" if stripe else "results"}
    auth = {"type": "bearer", "token": account["token"]}
    config: Any = {
        "client": {"base_url": account["base_url"], "auth": auth, "paginator": _PAGES[task["partner"]]},
        "resources": [{"name": task["object"], "endpoint": endpoint, **more}],
    }
    checked: RESTAPIConfig = config
    return checked
