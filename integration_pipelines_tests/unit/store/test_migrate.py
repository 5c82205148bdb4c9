"""Tables as migrations make them."""

import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import autogenerate
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Engine

from integration_pipelines.errors import ConfigError
from integration_pipelines.store.engine import make_engine, reading, writing
from integration_pipelines.store.migrate import HEAD, alembic_config, upgrade
from integration_pipelines.store.schema import METADATA

_UPGRADE = """import sys
from integration_pipelines.store.engine import make_engine
from integration_pipelines.store.migrate import upgrade
sys.stdin.readline()
upgrade(make_engine(sys.argv[1]))
print("alembic" in sys.modules)
"""


def _start(path: Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", _UPGRADE, f"sqlite:///{path}"]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_migrations_make_what_the_code_expects(engine: Engine) -> None:
    """The migrated store and the tables in code do not differ in any table, column, type or index."""
    with reading(engine) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        found = autogenerate.compare_metadata(context, METADATA)
    assert found == []


def test_the_newest_revision_is_the_one_that_is_looked_for(engine: Engine) -> None:
    """`HEAD`, by which a current store is recognised, is Alembic's head."""
    with reading(engine) as connection:
        assert ScriptDirectory.from_config(alembic_config(connection)).get_current_head() == HEAD


@pytest.mark.parametrize("each_database", ["sqlite"], indirect=True)
def test_a_second_upgrade_changes_nothing(engine: Engine) -> None:
    """A current store is not touched."""
    with reading(engine) as connection:
        before = connection.exec_driver_sql("PRAGMA schema_version").scalar()
    upgrade(engine)
    with reading(engine) as connection:
        assert connection.exec_driver_sql("PRAGMA schema_version").scalar() == before


def test_two_processes_may_start_at_once(tmp_path: Path) -> None:
    """Both end well and the store is whole; a third one then does without Alembic."""
    path = tmp_path / "store.db"
    both = [_start(path), _start(path)]
    for process in both:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    for process in both:
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
    said, _ = _start(path).communicate("\n", timeout=60)
    assert said.strip() == "False"
    with reading(make_engine(f"sqlite:///{path}")) as connection:
        assert set(METADATA.tables) < set(sa.inspect(connection).get_table_names())


@pytest.mark.parametrize("each_database", ["sqlite"], indirect=True)
def test_a_newer_store_is_refused(engine: Engine) -> None:
    """A program never writes into tables that it does not know."""
    with writing(engine) as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(ConfigError, match="newer version"):
        upgrade(engine)
