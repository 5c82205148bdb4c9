"""Opening the store, and what its faults say."""

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from filelock import FileLock
from sqlalchemy.engine import Engine

from integration_pipelines.errors import ConfigError, ConflictError, IntegrationError, TransientError
from integration_pipelines.store.engine import make_engine, reading, writing
from integration_pipelines.store.open import Stores
from integration_pipelines_tests.unit.store.rows import NOW, diff, diffs


@pytest.mark.parametrize("each_database", ["sqlite"], indirect=True)
def test_the_store_is_durable_and_private(engine: Engine, tmp_path: Path) -> None:
    """Commits are flushed, foreign keys hold, and a new file is readable by its user alone."""
    wanted = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
    with reading(engine) as connection:
        assert {p: connection.exec_driver_sql(f"PRAGMA {p}").scalar() for p in wanted} == wanted
    make_engine(f"sqlite:///{tmp_path}/new/store.db").dispose()
    assert (tmp_path / "new" / "store.db").stat().st_mode & 0o777 == 0o600


def test_who_opens_a_new_store_waits_for_whoever_opens_it_already(tmp_path: Path) -> None:
    """SQLite itself would refuse the second one at once, since the first is changing how the file is written."""
    path = tmp_path / "store.db"
    engine = make_engine(f"sqlite:///{path}")
    done = threading.Event()

    def opens() -> None:
        with reading(engine):
            done.set()

    second = threading.Thread(target=opens)
    with FileLock(f"{path}.lock"):
        second.start()
        assert not done.wait(0.3)
    second.join(10)
    assert done.is_set()
    engine.dispose()


_LOOK = """import sqlite3, sys
other = sqlite3.connect(sys.argv[1])
print(other.execute("SELECT count(*) FROM audit_log").fetchone()[0])
other.close()
"""


@pytest.mark.parametrize("each_database", ["sqlite"], indirect=True)
def test_nothing_is_lost_when_a_process_opens_the_store_twice(stores: Stores, engine: Engine) -> None:
    """A second engine for the file leaves the first one's locks alone, so that no other process takes the journal away when it ends."""
    path = str(engine.url.database)

    def seen_elsewhere() -> int:
        return int(subprocess.run([sys.executable, "-c", _LOOK, path], capture_output=True, text=True, check=True).stdout)

    before = seen_elsewhere()
    stores.audit.append("t1", "system", "looked", {}, NOW)
    make_engine(f"sqlite:///{path}").dispose()
    assert seen_elsewhere() == before + 1
    stores.audit.append("t1", "system", "looked", {}, NOW)
    assert seen_elsewhere() == before + 2


@pytest.mark.parametrize(
    "url", ["", "nonsense", "sqlite://", "sqlite:///:memory:", "mysql://host/db", "sqlite:////dev/null/store.db"]
)
def test_a_useless_url_is_refused_with_a_remedy(url: str) -> None:
    """Nobody has to read a driver's error to correct a setting."""
    with pytest.raises(ConfigError) as caught:
        make_engine(url)
    assert caught.value.remedy


def _locked(path: Path) -> Callable[[Stores], None]:
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    def act(stores: Stores) -> None:
        assert other.in_transaction  # whoever forgets the connection gives the lock back
        stores.audit.append("t1", "system", "looked", {}, NOW)

    return act


def _full(path: Path) -> Callable[[Stores], None]:
    del path

    def fill(stores: Stores) -> None:
        with stores.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA max_page_count = 1")
        stores.diffs.record(diffs(*(diff(f"d{i}", reason="x" * 4000) for i in range(200))), {"t1": "run_1"})

    return fill


def _damaged(path: Path) -> Callable[[Stores], None]:
    path.write_bytes(b"no database at all, whatever its name says" * 100)
    return lambda stores: stores.audit.append("t1", "system", "looked", {}, NOW)


def _without_tables(path: Path) -> Callable[[Stores], None]:
    path.unlink()
    return lambda stores: stores.audit.append("t1", "system", "looked", {}, NOW)


@pytest.mark.parametrize(
    ("plant", "kind"),
    [(_locked, TransientError), (_full, TransientError), (_damaged, ConfigError), (_without_tables, ConfigError)],
)
def test_a_fault_says_what_to_do(
    migrated: Path, tmp_path: Path, plant: Callable[[Path], Callable[[Stores], None]], kind: type[IntegrationError]
) -> None:
    """A locked, full, damaged or empty store gives an error of the right kind with a remedy and without a value."""
    from integration_pipelines.store.open import stores_of  # noqa: PLC0415 - beside its only use
    from integration_pipelines_tests.unit.store.conftest import StillClock  # noqa: PLC0415 - idem

    path = tmp_path / "store.db"
    path.write_bytes(migrated.read_bytes())
    act = plant(path)
    stores = stores_of(make_engine(f"sqlite:///{path}", busy_seconds=0.1), StillClock())
    with pytest.raises(kind) as caught:
        act(stores)
    stores.close()
    assert caught.value.remedy
    assert "xxxx" not in caught.value.detail


def test_a_refused_row_is_a_conflict_that_quotes_nothing(engine: Engine) -> None:
    """What the database says about a doubled key stays out of the error and its chain."""

    def add() -> None:
        with writing(engine, ("secret",)) as connection:
            connection.execute(sa.text("INSERT INTO audit_heads (tenant_id, seq, hash) VALUES ('secret', 1, 'x')"))

    add()
    with pytest.raises(ConflictError) as caught:
        add()
    assert "secret" not in f"{caught.value} {caught.value.detail.split(':')[0]}"
    assert caught.value.__cause__ is None
