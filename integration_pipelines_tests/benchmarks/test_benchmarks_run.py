"""The benchmarks run at tiny sizes, find the same on both sides, and leave what they promise; nothing here looks at a time."""

import json
import re
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest

from integration_pipelines_tests.benchmarks import __main__ as program
from integration_pipelines_tests.benchmarks.alone import run_alone
from integration_pipelines_tests.benchmarks.explain import explain
from integration_pipelines_tests.benchmarks.extract import extract
from integration_pipelines_tests.benchmarks.meter import Answer, Given, Meter
from integration_pipelines_tests.benchmarks.nightly import nightly
from integration_pipelines_tests.benchmarks.reconcile import reconcile, within_memory
from integration_pipelines_tests.benchmarks.report import Figure, Report
from integration_pipelines_tests.benchmarks.webhooks import webhooks


def failing(meter: Meter, folder: Path, given: Given) -> Answer:
    """A side that breaks."""
    del meter, folder, given
    raise ValueError("this side broke")


TINY: dict[str, Callable[[], Report]] = {
    "extract": lambda: extract(customers=30, rounds=1),  # raises unless all sides read the same records
    "explain": lambda: explain(sizes=(20,), questions=1),  # raises unless the amount is told
    "nightly": lambda: nightly(sizes=(1, 2), rounds=1, accounts=20),  # raises unless every tenant is certified
    "large": lambda: within_memory(200),  # ends with code 1 beyond the memory that the settings allow
    "reconcile": lambda: reconcile(sizes=(200,), rounds=1),  # raises unless both find the same differences
    "webhooks": lambda: webhooks(records=5, times=5, rate=40, seconds=1),  # raises if one is lost or not answered with success
}


@pytest.mark.slow
@pytest.mark.parametrize("name", TINY)
def test_both_sides_find_the_same_and_every_figure_is_written(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A benchmark gives figures only if its sides agree, says what it compares, and writes each figure with its ratio."""
    report = TINY[name]()
    monkeypatch.setitem(program.BENCHMARKS, name, lambda _: report)
    program.main([name, "--quick"], tmp_path / "benchmarks.json")
    rows = json.loads((tmp_path / "benchmarks.json").read_text(encoding="utf-8"))
    assert report.sentence[:60] in capsys.readouterr().out
    assert [row["name"] for row in rows] == [figure.name for figure in report.figures]
    assert all(set(row) == {"name", "value", "unit", "against", "against_value", "ratio"} for row in rows)
    assert all(row["value"] > 0 and row["against_value"] > 0 for row in rows)


@pytest.mark.parametrize(("ratio", "code"), [(4.0, None), (4.01, "reconcile: 4.01 times the join; promised are 4 at most.")])
def test_a_promise_that_does_not_hold_fails_the_command(
    ratio: float, code: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everything is measured and written first; then the command ends with code 1 and says by how much which promise is broken."""
    figure = Figure("reconcile", ratio, "s", "the join", 1.0, at_most=4.0)
    monkeypatch.setitem(program.BENCHMARKS, "reconcile", lambda _: Report("One.", (figure,)))
    with nullcontext() if code is None else pytest.raises(SystemExit, match=re.escape(code)):
        program.main(["reconcile"], tmp_path / "benchmarks.json")
    assert json.loads((tmp_path / "benchmarks.json").read_text(encoding="utf-8"))[0]["ratio"] == ratio


def test_a_side_that_breaks_is_told_with_its_reason() -> None:
    """A fault in a side's process is raised where the benchmark runs, with what went wrong."""
    with pytest.raises(RuntimeError, match="this side broke"):
        run_alone(f"{__name__}:failing", {})


def test_an_unknown_benchmark_is_refused_with_the_names_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    """Wrong use ends with code 2 and the names to choose from."""
    with pytest.raises(SystemExit, match="2"):
        program.main(["nonsense"])
    assert "extract, reconcile, explain, nightly" in capsys.readouterr().err
