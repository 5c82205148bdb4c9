"""The command line as its user meets it: words in, exit code, output and complaints out."""

import shutil
import sys
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import structlog

from integration_pipelines.cli.main import run
from integration_pipelines_tests.kit.evidence import filled_store


@dataclass(frozen=True, slots=True)
class Said:
    """What a command left behind."""

    code: int
    out: str
    err: str


Command = Callable[..., Said]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Command]:
    """Run `integration-pipelines` with those words in this process."""

    def call(*words: str) -> Said:
        monkeypatch.setattr(sys, "argv", ["integration-pipelines", *words])
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            run()
        out, err = capsys.readouterr()
        assert isinstance(end.value.code, int)
        return Said(end.value.code, out, err)

    yield call
    structlog.reset_defaults()  # the commands' logger writes to a stream that ends with the test


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh home with a master key."""
    monkeypatch.setenv("INTEGRATION_PIPELINES_HOME", str(tmp_path))
    monkeypatch.setenv("INTEGRATION_PIPELINES_MASTER_KEY", b64encode(bytes(32)).decode())
    return tmp_path


@pytest.fixture(scope="session")
def eventful(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a store with something to say; tests only read it."""
    folder = tmp_path_factory.mktemp("eventful")
    with filled_store(folder):
        return folder


@pytest.fixture
def filled(eventful: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with an eventful store."""
    monkeypatch.setenv("INTEGRATION_PIPELINES_HOME", str(eventful))
    monkeypatch.setenv("INTEGRATION_PIPELINES_MASTER_KEY", b64encode(bytes(32)).decode())
    return eventful


@pytest.fixture
def copied(eventful: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with an eventful store of its own, in which Ann decides."""
    shutil.copytree(eventful, home, dirs_exist_ok=True)
    monkeypatch.setenv("INTEGRATION_PIPELINES_ACTOR", "ann")
    return home
