"""The only place that knows which database it is: how to open, lock, upsert, and what its errors mean.

SQLite is opened through one library only, Python's. The driver that moves Arrow (ADBC) carries its own copy of SQLite, and two copies in
one process do not see each other's locks: both would get the write lock of the same file and destroy it. So ADBC never opens the
store's file; it fills and reads private files that Python's connection attaches (see `bulk`).
"""

import errno
import hashlib
import io
import os
import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast

import pyarrow as pa
import pyarrow.csv
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, Engine
from sqlalchemy.exc import DBAPIError, IntegrityError, StatementError

from integration_pipelines.errors import BugError, ConfigError, ConflictError, IntegrationError, TransientError

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql, sqlite

WRITES = "integration_pipelines_writes"
"""Execution option of connections that are going to write."""

TENANTS_SETTING = "integration_pipelines.tenants"
"""Setting of a PostgreSQL transaction that the row policies compare with: tenant ids separated by commas, or `*`."""

_PRAGMAS = ("synchronous = FULL", "foreign_keys = ON", "temp_store = MEMORY", "cache_size = -65536")
_FORGOTTEN_SECONDS = 600
_MODE_SECONDS = 10.0
_FREE_SPACE = "Free space or repair the disk that holds the store; nothing was changed."
_WAIT = "Try again; if it stays so, look which process holds the store."


def is_sqlite(engine: Engine | Connection) -> bool:
    """Whether that is SQLite."""
    return engine.dialect.name == "sqlite"


def database_file(engine: Engine) -> Path:
    """The file of an SQLite store."""
    return Path(str(engine.url.database))


def prepare_sqlite_file(url: URL) -> None:
    """Make the folder and a file that only this user reads (its journal inherits the mode).

    A file that is there is left to SQLite: to close it here would drop all locks that this process holds on it, and whoever closes it
    last would then take away the journal from under the connections that are open.

    Raises:
        ConfigError: no file is named, or it cannot be made there.
    """
    if not url.database or url.database == ":memory:" or url.database.startswith("file:"):
        raise ConfigError(
            "The store needs a plain file.", remedy="Use a database URL such as sqlite:///data/store/integration_pipelines.db."
        )
    path = Path(url.database)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            with suppress(FileExistsError):  # another process was quicker
                os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        if not path.is_file() or not os.access(path, os.R_OK | os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise ConfigError(
            f"The store's file cannot be opened for writing: {error.strerror}.",
            remedy="Choose another place in the database URL, or give this user the right to write there.",
            detail=str(path),
        ) from error


def configure_sqlite(engine: Engine) -> None:
    """Durable WAL, foreign keys, and transactions that say from the start whether they write.

    A transaction that reads first and writes later is refused at once when somebody else wrote meanwhile; one that begins IMMEDIATE
    waits for its turn.
    """

    @event.listens_for(engine, "connect")
    def _on_connect(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # transactions are ours to begin
        _use_wal(connection, database_file(engine))
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _on_begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get(WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _use_wal(connection: sqlite3.Connection, file: Path) -> None:
    """A file keeps its mode, so only its first user changes it: one at a time, since SQLite refuses at once who meets another's change."""
    if connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal":
        return
    from filelock import FileLock  # noqa: PLC0415 - needed once in the life of a store

    with FileLock(f"{file}.lock", timeout=_MODE_SECONDS):
        connection.execute("PRAGMA journal_mode = WAL")


def postgresql_limits(busy_seconds: float) -> dict[str, Any]:
    """Nothing waits for ever: not for a connection, not for a lock, and a transaction that its process forgot ends by itself."""
    settings = {"lock_timeout": busy_seconds, "idle_in_transaction_session_timeout": _FORGOTTEN_SECONDS}
    options = " ".join(f"-c {name}={round(seconds * 1000)}" for name, seconds in settings.items())
    return {"connect_timeout": max(2, round(busy_seconds)), "options": options}


def insert(connection: Engine | Connection, table: sa.Table) -> "sqlite.Insert | postgresql.Insert":
    """An INSERT that can say what happens on a conflict."""
    return cast("sqlite.Insert | postgresql.Insert", _own_words(connection).insert(table))


def _own_words(connection: Engine | Connection) -> ModuleType:
    """What SQLAlchemy knows of that database alone; the other one's drivers are not loaded for it."""
    return import_module(f"sqlalchemy.dialects.{connection.dialect.name}")


def rows_of(connection: Engine | Connection, name: str, width: int) -> tuple[sa.FromClause, list[sa.ColumnElement[str]]]:
    """A parameter of that name, JSON `[[text, …], …]`, as rows to join, and their columns. One statement serves any number of rows.

    A list of row values would do on PostgreSQL; SQLite answers it by reading the whole table.
    """
    given: sa.BindParameter[str] = sa.bindparam(name, type_=sa.Text)
    if is_sqlite(connection):
        rows = sa.func.json_each(given).table_valued("value", name=f"{name}_rows")
        return rows, [sa.func.json_extract(rows.c.value, f"$[{place}]", type_=sa.Text) for place in range(width)]
    rows = sa.func.jsonb_array_elements(sa.cast(given, _own_words(connection).JSONB)).table_valued("value", name=f"{name}_rows")
    return rows, [sa.type_coerce(rows.c.value.op("->>")(place), sa.Text) for place in range(width)]


def begin_for(connection: Connection, tenants: Sequence[str]) -> None:
    """Tell PostgreSQL whose rows this transaction is about; the next one on this connection begins with nobody's."""
    if not is_sqlite(connection):
        connection.execute(sa.select(sa.func.set_config(TENANTS_SETTING, ",".join(tenants), sa.true())))


def serialise(connection: Connection, what: str) -> None:
    """Only one transaction at a time goes on from here; SQLite's writing transactions are alone anyway."""
    if not is_sqlite(connection):
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext(what))))


def fault(error: StatementError) -> IntegrationError:
    """What a database error means for the people who see it; never with a value in it."""
    if isinstance(error.orig, IntegrationError):
        return error.orig
    code = getattr(error.orig, "sqlite_errorname", None) or getattr(error.orig, "pgcode", None) or ""
    detail = f"{type(error.orig).__name__} {code}: {error.statement or ''}"[:500]
    if isinstance(error.orig, sqlite3.Error):
        return _sqlite_fault(error, code, detail)
    return _postgresql_fault(error, code, detail) if isinstance(error, DBAPIError) else _refused(error, detail)


def _sqlite_fault(error: StatementError, code: str, detail: str) -> IntegrationError:
    if code.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return TransientError("The store is locked by another process.", remedy=_WAIT, detail=detail)
    if code.startswith(("SQLITE_FULL", "SQLITE_IOERR")):
        return TransientError("The disk of the store is full or does not answer.", remedy=_FREE_SPACE, detail=detail)
    if code.startswith(("SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_PERM", "SQLITE_AUTH")):
        remedy = "Give this user the right to read and write the store's file and its folder."
        return ConfigError("The store's file cannot be opened for writing.", remedy=remedy, detail=detail)
    if code.startswith(("SQLITE_NOTADB", "SQLITE_CORRUPT")):
        return ConfigError(
            "The store's file is damaged or no database.", remedy="Restore it from the last backup.", detail=detail
        )
    if "no such table" in str(error.orig):
        return _no_schema(detail)
    return _refused(error, detail)


def _postgresql_fault(error: DBAPIError, code: str, detail: str) -> IntegrationError:
    if code.startswith(("40", "55", "57", "08")) or error.connection_invalidated or not code:
        return TransientError("The store's database is busy or does not answer.", remedy=_WAIT, detail=detail)
    if code.startswith("53"):
        return TransientError("The store's database is out of space or connections.", remedy=_FREE_SPACE, detail=detail)
    if code == "42501" and "row-level security" not in str(error.orig):
        remedy = "Set INTEGRATION_PIPELINES_DATABASE_ADMIN_URL to the role that owns the store and start again; it grants what is needed."
        return ConfigError("The store's database role may not do that.", remedy=remedy, detail=detail)
    if code.startswith("28") or code == "3D000":
        return ConfigError("The store's database refuses the connection.", remedy="Correct the database URL.", detail=detail)
    return _no_schema(detail) if code == "42P01" else _refused(error, detail)


def _no_schema(detail: str) -> ConfigError:
    return ConfigError(
        "The store has no tables yet.",
        remedy="Run `integration-pipelines doctor`; it brings the store up to date.",
        detail=detail,
    )


def _refused(error: StatementError, detail: str) -> IntegrationError:
    if isinstance(error, IntegrityError):
        return ConflictError(
            "The store already holds something that rules this out.", remedy="Read again and retry.", detail=detail
        )
    return BugError("The store refused a statement.", remedy="Report it with the log.", detail=detail)


def copy_in(connection: Connection, table: sa.Table, rows: pa.Table) -> None:
    """Many rows into a table of PostgreSQL's, in this transaction; a null is nothing, a blank is `""`."""
    text = io.BytesIO()
    pyarrow.csv.write_csv(rows, text, pyarrow.csv.WriteOptions(include_header=False, quoting_style="all_valid"))
    text.seek(0)
    driver: Any = connection.connection.driver_connection
    name = connection.dialect.identifier_preparer.format_table(table)
    try:
        with driver.cursor() as cursor:
            cursor.copy_expert(f"COPY {name} FROM STDIN WITH (FORMAT csv)", text)
    except driver.Error as error:
        raise DBAPIError.instance(None, None, error, driver.Error, dialect=connection.dialect) from None


def create_view(connection: Connection, name: str, select: str, comment: str) -> None:
    """Make a view, or make it anew; its comment stays with it."""
    quoted = connection.dialect.identifier_preparer.quote_identifier(name)
    connection.exec_driver_sql(f"DROP VIEW IF EXISTS {quoted}")
    text = _view_text(quoted, select, comment)
    connection.exec_driver_sql(text.replace("%", _percent(connection)))
    if not is_sqlite(connection):
        told = _told(comment, text).replace("'", "''").replace("%", _percent(connection))
        connection.exec_driver_sql(f"COMMENT ON VIEW {quoted} IS '{told}'")


def is_same_view(connection: Connection, name: str, select: str, comment: str) -> bool:
    """Whether the view stands there to the letter. PostgreSQL rewrites what it is told, so there the comment tells it by a hash."""
    quoted = connection.dialect.identifier_preparer.quote_identifier(name)
    text = _view_text(quoted, select, comment)
    if is_sqlite(connection):
        return sa.inspect(connection).get_view_definition(name) == text
    query = sa.select(sa.func.obj_description(sa.cast(quoted, _own_words(connection).REGCLASS), "pg_class"))
    return connection.execute(query).scalar() == _told(comment, text)


def _view_text(quoted: str, select: str, comment: str) -> str:
    return f"CREATE VIEW {quoted} AS /* {comment.replace('*/', '* /')} */ {select}"


def _told(comment: str, text: str) -> str:
    return f"{comment} [definition {hashlib.sha256(text.encode()).hexdigest()[:12]}]"


def _percent(connection: Connection) -> str:
    return "%" if connection.dialect.paramstyle in {"qmark", "named"} else "%%"
