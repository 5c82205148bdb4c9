"""Settings come from the environment, then from `.env`; what is wrong is named, and no value of it is told."""

import os
from pathlib import Path
from threading import Thread

import pytest

from integration_pipelines.errors import ConfigError
from integration_pipelines.settings import PREFIX, load_settings


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting comes from where the tests run."""
    for name in [n for n in os.environ if n.upper().startswith(PREFIX)]:
        monkeypatch.delenv(name)


def test_the_environment_goes_before_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each setting is taken from the first place that has it; a name may be written small, and what is no setting of ours is passed over."""
    lines = [
        "INTEGRATION_PIPELINES_LOG_LEVEL=DEBUG",
        "integration_pipelines_memory_mib=2048",
        "export OTHER=1",
        "LOG_LEVEL=ERROR",
    ]
    (tmp_path / ".env").write_text("\n".join(lines), encoding="utf-8")
    monkeypatch.setenv("INTEGRATION_PIPELINES_LOG_LEVEL", "WARNING")
    monkeypatch.setenv("INTEGRATION_PIPELINES_ACTOR", "ann")
    monkeypatch.setenv("MEMORY_MIB", "1")
    found = load_settings(tmp_path)
    assert (found.log_level, found.memory_mib, found.duckdb_threads) == ("WARNING", 2048, 2)


def test_the_home_is_where_it_was_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who names a folder means that one, and not the environment's."""
    monkeypatch.setenv("INTEGRATION_PIPELINES_HOME", str(tmp_path / "elsewhere"))
    assert load_settings(tmp_path).home == tmp_path.resolve()
    assert load_settings().home == (tmp_path / "elsewhere").resolve()


def test_what_is_wrong_is_named_without_its_value(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret may stand in the wrong place."""
    monkeypatch.setenv("INTEGRATION_PIPELINES_ALERT_SMTP_PORT", "hunter2")
    with pytest.raises(ConfigError, match=r"INTEGRATION_PIPELINES_ALERT_SMTP_PORT: .*integer") as told:
        load_settings(tmp_path)
    assert "hunter2" not in str(told.value)


@pytest.mark.parametrize("text", ["not JSON", '["a"]', ""])
def test_old_keys_are_a_mapping(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """By their ids."""
    monkeypatch.setenv("INTEGRATION_PIPELINES_OLD_MASTER_KEYS", text)
    with pytest.raises(ConfigError, match="OLD_MASTER_KEYS is not JSON"):
        load_settings(tmp_path)


def test_old_keys_of_both_places_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was sealed long ago opens, wherever its key is; a key of the environment goes before one of the file."""
    (tmp_path / ".env").write_text('INTEGRATION_PIPELINES_OLD_MASTER_KEYS=\'{"k0": "file", "k9": "file"}\'', encoding="utf-8")
    monkeypatch.setenv("INTEGRATION_PIPELINES_OLD_MASTER_KEYS", '{"k0": "abc"}')
    monkeypatch.setenv("INTEGRATION_PIPELINES_MASTER_KEY", "def")
    assert load_settings(tmp_path).master_keys() == ({"k0": "abc", "k9": "file", "k1": "def"}, "k1")
    monkeypatch.setenv("INTEGRATION_PIPELINES_OLD_MASTER_KEYS", "null")
    assert load_settings(tmp_path).master_keys() == ({"k0": "file", "k9": "file", "k1": "def"}, "k1")


def test_the_file_may_be_a_pipe(tmp_path: Path) -> None:
    """As those make it who keep secrets elsewhere."""
    os.mkfifo(tmp_path / ".env")
    teller = Thread(target=lambda: (tmp_path / ".env").write_text("INTEGRATION_PIPELINES_LOG_LEVEL=DEBUG", encoding="utf-8"))
    teller.start()
    assert load_settings(tmp_path).log_level == "DEBUG"
    teller.join()
