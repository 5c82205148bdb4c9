"""Tables as migrations make them."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import autogenerate, command
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Engine

from integration_pipelines.errors import ConfigError
from integration_pipelines.store import migrate
from integration_pipelines.store.engine import make_engine, reading, writing
from integration_pipelines.store.migrate import alembic_config, upgrade
from integration_pipelines.store.revision import HEAD
from integration_pipelines.store.schema import METADATA
from integration_pipelines_tests.kit.databases import forget, new_database

NEVER_WRITTEN = {"webhook_events"}
"""Tables that were there from the start and that no program wrote to before they got their present shape."""
MIGRATIONS = Path(migrate.__file__).parent / "migrations"

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


def test_partial_indexes_are_as_partial_as_the_code_expects(engine: Engine) -> None:
    """Each index that the code calls partial has that very condition in the store, and no other index has one."""
    expected = {i.name: _plain(str(i.info["where"])) for t in METADATA.tables.values() for i in t.indexes if "where" in i.info}
    with reading(engine) as connection:
        inspector = sa.inspect(connection)
        indexes = [index for table in METADATA.tables for index in inspector.get_indexes(table)]
    found = {
        index["name"]: _plain(str(condition))
        for index in indexes
        for key, condition in index.get("dialect_options", {}).items()
        if key.endswith("_where")
    }
    assert found == expected


def _plain(condition: str) -> str:
    """A condition without what a database adds to it: brackets, the types of texts, and PostgreSQL's word for a list."""
    bare = re.sub(r"::\w+(\[\])?", "", condition).replace("= ANY (ARRAY", "IN (")
    return re.sub(r"[()\[\]\s]+", " ", bare).strip().lower()


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


@pytest.fixture
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """A database without any table."""
    kind, url = request.param, f"sqlite:///{tmp_path / 'empty.db'}"
    if kind == "postgresql":
        url = new_database("empty")
    made = make_engine(url)
    yield made
    made.dispose()
    forget(url)


def columns(engine: Engine) -> dict[tuple[str, str], tuple[str, bool]]:
    """Table and column → type, and whether a row may be inserted that says nothing of it."""
    with reading(engine) as connection:
        found = sa.inspect(connection)
        return {
            (table, c["name"]): (str(c["type"]), bool(c["nullable"] or c["default"] is not None))
            for table in set(found.get_table_names()) - NEVER_WRITTEN
            for c in found.get_columns(table)
        }


@pytest.mark.fault("P15")
@pytest.mark.parametrize("empty", ["sqlite", "postgresql"], indirect=True)
def test_a_program_of_the_version_before_goes_on_while_another_one_migrates(empty: Engine) -> None:
    """Every step adds only: what was there stays as it is, and what is new in a table that was there need not be said."""
    revisions = [r.revision for r in ScriptDirectory(str(MIGRATIONS)).walk_revisions()][::-1]
    assert revisions[-1] == HEAD
    before: dict[tuple[str, str], tuple[str, bool]] = {}
    for revision in revisions:
        with writing(empty) as connection:
            command.upgrade(alembic_config(connection), revision)
        after = columns(empty)
        assert {c: after.get(c) for c in before} == before
        known = {table for table, _ in before}
        assert [c for c, (_, free) in after.items() if c not in before and c[0] in known and not free] == []
        before = after


@pytest.mark.fault("P15")
@pytest.mark.parametrize("empty", ["sqlite", "postgresql"], indirect=True)
def test_a_migration_that_died_half_way_has_changed_nothing(empty: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """All steps are one transaction: the next program finds the store as it was, and brings it up to date."""

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(migrate, "secure", die)
        with pytest.raises(KeyboardInterrupt):
            upgrade(empty)
    assert columns(empty) == {}
    upgrade(empty)
    assert {table for table, _ in columns(empty)} >= set(METADATA.tables) - NEVER_WRITTEN


@pytest.mark.fault("P15")
@pytest.mark.parametrize("each_database", ["sqlite"], indirect=True)
def test_a_newer_store_is_refused(engine: Engine) -> None:
    """A program never writes into tables that it does not know."""
    with writing(engine) as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(ConfigError, match="newer version"):
        upgrade(engine)
