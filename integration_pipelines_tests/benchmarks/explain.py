"""`explain`: how long a person waits for where a value came from, as a whole command with the start of its process.

The other is the same interpreter loading the libraries that the answer stands on, in turn with ours, and asking nothing: what lies above it
is the question.
"""

import base64
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from integration_pipelines_tests.benchmarks.alone import run_alone
from integration_pipelines_tests.benchmarks.reconcile import landed
from integration_pipelines_tests.benchmarks.reconcile_world import FIRST_COMPANY, contract
from integration_pipelines_tests.benchmarks.report import Figure, Report

SENTENCE = (
    "`integration-pipelines explain TENANT RECORD mrr` as a whole command over stored facts: diffs, writes, links and the parts of the "
    "amount; beside a process that loads the same libraries, opens a database in memory and asks nothing."
)
LOADED = "the libraries loaded, nothing asked"
PROMISED = 1.0
"""Seconds until nine of ten answers are there, of so many that it means something."""
_ENOUGH = 10
_COMMAND = "from integration_pipelines.cli.main import run; run()"
_LIBRARIES = (
    "import click, pyarrow.compute, pyarrow.parquet, pydantic, sqlalchemy, yaml; sqlalchemy.create_engine('sqlite://').connect()"
)
_CHECKOUT = Path(__file__).resolve().parents[2]


def explain(sizes: Sequence[int], questions: int) -> Report:
    """Ask about so many records, evenly spread over the tenant's accounts.

    Raises:
        AssertionError: an answer does not tell the amount.
    """
    figures: list[Figure] = []
    for accounts in sizes:
        with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
            given = landed(Path(name), accounts, sides=False)
            run_alone("integration_pipelines_tests.benchmarks.reconcile_ours:in_place", given)
            ours, other = _asked(given["home"], given["tenant"], accounts, questions)
        figures += _figures(accounts, ours, other)
    notes = (f"{questions} questions a size, each about another record and in a process of its own, in turn with the other.",)
    return Report(SENTENCE, tuple(figures), notes)


def _asked(home: str, tenant: str, accounts: int, questions: int) -> tuple[list[float], list[float]]:
    environment = os.environ | {
        "PYTHONPATH": str(_CHECKOUT),
        "INTEGRATION_PIPELINES_HOME": home,
        "INTEGRATION_PIPELINES_MASTER_KEY": base64.b64encode(bytes(32)).decode(),
    }
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # who asks has asked before
    ours: list[float] = []
    other: list[float] = []
    for number in range(-1, questions):  # the first one of each is not counted
        record = str(FIRST_COMPANY + max(number, 0) * accounts // questions)
        words = ("explain", tenant, record, "mrr", "--integration", contract().contract)
        for program, told, seconds in ((_COMMAND, words, ours), (_LIBRARIES, (), other)):
            begun = time.perf_counter()
            said = subprocess.run(
                [sys.executable, "-c", program, *told], capture_output=True, check=True, env=environment, text=True
            )
            if number >= 0:
                seconds.append(time.perf_counter() - begun)
            if told and "USD (minor units)" not in said.stdout:
                raise AssertionError(f"Record {record} is not explained: {said.stdout}")
    return ours, other


def _figures(accounts: int, ours: Sequence[float], other: Sequence[float]) -> list[Figure]:
    start = f"explain, {accounts:,} accounts"
    most = _nine_of_ten(ours)
    found = [
        Figure(f"{start}: half of the answers within", statistics.median(ours), "s", LOADED, statistics.median(other)),
        Figure(f"{start}: nine of ten within", most, "s", LOADED, _nine_of_ten(other)),
    ]
    if len(ours) >= _ENOUGH:
        found.append(Figure(f"{start}: nine of ten, as promised", most, "s", "what is promised", PROMISED, at_most=1.0))
    return found


def _nine_of_ten(seconds: Sequence[float]) -> float:
    return sorted(seconds)[min(len(seconds) - 1, 9 * len(seconds) // 10)]
