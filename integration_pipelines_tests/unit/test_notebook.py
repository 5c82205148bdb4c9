"""The example notebook answers its five questions on a store that has something to say about each."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

import integration_pipelines
from integration_pipelines_tests.kit.evidence import filled_store

NOTEBOOK = Path(integration_pipelines.__file__).parent / "notebooks" / "five_questions.ipynb"
LOUD = "import warnings\nwarnings.simplefilter('error')"
TELL = "print(_.reset_index().to_json(orient='records', date_format='iso'))"
NB: Any = nbformat  # its functions are not annotated
Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> list[Rows]:
    """The frame that each question's cell shows, run in a kernel where every warning is an error."""
    home = tmp_path_factory.mktemp("home")
    notebook = NB.read(NOTEBOOK, as_version=4)
    told = [NB.v4.new_code_cell(LOUD)]
    for number, cell in enumerate(c for c in notebook.cells if c.cell_type == "code"):
        told += [cell, *([NB.v4.new_code_cell(TELL)] if number else [])]  # the first cell only imports
    notebook.cells = told
    with pytest.MonkeyPatch.context() as patch, filled_store(home, datetime.now(UTC) - timedelta(hours=2)):
        for name in ("INTEGRATION_PIPELINES_HOME", "IPYTHONDIR", "JUPYTER_RUNTIME_DIR"):
            patch.setenv(name, str(home))
        asyncio.run(NotebookClient(notebook, timeout=120, kernel_name="python3").async_execute())
    return [json.loads(c.outputs[0].text) for c in notebook.cells if c.source == TELL]


def test_open_diffs_and_their_age(answers: list[Rows]) -> None:
    """What is held, failed or without a counterpart, the oldest first."""
    rows = [(r["tenant"], r["record_label"], r["field"], r["status"]) for r in answers[0] if r["tenant"] == "T1"]
    assert set(rows) == {
        ("T1", "Core", "customer_segment", "held"), ("T1", "Bolt", "subscription_status", "failed"), ("T1", "Bolt", "mrr", "failed"),
        ("T1", "Twin", "*", "held"),
    }  # fmt: skip
    assert any(r["age"].startswith("P0DT1H") for r in answers[0])
    assert answers[0][0]["tenant"] == "T2"


def test_mrr_at_risk(answers: list[Rows]) -> None:
    """By status, and whether the CRM shows it."""
    found = {(r["currency"], r["status"]): (r["customers"], r["mrr_minor"], r["not_shown_yet"]) for r in answers[1]}
    assert found == {("USD", "past_due"): (1, 1000, 0), ("USD", "unpaid"): (1, 0, 1)}


def test_who_wins_and_who_loses(answers: list[Rows]) -> None:
    """The held edit is a foreign edit of what the CRM owns; everything else was the owner's word."""
    by_field = {(r["owner_role"], r["field"]): r for r in answers[2]}
    assert by_field["crm", "customer_segment"]["foreign_edit"] == 1
    assert by_field["billing", "subscription_status"]["drift"] == 8
    assert "conflict" not in by_field["billing", "mrr"]


def test_what_is_in_quarantine_and_why(answers: list[Rows]) -> None:
    """With the remedy beside it."""
    (row,) = answers[3]
    shown = {k: row[k] for k in ("tenant_id", "object", "field", "reason", "remedy", "records")}
    wanted = ("t1", "billing_customers", "email", "It is bad.", "Mend it.", 1)
    assert tuple(shown.values()) == wanted


def test_what_was_written_last_night(answers: list[Rows]) -> None:
    """The newest first, with the failed one's reason."""
    newest = {(r["target_id"], r["field"]): r for r in reversed(answers[4])}
    failed = newest["2", "subscription_status"]
    assert (failed["before"], failed["after"], failed["state"]) == ("active", "unpaid", "failed")
    assert "refuses" in failed["error_text"]
    assert newest["1", "subscription_status"]["state"] == "confirmed"


def test_it_is_kept_without_outputs() -> None:
    """Nobody's data is committed with it."""
    cells = [c for c in NB.read(NOTEBOOK, as_version=4).cells if c.cell_type == "code"]
    assert [(c.outputs, c.execution_count) for c in cells] == [([], None)] * len(cells)
