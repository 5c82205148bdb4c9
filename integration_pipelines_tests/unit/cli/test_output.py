"""What commands print: for people without anything a terminal would act on, for programs without loss."""

import csv
import io
import json
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from integration_pipelines.cli.evidence import neutral
from integration_pipelines.cli.show import age
from integration_pipelines.core.tables import DIFFS
from integration_pipelines_tests.kit.bench import product, small_accounts
from integration_pipelines_tests.unit.cli.conftest import Command

FORMULA = "=HYPERLINK(1)"
HOSTILE = "\\[bold]Evil[/bold]\x1b[31m\u202e:smile:"


@pytest.fixture
def hostile(home: Path) -> Iterator[Path]:
    """A store whose records carry markup, control characters and a formula."""
    crm, billing = small_accounts()
    crm.objects["crm_accounts"]["1"]["name"] = HOSTILE
    crm.objects["crm_owners"]["7"] |= {"first_name": FORMULA, "last_name": ""}
    with product(home, {"t1": (crm, billing)}) as made:
        made.gate.refuse["cus_core"] = "[red]email"
        made.one()
        yield home


@pytest.mark.parametrize("words", [("diffs", "T1"), ("plans", "show", "T1"), ("quarantine", "list", "T1")])
def test_hostile_text_is_shown_as_text(command: Command, hostile: Path, words: tuple[str, ...]) -> None:
    """No escape sequence, nothing that turns text around, no markup and no emoji made of a customer's words."""
    said = command(*words)
    assert said.code == 0, hostile
    assert not {c for c in said.out if not c.isprintable()} - {"\n"}
    shown = "[red]email" if "quarantine" in words else "\\[bold]Evil[/bold]"
    assert shown in said.out
    assert "quarantine" in words or ":smile:" in said.out


def test_a_hostile_tenant_name_is_shown_as_text(command: Command, home: Path) -> None:
    """Names come from people too."""
    assert command("tenant", "add", "[red]X\x1b[31m").code == 0, home
    for words in (("tenant", "list"), ("tenant", "show", "[red]X\x1b[31m"), ("health",)):
        said = command(*words)
        assert "[red]X" in said.out
        assert "\x1b" not in said.out


@pytest.mark.fault("D29")
def test_csv_has_no_formula(command: Command, hostile: Path) -> None:
    """A spreadsheet shows the text and computes nothing."""
    rows = list(csv.DictReader(io.StringIO(command("diffs", "T1", "--format", "csv").out)))
    assert list(rows[0]) == DIFFS.names, hostile
    assert {r["left_value"] for r in rows if r["field"] == "account_owner_name"} == {f"'{FORMULA}"}


@pytest.mark.fault("D29")
@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("=1+1", "'=1+1"), ("+49 30", "'+49 30"), ("@sum", "'@sum"), ("\tx", "'\tx"), ("-1+cmd|'x'!A0", "'-1+cmd|'x'!A0"), ("-5", "-5"),
        ("-5.25", "-5.25"), ("plain", "plain"), ("", ""), (None, None), (7, 7),
    ],
)  # fmt: skip
def test_only_what_a_spreadsheet_would_run_is_changed(value: object, shown: object) -> None:
    """Numbers stay numbers."""
    assert neutral(value) == shown


@pytest.mark.parametrize(
    "words",
    [
        ("tenant", "list", "--json"), ("tenant", "show", "T1", "--json"), ("health", "--json"), ("plans", "list", "T1", "--json"),
        ("plans", "show", "T1", "--json"), ("diffs", "T1", "--format", "json"), ("quarantine", "list", "T1", "--json"),
        ("contract", "scopes", "--json"), ("doctor", "--json"),
    ],
)  # fmt: skip
def test_json_is_json_and_nothing_else(command: Command, filled: Path, words: tuple[str, ...]) -> None:
    """Whatever the exit code says."""
    data: Any = json.loads(command(*words).out)
    assert data, filled


def test_formats_say_the_same(command: Command, filled: Path) -> None:
    """Parquet, JSON and CSV have the same rows; Parquet and JSON keep missing apart from blank."""
    from_json = json.loads(command("diffs", "T1", "--all", "--format", "json").out)
    from_csv = list(csv.DictReader(io.StringIO(command("diffs", "T1", "--all", "--format", "csv").out)))
    table = pq.read_table(io.BytesIO(_raw("diffs", "T1", "--all", "--format", "parquet", home=filled)))
    assert table.schema.equals(DIFFS)
    ids = table["diff_id"].to_pylist()
    assert [r["diff_id"] for r in from_json] == ids
    assert [r["diff_id"] for r in from_csv] == ids
    assert [r["base_value"] for r in from_json] == table["base_value"].to_pylist()
    assert [r["base_value"] for r in from_csv] == [v or "" for v in table["base_value"].to_pylist()]


def _raw(*words: str, home: Path) -> bytes:
    """Bytes on standard output, from a process of its own."""
    program = "from integration_pipelines.cli.main import run; run()"
    key = b64encode(bytes(32)).decode()
    env = {"INTEGRATION_PIPELINES_HOME": str(home), "INTEGRATION_PIPELINES_MASTER_KEY": key, "PYTHONPATH": str(Path.cwd())}
    done = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, check=True, env=env)
    return done.stdout


def test_diffs_speak_the_contracts_words(command: Command, filled: Path) -> None:
    """People read CRM and billing, not left and right."""
    said = command("diffs", "T1")
    assert said.out.startswith("T1: 5 diffs open"), filled
    assert all(word in said.out for word in (" crm ", " billing ", "write crm", "whole record", "foreign edit"))
    assert "left" not in said.out


def test_health_says_who_has_to_act_and_how(command: Command, filled: Path) -> None:
    """It exits 1, so that a scheduler notices."""
    said = command("health")
    assert said.code == 1, filled
    assert "T2" in said.out
    assert "A plan waits: integration-pipelines plans show" in said.out
    assert "t2 plan_" in said.out


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, ""), (0, "0 s"), (59, "59 s"), (60, "1 min"), (3599, "59 min"), (11_100, "3 h 5 min"), (180_000, "2 d 2 h")],
)
def test_ages_are_readable(seconds: int | None, words: str) -> None:
    """As people say them."""
    assert age(seconds) == words
