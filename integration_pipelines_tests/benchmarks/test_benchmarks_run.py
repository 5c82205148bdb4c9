"""The benchmarks run at a small size and say what they should; nothing here looks at a time."""

import json
from pathlib import Path

import pytest

from integration_pipelines_tests.benchmarks import extract
from integration_pipelines_tests.benchmarks.report import save


@pytest.mark.slow
def test_extraction_reads_the_same_records_as_dlt_and_is_written_as_json(tmp_path: Path) -> None:
    """Both sides must read the same records of every object, or there is no figure at all."""
    save(extract.figures(30, 1), tmp_path / "benchmarks.json")
    rows = json.loads((tmp_path / "benchmarks.json").read_text(encoding="utf-8"))
    assert [set(r) for r in rows] == [{"name", "value", "unit", "against", "against_value", "ratio"}] * len(rows)
    assert all(r["value"] > 0 and r["against_value"] > 0 for r in rows)
