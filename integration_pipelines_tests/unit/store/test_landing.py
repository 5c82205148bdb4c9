"""The landing zone: whole files or none, below the zone and nowhere else."""

import errno
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from integration_pipelines.errors import BugError, InvalidError, NotDurableError, TransientError
from integration_pipelines.store.clock import SortableIds, SystemClock
from integration_pipelines.store.landing import DirectoryLandingZone

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
LINES = [b'{"event": 1}', b'{"event": 2}']


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Where the zone is, beside something that is not ours to touch."""
    (tmp_path / "beside").mkdir()
    return tmp_path / "landing"


@pytest.fixture
def zone(root: Path) -> DirectoryLandingZone:
    """An empty zone."""
    return DirectoryLandingZone(root, SortableIds(SystemClock()))


def files(root: Path) -> list[str]:
    """Everything in the zone that is no directory."""
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if not path.is_dir())


def failing(monkeypatch: pytest.MonkeyPatch, name: str, number: int, at_call: int) -> None:
    """Let a call of the operating system fail, the n-th time it is made."""
    real: Callable[..., object] = getattr(os, name)
    calls: list[int] = []

    def call(*args: object, **kwargs: object) -> object:
        calls.append(1)
        if len(calls) == at_call:
            raise OSError(number, os.strerror(number))
        return real(*args, **kwargs)

    monkeypatch.setattr(os, name, call)


def test_a_file_per_tenant_comes_back_line_by_line(zone: DirectoryLandingZone, root: Path) -> None:
    """Under the tenant and the day, readable by this user alone."""
    paths = zone.land({"t1": LINES, "t2": [b"x" * 100_000]}, AT)
    assert zone.read(paths["t1"]) == LINES
    assert zone.read(paths["t2"]) == [b"x" * 100_000]
    assert files(root) == sorted(paths.values())
    assert paths["t1"].startswith("t1/2026-11-23/land_")
    modes = {(root / p).stat().st_mode & 0o777 for p in paths.values()}
    folders = {f.stat().st_mode & 0o777 for f in (root, root / "t1", root / "t1" / "2026-11-23")}
    assert (modes, folders) == ({0o600}, {0o700})


def test_files_of_one_tenant_never_replace_each_other(zone: DirectoryLandingZone, root: Path) -> None:
    """The same content at the same moment is two files."""
    assert zone.land({"t1": LINES}, AT) != zone.land({"t1": LINES}, AT)
    assert len(files(root)) == 2


@pytest.mark.parametrize(("call", "at_call"), [("open", 4), ("write", 2), ("fsync", 1), ("fsync", 3), ("rename", 2)])
@pytest.mark.fault("P03")
def test_without_room_nothing_stays_half(
    zone: DirectoryLandingZone, root: Path, monkeypatch: pytest.MonkeyPatch, call: str, at_call: int
) -> None:
    """Whichever step finds the disk full: no file is left, and it goes on when there is room again."""
    with monkeypatch.context() as patched:
        failing(patched, call, errno.ENOSPC, at_call)
        with pytest.raises(TransientError):
            zone.land({"t1": LINES, "t2": LINES}, AT)
    assert files(root) == []
    assert zone.read(zone.land({"t1": LINES}, AT)["t1"]) == LINES


@pytest.mark.parametrize("at_call", [1, 2, 3, 4])
@pytest.mark.fault("P04")
def test_a_disk_that_does_not_confirm_is_not_believed(
    zone: DirectoryLandingZone, root: Path, monkeypatch: pytest.MonkeyPatch, at_call: int
) -> None:
    """Neither for a file nor for a directory; asking again would get a yes that means nothing."""
    failing(monkeypatch, "fsync", errno.EIO, at_call)
    with pytest.raises(NotDurableError):
        zone.land({"t1": LINES, "t2": LINES}, AT)
    assert files(root) == []


def test_a_directory_that_somebody_removed_is_made_again(zone: DirectoryLandingZone, root: Path) -> None:
    """Between two deliveries of one day."""
    zone.remove(zone.land({"t1": LINES}, AT).values())
    (root / "t1" / "2026-11-23").rmdir()
    assert zone.read(zone.land({"t1": LINES}, AT)["t1"]) == LINES


HOSTILE = [
    "", ".", "..", "../beside", "..\\beside", "t1/..", "t1/../../beside", "/etc", "//etc", "~", "a/b", "a b", "t1\x00", "\x00", "t1\n",
    "CON", "C:", "ü", "\u2024\u2024", "..%2f", "%2e%2e", "t" * 65, "t" * 300, "*", "t1.", "-rf /", "$(id)", "`id`", "t1;", "t1'",
    '"', "\ufeff", "\u202e",
]  # fmt: skip


@pytest.mark.parametrize("tenant", [t for t in HOSTILE if t != "CON"])
@pytest.mark.fault("T04")
def test_what_is_no_tenants_id_gets_no_file(zone: DirectoryLandingZone, root: Path, tenant: str) -> None:
    """No directory is made for it either, whatever it looks like."""
    with pytest.raises(BugError):
        zone.land({tenant: LINES}, AT)
    assert list(root.iterdir()) == []


@pytest.mark.parametrize("path", [f"{a}/{b}/{c}" for a in ("t1", "..") for b in ("2026-11-23", "..") for c in HOSTILE])
@pytest.mark.fault("T04")
def test_what_is_no_landed_file_is_not_read(zone: DirectoryLandingZone, root: Path, path: str) -> None:
    """By its name, before anything is opened."""
    (root / "t1" / "2026-11-23").mkdir(parents=True)
    with pytest.raises(InvalidError, match="no name of a landed file"):
        zone.read(path)


@pytest.mark.parametrize("where", ["tenant", "day", "root"])
@pytest.mark.fault("T04")
def test_a_link_is_not_followed(zone: DirectoryLandingZone, root: Path, where: str) -> None:
    """Somebody planted it in place of a directory: nothing is written behind it."""
    beside = root.parent / "beside"
    place = {"root": root, "tenant": root / "t1", "day": root / "t1" / "2026-11-23"}[where]
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(beside, target_is_directory=True)
    with pytest.raises(TransientError):
        zone.land({"t1": LINES}, AT)
    assert list(beside.iterdir()) == []


@pytest.mark.fault("P05", "T04")
def test_only_what_was_written_is_read(zone: DirectoryLandingZone, root: Path) -> None:
    """A file that was cut, changed, emptied, or replaced by a link is refused by the hash in its name or by what it is."""
    path = zone.land({"t1": LINES}, AT)["t1"]
    content = (root / path).read_bytes()
    for torn in (content[:-1], b"", content + b"\n", content.replace(b"1", b"2")):
        (root / path).write_bytes(torn)
        with pytest.raises(InvalidError, match="not what was written"):
            zone.read(path)
    (root / path).unlink()
    with pytest.raises(InvalidError, match="cannot be read"):
        zone.read(path)
    other = root.parent / "beside" / "content"
    other.write_bytes(content)
    (root / path).symlink_to(other)
    with pytest.raises(InvalidError, match="cannot be read"):
        zone.read(path)
    (root / path).unlink()
    os.mkfifo(root / path)
    with pytest.raises(InvalidError, match="not what was written"):
        zone.read(path)


@pytest.mark.fault("P05", "T04")
def test_another_users_directory_is_not_used(zone: DirectoryLandingZone, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither for writing nor for reading."""
    path = zone.land({"t1": LINES}, AT)["t1"]
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(InvalidError):
        zone.read(path)
    with pytest.raises(TransientError):
        zone.land({"t1": LINES}, AT)
    assert files(root) == [path]


@pytest.mark.fault("P05")
def test_what_a_crash_left_is_swept(zone: DirectoryLandingZone, root: Path) -> None:
    """Files of days before that which nothing names, half-written ones too, and all of removed tenants; never anything else."""
    kept, orphan = (zone.land({"t1": LINES}, AT)["t1"] for _ in range(2))
    gone = zone.land({"t9": LINES}, AT + timedelta(days=5))["t9"]
    young = zone.land({"t1": LINES}, AT + timedelta(days=1))["t1"]
    draft = root / "t1" / "2026-11-23" / f".draft-{Path(orphan).name}"
    draft.write_bytes(b"{")
    strange = root / "t1" / "2026-11-23" / "notes.txt"
    strange.write_text("mine")
    assert zone.sweep(AT + timedelta(days=1), [kept], ["t1"]) == 3
    assert files(root) == sorted([kept, young, str(strange.relative_to(root))])
    assert not (root / gone).parent.parent.exists()
    assert zone.sweep(AT + timedelta(days=2), [], ["t1"]) == 2


def test_removing_twice_is_no_fault(zone: DirectoryLandingZone, root: Path) -> None:
    """A process that died half-way is finished by the next one."""
    paths = zone.land({"t1": LINES, "t2": LINES}, AT)
    zone.remove(paths.values())
    zone.remove(paths.values())
    zone.remove(["t7/2026-11-23/" + Path(paths["t1"]).name])
    assert files(root) == []
