"""The landing zone on a local disk: a directory a tenant, a directory a day in it, files that are whole or not there.

Every step below the root is taken from an open directory and follows no link, and every name is made here, so that nothing that a partner, a
tenant or another user of this machine says or plants leads out of the zone. A file's name carries the hash of its content.

A file: written under a temporary name, made durable, renamed, and its directories made durable. All files of one call wait for the disk
together, since a disk makes many things durable in about the time of one.
"""

import errno
import hashlib
import os
import re
import stat
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from integration_pipelines.errors import BugError, IntegrationError, InvalidError, NotDurableError, TransientError
from integration_pipelines.ports.clock import Ids
from integration_pipelines.ports.landing import LandingZone

_TENANT = re.compile(r"[A-Za-z0-9_-]{1,64}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_FILE = re.compile(r"land_[0-9a-z]{26}-([0-9a-f]{32})\.jsonl")
_DRAFT = ".draft-"
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # a pipe somebody put there does not hold us up
_AT_ONCE = 16
"""Calls that wait for the disk at the same time."""
_WAITED_FOR = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EROFS})
_REMEDY = "Free space on the disk of the landing zone, or give this user the right to write there; partners deliver again."


@dataclass(frozen=True, slots=True)
class _Draft:
    """A file under way."""

    tenant_id: str
    name: str
    folder: int
    handle: int


@dataclass(frozen=True, slots=True)
class _Batch:
    """The files of one call, and the open directories whose entries are to be made durable with them."""

    stack: ExitStack
    root: int
    drafts: list[_Draft] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)

    def folder(self, tenant_id: str, day: str, *, durable: bool) -> int:
        """The open directory of that day; made, and to be made durable, unless it is known to be."""
        if durable:
            with ExitStack() as inner:
                return _step(self.stack, _step(inner, self.root, tenant_id), day)
        _make(self.root, tenant_id)
        home = _step(self.stack, self.root, tenant_id)
        _make(home, day)
        self.parents.extend((self.root, home))
        return _step(self.stack, home, day)


class DirectoryLandingZone(LandingZone):
    """Below one directory of this machine, readable by this user alone."""

    def __init__(self, root: Path, ids: Ids) -> None:
        self._root = root.resolve()
        self._ids = ids
        self._durable: set[tuple[str, str]] = set()
        """Directories (tenant, day) that this process made durable, parents and all."""
        self._disk = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="landing")

    def land(self, lines: Mapping[str, Sequence[bytes]], at: datetime) -> dict[str, str]:
        """All files first, then all names, then all directories; each waits for the disk before the next begins."""
        if not lines:
            return {}
        day = at.date().isoformat()
        with _told(), ExitStack() as stack:
            batch = _Batch(stack, self._open_root(stack))
            try:
                for tenant_id, of_tenant in lines.items():
                    self._write(batch, tenant_id, day, of_tenant)
                self._sync(draft.handle for draft in batch.drafts)
                for draft in batch.drafts:
                    os.rename(_DRAFT + draft.name, draft.name, src_dir_fd=draft.folder, dst_dir_fd=draft.folder)
                self._sync([*(draft.folder for draft in batch.drafts), *set(batch.parents)])
            except BaseException:
                _take_back(batch.drafts)
                raise
        self._durable = {known for known in self._durable if known[1] == day} | {(tenant_id, day) for tenant_id in lines}
        return {draft.tenant_id: f"{draft.tenant_id}/{day}/{draft.name}" for draft in batch.drafts}

    def read(self, path: str) -> list[bytes]:
        """Checked against the hash in its name, and against being somebody else's."""
        tenant_id, day, name = _parts(path)
        try:
            with ExitStack() as stack:
                folder = _step(stack, _step(stack, self._open_root(stack), tenant_id), day)
                handle = os.open(name, _READ, dir_fd=folder)
                with os.fdopen(handle, "rb") as file:
                    found = os.fstat(handle)
                    content = file.read() if stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid() else b""
        except OSError as error:
            raise _no_file(path, error.strerror or "it cannot be read") from None
        if not name.endswith(f"-{_hash(content)}.jsonl"):
            raise _no_file(path, "it is not what was written")
        return content.split(b"\n")[:-1]

    def remove(self, paths: Collection[str]) -> None:
        """Take those files away; one that is gone already is no fault."""
        with _told(), ExitStack() as stack:
            root = self._open_root(stack)
            for path in paths:
                tenant_id, day, name = _parts(path)
                with ExitStack() as inner:
                    try:
                        os.unlink(name, dir_fd=_step(inner, _step(inner, root, tenant_id), day))
                    except FileNotFoundError:
                        continue

    def sweep(self, before: datetime, kept: Collection[str], tenants: Collection[str]) -> int:
        """Day by day; what is not ours by its name is left alone."""
        named = set(kept)
        removed = 0
        with _told(), ExitStack() as stack:
            root = self._open_root(stack)
            for tenant_id in _listed(root, _TENANT):
                with ExitStack() as inner:
                    home = _step(inner, root, tenant_id)
                    for day in _listed(home, _DAY):
                        if tenant_id not in tenants or day < before.date().isoformat():
                            keep = named if tenant_id in tenants else frozenset[str]()
                            removed += _clear(home, f"{tenant_id}/{day}", day, keep)
                if tenant_id not in tenants:
                    _rmdir(root, tenant_id)
        return removed

    def close(self) -> None:
        """Let the threads go that wait for the disk."""
        self._disk.shutdown(wait=True)

    def _open_root(self, stack: ExitStack) -> int:
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        return _step(stack, None, str(self._root))

    def _write(self, batch: _Batch, tenant_id: str, day: str, lines: Sequence[bytes]) -> None:
        if not _TENANT.fullmatch(tenant_id):
            raise BugError("The landing zone was asked for a file of no tenant.")
        content = b"".join(line + b"\n" for line in lines)
        name = f"{self._ids.new('land')}-{_hash(content)}.jsonl"
        folder = self._day(batch, tenant_id, day)
        handle = os.open(_DRAFT + name, _NEW, 0o600, dir_fd=folder)
        batch.stack.callback(os.close, handle)
        batch.drafts.append(_Draft(tenant_id, name, folder, handle))
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(handle, rest) :]

    def _day(self, batch: _Batch, tenant_id: str, day: str) -> int:
        try:
            return batch.folder(tenant_id, day, durable=(tenant_id, day) in self._durable)
        except FileNotFoundError:  # somebody removed it since
            return batch.folder(tenant_id, day, durable=False)

    def _sync(self, handles: Iterable[int]) -> None:
        """Raises NotDurableError if the disk says anything but that it is done."""
        first, *others = handles
        waits = [self._disk.submit(os.fsync, handle) for handle in others]
        try:
            os.fsync(first)
        except OSError as error:
            raise _not_synced(error) from None
        finally:
            wait(waits)  # all of them, since the handles are closed when one has failed
        for failed in (w.exception() for w in waits):
            if failed is not None:
                raise _not_synced(failed) if isinstance(failed, OSError) else failed


def _not_synced(error: OSError) -> Exception:
    """No room is waited for; anything else means that nobody knows what the disk holds."""
    if error.errno in _WAITED_FOR:
        return error
    return NotDurableError(
        "The disk did not confirm a file of the landing zone.",
        remedy="Look at the disk before the receiver is started again; partners deliver again what was not confirmed.",
        detail=error.strerror or "",
    )


@contextmanager
def _told() -> Iterator[None]:
    """The operating system's faults as ours."""
    try:
        yield
    except OSError as error:
        raise TransientError("The landing zone cannot be written.", remedy=_REMEDY, detail=error.strerror or "") from None


def _make(folder: int, name: str) -> None:
    try:
        os.mkdir(name, 0o700, dir_fd=folder)
    except FileExistsError:
        return


def _enter(folder: int | None, name: str) -> int:
    """Into a directory that is one, and is ours; a link is not followed."""
    handle = os.open(name, _FOLDER, dir_fd=folder)
    if os.fstat(handle).st_uid != os.geteuid():
        os.close(handle)
        raise PermissionError(errno.EPERM, "a directory of the landing zone is another user's")
    return handle


def _step(stack: ExitStack, folder: int | None, name: str) -> int:
    handle = _enter(folder, name)
    stack.callback(os.close, handle)
    return handle


def _take_back(drafts: Iterable[_Draft]) -> None:
    """Under whichever name they stand; what cannot be removed now is swept later, since nothing names it."""
    for draft in drafts:
        for name in (_DRAFT + draft.name, draft.name):
            try:
                os.unlink(name, dir_fd=draft.folder)
            except OSError:
                continue


def _clear(home: int, path: str, day: str, kept: Collection[str]) -> int:
    removed = 0
    with ExitStack() as stack:
        folder = _step(stack, home, day)
        for name in [entry.name for entry in os.scandir(folder)]:
            ours = _FILE.fullmatch(name.removeprefix(_DRAFT))
            if ours and f"{path}/{name}" not in kept:
                os.unlink(name, dir_fd=folder)
                removed += 1
    _rmdir(home, day)
    return removed


def _rmdir(folder: int, name: str) -> None:
    try:
        os.rmdir(name, dir_fd=folder)
    except OSError:
        return  # it is not empty


def _listed(folder: int, names: re.Pattern[str]) -> list[str]:
    return sorted(entry.name for entry in os.scandir(folder) if names.fullmatch(entry.name))


def _parts(path: str) -> tuple[str, str, str]:
    tenant_id, _, rest = path.partition("/")
    day, _, name = rest.partition("/")
    if not (_TENANT.fullmatch(tenant_id) and _DAY.fullmatch(day) and _FILE.fullmatch(name)):
        raise _no_file(path, "it is no name of a landed file")
    return tenant_id, day, name


def _no_file(path: str, why: str) -> IntegrationError:
    return InvalidError(
        f"The landed file {path[:200]!r} cannot be read: {why}.", remedy="Ask the partner for the event by its id."
    )


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:32]
