"""Arrow tables as the store keeps them, and back; exact in both directions. No I/O."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from integration_pipelines.core.tables import TEXT
from integration_pipelines.errors import BugError
from integration_pipelines.store.columns import REPLACED

_Column = Any  # a chunked array; its stub is generic where the class is not


def to_plain(table: pa.Table) -> pa.Table:
    """Times as the text that SQLite keeps, truth as 0 and 1, and text as `holdable`."""
    return pa.table({f.name: _plain(table[f.name], f.type) for f in table.schema})


def holdable(table: pa.Table) -> pa.Table:
    """The rows as any database can hold them: no NUL in a text (half a letter of UTF-16 cannot be in Arrow's)."""
    return pa.table({f.name: _without_nul(table[f.name], f.type) for f in table.schema}, schema=table.schema)


def _without_nul(column: _Column, kind: pa.DataType) -> _Column:
    if not pa.types.is_string(kind) or not pc.any(pc.match_substring(column, "\x00")).as_py():
        return column
    return pc.replace_substring(column, "\x00", REPLACED)


def _plain(column: _Column, kind: pa.DataType) -> _Column:
    if pa.types.is_boolean(kind):
        return column.cast(pa.int64())
    return _by_value(column, TEXT) if pa.types.is_timestamp(kind) else _without_nul(column, kind)


def from_plain(table: pa.Table, shape: pa.Schema) -> pa.Table:
    """The reverse of `to_plain`; a column without any value may come with any type."""
    return pa.table({f.name: _typed(table[f.name], f.type) for f in shape}, schema=shape)


def _typed(column: _Column, kind: pa.DataType) -> _Column:
    if column.null_count == len(column):
        return pa.chunked_array([pa.array([None] * len(column), kind)])
    return _by_value(column, kind) if pa.types.is_timestamp(kind) else column.cast(kind)


def _by_value(column: _Column, kind: pa.DataType) -> _Column:
    """Cast each distinct value once: a run stamps thousands of rows with the same moment."""
    parts = [part.dictionary.cast(kind).take(part.indices) for part in column.dictionary_encode().chunks]
    return pa.chunked_array(parts) if parts else column.cast(kind)


def from_rows(rows: Sequence[Sequence[Any] | sa.Row[Any]], shape: pa.Schema) -> pa.Table:
    """Rows, in the shape's column order, as a table."""
    columns = list(zip(*rows, strict=True)) or [()] * len(shape)
    return pa.table([pa.array(c, f.type) for c, f in zip(columns, shape, strict=True)], schema=shape)


def with_runs(table: pa.Table, run_ids: Mapping[str, str], column: str = "run_id") -> pa.Table:
    """The table with each row's run, found by its tenant.

    Raises:
        BugError: a row's tenant is in no run.
    """
    tenants = [str(t) for t in table["tenant_id"].to_pylist()]
    strangers = set(tenants) - set(run_ids)
    if strangers:
        raise BugError(f"Rows of {len(strangers)} tenants were to be stored that are not in this run.")
    return table.append_column(column, pa.array([run_ids[t] for t in tenants], TEXT))
