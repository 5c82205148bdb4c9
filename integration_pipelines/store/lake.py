"""Parquet files, written once: how they are streamed, named, hashed, checked and read together.

Which of them count is the manifest's business, what is in them is the contract's; moving bytes is `lake_places`.
"""

import errno
import hashlib
import io
import re
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from integration_pipelines.errors import BugError, TransientError
from integration_pipelines.ports.clock import Ids
from integration_pipelines.ports.lake import Lake, StoredFile
from integration_pipelines.store.lake_places import DRAFT, Place, place_at

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_PATH = re.compile(r"[A-Za-z0-9_-]{1,64}/[A-Za-z0-9_-]{1,64}/[A-Za-z0-9_-]{1,80}-[0-9a-f]{12}\.parquet")
_GROUP_ROWS = 16_384
"""Of a row group: for one record no more than that is read; whole files were read as quickly by groups of 16,384 to 131,072 rows."""
_DICTIONARY_BYTES = 65_536
"""Of the values of a row group's column: ids come to more, and as a dictionary they would be there twice; most words and texts stay below."""
_HELD_ROWS = 65_536
_HELD_BYTES = 64 * 2**20
_THREADED_ROWS = 65_536
"""From so many rows on all processors read a file: of the widest ones that was a third to two thirds of the time."""
_READERS = 4
_REMEMBERED = 100_000
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class ParquetLake(Lake):
    """A lake at a path or at any URL that fsspec knows; `ids` name the files, so that they sort by creation."""

    def __init__(self, location: str | Path, ids: Ids) -> None:
        self._place: Place = place_at(location)
        self._ids = ids
        self._checked: set[tuple[str, str]] = set()

    def write(self, *, tenant_id: str, dataset: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> StoredFile:
        """Stream batches into one new file; returns after it is durable.

        Raises:
            TransientError: the disk is full or the location does not answer; nothing was left behind that counts.
            BugError: a name that is no id, or a batch of another schema.
        """
        folder = f"{_checked_name(tenant_id)}/{_checked_name(dataset)}"
        with _faults():
            draft = self._place.draft(folder)
        try:
            digest, rows, size = _stream(draft, schema, batches)
            path = f"{folder}/{self._ids.new('f')}-{digest[:12]}.parquet"
            with _faults(), _somewhere():
                self._place.publish(draft, path)
        finally:
            draft.unlink(missing_ok=True)
        return StoredFile(path=path, sha256=digest, rows=rows, bytes=size)

    def last_writer(self, tenant_id: str, integration: str) -> str:
        """The id of the run that last wrote to the tenant's partners; empty if none is noted."""
        with _faults(), suppress(FileNotFoundError):
            return self._place.load(_note(tenant_id, integration)).to_pybytes().decode()
        return ""

    def note_writer(self, tenant_id: str, integration: str, run_id: str) -> None:
        """Note it beside the tenant's files, where a store that is put back from a backup does not take it along."""
        with _faults():
            draft = self._place.draft(_checked_name(tenant_id))
        try:
            with _faults(), _somewhere():
                draft.write_text(run_id, encoding="utf-8")
                self._place.publish(draft, _note(tenant_id, integration))
        finally:
            draft.unlink(missing_ok=True)

    def read(self, files: Sequence[StoredFile], schema: pa.Schema | None = None) -> pa.Table:
        """All rows of those files in the given order; columns missing in an older file are null.

        Size is checked at every reading, the hash once per process and file, since files never change.

        Raises:
            BugError: a file is gone or is not the one that was written, or its columns do not fit the schema.
            TransientError: the location does not answer.
        """
        tables = self._each(files, schema)
        if schema is not None:
            tables.insert(0, schema.empty_table())
        return (
            pa.concat_tables(tables, promote_options="none" if schema is not None else "permissive") if tables else pa.table({})
        )

    def each(self, files: Sequence[StoredFile], schema: pa.Schema) -> list[pa.Table]:
        """The rows of each of several small files; raises what `read` raises."""
        return self._each(files, schema)

    def batches(self, file: StoredFile, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """The rows of one file in their order, a part of a row group at a time; raises what `read` raises."""
        with self._understood(file):
            stored = pq.ParquetFile(pa.BufferReader(self._load(file)), pre_buffer=False)
            present = set(stored.schema_arrow.names)
            rows = stored.iter_batches(_HELD_ROWS, columns=[name for name in schema.names if name in present])
            for batch in rows:
                yield from _fitted(pa.Table.from_batches([batch]), schema).to_batches()

    def find(self, file: StoredFile, schema: pa.Schema, column: str, values: Collection[str]) -> pa.Table:
        """The rows of one file that hold one of those values: only the row groups that have one are read whole; raises as `read`."""
        ordered = sorted(values)
        wanted = pa.array(ordered, pa.string())
        found = [schema.empty_table()]
        with self._understood(file):
            stored = pq.ParquetFile(pa.BufferReader(self._load(file)), pre_buffer=False)
            present = set(stored.schema_arrow.names)
            names = [name for name in schema.names if name in present]
            for group in _perhaps(stored.metadata, column, ordered):
                mask = pc.is_in(stored.read_row_group(group, columns=[column], use_threads=False)[column], value_set=wanted)
                if pc.any(mask, min_count=0).as_py():
                    rows = stored.read_row_group(group, columns=names, use_threads=False)
                    found.append(_fitted(rows.filter(mask), schema))
        return pa.concat_tables(found)

    def local(self, file: StoredFile, schema: pa.Schema) -> str | None:
        """The path of a file on a local disk, if its columns are those; raises what `read` raises."""
        path = self._place.local(file.path)
        if path is None:
            return None
        buffer = self._load(file)
        with self._understood(file):
            found = pq.ParquetFile(pa.BufferReader(buffer), pre_buffer=False).schema_arrow
        return str(path) if found.equals(schema) else None

    def remove(self, paths: Sequence[str]) -> None:
        """Delete files; one that is gone already is no fault.

        Raises:
            BugError: a path that this lake did not make; nothing was deleted.
            TransientError: the location does not answer.
        """
        if not all(_PATH.fullmatch(path) for path in paths):
            raise BugError("A stored file's path is not one that this lake makes.", remedy="Check who changed the manifest.")
        with _faults():
            for path in paths:
                self._place.remove(path)

    def sweep(self, known_paths: set[str], older_than: datetime) -> list[str]:
        """Remove files that no manifest row names and that are older than that; returns their paths in order.

        Only what this lake wrote is touched: finished files by their name, and drafts that a crash left behind.
        """
        removed = []
        with _faults():
            for path in sorted(self._place.files()):
                ours = _PATH.fullmatch(path) or path.rpartition("/")[2].startswith(DRAFT)
                if not ours or path in known_paths:
                    continue
                modified = self._place.modified(path)
                if modified is not None and modified < older_than:
                    self._place.remove(path)
                    removed.append(path)
        return removed

    def _each(self, files: Sequence[StoredFile], schema: pa.Schema | None) -> list[pa.Table]:
        if len(files) <= _READERS:
            return [self._read(file, schema) for file in files]
        with ThreadPoolExecutor(_READERS) as pool:
            return list(pool.map(lambda file: self._read(file, schema), files))

    def _read(self, file: StoredFile, schema: pa.Schema | None) -> pa.Table:
        buffer = self._load(file)
        with self._understood(file):
            stored = pq.ParquetFile(pa.BufferReader(buffer), pre_buffer=False)
            threaded = file.rows >= _THREADED_ROWS
            if schema is None:
                return stored.read(use_threads=threaded)
            present = set(stored.schema_arrow.names)
            return _fitted(stored.read(columns=[name for name in schema.names if name in present], use_threads=threaded), schema)

    @staticmethod
    @contextmanager
    def _understood(file: StoredFile) -> Iterator[None]:
        """Say of which file it is that Parquet or the schema is not what was expected."""
        try:
            yield
        except pa.ArrowException as fault:
            raise BugError(
                f"The stored file {file.path} cannot be read as what was asked for.",
                remedy="Read the tenant again in full.",
                detail=type(fault).__name__,
            ) from fault

    def _load(self, file: StoredFile) -> pa.Buffer:
        if not _PATH.fullmatch(file.path):
            raise BugError("A stored file's path is not one that this lake makes.", remedy="Check who changed the manifest.")
        try:
            with _faults():
                buffer = self._place.load(file.path)
        except FileNotFoundError:
            raise BugError(f"The stored file {file.path} is gone.", remedy="Read the tenant again in full.") from None
        self._check(file, buffer)
        return buffer

    def _check(self, file: StoredFile, buffer: pa.Buffer) -> None:
        key = (file.path, file.sha256)
        good = buffer.size == file.bytes
        if good and key not in self._checked:
            good = hashlib.sha256(buffer).hexdigest() == file.sha256
        if not good:
            raise BugError(
                f"The stored file {file.path} is not what was written there.",
                remedy="Restore it from a backup, or read the tenant again in full.",
            )
        if len(self._checked) >= _REMEMBERED:
            self._checked.clear()
        self._checked.add(key)


class _Hashing(io.RawIOBase):
    """A file to write to that hashes and counts what passes, so that nothing is read twice."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._file = path.open("wb", buffering=2**20)
        self._hash = hashlib.sha256()
        self.size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        view = memoryview(data)  # type: ignore[arg-type] # Arrow hands over bytes or a buffer
        self._hash.update(view)
        self.size += view.nbytes
        return self._file.write(view)

    def close(self) -> None:
        super().close()
        with _faults():  # what is buffered is written only now
            self._file.close()

    def digest(self) -> str:
        return self._hash.hexdigest()


def _perhaps(told: pq.FileMetaData, column: str, ordered: Sequence[str]) -> Iterator[int]:
    """The row groups between whose least and greatest value of that column one of those may be."""
    leaf = next(n for n in range(told.num_columns) if told.schema.column(n).path == column)
    for group in range(told.num_row_groups):
        known = told.row_group(group).column(leaf).statistics
        if known is not None and known.has_min_max:
            place = bisect_left(ordered, str(known.min))
            if place == len(ordered) or ordered[place] > str(known.max):
                continue
        yield group


def _stream(draft: Path, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> tuple[str, int, int]:
    """Write all batches; gives hash, rows and bytes. What the iterator raises passes unchanged."""
    rows = 0
    with _faults():
        sink = _Hashing(draft)
    with closing(sink), _parquet(sink, schema) as writer:
        for group in _groups(schema, batches):
            rows += group.num_rows
            with _faults():
                writer.write_table(group, row_group_size=_even(group.num_rows))
        with _faults():
            writer.close()
            sink.close()
    return sink.digest(), rows, sink.size


@contextmanager
def _parquet(sink: _Hashing, schema: pa.Schema) -> Iterator[pq.ParquetWriter]:
    """A writer that is shut before its file is, also when something went wrong: the draft is then thrown away."""
    with _faults():
        writer = pq.ParquetWriter(
            pa.PythonFile(sink, mode="w"),
            schema,
            compression="zstd",
            compression_level=1,
            dictionary_pagesize_limit=_DICTIONARY_BYTES,
        )
    try:
        yield writer
    except BaseException:
        with suppress(OSError):  # the first fault is the one to tell
            writer.close()
        writer.is_open = False
        raise


def _groups(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Collect pages until they make some row groups worth having, without holding more than that in memory."""
    held: list[pa.RecordBatch] = []
    rows = size = 0
    for batch in batches:
        if not batch.schema.equals(schema):
            raise BugError("A batch does not have the schema of its file.", remedy="Report it with the dataset's name.")
        held.append(batch)
        rows += batch.num_rows
        size += batch.nbytes
        if rows >= _HELD_ROWS or size >= _HELD_BYTES:
            yield pa.Table.from_batches(held, schema)
            held, rows, size = [], 0, 0
    if rows:
        yield pa.Table.from_batches(held, schema)


def _even(rows: int) -> int:
    """Rows of a group where so many are to be told out evenly, so that none is left over to a group of a few."""
    groups = -(-rows // _GROUP_ROWS) or 1
    return -(-rows // groups) or 1


def _fitted(table: pa.Table, schema: pa.Schema) -> pa.Table:
    if table.schema.equals(schema):
        return table
    present = set(table.column_names)
    columns = [
        table[field.name].cast(field.type) if field.name in present else pa.nulls(table.num_rows, field.type) for field in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def _note(tenant_id: str, integration: str) -> str:
    return f"{_checked_name(tenant_id)}/{_checked_name(integration)}.written"


def _checked_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise BugError("A tenant's or dataset's name is not an id: letters, digits, '_' and '-', at most 64.")
    return name


@contextmanager
def _somewhere() -> Iterator[None]:
    """What is not found while something is put there is the place itself."""
    try:
        yield
    except FileNotFoundError as fault:
        raise OSError(errno.EIO, type(fault).__name__) from None


@contextmanager
def _faults() -> Iterator[None]:
    """Say what an operating system's fault means; a file that is not there is the caller's to judge."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as fault:
        full = fault.errno in _FULL
        raise TransientError(
            "The lake's disk is full." if full else "The lake cannot be read or written just now.",
            remedy="Free or add space, then run again."
            if full
            else "Check that its location exists and answers, then run again.",
            detail=f"{type(fault).__name__} {fault.errno}",
        ) from fault
