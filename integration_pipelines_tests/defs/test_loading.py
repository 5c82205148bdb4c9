"""What a process loads that Dagster starts for a run: not what an event's run has no use for."""

import json
import subprocess
import sys

SAID = """
import json, sys
from integration_pipelines.definitions import defs
jobs = defs().get_repository_def().job_names
import pyarrow as pa
rows = pa.Table.from_pylist([{"a": "x"}])
heavy = [name for name in ("pandas", "great_expectations", "alembic", "fastapi") if name in sys.modules]
print(json.dumps(["sync_records" in jobs, heavy, rows.to_pandas()["a"].tolist(), "pandas" in sys.modules]))
"""


def test_definitions_load_neither_pandas_nor_great_expectations() -> None:
    """Every job is there and Arrow works, all without them; a frame that somebody asks for is made as always."""
    run = subprocess.run([sys.executable, "-W", "ignore", "-c", SAID], capture_output=True, text=True, check=True, timeout=120)
    assert json.loads(run.stdout) == [True, [], ["x"], True]
