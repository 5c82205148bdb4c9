"""`links`: the queue of pairs in doubt, out as CSV and back in with a person's decisions, and each decision by itself."""

import csv
import io
import json
from pathlib import Path

import pytest

from integration_pipelines_tests.unit.cli.conftest import Command

pytestmark = pytest.mark.usefixtures("copied")
TWINS = {("9", "cus_twin_1"), ("9", "cus_twin_2")}
Rows = list[dict[str, str]]


@pytest.fixture
def queue(command: Command) -> Rows:
    """The pairs in doubt of a store that may be changed, as `links list --csv` tells them."""
    return list(csv.DictReader(io.StringIO(command("links", "list", "T1", "--state", "proposed", "--csv").out)))


def written(folder: Path, rows: Rows, **decisions: str) -> str:
    """A file with those decisions by customer."""
    path = folder / "decisions.csv"
    with path.open("w", encoding="utf-8", newline="") as text:
        out = csv.DictWriter(text, list(rows[0]))
        out.writeheader()
        out.writerows(row | {"decision": decisions.get(row["right_id"], "")} for row in rows)
    return str(path)


def told(command: Command, record: str) -> list[tuple[str, str, str, str]]:
    """(left, right, state, who decided) of a record's links."""
    rows = json.loads(command("links", "show", "T1", record, "--json").out)
    return [(r["left_id"], r["right_id"], r["state"], r["decided_by"]) for r in rows]


def test_a_queue_goes_out_as_csv_and_comes_back_decided(command: Command, queue: Rows, tmp_path: Path) -> None:
    """Each pair with its evidence; what was decided stands, what was left blank waits on, and the same file again changes nothing."""
    assert {(row["left_id"], row["right_id"]) for row in queue} == TWINS
    assert all("Not certain" in row["match_evidence"] for row in queue)
    file = written(tmp_path, queue, cus_twin_1="confirm")
    for _ in range(2):
        assert command("links", "import", "T1", file).out.startswith("1 decisions carried out.")
        assert told(command, "cus_twin_1") == [("9", "cus_twin_1", "live", "ann")]
        assert [state for _, _, state, _ in told(command, "cus_twin_2")] == ["proposed"]
    assert "confirmed by a person" in command("links", "show", "T1", "cus_twin_1").out
    file = written(tmp_path, queue, cus_twin_2="reject")
    assert command("links", "import", "T1", file).code == 0
    assert told(command, "cus_twin_2") == [("9", "cus_twin_2", "tombstone", "ann")]
    assert command("audit", "verify").code == 0


def test_a_file_that_cannot_be_meant_is_refused_before_anything_is_done(command: Command, queue: Rows, tmp_path: Path) -> None:
    """A word that is no decision, though a good one stands before it; and a file without the columns."""
    said = command("links", "import", "T1", written(tmp_path, queue, cus_twin_1="confirm", cus_twin_2="maybe"))
    assert (said.code, "There is no decision 'maybe'." in said.err) == (1, True)
    assert [state for _, _, state, _ in told(command, "cus_twin_1")] == ["proposed"]
    (tmp_path / "other.csv").write_text("decision,left_id\nconfirm,9\n", encoding="utf-8")
    said = command("links", "import", "T1", str(tmp_path / "other.csv"))
    assert (said.code, "The file has no column right_id." in said.err) == (1, True)


def test_single_decisions_say_what_they_made(command: Command, queue: Rows) -> None:
    """Taken apart, joined again, given to another company; and what cannot be is refused with the command that can."""
    assert queue
    assert "1 ↔ cus_acme is tombstone now" in command("links", "reject", "T1", "1", "cus_acme").out
    assert "1 ↔ cus_acme is live now" in command("links", "confirm", "T1", "1", "cus_acme").out
    refused = command("links", "confirm", "T1", "9", "cus_acme")
    assert (refused.code, "links move t1 cus_acme --to 9" in refused.err) == (1, True)
    moved = command("links", "move", "T1", "cus_acme", "--to", "9").out
    assert ("1 ↔ cus_acme is tombstone now" in moved, "9 ↔ cus_acme is live now" in moved) == (True, True)
    assert "was never read" in command("links", "confirm", "T1", "nowhere", "cus_acme").err
