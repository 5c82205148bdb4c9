"""What the lake promises about files: durable or absent, immutable, checked, and readable across schema changes."""

import os
import resource
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from integration_pipelines.errors import BugError, RateLimitedError, TransientError
from integration_pipelines.ports.lake import StoredFile
from integration_pipelines.store.clock import SortableIds, SystemClock
from integration_pipelines.store.lake import ParquetLake

ITEM = pa.struct([("id", pa.string())])
SCHEMA = pa.schema([("tenant_id", pa.string()), ("name", pa.string()), ("items", pa.list_(ITEM))])
LATER = datetime(2100, 1, 1, tzinfo=UTC)


def _batch(*names: str) -> pa.RecordBatch:
    rows = [{"tenant_id": "t1", "name": n, "items": [{"id": n}]} for n in names]
    return pa.RecordBatch.from_pylist(rows, schema=SCHEMA)


def _lake(location: str | Path) -> ParquetLake:
    return ParquetLake(location, SortableIds(SystemClock()))


def _write(lake: ParquetLake, *batches: pa.RecordBatch, dataset: str = "crm_accounts") -> StoredFile:
    return lake.write(tenant_id="t1", dataset=dataset, schema=SCHEMA, batches=iter(batches))


def _files(root: Path) -> list[Path]:
    return [p for p in root.rglob("*") if p.is_file()]


@contextmanager
def _room(size: int) -> Iterator[None]:
    """No file may grow beyond that size: as good as a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("kind", ["local", "memory"])
def test_what_was_written_is_read(tmp_path: Path, kind: str) -> None:
    """Rows come back in order, from disk and from any other fsspec location, and nothing but the file is left."""
    location = tmp_path / "lake" if kind == "local" else f"memory://lake-{uuid.uuid4().hex}"
    lake = _lake(location)
    first, second = _write(lake, _batch("a", "b"), _batch("c")), _write(lake, _batch("d"))
    table = lake.read([second, first], SCHEMA)
    assert table.column("name").to_pylist() == ["d", "a", "b", "c"]
    assert table.schema == lake.read([second, first]).schema == SCHEMA
    assert (first.rows, second.rows) == (3, 1)
    assert lake.sweep({first.path}, LATER) == [second.path]
    assert lake.read([first]).num_rows == 3


def test_the_file_is_what_the_manifest_will_say(tmp_path: Path) -> None:
    """Path, size and hash are those of the bytes on disk, and the path is made of the tenant and the dataset."""
    file = _write(_lake(tmp_path), _batch("a"))
    assert file.path.startswith("t1/crm_accounts/")
    assert file.path.endswith(f"-{file.sha256[:12]}.parquet")
    assert (tmp_path / file.path).stat().st_size == file.bytes
    assert [p.name for p in _files(tmp_path)] == [Path(file.path).name]


def test_files_sort_by_creation(tmp_path: Path) -> None:
    """A listing of a folder is in the order of writing."""
    lake = _lake(tmp_path)
    paths = [_write(lake, _batch(str(i))).path for i in range(5)]
    assert paths == sorted(paths)


def test_pages_become_row_groups_worth_reading(tmp_path: Path) -> None:
    """Many small pages are collected to even row groups of at most 16,384 rows, compressed with zstd."""
    page = _batch(*["x"] * 1000)
    file = _write(_lake(tmp_path), *[page] * 140)
    stored = pq.read_metadata(tmp_path / file.path)
    assert [stored.row_group(i).num_rows for i in range(stored.num_row_groups)] == [*[13_200] * 10, 8_000]
    assert stored.row_group(0).column(1).compression == "ZSTD"


@pytest.mark.parametrize("batches", [(), (_batch(),)])
def test_an_empty_file_is_a_file(tmp_path: Path, batches: tuple[pa.RecordBatch, ...]) -> None:
    """An object without records is stored, with its columns and no row."""
    lake = _lake(tmp_path)
    file = _write(lake, *batches)
    assert file.rows == 0
    assert lake.read([file]).schema == SCHEMA


def test_older_files_lack_columns(tmp_path: Path) -> None:
    """A column that a contract added later, nested or not, is null in the rows of older files; one it dropped is not read."""
    lake = _lake(tmp_path)
    old = _write(lake, _batch("a"))
    item = pa.struct([("id", pa.string()), ("price", pa.string())])
    newer = pa.schema([("name", pa.string()), ("segment", pa.string()), ("items", pa.list_(item))])
    row = {"name": "b", "segment": "SMB", "items": [{"id": "i", "price": "1"}]}
    new = lake.write(tenant_id="t1", dataset="d", schema=newer, batches=[pa.RecordBatch.from_pylist([row], schema=newer)])
    table = lake.read([old, new], newer)
    assert table.to_pylist() == [{"name": "a", "segment": None, "items": [{"id": "a", "price": None}]}, row]
    assert lake.read([old, new]).column_names == ["tenant_id", "name", "items", "segment"]


def test_no_files_are_no_rows(tmp_path: Path) -> None:
    """Reading nothing gives the asked-for columns without rows."""
    assert _lake(tmp_path).read([], SCHEMA) == SCHEMA.empty_table()


def test_many_files_are_read_in_the_given_order(tmp_path: Path) -> None:
    """Reading side by side never changes the order."""
    lake = _lake(tmp_path)
    files = [_write(lake, _batch(str(i))) for i in range(12)]
    assert lake.read(files, SCHEMA).column("name").to_pylist() == [str(i) for i in range(12)]


def test_a_column_of_another_kind_is_our_mistake(tmp_path: Path) -> None:
    """A file whose column cannot become what was asked for is refused without showing a value."""
    lake = _lake(tmp_path)
    with pytest.raises(BugError) as refused:
        lake.read([_write(lake, _batch("canary"))], pa.schema([("name", pa.int64())]))
    assert "canary" not in str(refused.value) + refused.value.detail


@pytest.mark.parametrize("bad", ["", "..", "a/b", "a b", "x" * 65, ".hidden", "tä", "t1\n"])
@pytest.mark.parametrize("argument", ["tenant_id", "dataset"])
def test_names_cannot_leave_the_lake(tmp_path: Path, argument: str, bad: str) -> None:
    """Only ids become parts of a path, and a refused name leaves nothing on disk."""
    with pytest.raises(BugError):
        _lake(tmp_path).write(**{"tenant_id": "t1", "dataset": "d", argument: bad}, schema=SCHEMA, batches=[])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("path", ["../x/f-0123456789ab.parquet", "/etc/passwd", "t1/d/../../f-0123456789ab.parquet", ""])
def test_paths_cannot_leave_the_lake(tmp_path: Path, path: str) -> None:
    """A manifest row that names a path outside is refused before any file is opened."""
    with pytest.raises(BugError, match="path"):
        _lake(tmp_path).read([StoredFile(path=path, sha256="0" * 64, rows=0, bytes=0)])


@pytest.mark.fault("P05")
@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "gone", "hash"])
def test_a_damaged_file_is_never_read(tmp_path: Path, damage: str) -> None:
    """A file that is gone, shorter, or differs by one bit from what was written is refused by name."""
    file = _write(_lake(tmp_path), _batch("a", "b"))
    on_disk = tmp_path / file.path
    raw = on_disk.read_bytes()
    if damage == "flip":
        on_disk.write_bytes(raw[:40] + bytes([raw[40] ^ 1]) + raw[41:])
    elif damage in {"cut", "empty"}:
        on_disk.write_bytes(raw[:-1] if damage == "cut" else b"")
    elif damage == "gone":
        on_disk.unlink()
    asked = replace(file, sha256="0" * 64) if damage == "hash" else file
    with pytest.raises(BugError, match="crm_accounts"):
        _lake(tmp_path).read([asked])


def test_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    """When there is no more room the fault says so, can be tried again, and no half file stays."""
    noise = [_batch(*[uuid.uuid4().hex for _ in range(2000)]) for _ in range(5)]
    lake = _lake(tmp_path)
    with _room(20_000), pytest.raises(TransientError, match="disk is full"):
        _write(lake, *noise)
    assert not _files(tmp_path)
    assert lake.read([_write(lake, *noise)]).num_rows == 10_000


def test_a_place_that_cannot_be_used_is_transient(tmp_path: Path) -> None:
    """A location that is no folder is a fault that a person can repair, not a crash."""
    (tmp_path / "lake").write_text("in the way")
    with pytest.raises(TransientError, match="location"):
        _write(_lake(tmp_path / "lake"), _batch("a"))


def test_a_partner_fault_passes_and_leaves_nothing(tmp_path: Path) -> None:
    """When the reading that feeds a file fails, its own error arrives and no file stays."""

    def pages() -> Iterator[pa.RecordBatch]:
        yield _batch("a")
        raise RateLimitedError("slow down", retry_after=1)

    with pytest.raises(RateLimitedError):
        _lake(tmp_path).write(tenant_id="t1", dataset="d", schema=SCHEMA, batches=pages())
    assert not _files(tmp_path)


def test_a_batch_of_another_shape_is_our_mistake(tmp_path: Path) -> None:
    """A file never mixes shapes."""
    with pytest.raises(BugError, match="schema"):
        _write(_lake(tmp_path), _batch("a"), pa.RecordBatch.from_pydict({"name": ["x"]}))
    assert not _files(tmp_path)


@pytest.mark.fault("P05")
def test_a_sweep_takes_old_orphans_only(tmp_path: Path) -> None:
    """Old files that no row names go, drafts of a crash too; known files, young files and foreign files stay."""
    lake = _lake(tmp_path)
    known, orphan, young = (_write(lake, _batch(n)) for n in "abc")
    draft, foreign = tmp_path / "t1/crm_accounts/.draft-x", tmp_path / "t1/notes.txt"
    draft.touch()
    foreign.touch()
    old = (datetime.now(UTC) - timedelta(days=2)).timestamp()
    for path in (tmp_path / known.path, tmp_path / orphan.path, draft, foreign):
        os.utime(path, (old, old))
    gone = lake.sweep({known.path}, datetime.now(UTC) - timedelta(days=1))
    assert gone == sorted([orphan.path, "t1/crm_accounts/.draft-x"])
    assert lake.read([known, young]).num_rows == 2
    assert foreign.exists()


def test_sweeping_a_lake_that_does_not_exist_yet_is_fine(tmp_path: Path) -> None:
    """Nothing is there, nothing goes."""
    assert _lake(tmp_path / "none").sweep(set(), LATER) == []


def test_files_that_count_no_more_can_be_removed(tmp_path: Path) -> None:
    """Those named go, again is no fault, others stay; a path that is not the lake's own removes nothing."""
    lake = _lake(tmp_path)
    kept, gone = (_write(lake, _batch(n)) for n in "ab")
    with pytest.raises(BugError, match="not one that this lake makes"):
        lake.remove([gone.path, "../../etc/passwd"])
    assert (tmp_path / gone.path).exists()
    lake.remove([gone.path])
    lake.remove([gone.path])
    assert _files(tmp_path) == [tmp_path / kept.path]


def test_rows_are_found_by_value_wherever_they_stand(tmp_path: Path) -> None:
    """Of many row groups, in order and not: every row that holds a wanted value, first and last of a group among them, and no other."""
    lake = _lake(tmp_path)
    names = [f"{n:06}" for n in range(140_000)] + ["", "\U0001f600", "zzz", *(f"{n * 7919 % 140_000:06}" for n in range(70_000))]
    file = _write(lake, _batch(*names))
    wanted = {"000000", "013199", "013200", "139999", "", "\U0001f600", "zzz", "no such"}
    found = [str(name) for name in lake.find(file, SCHEMA, "name", wanted)["name"].to_pylist()]
    assert sorted(found) == sorted(name for name in names if name in wanted)
    assert lake.find(file, SCHEMA, "name", {"no such", "~"}).num_rows == 0


def test_one_record_costs_no_more_than_its_row_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a large file only the groups that may hold a value are looked through, and only the one that does is read whole."""
    lake = _lake(tmp_path)
    file = _write(lake, _batch(*(f"{n:06}" for n in range(140_000))))
    read: list[tuple[int, int]] = []
    whole = pq.ParquetFile.read_row_group

    def counted(self: pq.ParquetFile, i: int, columns: list[str], use_threads: bool) -> pa.Table:
        found = whole(self, i, columns=columns, use_threads=use_threads)
        read.append((found.num_rows, len(columns)))
        return found

    monkeypatch.setattr(pq.ParquetFile, "read_row_group", counted)
    assert lake.find(file, SCHEMA, "name", {"070000"}).num_rows == 1
    assert read == [(15_556, 1), (15_556, len(SCHEMA))]


def test_a_dictionary_is_made_of_what_repeats(tmp_path: Path) -> None:
    """Not of ids, which would be there twice: their files are smaller than Arrow makes them. Some hundred texts are one as ever."""
    ids = [f"cus_{n * 7919 % 16_384:014}" for n in range(16_384)]
    texts = [f"{n * 7919 % 300} x {n * 104_729 % 300:>80} seats" for n in range(16_384)]
    ours, theirs = [], []
    for names in (ids, texts):
        rows = pa.Table.from_batches([_batch(*names)]).set_column(
            2, SCHEMA.field("items"), pa.nulls(len(names), SCHEMA.field("items").type)
        )
        ours.append(_write(_lake(tmp_path), *rows.to_batches()).bytes)
        pq.write_table(rows, tmp_path / "theirs.parquet", compression="zstd", compression_level=1)
        theirs.append((tmp_path / "theirs.parquet").stat().st_size)
    assert ours[0] < 0.9 * theirs[0]
    assert ours[1] < 1.05 * theirs[1]
