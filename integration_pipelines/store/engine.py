"""Opening the store and its transactions. Which database does what is `dialect`."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from integration_pipelines.errors import BugError, ConfigError, TransientError
from integration_pipelines.store import dialect

BUSY_SECONDS = 15.0
EVERYONE: Final = ("*",)
"""For work of the system itself, which is about no tenant in particular."""


def make_engine(url: str, *, busy_seconds: float = BUSY_SECONDS) -> Engine:
    """Open a store; nothing is read yet.

    Args:
        url: `sqlite:///path` or `postgresql+psycopg2://…`.
        busy_seconds: how long a transaction waits for another one, and for a free connection.

    Raises:
        ConfigError: the URL or its place is of no use.
    """
    try:
        parsed = sa.make_url(url)
        kind = parsed.get_backend_name()
        if kind not in {"sqlite", "postgresql"}:
            raise ConfigError("The store cannot use that database.", remedy="Use an sqlite:/// or postgresql:// database URL.")
        if kind == "sqlite":
            dialect.prepare_sqlite_file(parsed)
            engine = sa.create_engine(
                parsed, hide_parameters=True, pool_timeout=busy_seconds, connect_args={"timeout": busy_seconds}
            )
            dialect.configure_sqlite(engine)
            return engine
        return sa.create_engine(
            parsed,
            hide_parameters=True,
            pool_pre_ping=True,
            pool_timeout=busy_seconds,
            connect_args=dialect.postgresql_limits(busy_seconds),
        )
    except (ArgumentError, NoSuchModuleError, ImportError) as error:
        raise ConfigError(
            "The database URL is not readable or its driver is not installed.",
            remedy="Use a URL such as sqlite:///data/store/integration_pipelines.db.",
        ) from error


@contextmanager
def translated() -> Iterator[None]:
    """Turn the database's errors into ours; the original stays out of the chain, since drivers quote values in theirs."""
    try:
        yield
    except StatementError as error:
        raise dialect.fault(error) from None
    except PoolTimeoutError:
        raise TransientError("Too many things use the store at once.", remedy="Try again with fewer tenants at once.") from None


def scope(tenant_ids: Iterable[str] | None) -> Iterable[str]:
    """Those tenants; None means all."""
    return EVERYONE if tenant_ids is None else tenant_ids


@contextmanager
def reading(engine: Engine, tenants: Iterable[str] = ()) -> Iterator[Connection]:
    """A transaction that reads one consistent state, of those tenants only. With none it sees no tenant's rows on PostgreSQL."""
    with translated(), engine.connect() as connection, connection.begin():
        admit(connection, tenants)
        yield connection


@contextmanager
def writing(engine: Engine, tenants: Iterable[str] = ()) -> Iterator[Connection]:
    """A transaction that writes rows of those tenants; all of it counts when the block ends, none of it when the block raises."""
    with translated(), engine.connect() as connection:
        connection.execution_options(**{dialect.WRITES: True})
        with connection.begin():
            admit(connection, tenants)
            yield connection


def admit(connection: Connection, tenants: Iterable[str]) -> None:
    """Let the transaction that began see those tenants, whatever its statements ask for; PostgreSQL's policies hold it to that.

    Raises:
        BugError: that is no tenant's id.
    """
    named = list(tenants)
    if named != list(EVERYONE) and any("," in t or t == EVERYONE[0] for t in named):
        raise BugError("A transaction was opened for something that is no tenant's id.")
    dialect.begin_for(connection, named)
