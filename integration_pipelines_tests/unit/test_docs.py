"""The documents say what is there: links lead somewhere, commands and variables exist, functions are where they are said to be."""

import re
import shlex
from pathlib import Path

import click
import pytest

import integration_pipelines
from integration_pipelines.cli.main import app
from integration_pipelines.settings import Settings

PACKAGE = Path(integration_pipelines.__file__).parent
TOP = PACKAGE.parent / "README.md"
LIFE = PACKAGE / "README.md"
DOCUMENTS = [TOP, LIFE, PACKAGE / "contracts" / "README.md", PACKAGE / "deploy" / "README.md"]
READ_BY_THE_COMMAND_LINE = {"home", "actor", "token", "webhook_secret"}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda d: f"{d.parent.name}/{d.name}")
def test_links_lead_somewhere(document: Path) -> None:
    """Every relative link to a text names a file."""
    links = re.findall(r"\]\((?!https?:)([^)#]+\.(?:md|ipynb|py|yaml))\)", document.read_text(encoding="utf-8"))
    assert [link for link in links if not (document.parent / link).is_file()] == []


def _commands() -> list[str]:
    found: set[str] = set()
    for document in DOCUMENTS:
        text = document.read_text(encoding="utf-8")
        found |= set(re.findall(r"^integration-pipelines ([^#\n]+)", text, re.MULTILINE)) | set(
            re.findall(r"`integration-pipelines ([^`]+)`", text)
        )
    return sorted(line.strip() for line in found)


@pytest.mark.parametrize("line", _commands())
def test_commands_are_understood(line: str) -> None:
    """Words, options and number of arguments are those of the program; nothing is run."""
    command: click.Command = app
    context, words = click.Context(app), shlex.split(line)
    while isinstance(command, click.Group):
        found = command.get_command(context, words.pop(0))
        assert found is not None
        command = found
    command.make_context("documented", words)


def test_variables_exist() -> None:
    """What may be configured is what the settings read."""
    named = set(re.findall(r"`…([A-Z_]+)`", TOP.read_text(encoding="utf-8")))
    assert len(named) > 8
    assert {n.lower() for n in named} <= set(Settings.model_fields) | READ_BY_THE_COMMAND_LINE


def _places() -> list[tuple[str, str]]:
    return sorted(set(re.findall(r"`([a-z]+/[\w/]+)\.([A-Za-z_]+)", LIFE.read_text(encoding="utf-8"))))


@pytest.mark.parametrize(("module", "name"), _places())
def test_functions_are_where_the_life_of_a_change_says(module: str, name: str) -> None:
    """File by file."""
    rooms = (PACKAGE, PACKAGE / "partners", PACKAGE.parent / "integration_pipelines_tests")
    files = [f for f in (room / f"{module}.py" for room in rooms) if f.is_file()]
    assert files
    assert name == "py" or re.search(rf"^(?:async )?(?:def |class )?{name}\b", files[0].read_text(encoding="utf-8"), re.MULTILINE)
