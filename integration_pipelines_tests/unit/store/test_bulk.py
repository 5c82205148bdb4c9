"""Many rows at once: exact, atomic, and never with a second lock on the store's file."""

import sqlite3
import threading
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from integration_pipelines.core.tables import DIFFS
from integration_pipelines.errors import BugError
from integration_pipelines.store.bulk import SMALL, read_table, staged, sweep_stages, upsert
from integration_pipelines.store.columns import column_type
from integration_pipelines.store.dialect import database_file
from integration_pipelines.store.engine import EVERYONE, reading
from integration_pipelines.store.open import Stores
from integration_pipelines.store.schema import RECONCILIATION_DIFFS
from integration_pipelines_tests.unit.store.rows import CRM, LATER, NOW, diff, diffs

ODD = [
    diff("d_0", left_value=None, right_value="", amount_delta_minor=-(2**63), currency=None),
    diff("d_1", left_value="0", right_value="'; DROP TABLE x; --", resolved_at=datetime(1, 1, 1, tzinfo=UTC)),
    diff("d_2", record_label="Zoë 🧾 \u202e", first_seen_at=datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)),
]


@pytest.mark.parametrize("extra", [0, SMALL + 1], ids=["small", "large"])
def test_rows_come_back_as_they_went_in(stores: Stores, extra: int) -> None:
    """Every value survives to the microsecond and the last bit, by the quick way and by the bulk way."""
    table = diffs(*ODD, *(diff(f"e_{i:05d}") for i in range(extra)))
    stores.diffs.record(table, {"t1": "run_1"})
    back = read_table(
        stores.engine, sa.select(*(RECONCILIATION_DIFFS.c[n] for n in DIFFS.names)).order_by("diff_id"), DIFFS, EVERYONE
    )
    assert back.equals(table)


@pytest.mark.parametrize("rows", [1, SMALL + 1])
def test_a_failed_block_changes_nothing_and_leaves_no_file(engine: Engine, tmp_path: Path, rows: int) -> None:
    """When the block raises after the rows were merged, the store is as before and the stage is gone."""
    table = diffs(*(diff(f"d_{i:05d}") for i in range(rows)))

    def merge_and_fail() -> None:
        with staged(engine, {"rows": table}) as (connection, stage):
            upsert(connection, RECONCILIATION_DIFFS, sa.select(stage["rows"]))
            raise BugError("planted")

    with pytest.raises(BugError):
        merge_and_fail()
    with engine.connect() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(RECONCILIATION_DIFFS)).scalar() == 0
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".staging")]


@pytest.mark.parametrize("each_database", ["sqlite"], indirect=True)
def test_bulk_and_plain_writers_keep_the_file_whole(stores: Stores, tmp_path: Path) -> None:
    """Threads that write in bulk beside threads that write single rows lose nothing and damage nothing."""
    faults: list[BaseException] = []

    def in_bulk(tenant: str) -> None:
        table = diffs(*(diff(f"{tenant}_{i:05d}", tenant_id=tenant) for i in range(SMALL + 50)))
        stores.diffs.record(table, {tenant: "run_1"})
        assert stores.diffs.unresolved([tenant], CRM).equals(table)

    def one_by_one(tenant: str) -> None:
        for _ in range(20):
            stores.audit.append(tenant, "system", "looked", {}, NOW)

    def guarded(work: object, tenant: str) -> None:
        try:
            work(tenant)  # type: ignore[operator] # one of the two above
        except BaseException as error:  # noqa: BLE001 - a thread's fault must reach the test
            faults.append(error)

    jobs = [threading.Thread(target=guarded, args=(w, f"t{i}")) for i in range(3) for w in (in_bulk, one_by_one)]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    assert not faults
    assert stores.audit.verify() == (60, [])
    stores.close()
    assert sqlite3.connect(tmp_path / "store.db").execute("PRAGMA integrity_check").fetchall() == [("ok",)]


@pytest.mark.parametrize("each_database", ["sqlite"], indirect=True)
def test_what_a_killed_process_left_is_swept(engine: Engine) -> None:
    """Old stages are removed, those that may be in use are kept."""
    left = database_file(engine).parent / ".staging-killed"
    left.mkdir()
    sweep_stages(engine, datetime(2000, 1, 1, tzinfo=UTC))
    assert left.exists()
    sweep_stages(engine, datetime(2100, 1, 1, tzinfo=UTC))
    assert not left.exists()


def test_a_naive_time_is_refused(engine: Engine) -> None:
    """A time without a zone is somebody's local time by accident."""
    with pytest.raises(BugError, match="time zone"), reading(engine) as connection:
        connection.execute(sa.select(sa.literal(LATER.replace(tzinfo=None), column_type(pa.timestamp("us", "UTC")))))
