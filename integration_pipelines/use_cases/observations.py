"""Datasets of the lake as the engine reads and writes them: partner objects, their tallies, bases and merged views.

A dataset's current state is its newest full file and every later delta; the highest sequence wins per record.
"""

from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from integration_pipelines.core.contract import Column, Contract, FieldType, NestedColumn, SourceObject
from integration_pipelines.core.intake import latest
from integration_pipelines.core.shapes import base_schema
from integration_pipelines.core.sql import Files, Rows, Sql
from integration_pipelines.core.tables import OBSERVED_PREFIX, TEXT
from integration_pipelines.errors import BugError
from integration_pipelines.ports.bundle import Ports
from integration_pipelines.ports.known import Known
from integration_pipelines.ports.lake import ManifestEntry, Mode, NewEntry, Watermark

SEQUENCE = pa.field("_sequence", pa.int64())
TALLY_ROWS = pa.schema([("tenant_id", TEXT), ("record_id", TEXT)])
COMPACT_AFTER = 8  # deltas of a base before it is written whole again

_READERS = 4
_AHEAD = 8
_FEW_FILES = 32
_MANY_ROWS = 200_000
_FEW_ROWS = 1_000
_SMALL_FILE = 65_536
"""Rows of a file that is read whole."""


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


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset of some tenants as it stood at one moment: its files are known, and read when asked and as often as asked."""

    ports: Known
    entries: tuple[ManifestEntry, ...]
    schema: pa.Schema
    among: Mapping[str, Collection[str]] | None = None  # tenant → the only records wanted; None: all
    key: str = "record_id"  # the column that names a record
    _held: list[pa.Table] = field(default_factory=list, repr=False, compare=False)

    def of(self, tenant_ids: Sequence[str]) -> "Dataset":
        """Of fewer tenants."""
        wanted = frozenset(tenant_ids)
        if all(entry.tenant_id in wanted for entry in self.entries):
            return self
        held = [rows.filter(pc.is_in(rows["tenant_id"], value_set=pa.array(sorted(wanted), TEXT))) for rows in self._held]
        return replace(self, entries=tuple(entry for entry in self.entries if entry.tenant_id in wanted), _held=held)

    def rows(self) -> pa.RecordBatchReader:
        """Every row of every file, with the `_sequence` of its file; some at a time."""
        return pa.RecordBatchReader.from_batches(self.schema.append(SEQUENCE), self._batches())

    def source(self) -> Rows:
        """The same for an engine that reads files itself, if they lie on this machine and are few and large; else as `rows`."""
        few = self.among is not None or sum(entry.file.rows for entry in self.entries) < _MANY_ROWS
        if few or len(self.entries) > _FEW_FILES:
            return self.rows()
        paths = [(self.ports.lake.local(entry.file, self.schema), entry.sequence) for entry in self.entries]
        found = tuple((path, sequence) for path, sequence in paths if path is not None)
        if len(found) < len(paths):
            return self.rows()
        alone = len({entry.tenant_id for entry in self.entries}) == len(found)
        ours = self.key != "record_id"  # partners may tell a record twice in one read
        return Files(found, self.schema.append(SEQUENCE), distinct=ours and alone)

    def newest(self) -> pa.Table:
        """The row of each record that counts, by the same rule as the engine's own (`core.intake.latest`), held whole.

        Of some records, or of not too many rows, it is found once, however often it is asked for.
        """
        if self._held:
            return self._held[0]
        found = self._newest(self.source() if self.among is None else self.rows().read_all())
        if self.among is not None or sum(entry.file.rows for entry in self.entries) <= _SMALL_FILE:
            self._held.append(found)
        return found

    @property
    def known(self) -> bool:
        """Whether the newest rows were found already and are at hand."""
        return bool(self._held)

    def _newest(self, source: Rows) -> pa.Table:
        if isinstance(source, pa.Table):
            few = newest_rows(source, self.key, SEQUENCE.name)
            if few.num_rows == len(set(_named(few, self.key))):
                return few.select(self.schema.names).sort_by([("tenant_id", "ascending"), (self.key, "ascending")])
            # A record was told twice in one read: the engine's rule says which.
        con = self.ports.duck()
        try:
            latest(Sql(con, macros=False), "newest_rows", source, self.key)
            rows: pa.Table = con.sql(f"SELECT * FROM newest_rows ORDER BY tenant_id, {self.key}").to_arrow_table()
        finally:
            con.close()
        return rows.select(self.schema.names).cast(self.schema)

    def _batches(self) -> Iterator[pa.RecordBatch]:
        """All rows with the sequence of their file, in order; a few parts are being read at a time, so that no more are held than needed."""
        parts = _parts(entry for entry in self.entries if self.among is None or self.among.get(entry.tenant_id))
        if self.ports.at_once == 1 or sum(entry.file.rows for part in parts[:-1] for entry in part) <= _FEW_ROWS:
            for part in parts:  # not worth a thread
                yield from self._read(part)
            return
        under_way: deque[Future[Iterable[pa.RecordBatch]]] = deque()
        with ThreadPoolExecutor(_READERS) as pool:
            for part in parts:
                under_way.append(pool.submit(self._read, part))
                if len(under_way) == _AHEAD:
                    yield from under_way.popleft().result()
            for last in under_way:
                yield from last.result()

    def _read(self, part: Sequence[ManifestEntry]) -> Iterable[pa.RecordBatch]:
        """Files that are read together at once, a large one as it is asked for."""
        if len(part) > 1 or part[0].file.rows <= _FEW_ROWS:
            tables = self.ports.lake.each([entry.file for entry in part], self.schema)
            numbers = pa.concat_arrays([_number(entry, table.num_rows) for entry, table in zip(part, tables, strict=True)])
            whole = pa.concat_tables(tables).combine_chunks().append_column(SEQUENCE, numbers)
            return (whole if self.among is None else _of_those(whole, self.among, self.key)).to_batches()
        (entry,) = part
        if self.among is None:
            batches = self.ports.lake.batches(entry.file, self.schema)
        else:
            wanted = self.among[entry.tenant_id]
            batches = iter(self.ports.lake.find(entry.file, self.schema, self.key, wanted).to_batches())
        numbered = (b.append_column(SEQUENCE, _number(entry, b.num_rows)) for b in batches)
        return list(numbered) if entry.file.rows <= _SMALL_FILE else numbered


def _number(entry: ManifestEntry, rows: int) -> "pa.Array[Any]":
    """The sequence of a file, once for each of its rows."""
    return pa.repeat(pa.scalar(entry.sequence, SEQUENCE.type), rows)


def _parts(entries: Iterable[ManifestEntry]) -> list[list[ManifestEntry]]:
    """Files in their order, small ones that follow each other as one part: every file and every batch costs its reader the same."""
    parts: list[list[ManifestEntry]] = []
    room = 0
    for entry in (e for e in entries if e.file.rows):
        small = entry.file.rows <= _FEW_ROWS
        if small and entry.file.rows <= room:
            parts[-1].append(entry)
            room -= entry.file.rows
        else:
            parts.append([entry])
            room = _SMALL_FILE - entry.file.rows if small else 0
    return parts


def _of_those(rows: pa.Table, among: Mapping[str, Collection[str]], key: str) -> pa.Table:
    """Of few rows those of some records (tenant → ids)."""
    wanted = {tenant: frozenset(ids) for tenant, ids in among.items()}
    named = zip(texts(rows, "tenant_id"), texts(rows, key), strict=True)
    return rows.filter(pa.array([one in wanted.get(tenant, ()) for tenant, one in named], pa.bool_()))


def dataset(
    ports: Known,
    tenant_ids: Sequence[str],
    integration: str,
    name: str,
    schema: pa.Schema,
    *,
    among: Mapping[str, Collection[str]] | None = None,
    key: str = "record_id",
) -> Dataset:
    """What the manifest says that a dataset of those tenants is now, or of it some records; empty if nothing was read yet."""
    return Dataset(ports, tuple(ports.manifest.current(tenant_ids, integration, name)), schema, among, key)


def read_since(ports: Ports, tenant_id: str, contract: Contract, name: str) -> Watermark | None:
    """Until when an object was read; None if it never was, or came empty though there must be something: that was no beginning."""
    since = ports.manifest.watermark(tenant_id, contract.contract, name)
    if since is None or contract.objects[name].allow_empty:
        return since
    known = ports.manifest.current([tenant_id], contract.contract, name)
    return since if any(entry.file.rows for entry in known) else None


def base_of(
    ports: Ports, tenant_ids: Sequence[str], contract: Contract, among: Mapping[str, Collection[str]] | None = None
) -> Dataset:
    """The base in the shape of the contract's compared fields, or of it some links."""
    return dataset(ports, tenant_ids, contract.contract, "base", base_schema(contract), among=among, key="link_id")


def save_base(ports: Ports, contract: Contract, moves: pa.Table, run_ids: Mapping[str, str]) -> None:
    """Append each tenant's moved base rows (ordered by tenant); after several deltas the whole base is written as one file."""
    entries = []
    for tenant_id, mine in by_tenant(moves).items():
        if tenant_id not in run_ids:
            continue
        known = ports.manifest.current([tenant_id], contract.contract, "base")
        if len(known) < COMPACT_AFTER:
            mode, rows = (Mode.DELTA if known else Mode.FULL), mine.to_reader()
        else:
            mode, rows = Mode.FULL, _overlaid(ports, base_of(ports, [tenant_id], contract), mine)
        entries.append(new_entry(ports, tenant_id, contract.contract, "base", mode, rows, run_ids[tenant_id]))
    if entries:
        ports.manifest.append(entries, ports.clock.now())


def _overlaid(ports: Ports, base: Dataset, moves: pa.Table) -> pa.RecordBatchReader:
    return pa.RecordBatchReader.from_batches(moves.schema, _overlaid_batches(ports, base, moves))


def _overlaid_batches(ports: Ports, base: Dataset, moves: pa.Table) -> Iterator[pa.RecordBatch]:
    con = ports.duck()
    try:
        sql = Sql(con, macros=False)
        latest(sql, "old_rows", base.source(), "link_id")
        sql.put("new_rows", moves)
        whole = "SELECT * FROM new_rows UNION ALL BY NAME SELECT * FROM old_rows ANTI JOIN new_rows USING (tenant_id, link_id)"
        yield from sql.reader(whole, moves.schema)
    finally:
        con.close()


def new_entry(
    ports: Ports, tenant_id: str, integration: str, dataset: str, mode: Mode, rows: pa.RecordBatchReader, run_id: str
) -> NewEntry:
    """Write rows as one durable file, ready to be made visible."""
    file = ports.lake.write(tenant_id=tenant_id, dataset=f"{integration}-{dataset}", schema=rows.schema, batches=rows)
    return NewEntry(tenant_id, integration, dataset, mode, file, run_id)


def lay_over(ports: Ports, contract: Contract, tenant_id: str, name: str, fetched: pa.Table, run_id: str) -> None:
    """Keep records that were fetched by id as the newest state of an object; they count at once."""
    lay_over_all(ports, contract, tenant_id, {name: fetched}, run_id)


def laid_over(ports: Ports, contract: Contract, tenant_id: str, name: str, fetched: pa.Table, run_id: str) -> list[NewEntry]:
    """The same, ready to be made visible together with something else."""
    return [
        new_entry(ports, tenant_id, contract.contract, dataset, Mode.DELTA, table.to_reader(), run_id)
        for dataset, table in _kept(contract, name, fetched).items()
    ]


def lay_over_all(
    ports: Ports, contract: Contract, tenant_id: str, fetched: Mapping[str, pa.Table], run_id: str
) -> dict[str, pa.Table]:
    """The same for several objects, all in one transaction; returns the rows that were kept.

    A record that answered under another id was merged away: the id asked for is gone, and the survivor's state is kept under its own.
    """
    kept = {
        dataset: table
        for name, rows in fetched.items()
        if rows.num_rows
        for dataset, table in _kept(contract, name, rows).items()
    }
    entries = [
        new_entry(ports, tenant_id, contract.contract, dataset, Mode.DELTA, table.to_reader(), run_id)
        for dataset, table in kept.items()
    ]
    ports.manifest.append(entries, ports.clock.now())
    return {name: kept[name] for name in fetched if name in kept}


def _kept(contract: Contract, name: str, fetched: pa.Table) -> dict[str, pa.Table]:
    """An object's rows and its tally, by dataset."""
    schema = observed_schema(contract.objects[name])
    rows = shaped(fetched, schema)
    id_column = next((n for n, c in contract.objects[name].columns.items() if c.source == "id"), None)
    if id_column is not None and rows.num_rows:
        rows = _survivors(rows, id_column, contract.objects[name].aliases)
    return {name: rows, tally_of(name): shaped(rows, TALLY_ROWS)}


def shaped(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """The columns of a schema in its types; what has just that shape already stays as it is."""
    if table.schema.equals(schema):
        return table
    chosen = table.select(schema.names)
    return chosen if chosen.schema.equals(schema) else chosen.cast(schema)


def _survivors(rows: pa.Table, id_column: str, aliases: str | None) -> pa.Table:
    """Rows by the id asked for, and beside those that answered under another id the survivor's row, which claims them."""
    columns = (rows[name].to_pylist() for name in ("record_id", "deleted", id_column))
    elsewhere = [bool(answered) and not deleted and answered != asked for asked, deleted, answered in zip(*columns, strict=True)]
    if not any(elsewhere):
        return rows
    moved = pa.array(elsewhere, pa.bool_())
    place = rows.schema.get_field_index("deleted")
    gone = rows.set_column(place, rows.schema.field(place), pc.or_(rows["deleted"], moved))
    survivors = rows.filter(moved)
    found: dict[str, dict[str, Any]] = {}
    for row in survivors.to_pylist():  # as many as there are merges in one answer
        one = found.setdefault(row[id_column], row | {"record_id": row[id_column]})
        if aliases is not None:
            one[aliases] = ";".join(part for part in (one[aliases], row["record_id"]) if part)
    return pa.concat_tables([gone, pa.Table.from_pylist(list(found.values()), rows.schema)])


def by_tenant(table: pa.Table) -> dict[str, pa.Table]:
    """A table that is ordered by tenant, cut into its tenants' rows; nothing is copied."""
    runs = pc.call_function(
        "run_end_encode", [table["tenant_id"].combine_chunks()]
    )  # grouping would not keep the order of many tenants
    parts, start = {}, 0
    for tenant_id, end in zip(runs.values.to_pylist(), runs.run_ends.to_pylist(), strict=True):
        if tenant_id in parts:
            raise BugError("The rows of a batch are not ordered by tenant.", detail=str(tenant_id))
        parts[str(tenant_id)] = table.slice(start, end - start)
        start = end
    return parts


def by_tenant_batches(batches: Iterable[pa.RecordBatch]) -> Iterator[tuple[str, Iterator[pa.RecordBatch]]]:
    """The same for batches that come one after the other; each tenant's must be taken before the next tenant is asked for."""
    pieces = (
        (tenant_id, piece.to_batches())
        for batch in batches
        if batch.num_rows
        for tenant_id, piece in by_tenant(pa.Table.from_batches([batch])).items()
    )
    for tenant_id, mine in groupby(pieces, key=lambda piece: piece[0]):
        yield tenant_id, (batch for _, parts in mine for batch in parts)


def newest_rows(rows: pa.Table, key: str, sequence: str) -> pa.Table:
    """Of every tenant's `key` the rows with its highest `sequence`, in their order; made for few rows, of any shape."""
    numbers = [int(number) for number in rows[sequence].to_pylist() if number is not None]
    named = list(zip(_named(rows, key), numbers, strict=True))
    top: dict[tuple[str, str], int] = {}
    for record, number in named:
        top[record] = max(number, top.get(record, number))
    return rows.take(pa.array([place for place, (record, number) in enumerate(named) if number == top[record]], pa.int64()))


def _named(rows: pa.Table, key: str) -> Iterator[tuple[str, str]]:
    return zip(texts(rows, "tenant_id"), texts(rows, key), strict=True)


def of_tenant(table: pa.Table, tenant_id: str) -> pa.Table:
    """The rows of one tenant."""
    return table.filter(pc.equal(table["tenant_id"], pa.scalar(tenant_id, TEXT)))


def texts(table: pa.Table, column: str) -> list[str]:
    """A text column without nulls."""
    return [str(value) for value in table[column].to_pylist()]
