"""A thin hand on the DuckDB connection that the core is given: name Arrow tables, make temporary tables, take Arrow back.

Values never enter SQL text except as quoted literals of a validated contract; data travels as Arrow only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import duckdb

_BATCH_ROWS = 65_536
_MACROS = (
    # Whole-number division rounded half away from zero; HUGEINT in, HUGEINT out.
    "rdiv(n, d) AS sign(n)::HUGEINT * ((abs(n)::HUGEINT + d::HUGEINT // 2) // d::HUGEINT)",
    # The whole number that was multiplied by `d`, if one was: to guess it and multiply again costs a twentieth of a division.
    "multiple(n, d) AS CASE WHEN round(n::DOUBLE / d)::HUGEINT * d = n THEN round(n::DOUBLE / d)::HUGEINT END",
    # Decimal text to its exact value; null for other text and for what twelve places or 26 digits cannot hold without rounding.
    """exact(t) AS CASE
      WHEN regexp_full_match(t, '-?[0-9]{1,26}(\\.[0-9]{1,12})?') THEN TRY_CAST(t AS DECIMAL(38, 12))
      WHEN regexp_full_match(t, '[+-]?([0-9]+\\.?[0-9]*|\\.[0-9]+)([eE][+-]?[0-9]{1,3})?')
        AND length(regexp_extract(t, '\\.([0-9]*?)0*([eE]|$)', 1))
          - coalesce(TRY_CAST(regexp_extract(t, '[eE]([+-]?[0-9]+)$', 1) AS INTEGER), 0) <= 12 THEN TRY_CAST(t AS DECIMAL(38, 12)) END""",
    # Decimal text to whole units of 10^-12, exactly: through the digits, never through a binary float. Whole numbers take the short way.
    """pico(t) AS CASE WHEN TRY_CAST(t AS BIGINT)::VARCHAR = t THEN TRY_CAST(t AS BIGINT) * 1000000000000::HUGEINT
      ELSE replace(exact(t)::VARCHAR, '.', '')::HUGEINT END""",
    # A number with room to be summed and multiplied; null for one without, so that no record can stop the others by overflowing.
    "within(n) AS CASE WHEN abs(TRY(n)) <= (10 ** 30)::HUGEINT THEN TRY(n) END",
)


@dataclass(frozen=True, slots=True)
class Files:
    """Parquet files that the connection reads itself, as often as asked and only the columns that it needs.

    `schema` is that of each file, and `_sequence` at its end: each file's number, which its rows have in that column. `distinct` if it is
    known that no key stands there twice; otherwise that is found out.
    """

    paths: tuple[tuple[str, int], ...]
    schema: pa.Schema
    distinct: bool = False


Rows = pa.Table | pa.RecordBatchReader | Files
"""Arrow rows at hand or to be read once, some at a time; or files."""


def teach(con: duckdb.DuckDBPyConnection) -> None:
    """Let every connection to a database calculate, once for all."""
    for macro in _MACROS:
        con.execute(f"CREATE MACRO {macro}")


class Sql:
    """One connection for the length of one call chain; not thread-safe.

    With `few` its tables have some hundred rows at most: to think about a query takes longer than to answer it, and whoever makes one
    may take the way that is shorter to say, if it leads to the same rows. The connection's database was taught to calculate (`teach`).
    """

    def __init__(self, con: duckdb.DuckDBPyConnection, *, macros: bool = True, few: bool = False) -> None:
        self._con = con
        self.few = few
        self._views: set[str] = set()
        for macro in _MACROS if macros and not few else ():  # who calculates nothing needs none
            con.execute(f"CREATE OR REPLACE TEMP MACRO {macro}")

    def plan_quickly(self) -> None:
        """Let the next best order of joins do: for few rows the search for the best one takes longer than any of them."""
        self._con.execute("SET approximate_join_order_threshold = 1")

    def put(self, name: str, table: Rows) -> None:
        """Make rows readable under that name (no copy); what comes from a reader can be read once."""
        if isinstance(table, Files):
            columns = ", ".join(f'"{column}"' for column in table.schema.names[:-1])
            parts = [
                f"SELECT {columns}, {number}::BIGINT AS _sequence FROM read_parquet({text(path)})" for path, number in table.paths
            ]
            self.view(name, " UNION ALL ".join(parts))
        else:
            self._con.register(name, table)

    def make(self, name: str, query: str) -> None:
        """Materialise a query as a temporary table."""
        self._con.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {query}")

    def make_of(self, name: str, source: str, *, without: str) -> None:
        """Turn a temporary table into another one that lacks a column; no row is moved."""
        self._con.execute(f"DROP TABLE IF EXISTS {name}")
        self._con.execute(f"ALTER TABLE {source} DROP COLUMN {without}")
        self._con.execute(f"ALTER TABLE {source} RENAME TO {name}")

    def narrow(self, table: str, columns: Iterable[str]) -> None:
        """Keep only those columns of a temporary table; a view holds none."""
        if table not in self._views:
            self.make(table, f"SELECT {', '.join(map(name, columns))} FROM {table}")

    def yes(self, query: str) -> bool:
        """The answer to a question of one row and one column."""
        answer: tuple[bool] = self._con.execute(query).fetchone() or (False,)
        return bool(answer[0])

    def view(self, name: str, query: str) -> None:
        """Give a query a name without materialising it: for what is cheap to compute again, and dear to hold twice."""
        self._con.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS {query}")
        self._views.add(name)

    def change(self, statement: str) -> None:
        """Run a statement that changes a temporary table."""
        self._con.execute(statement)

    def arrow(self, query: str, schema: pa.Schema | None = None) -> pa.Table:
        """Run a query; with a schema, columns are picked by name and cast to it."""
        table: pa.Table = self._con.sql(query).to_arrow_table()
        return table.select(schema.names).cast(schema) if schema is not None else table

    def reader(self, query: str, schema: pa.Schema) -> pa.RecordBatchReader:
        """The rows of a query, some at a time, in a schema's columns and types; the connection must do nothing else meanwhile."""
        rows = self._con.sql(query).to_arrow_reader(_BATCH_ROWS)
        return pa.RecordBatchReader.from_batches(schema, (batch.select(schema.names).cast(schema) for batch in rows))

    def drop(self, *names: str) -> None:
        """Forget registered tables and temporary tables."""
        for name in names:
            if name in self._views:
                self._con.execute(f"DROP VIEW {name}")
                self._views.remove(name)
            else:
                self._con.unregister(name)
                self._con.execute(f"DROP TABLE IF EXISTS {name}")


def text(value: str | None) -> str:
    """A literal; None is NULL."""
    return "NULL" if value is None else "'" + value.replace("'", "''") + "'"


def name(identifier: str) -> str:
    """A quoted identifier."""
    return '"' + identifier.replace('"', '""') + '"'


def first_said(row: str, columns: Iterable[str], last: str) -> str:
    """The first of those columns of a row that says something; else the last one, whatever it says."""
    said = [f"nullif({row}.{name(column)}, '')" for column in columns]
    return f"coalesce({', '.join([*said, f'{row}.{name(last)}'])})"


def text_list(values: Iterable[str]) -> str:
    """A parenthesised list of literals, for IN; never empty."""
    return "(" + ", ".join(text(v) for v in values) + ")"


def mapped(expression: str, mapping: Mapping[str, str]) -> str:
    """Replace known values, keep the others."""
    if not mapping:
        return expression
    whens = " ".join(f"WHEN {text(k)} THEN {text(v)}" for k, v in sorted(mapping.items()))
    return f"CASE {expression} {whens} ELSE {expression} END"
