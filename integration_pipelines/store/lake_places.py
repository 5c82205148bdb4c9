"""The two kinds of place a lake can be: local disk, and any other location that fsspec speaks.

A place moves whole files about and knows nothing of Parquet, hashes or tenants; that is `lake`. Faults leave here as OSError.
"""

import errno
import os
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

DRAFT = ".draft-"
"""Beginning of the name of a file under way; a reader never sees one, a sweep removes those a crash left behind."""


class Place(ABC):
    """Paths are relative, with slashes. A file appears whole or not at all."""

    @abstractmethod
    def draft(self, folder: str) -> Path:
        """A fresh local file to write to, meant for that folder."""

    @abstractmethod
    def publish(self, draft: Path, path: str) -> None:
        """Make a finished draft visible under that path; returns when it would survive a crash."""

    @abstractmethod
    def load(self, path: str) -> pa.Buffer:
        """All bytes. Raises FileNotFoundError."""

    def local(self, path: str) -> Path | None:
        """Where it lies on this machine's disk; None if it lies elsewhere."""
        del path
        return None

    @abstractmethod
    def files(self) -> Iterator[str]:
        """Every file's path."""

    @abstractmethod
    def modified(self, path: str) -> datetime | None:
        """When it was last written; None if it is gone by now."""

    @abstractmethod
    def remove(self, path: str) -> None:
        """Delete; nothing happens if it is gone."""


class LocalPlace(Place):
    """A folder on this machine: temporary name, fsync, rename, fsync of the folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def draft(self, folder: str) -> Path:
        """A file in the folder itself, since renaming is atomic only within one file system."""
        home = self._root / folder
        missing = [p for p in (home, *home.parents) if not p.exists()]
        home.mkdir(parents=True, exist_ok=True)
        for made in missing:
            _sync(made.parent)
        handle, name = tempfile.mkstemp(prefix=DRAFT, dir=home)
        os.close(handle)
        return Path(name)

    def publish(self, draft: Path, path: str) -> None:
        """Make it durable, then visible, then its visibility durable."""
        _sync(draft)
        draft.rename(self._root / path)
        _sync((self._root / path).parent)

    def local(self, path: str) -> Path | None:
        """Below the root."""
        return self._root / path

    def load(self, path: str) -> pa.Buffer:
        """The file's bytes, mapped rather than copied."""
        source = self._root / path
        if source.stat().st_size == 0:  # which cannot be mapped
            return pa.py_buffer(b"")
        with pa.memory_map(str(source)) as file:
            return file.read_buffer()

    def files(self) -> Iterator[str]:
        """Every file below the root."""
        for folder, _, names in os.walk(self._root):
            for name in names:
                yield (Path(folder) / name).relative_to(self._root).as_posix()

    def modified(self, path: str) -> datetime | None:
        """By the file system's clock."""
        try:
            return datetime.fromtimestamp((self._root / path).stat().st_mtime, UTC)
        except FileNotFoundError:
            return None

    def remove(self, path: str) -> None:
        """Delete it."""
        (self._root / path).unlink(missing_ok=True)


class RemotePlace(Place):
    """An object store or another fsspec file system: drafted on this machine, then put there in one go."""

    def __init__(self, filesystem: Any, root: str) -> None:  # noqa: ANN401 - fsspec ships no types
        self._fs = filesystem
        self._root = root.rstrip("/")
        spoken = filesystem.protocol
        self._has_folders = not _WITHOUT_FOLDERS.intersection((spoken,) if isinstance(spoken, str) else spoken)

    def draft(self, folder: str) -> Path:
        """A temporary file of this machine."""
        del folder  # the place has no folders that could be prepared
        handle, name = tempfile.mkstemp(prefix=DRAFT)
        os.close(handle)
        return Path(name)

    def publish(self, draft: Path, path: str) -> None:
        """Upload; object stores show an object only when it is complete."""
        target = self._at(path)
        with _answering():
            if self._has_folders:  # to make one where there are none would make a bucket of a misspelt name
                self._fs.makedirs(target.rpartition("/")[0], exist_ok=True)
            self._fs.put_file(str(draft), target)
        draft.unlink()

    def load(self, path: str) -> pa.Buffer:
        """Download."""
        with _answering():
            return pa.py_buffer(self._fs.cat_file(self._at(path)))

    def files(self) -> Iterator[str]:
        """Every object below the root."""
        with _answering():
            found = self._fs.find(self._root)
        for name in found:
            yield str(name).removeprefix(self._root).lstrip("/")

    def modified(self, path: str) -> datetime | None:
        """By the store's clock."""
        try:
            with _answering():
                at: datetime = self._fs.modified(self._at(path))
        except FileNotFoundError:
            return None
        return at if at.tzinfo else at.replace(tzinfo=UTC)

    def remove(self, path: str) -> None:
        """Delete it."""
        with _answering():
            if self._fs.exists(self._at(path)):
                self._fs.rm_file(self._at(path))

    def _at(self, path: str) -> str:
        return f"{self._root}/{path}"


_WITHOUT_FOLDERS = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss"})


@contextmanager
def _answering() -> Iterator[None]:
    """Each object store's library has faults of its own kind; here they all become what a disk's are."""
    try:
        yield
    except OSError:
        raise
    except Exception as fault:  # noqa: BLE001 - nobody can name the faults of every library that fsspec may use
        raise OSError(errno.EIO, type(fault).__name__) from None


def place_at(location: str | Path) -> Place:
    """The place a setting names: a path, or a URL of any scheme that fsspec knows."""
    if isinstance(location, Path) or "://" not in location or location.startswith("file://"):
        return LocalPlace(Path(str(location).removeprefix("file://")).absolute())
    from upath import UPath  # noqa: PLC0415 - only lakes elsewhere pay for it

    there = UPath(location)
    return RemotePlace(there.fs, there.path)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
