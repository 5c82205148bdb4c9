"""Dagster's PostgreSQL storage over one pool of connections a process.

Dagster opens a connection for every query of its own, which is half of what a short run takes. Here the run, event and schedule
storages of a process share one small pool, however many instances a process opens one after the other, as a worker does that
opens one for each run.
"""

import os
from collections.abc import Mapping
from functools import cache
from typing import Any, Self

import sqlalchemy as sa
from dagster._core.storage.config import PostgresStorageConfig
from dagster._serdes import ConfigurableClassData
from dagster_postgres import DagsterPostgresStorage
from dagster_postgres.event_log import PostgresEventLogStorage
from dagster_postgres.run_storage import PostgresRunStorage
from dagster_postgres.schedule_storage import PostgresScheduleStorage
from dagster_postgres.utils import pg_url_from_config

KEPT_CONNECTIONS = 2
MOST_CONNECTIONS = 20
_RENEW_SECONDS = 1_800
_STATEMENT_MILLISECONDS = 60_000


@cache
def _pool(url: str, process: int) -> sa.Engine:
    """The engine of this process; one that was made before a fork is never used after it."""
    del process
    return sa.create_engine(
        url,
        isolation_level="AUTOCOMMIT",
        pool_size=KEPT_CONNECTIONS,
        max_overflow=MOST_CONNECTIONS - KEPT_CONNECTIONS,
        pool_recycle=_RENEW_SECONDS,
        pool_pre_ping=True,  # a database that was restarted is noticed before a run is
        connect_args={"options": f"-c statement_timeout={_STATEMENT_MILLISECONDS}"},
    )


@cache
def _has_tables(url: str, process: int) -> bool:
    """Make Dagster's tables where they are missing; asked once a process."""
    del process
    DagsterPostgresStorage(url, should_autocreate_tables=True)
    return True


class _OverPool:
    """A storage that uses an engine made elsewhere in place of its own, which keeps nothing open."""

    _engine: sa.Engine

    def over(self, engine: sa.Engine) -> Self:
        """Use that engine from now on."""
        self._engine = engine
        return self


class _Runs(_OverPool, PostgresRunStorage):
    pass


class _Events(_OverPool, PostgresEventLogStorage):
    pass


class _Schedules(_OverPool, PostgresScheduleStorage):
    pass


class PooledPostgresStorage(DagsterPostgresStorage):
    """For `storage: custom:` in `dagster.yaml`; takes what `storage: postgres:` takes, but for tokens in place of passwords."""

    def __init__(self, postgres_url: str, *, create_tables: bool = True, inst_data: ConfigurableClassData | None = None) -> None:
        process = os.getpid()
        if create_tables:
            _has_tables(postgres_url, process)
        super().__init__(postgres_url, should_autocreate_tables=False, inst_data=inst_data)
        engine = _pool(postgres_url, process)
        self._run_storage = _Runs(postgres_url, should_autocreate_tables=False).over(engine)
        self._event_log_storage = _Events(postgres_url, should_autocreate_tables=False).over(engine)
        self._schedule_storage = _Schedules(postgres_url, should_autocreate_tables=False).over(engine)

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: PostgresStorageConfig | Mapping[str, Any]
    ) -> "PooledPostgresStorage":
        """The parent's always makes the parent's class."""
        create = bool(config_value.get("should_autocreate_tables", True))
        return cls(pg_url_from_config(config_value), create_tables=create, inst_data=inst_data)
