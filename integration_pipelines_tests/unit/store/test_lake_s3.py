"""The lake in an object store: the same promises as on a disk, over real HTTP."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from integration_pipelines.errors import BugError, TransientError
from integration_pipelines.store.clock import SortableIds, SystemClock
from integration_pipelines.store.lake import ParquetLake
from integration_pipelines.use_cases.outcome import RunOutcome
from integration_pipelines_tests.kit.bench import product
from integration_pipelines_tests.kit.objects import bucket, names, objects
from integration_pipelines_tests.unit.store.test_lake import LATER, SCHEMA, _batch, _lake, _write


@pytest.fixture
def place() -> str:
    """An empty bucket."""
    return bucket()


def test_what_was_written_is_read(place: str) -> None:
    """Rows come back in order; the object is whole under the name that the manifest will hold, and nothing else is there."""
    lake = _lake(place)
    first, second = _write(lake, _batch("a", "b"), _batch("c")), _write(lake, _batch("d"))
    assert lake.read([second, first], SCHEMA)["name"].to_pylist() == ["d", "a", "b", "c"]
    assert names(place) == sorted(f.path for f in (first, second))
    assert lake.local(first, SCHEMA) is None


@pytest.mark.fault("P05")
@pytest.mark.parametrize("damage", [b"", b"PAR1 cut off", None])
def test_a_damaged_object_is_never_read(place: str, damage: bytes | None) -> None:
    """Emptied, replaced or removed behind our back: refused by name."""
    file = _write(_lake(place), _batch("a"))
    if damage is None:
        objects(place).rm_file(f"{place}/{file.path}")
    else:
        objects(place).pipe_file(f"{place}/{file.path}", damage)
    with pytest.raises(BugError, match="crm_accounts"):
        _lake(place).read([file])


@pytest.mark.fault("P05")
def test_a_sweep_takes_old_orphans_only(place: str) -> None:
    """What no row names goes once it is old enough; what is named or young stays."""
    lake = _lake(place)
    known, orphan = _write(lake, _batch("a")), _write(lake, _batch("b"))
    assert lake.sweep({known.path}, datetime.now(UTC) - timedelta(days=1)) == []
    assert lake.sweep({known.path}, LATER) == [orphan.path]
    assert names(place) == [known.path]


@pytest.mark.parametrize("act", ["write", "read"])
def test_a_store_that_cannot_be_reached_is_a_fault_that_can_be_tried_again(
    place: str, monkeypatch: pytest.MonkeyPatch, act: str
) -> None:
    """Nothing listens there: the fault says that the location does not answer, and what to do."""
    file = _write(_lake(place), _batch("a"))
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    kind = type(objects(place))
    kind.clear_instance_cache()
    try:
        lake = ParquetLake(place, SortableIds(SystemClock()))
        with pytest.raises(TransientError) as caught:
            _write(lake, _batch("b")) if act == "write" else lake.read([file])
    finally:
        kind.clear_instance_cache()
    assert caught.value.remedy


def test_a_bucket_that_does_not_exist_says_so() -> None:
    """A misspelt location is not an empty lake."""
    bucket()
    with pytest.raises(TransientError, match="cannot be read or written"):
        _write(_lake("s3://no-such-bucket-here/lake"), _batch("a"))


def test_a_whole_sync_runs_on_it(tmp_path: Path, place: str) -> None:
    """Extract, reconcile, write, prove; nothing of the lake lies on this machine's disk."""
    with product(tmp_path, lake_url=place) as shop:
        assert shop.first_sync().outcome is RunOutcome.WRITTEN
        assert shop.one().writes == {}
        assert shop.ports.manifest.paths() <= set(names(place))
    assert not (tmp_path / "data" / "lake").exists()
