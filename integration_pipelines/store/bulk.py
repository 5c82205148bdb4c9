"""Many rows at once: Arrow tables into a transaction, and query results out as Arrow tables.

Rows are first put where the transaction can read them as a table (a *stage*), then moved by one set-based statement, so that thousands
of rows and the checks on them are one atomic step. Large sets go through ADBC, small ones through plain inserts. Why ADBC works on
private files beside the store's and never on the store itself is told in `dialect`.
"""

import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.schema import CreateTable

from integration_pipelines.errors import TransientError
from integration_pipelines.store import dialect
from integration_pipelines.store.arrow import from_plain, from_rows, holdable, to_plain
from integration_pipelines.store.columns import column_type
from integration_pipelines.store.engine import reading, translated, writing

SMALL = 500
"""Up to so many rows plain statements are quicker than a file."""
_AT_ONCE = 200_000
STAGE = "staging"
Order = Sequence[tuple[str, Literal["ascending", "descending"]]]
_PREFIX = ".staging-"
_MADE_BY = "made by"


@contextmanager
def staged(
    engine: Engine, tables: Mapping[str, pa.Table], tenants: Iterable[str] | None = None
) -> Iterator[tuple[Connection, dict[str, sa.Table]]]:
    """A writing transaction that can read those Arrow tables as SQL tables; they are gone afterwards.

    It is about those tenants, or else those that the tables' column `tenant_id` names.

    Raises:
        TransientError: there is no room for the stage, or the store is locked.
    """
    stages = {name: _stage_table(engine, name, table.schema) for name, table in tables.items()}
    if not dialect.is_sqlite(engine):
        with writing(engine, _named(tables) if tenants is None else tenants) as connection:
            yield _filled(connection, stages, tables), stages
        return
    large = {name: table for name, table in tables.items() if table.num_rows > SMALL}
    small = {name: table for name, table in tables.items() if name not in large}
    with ExitStack() as stack:
        path = stack.enter_context(_private_file(engine)) if large else None
        for name, table in large.items():
            _ingest(path or Path(), name, table)
        stack.enter_context(translated())
        connection = stack.enter_context(engine.connect())
        stack.enter_context(_attached(connection, path))
        connection.execution_options(**{dialect.WRITES: True})
        stack.enter_context(connection.begin())
        yield _filled(connection, stages, small), stages


def read_table(engine: Engine, query: sa.Select[Any], shape: pa.Schema, tenants: Iterable[str]) -> pa.Table:
    """The result of a query about those tenants as an Arrow table of that shape; the query's columns stand in the shape's order."""
    with reading(engine, tenants) as connection:
        rows = connection.execute(query).fetchmany(SMALL + 1) if dialect.is_sqlite(engine) else connection.execute(query).all()
    if len(rows) <= SMALL or not dialect.is_sqlite(engine):
        return from_rows(rows, shape)
    with _private_file(engine) as path:
        _spool(engine, query, shape, path)
        return from_plain(_fetch(path, len(shape), "SELECT * FROM spool ORDER BY rowid", _spooled(path)), shape)


def read_of_records(engine: Engine, query: sa.Select[Any], shape: pa.Schema, tenants: Iterable[str], order: Order) -> pa.Table:
    """The same of a question about single records, put in order here.

    Asked for an order, SQLite walks an index that has it, over everything of a tenant, and leaves the one by record.
    """
    return read_table(engine, query, shape, tenants).sort_by(list(order))


def read_batches(engine: Engine, query: sa.Select[Any], shape: pa.Schema, tenants: Iterable[str]) -> Iterator[pa.RecordBatch]:
    """The same, some rows at a time, in no order: for results that are too large to hold."""
    with reading(engine, tenants) as connection:
        result = connection.execution_options(stream_results=not dialect.is_sqlite(engine)).execute(query)
        rows = result.fetchmany(SMALL + 1)
        if len(rows) <= SMALL or not dialect.is_sqlite(engine):
            while rows:
                yield from from_rows(rows, shape).to_batches()
                rows = result.fetchmany(_AT_ONCE)
            return
        result.close()
    with _private_file(engine) as path:
        _spool(engine, query, shape, path)
        for first in range(0, _spooled(path), _AT_ONCE):
            part = _fetch(
                path, len(shape), f"SELECT * FROM spool WHERE rowid > {first} AND rowid <= {first + _AT_ONCE}", _AT_ONCE
            )
            yield from from_plain(part, shape).to_batches()


def upsert(
    connection: Connection,
    table: sa.Table,
    source: sa.Select[Any] | Sequence[Mapping[str, Any]],
    *,
    keep: Sequence[str] = (),
) -> None:
    """Insert, or update all but `keep` where the primary key is known.

    A select names its columns as the table does.
    """
    statement = dialect.insert(connection, table)
    if isinstance(source, sa.Select):
        names = [c.name for c in source.selected_columns]
        statement = statement.from_select(names, source.where(sa.true()))  # without WHERE, SQLite reads ON as a join's
    elif source:
        names = list(source[0])
    else:
        return
    key = [c.name for c in table.primary_key]
    new = statement.excluded
    changed = {n: new[n] for n in names if n not in key and n not in keep}
    done = statement.on_conflict_do_update(index_elements=key, set_=changed) if changed else statement.on_conflict_do_nothing()
    connection.execute(done) if isinstance(source, sa.Select) else connection.execute(done, list(source))


def sweep_stages(engine: Engine, older_than: datetime) -> None:
    """Remove private files that a killed process left behind before that."""
    if dialect.is_sqlite(engine):
        for left in dialect.database_file(engine).parent.glob(f"{_PREFIX}*"):
            if left.stat().st_mtime < older_than.timestamp():
                shutil.rmtree(left, ignore_errors=True)


def _named(tables: Mapping[str, pa.Table]) -> set[str]:
    """The tenants of all rows."""
    return {str(tenant) for table in tables.values() for tenant in pc.unique(table["tenant_id"]).to_pylist()}


def _stage_table(engine: Engine, name: str, shape: pa.Schema) -> sa.Table:
    return _stage_of(name, shape, sqlite=dialect.is_sqlite(engine))


@cache
def _stage_of(name: str, shape: pa.Schema, *, sqlite: bool) -> sa.Table:
    """Made once, so that what is compiled for it is compiled once."""
    columns = [sa.Column(f.name, column_type(f.type)) for f in shape]
    if sqlite:
        return sa.Table(name, sa.MetaData(), *columns, schema=STAGE)
    return sa.Table(f"{STAGE}_{name}", sa.MetaData(), *columns, prefixes=["TEMPORARY"], postgresql_on_commit="DROP")


def _make(stage: sa.Table, connection: Connection) -> None:
    if _MADE_BY not in stage.info:
        stage.info[_MADE_BY] = str(CreateTable(stage).compile(dialect=connection.dialect))
    connection.exec_driver_sql(stage.info[_MADE_BY])


def _filled(connection: Connection, stages: Mapping[str, sa.Table], tables: Mapping[str, pa.Table]) -> Connection:
    for name, table in tables.items():
        _make(stages[name], connection)
        if table.num_rows > SMALL and not dialect.is_sqlite(connection):
            dialect.copy_in(connection, stages[name], holdable(table))
        elif table.num_rows:
            connection.execute(stages[name].insert(), table.to_pylist())
    return connection


@contextmanager
def _private_file(engine: Engine) -> Iterator[Path]:
    """A database file of our own beside the store's, readable by this user alone."""
    try:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=dialect.database_file(engine).parent))
    except OSError as error:
        raise _no_room() from error
    try:
        yield folder / "stage.db"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _attached(connection: Connection, path: Path | None) -> Iterator[None]:
    """The private file, or memory, under the name of the stage. Only possible outside of a transaction."""
    driver: Any = connection.connection.driver_connection
    driver.execute(f"ATTACH DATABASE ? AS {STAGE}", (str(path) if path else ":memory:",))
    try:
        driver.execute(f"PRAGMA {STAGE}.journal_mode = OFF")
        driver.execute(f"PRAGMA {STAGE}.synchronous = OFF")
        yield
    finally:
        try:
            driver.execute(f"DETACH DATABASE {STAGE}")
        except Exception:  # noqa: BLE001 - whatever the reason, a connection with a foreign file must not go back to the pool
            connection.invalidate()


def _ingest(path: Path, name: str, table: pa.Table) -> None:
    with _adbc(path) as cursor:
        cursor.adbc_ingest(name, to_plain(table), mode="create")


def _spool(engine: Engine, query: sa.Select[Any], shape: pa.Schema, path: Path) -> None:
    """Put the result of a query into a private file, in its order."""
    spool = _stage_table(engine, "spool", shape)
    with translated(), engine.connect() as connection, _attached(connection, path), connection.begin():
        spool.create(connection)
        connection.execute(spool.insert().from_select(shape.names, query))


def _spooled(path: Path) -> int:
    with _adbc(path) as cursor:
        cursor.execute("SELECT max(rowid) FROM spool")  # which, unlike a count, looks at one row
        return int(cursor.fetchone()[0] or 0)


def _fetch(path: Path, columns: int, query: str, rows: int) -> pa.Table:
    """So many rows at most. One batch, since the driver fixes the types by the first."""
    with _adbc(path) as cursor:
        cursor.adbc_statement.set_options(**{"adbc.sqlite.query.batch_rows": rows + columns})
        cursor.execute(query)
        table: pa.Table = cursor.fetch_arrow_table()
        return table


@contextmanager
def _adbc(path: Path) -> Iterator[Any]:
    import adbc_driver_sqlite.dbapi as adbc  # noqa: PLC0415 - costs a tenth of a second and is needed for large sets only

    try:
        connection = adbc.connect(path.absolute().as_uri(), autocommit=True)
        cursor = connection.cursor()
        try:
            for pragma in ("journal_mode = OFF", "synchronous = OFF", "locking_mode = EXCLUSIVE"):
                cursor.execute(f"PRAGMA {pragma}")
            yield cursor
        finally:
            cursor.close()
            connection.close()
    except adbc.Error as error:
        raise _no_room() from error


def _no_room() -> TransientError:
    return TransientError(
        "Rows cannot be staged beside the store.", remedy="Free space on the disk that holds the store; nothing was changed."
    )
