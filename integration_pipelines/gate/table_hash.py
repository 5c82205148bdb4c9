"""The hash a verdict is bound to: what a tenant's records say, whatever order, chunks or company they came in."""

import hashlib
import io
from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

_MANY_ROWS = 10_000
"""Of fewer, a second thread takes longer to wake than to count them."""


def table_hashes(observed: pa.Table, columns: tuple[str, ...], tenants: tuple[str, ...]) -> Mapping[str, str]:
    """SHA-256 per tenant over record id, deletion mark and those columns, in the order of record ids.

    When a row was observed is left out: the same content read again has the same hash. A column that was not sent counts as
    all null.
    """
    schema = pa.schema([(name, _type(observed, name)) for name in ("record_id", "deleted", *columns)])
    order = pc.sort_indices(observed, sort_keys=[("tenant_id", "ascending"), ("record_id", "ascending")])
    sizes = (
        observed.group_by("tenant_id", use_threads=observed.num_rows > _MANY_ROWS)
        .aggregate([([], "count_all")])
        .sort_by("tenant_id")
    )
    hashes, start = {}, 0
    for tenant, size in zip(sizes["tenant_id"].to_pylist(), sizes["count_all"].to_numpy().tolist(), strict=True):
        # `take` writes fresh arrays, so that equal content has equal bytes whatever it was cut from.
        hashes[tenant] = _hash(observed.take(order.slice(start, size)).combine_chunks(), schema)
        start += size
    nothing = _hash(schema.empty_table(), schema)
    return {tenant: hashes.get(tenant, nothing) for tenant in tenants}


def _type(observed: pa.Table, name: str) -> "pa.DataType":
    kind = observed.schema.field(name).type if name in observed.column_names else pa.string()
    return pa.string() if pa.types.is_null(kind) else kind


def _hash(rows: pa.Table, schema: pa.Schema) -> str:
    sink = _Sink()
    columns = [rows[f.name].cast(f.type) if f.name in rows.column_names else pa.nulls(rows.num_rows, f.type) for f in schema]
    with pa.ipc.new_stream(pa.PythonFile(sink, mode="w"), schema) as writer:
        writer.write_table(pa.Table.from_arrays(columns, schema=schema))
    return sink.hash.hexdigest()


class _Sink(io.RawIOBase):
    """A file that keeps only the hash of what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.hash = hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        view = memoryview(data)  # type: ignore[arg-type] # Arrow hands over bytes or a buffer
        self.hash.update(view)
        return view.nbytes
