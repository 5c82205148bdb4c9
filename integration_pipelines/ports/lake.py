"""Immutable Parquet files and the manifest that says which of them count.

A file becomes visible only through a manifest row; the row and the watermark move in one transaction. A reader that goes by the
manifest can therefore never see a torn, doubled or orphaned file.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import pyarrow as pa
import pyarrow.compute as pc


class Mode(StrEnum):
    """A full file replaces all that came before it; a delta is laid over."""

    FULL = "full"
    DELTA = "delta"


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A durable Parquet file: `path` is relative to the lake, `sha256` is of its bytes."""

    path: str
    sha256: str
    rows: int
    bytes: int


class Lake(ABC):
    """Where Parquet files live: local disk or any fsspec location."""

    @abstractmethod
    def write(self, *, tenant_id: str, dataset: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> StoredFile:
        """Stream batches into one new file; returns after it is durable (temp, fsync, rename, directory fsync).

        Raises:
            TransientError: the disk is full or the location does not answer; nothing was left behind that counts.
        """

    def last_writer(self, tenant_id: str, integration: str) -> str:
        """The id of the run that last wrote to the tenant's partners, as noted beside its files; empty if none is."""
        del tenant_id, integration
        return ""

    def note_writer(self, tenant_id: str, integration: str, run_id: str) -> None:
        """Note that this run is about to write; returns after it is durable. A lake that keeps no notes has nothing to do.

        Raises:
            TransientError: the disk is full or the location does not answer.
        """
        del tenant_id, integration, run_id

    @abstractmethod
    def read(self, files: Sequence[StoredFile], schema: pa.Schema | None = None) -> pa.Table:
        """All rows of those files in the given order; columns missing in an older file are null.

        Raises:
            BugError: a file is gone or its hash differs from the manifest's.
        """

    def each(self, files: Sequence[StoredFile], schema: pa.Schema) -> list[pa.Table]:
        """The rows of each of several small files; as `read` otherwise."""
        return [self.read([file], schema) for file in files]

    def batches(self, file: StoredFile, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """The rows of one file in their order, some at a time, so that a large file is never held whole; as `read` otherwise."""
        yield from self.read([file], schema).to_batches()

    def find(self, file: StoredFile, schema: pa.Schema, column: str, values: Collection[str]) -> pa.Table:
        """The rows of one file whose `column` (text) holds one of those values, in their order; as `read` otherwise."""
        rows = self.read([file], schema)
        return rows.filter(pc.is_in(rows[column], value_set=pa.array(sorted(values), pa.string())))

    def local(self, file: StoredFile, schema: pa.Schema) -> str | None:
        """Where on this machine a file lies that has just these columns, checked as `read` checks it; None if it does not."""
        del file, schema
        return None

    @abstractmethod
    def remove(self, paths: Sequence[str]) -> None:
        """Delete files that count no more; one that is gone already is no fault.

        Raises:
            BugError: a path that this lake did not make; nothing was deleted.
            TransientError: the location does not answer.
        """

    @abstractmethod
    def sweep(self, known_paths: set[str], older_than: datetime) -> list[str]:
        """Remove files that no manifest row names and that are older than that; returns their paths."""


@dataclass(frozen=True, slots=True)
class Watermark:
    """Where the next incremental read starts: an opaque token of the connector, and when it was taken."""

    token: str
    taken_at: datetime


@dataclass(frozen=True, slots=True)
class NewEntry:
    """A file about to count. `watermark` moves with it."""

    tenant_id: str
    integration: str
    dataset: str
    mode: Mode
    file: StoredFile
    run_id: str
    watermark: Watermark | None = None


@dataclass(frozen=True, slots=True)
class ManifestEntry:
    """A file that counts; a higher sequence wins per record."""

    tenant_id: str
    integration: str
    dataset: str
    mode: Mode
    sequence: int
    file: StoredFile
    run_id: str
    written_at: datetime


class Manifest(ABC):
    """Which files count, and the watermarks."""

    @abstractmethod
    def append(self, entries: Sequence[NewEntry], at: datetime) -> list[ManifestEntry]:
        """Make files visible and move their watermarks, all in one transaction."""

    @abstractmethod
    def replace(self, entries: Sequence[ManifestEntry], by: NewEntry, at: datetime) -> None:
        """Let one file stand for the newest ones of a dataset, in one transaction.

        Raises:
            ConflictError: they are not the newest any more; nothing was changed.
        """

    @abstractmethod
    def current(self, tenant_ids: Sequence[str], integration: str, dataset: str) -> list[ManifestEntry]:
        """Per tenant the newest full file and every later delta, by ascending sequence."""

    def current_of(self, tenant_ids: Sequence[str], integration: str, datasets: Sequence[str]) -> list[ManifestEntry]:
        """The same for several datasets, by dataset in the order given, then as `current`."""
        return [entry for dataset in datasets for entry in self.current(tenant_ids, integration, dataset)]

    @abstractmethod
    def watermark(self, tenant_id: str, integration: str, dataset: str) -> Watermark | None:
        """The newest watermark of that dataset, if it was ever read."""

    @abstractmethod
    def forget(self, tenant_ids: Sequence[str], integration: str, datasets: Sequence[str]) -> list[str]:
        """Let no file of those datasets count any more; returns the paths that are of no use now, in order. One transaction."""

    @abstractmethod
    def paths(self) -> set[str]:
        """Every path that any row names; what a sweep must keep."""
