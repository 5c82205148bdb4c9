"""DuckDB for rehearsals: one database in memory, one thread, since seeds are shared out among processes."""

import duckdb

from integration_pipelines.core.sql import teach


class Duck:
    """As wiring sets it up, but without a place to spill to: rehearsed worlds are small."""

    def __init__(self) -> None:
        self._root = duckdb.connect()
        self._root.execute("SET GLOBAL threads = 1; SET GLOBAL TimeZone = 'UTC'; SET GLOBAL preserve_insertion_order = false")
        self._root.execute("SET GLOBAL python_enable_replacements = false; SET GLOBAL autoinstall_known_extensions = false")
        self._root.execute("SET GLOBAL enable_external_access = false")
        # A rehearsal's tables are small: thinking about a query takes longer than answering it.
        self._root.execute("SET GLOBAL enable_optimizer = false")
        teach(self._root)

    def connect(self, *, few: bool = True) -> duckdb.DuckDBPyConnection:
        """A connection whose temporary tables nobody else sees; close it. All that is rehearsed is few."""
        del few
        return self._root.cursor()
