"""DuckDB as the core is given it: limited, and shut off from what it has no business with; loaded when it is first asked for.

A twentieth of a second goes by until it is there, which a question that is answered from what is stored need not wait for.
"""

from __future__ import annotations

import os
from functools import cache, lru_cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from integration_pipelines.core.sql import teach

if TYPE_CHECKING:
    import duckdb

    from integration_pipelines.ports.bundle import Ducks
    from integration_pipelines.settings import Settings


def duck_factory(settings: Settings) -> Ducks:
    """DuckDB for the core: limited, in UTC, shut off from network and Python's variables, and from all files but a local lake's.

    One database in memory for tables of any size, made when it is first asked for, and one for few rows that a process keeps; each
    call gives a connection of its own, whose temporary tables nobody else sees. Close it.
    """

    @cache
    def large() -> duckdb.DuckDBPyConnection:
        root = _database(settings.duckdb_limit, settings.duckdb_threads, settings.data / "tmp")
        if "://" not in settings.lake:
            root.execute(f"SET GLOBAL allowed_directories = ['{Path(settings.lake).absolute()}/']")
        root.execute("SET GLOBAL enable_external_access = false")
        return root

    def connect(*, few: bool = False) -> duckdb.DuckDBPyConnection:
        return (_small_database(settings.duckdb_limit, settings.data / "tmp", os.getpid()) if few else large()).cursor()

    return connect


@lru_cache(maxsize=2)
def _small_database(limit: str, spill: Path, process: int) -> duckdb.DuckDBPyConnection:
    """For some hundred rows: a second thread takes longer to wake than they take, and a plan longer to improve than to carry out.

    One that was made before a fork is never used after it.
    """
    del process
    root = _database(limit, 1, spill)
    root.execute("SET GLOBAL enable_external_access = false; SET GLOBAL enable_optimizer = false")
    teach(root)
    return root


def _database(limit: str, threads: int, spill: Path) -> duckdb.DuckDBPyConnection:
    spill.mkdir(parents=True, exist_ok=True)
    root: duckdb.DuckDBPyConnection = import_module("duckdb").connect()
    root.execute(f"SET GLOBAL memory_limit = '{limit}'; SET GLOBAL threads = {threads}")
    root.execute(
        f"SET GLOBAL temp_directory = '{spill}'; SET GLOBAL TimeZone = 'UTC'; SET GLOBAL preserve_insertion_order = false"
    )
    root.execute("SET GLOBAL python_enable_replacements = false; SET GLOBAL autoinstall_known_extensions = false")
    return root
