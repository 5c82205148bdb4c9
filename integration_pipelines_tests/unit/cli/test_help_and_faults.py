"""Every command explains itself; wrong use is told apart from what was refused; nobody sees a traceback for an expected fault."""

from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from integration_pipelines.cli.main import COMMANDS, app
from integration_pipelines_tests.unit.cli.conftest import Command


def _every_command() -> Iterator[tuple[str, ...]]:
    context = click.Context(app)
    for name in COMMANDS:
        found = app.get_command(context, name)
        assert found is not None
        yield (name,)
        yield from ((name, inner) for inner in (found.commands if isinstance(found, click.Group) else ()))


@pytest.mark.parametrize("words", list(_every_command()), ids=" ".join)
def test_every_command_has_help_with_an_example_of_its_own(command: Command, words: tuple[str, ...]) -> None:
    """The example stands on one line, so that it can be copied, and names the command."""
    said = command(*words, "--help")
    assert said.code == 0
    examples = [line.strip() for line in said.out.splitlines() if line.strip().startswith("Example: ")]
    assert examples
    assert examples[0].startswith(f"Example: integration-pipelines {' '.join(words)}")
    assert "..." not in "".join(line for line in said.out.splitlines() if not line.startswith("Usage"))


def test_the_overview_names_every_command(command: Command) -> None:
    """In one screen, without loading any of them."""
    said = command("--help")
    assert said.code == 0
    assert all(f"\n  {name} " in said.out for name in COMMANDS)


@pytest.mark.parametrize(
    "words",
    [
        ("sink",), ("sync",), ("tenant", "fly"), ("tenant", "add"), ("diffs", "T1", "--format", "xml"), ("diffs", "T1", "--limit", "0"),
        ("diffs", "T1", "--since", "yesterday"), ("tenant", "connect", "T1", "sap", "--token", "x"), ("demo", "--tenants", "0"),
        ("sandbox", "serve", "--port", "99999"), ("plans", "show", "T1", "--limit", "-1"), ("health", "--loud"),
    ],
)  # fmt: skip
def test_wrong_use_exits_2(command: Command, filled: Path, words: tuple[str, ...]) -> None:
    """With the usage and no traceback."""
    assert filled.is_dir()
    said = command(*words)
    assert said.code == 2
    assert "Error: " in said.err
    assert "Traceback" not in said.err


FAULTS = [
    (("sync", "Nobody"), "There is no tenant 'Nobody'"),
    (("sync", "T1", "--integration", "crm_helpdesk"), "There is no integration crm_helpdesk"),
    (("diffs", "Nobody"), "There is no tenant"),
    (("diffs", "T1", "--field", "mmr"), "has no field mmr"),
    (("diffs", "T1", "--integration", "nope"), "There is no integration nope"),
    (("quarantine", "list", "T3"), "There is no tenant"),
    (("health", "Nobody"), "There is no tenant"),
    (("enable", "Nobody"), "There is no tenant"),
    (("pause", "T1", "--integration", "nope"), "No installation matches"),
    (("plans", "approve", "T1"), "No plan of this tenant waits"),
    (("plans", "show", "T1", "plan_nope"), "plan_nope"),
    (("tenant", "add", "t1"), "exists already"),
    (("tenant", "add", " "), "1 to 200 characters"),
    (("tenant", "add", "Fresh", "--integration", "nope"), "There is no integration nope"),
    (("tenant", "show", "Nobody"), "There is no tenant"),
    (("tenant", "remove", "Nobody", "--yes"), "There is no tenant"),
    (("contract", "lint", "no_such_file.yaml"), "There is no file"),
    (("contract", "show", "no_such"), "There is no file"),
]


@pytest.mark.parametrize(("words", "message"), FAULTS, ids=[" ".join(words) for words, _ in FAULTS])
def test_expected_faults_exit_1_with_a_reason_and_a_remedy(
    command: Command, filled: Path, words: tuple[str, ...], message: str
) -> None:
    """One line each, nothing on standard output."""
    assert filled.is_dir()
    said = command(*words)
    assert said.code == 1
    reason, remedy = said.err.splitlines()
    assert reason.startswith("Error: ")
    assert message in reason
    assert remedy.startswith("What to do: ")
    assert not said.out


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("MASTER_KEY", "short", "master key"), ("DUCKDB_THREADS", "many", "INTEGRATION_PIPELINES_DUCKDB_THREADS"),
        ("OLD_MASTER_KEYS", "{", "OLD_MASTER_KEYS"), ("DATABASE_URL", "mysql://somewhere", "database"), ("HOME", "/proc/nowhere", "/proc/nowhere"),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_named_and_its_value_is_not_told(
    command: Command, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, message: str
) -> None:
    """Values may be secrets."""
    monkeypatch.setenv(f"INTEGRATION_PIPELINES_{variable}", value)
    said = command("tenant", "list")
    assert said.code == 1
    assert message in said.err
    assert "What to do: " in said.err
    assert variable == "HOME" or value not in said.err.replace("a database", "").split()


def test_a_tenant_with_an_unknown_integration_is_not_half_added(command: Command, home: Path) -> None:
    """All or nothing."""
    assert command("tenant", "add", "Fresh", "--integration", "nope").code == 1, home
    assert "No tenants yet" in command("tenant", "list").out


def test_lint_exits_1_and_shows_every_problem_with_its_line(command: Command, tmp_path: Path) -> None:
    """A contract is refused as a whole, with all there is to correct."""
    file = tmp_path / "mine.yaml"
    file.write_text("contract: Mine!\nversion: zero\n", encoding="utf-8")
    said = command("contract", "lint", str(file))
    assert said.code == 1
    assert "mine.yaml:1: contract:" in said.out
    assert "mine.yaml:2: version:" in said.out
    assert "The contract is refused." in said.out


def test_lint_finds_the_packaged_contract_sound(command: Command) -> None:
    """What ships passes."""
    said = command("contract", "lint", "crm_billing")
    assert (said.code, said.out) == (0, "The contract is sound.\n")
