"""Datasets of the lake as the engine reads and writes them: partner objects, their tallies, bases and merged views.

A dataset's current state is its newest full file and every later delta; the highest sequence wins per record.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from integration_pipelines.core.contract import Column, Contract, FieldType, NestedColumn, SourceObject
from integration_pipelines.core.passes import base_schema
from integration_pipelines.core.tables import OBSERVED_PREFIX, TEXT
from integration_pipelines.ports.bundle import Ports
from integration_pipelines.ports.lake import ManifestEntry, Mode, NewEntry

SEQUENCE = pa.field("_sequence", pa.int64())
TALLY_ROWS = pa.schema([("tenant_id", TEXT), ("record_id", TEXT)])
COMPACT_AFTER = 8  # deltas of a base before it is written whole again

_readers = 4


def tally_of(object_name: str) -> str:
    """The dataset with the ids that extracts of an object saw."""
    return f"{object_name}-tally"


def observed_schema(spec: SourceObject) -> pa.Schema:
    """Observations of an object: the common columns and the contract's, all text or lists of rows of text."""
    return pa.schema([*OBSERVED_PREFIX, *((name, _type(column)) for name, column in spec.columns.items())])


def _type(column: Column | NestedColumn) -> pa.DataType:
    if column.type is not FieldType.LIST:
        return TEXT
    return pa.list_(pa.struct([(name, _type(inner)) for name, inner in column.fields.items()]))


def read_current(ports: Ports, tenant_ids: Sequence[str], integration: str, dataset: str, schema: pa.Schema) -> pa.Table:
    """The current row of every record of those tenants, with its `_sequence`; empty if nothing was read yet.

    A record that a read delivered twice (pages shift while they are walked) counts once, the later row wins.
    """
    entries = ports.manifest.current(tenant_ids, integration, dataset)
    wanted = schema.append(SEQUENCE)
    if not entries:
        return wanted.empty_table()
    with ThreadPoolExecutor(_readers) as pool:
        rows = pa.concat_tables(pool.map(lambda entry: _read(ports, entry, schema), entries))
    return _newest(ports, rows, "link_id" if "link_id" in schema.names else "record_id")


def _newest(ports: Ports, rows: pa.Table, key: str) -> pa.Table:
    """Per tenant and key the row with the highest sequence, and of one file the last."""
    place = rows.append_column("_place", pa.array(np.arange(rows.num_rows)))
    con = ports.duck()
    con.register("all_rows", place)
    newest: pa.Table = con.sql(
        f"""SELECT * EXCLUDE (_place) FROM all_rows
        QUALIFY row_number() OVER (PARTITION BY tenant_id, {key} ORDER BY _sequence DESC, _place DESC) = 1 ORDER BY _place"""
    ).to_arrow_table()
    con.close()
    return newest.select(rows.schema.names).cast(rows.schema)


def _read(ports: Ports, entry: ManifestEntry, schema: pa.Schema) -> pa.Table:
    table = ports.lake.read([entry.file], schema)
    return table.append_column(SEQUENCE, pa.repeat(pa.scalar(entry.sequence, pa.int64()), table.num_rows))


def read_base(ports: Ports, tenant_ids: Sequence[str], contract: Contract) -> pa.Table:
    """The newest base row per link, in the shape of the contract's compared fields."""
    schema = base_schema(contract)
    return read_current(ports, tenant_ids, contract.contract, "base", schema).select(schema.names)


def save_base(ports: Ports, contract: Contract, base: pa.Table, moves: pa.Table, run_ids: dict[str, str]) -> None:
    """Append each tenant's moved base rows; after several deltas the whole base is written as one file."""
    entries = []
    touched = [t for t in run_ids if t in set(texts(moves, "tenant_id"))]
    for tenant_id in touched:
        mine = of_tenant(moves, tenant_id)
        known = ports.manifest.current([tenant_id], contract.contract, "base")
        if len(known) < COMPACT_AFTER:
            mode, rows = (Mode.DELTA if known else Mode.FULL), mine
        else:
            mode, rows = Mode.FULL, _overlaid(ports, of_tenant(base, tenant_id), mine)
        entries.append(new_entry(ports, tenant_id, contract.contract, "base", mode, rows, run_ids[tenant_id]))
    if entries:
        ports.manifest.append(entries, ports.clock.now())


def _overlaid(ports: Ports, base: pa.Table, moves: pa.Table) -> pa.Table:
    con = ports.duck()
    con.register("old_rows", base)
    con.register("new_rows", moves)
    whole = con.sql(
        "SELECT * FROM new_rows UNION ALL BY NAME SELECT * FROM old_rows ANTI JOIN new_rows USING (tenant_id, link_id)"
    )
    table: pa.Table = whole.to_arrow_table()
    con.close()
    return table.select(moves.schema.names).cast(moves.schema)


def new_entry(ports: Ports, tenant_id: str, integration: str, dataset: str, mode: Mode, rows: pa.Table, run_id: str) -> NewEntry:
    """Write rows as one durable file, ready to be made visible."""
    file = ports.lake.write(
        tenant_id=tenant_id, dataset=f"{integration}-{dataset}", schema=rows.schema, batches=rows.to_batches()
    )
    return NewEntry(tenant_id, integration, dataset, mode, file, run_id)


def lay_over(ports: Ports, contract: Contract, tenant_id: str, name: str, fetched: pa.Table, run_id: str) -> None:
    """Keep records that were fetched by id as the newest state of an object; they count at once.

    A record that answered under another id was merged away: the id asked for is gone, and the survivor's state is kept under its own.
    """
    schema = observed_schema(contract.objects[name])
    rows = fetched.select(schema.names).cast(schema)
    id_column = next((n for n, c in contract.objects[name].columns.items() if c.source == "id"), None)
    if id_column is not None and rows.num_rows:
        rows = _survivors(rows, id_column)
    entries = [
        new_entry(ports, tenant_id, contract.contract, dataset, Mode.DELTA, table, run_id)
        for dataset, table in ((name, rows), (tally_of(name), rows.select(TALLY_ROWS.names).cast(TALLY_ROWS)))
    ]
    ports.manifest.append(entries, ports.clock.now())


def _survivors(rows: pa.Table, id_column: str) -> pa.Table:
    answered, asked = rows[id_column], rows["record_id"]
    elsewhere = pc.and_(
        pc.invert(rows["deleted"]), pc.and_(pc.not_equal(answered, asked), pc.not_equal(answered, pa.scalar("", TEXT)))
    )
    moved = pc.fill_null(elsewhere, pa.scalar(value=False))
    if not pc.any(moved).as_py():
        return rows
    place = rows.schema.get_field_index("deleted")
    gone = rows.set_column(place, rows.schema.field(place), pc.or_(rows["deleted"], moved))
    survivors = rows.filter(moved)
    key = survivors.schema.get_field_index("record_id")
    return pa.concat_tables([gone, survivors.set_column(key, survivors.schema.field(key), survivors[id_column])])


def of_tenant(table: pa.Table, tenant_id: str) -> pa.Table:
    """The rows of one tenant."""
    return table.filter(pc.field("tenant_id") == tenant_id)


def texts(table: pa.Table, column: str) -> list[str]:
    """A text column without nulls."""
    return [str(value) for value in table[column].to_pylist()]
