"""kill -9 at every durable step of a run, and a polite end in the middle of a write: the next run makes it good, with one effect each.

The runs are processes of their own over the real store, lake and connectors; the partners live outside of them. The sample here reaches
every step once, on one database or the other, and a few calls to the system; `make proof-crash` sweeps all of them on both.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration_pipelines.ports.inbox import EventOutcome
from integration_pipelines_tests.kit.crash import Point
from integration_pipelines_tests.kit.crash_bench import KILLED, Life, life, lives
from integration_pipelines_tests.kit.crash_server import STOPPED
from integration_pipelines_tests.kit.databases import forget, fresh_postgresql
from integration_pipelines_tests.kit.shop import CONTRACT
from integration_pipelines_tests.kit.sweep import Syscall, calls_of_a_run, faults, next_run, sweep

STRACE = shutil.which("strace")
STEPS = {
    "extract": ["runs.start", "leases.take_all", "connector.page", "lake.write", "manifest.append", "unknown_fields.record"],
    "link and merge": ["quarantine.replace", "leases.renew_all", "links.save", "runs.save_field_counts"],
    "plan": ["plans.save", "ledger.intend", "leases.renew", "connector.fetch"],
    "push": ["lake.note_writer", "ledger.send", "connector.write", "ledger.settle"],
    "settle": [
        "connector.pre_images", "overwrites.record", "diffs.record", "runs.save_outcomes", "plans.decide", "leases.give_back_all",
        "runs.finish",
    ],
}  # fmt: skip
"""Stage → the durable steps that every run with something to write goes through."""


TENANTS = 6


@pytest.fixture(scope="module")
def sqlite_tenants(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Life]]:
    """Tenants in sync over SQLite."""
    with lives(tmp_path_factory.mktemp("home"), TENANTS) as made:
        yield made


@pytest.fixture(scope="module")
def postgresql_tenants(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Life]]:
    """Tenants in sync over PostgreSQL."""
    url = fresh_postgresql()
    with lives(tmp_path_factory.mktemp("home"), TENANTS, database_url=url) as made:
        yield made
    forget(url)


def points(stage: str, database: str) -> list[Point]:
    """Where a run dies in that stage: after every step, and before those between which the partner is asked to change something.

    Each database has every other one.
    """
    after = [Point(step, "after") for step in STEPS[stage]]
    before = [Point(step, "before") for step in STEPS[stage] if step in {"connector.write", "ledger.settle"}]
    return (after + before)[database == "sqlite" :: 2]


@pytest.mark.fault("P01")
@pytest.mark.parametrize("stage", list(STEPS))
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_killed_in_any_stage_the_next_run_makes_it_good(request: pytest.FixtureRequest, database: str, stage: str) -> None:
    """After a kill at each step of a stage the next run converges: nothing lost, doubled or left over."""
    swept = sweep(request.getfixturevalue(f"{database}_tenants"), points(stage, database))
    assert (swept.reached, swept.violations) == (swept.points, [])


@pytest.mark.fault("P01", "P03", "P04", "P16")
@pytest.mark.skipif(STRACE is None, reason="needs strace, which is not installed: apt-get install strace")
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_killed_or_failing_at_a_call_to_the_system_the_next_run_makes_it_good(
    request: pytest.FixtureRequest, database: str
) -> None:
    """Killed before a write, an fsync or a send, or told that the disk is full or broken, a run never claims that all went well."""
    tenants: list[Life] = request.getfixturevalue(f"{database}_tenants")
    calls = calls_of_a_run(tenants[0])
    # A run in which SQLite happens to copy its journal writes twice the pages of one in which it does not, so those are struck early.
    amid = {name: nths[len(nths) // (5 if name == "pwrite64" else 3)] for name, nths in calls.items()}
    killed = [Syscall(name, nth) for name, nth in amid.items() if name in {"rename", "pwrite64", "sendto"}]
    failing = [Syscall("fsync", amid["fsync"], "EIO"), Syscall("write", amid["write"], "ENOSPC")]
    failing += [Syscall("fdatasync", amid["fdatasync"], "EIO")] if "fdatasync" in amid else []
    swept = sweep(tenants, [*killed, *failing])
    assert (swept.reached, swept.violations) == (swept.points, [])


EVENTS = [
    Point("inbox.take", "after"), Point("manifest.append", "after"), Point("ledger.intend", "after"),
    Point("connector.write", "before"), Point("connector.write", "after"), Point("inbox.settle", "before"),
]  # fmt: skip
"""Where a run for events dies."""


@pytest.mark.fault("P01")
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_killed_while_it_works_off_events_the_next_run_does(request: pytest.FixtureRequest, database: str) -> None:
    """What a dead run took waits for the next one, however far it had got; each change has one effect, and every event gets an end."""
    tenants: list[Life] = request.getfixturevalue(f"{database}_tenants")
    struck = list(zip(tenants, EVENTS, strict=False))
    known = [len(alive.effects()) for alive, _ in struck]
    for alive, point in struck:
        alive.edit()
        alive.tell()
        assert alive.run(point, inbox=True)["code"] == KILLED, point
    all_of_them = [alive for alive, _ in struck]
    assert next_run(all_of_them, inbox=True)
    for alive in all_of_them:
        assert (alive.wrong(), alive.unmet(), EventOutcome.WAITING in alive.ends()) == ({}, set(), False)
    said = next_run(all_of_them)
    assert [fault for alive, before in zip(all_of_them, known, strict=True) for fault in faults(alive, before, said)] == []


FIRST = [
    Point("plans.save", "after"), Point("runs.finish", "before"),
    "approve",
    Point("connector.ensure_properties", "after"), Point("manifest.append", "after"), Point("ledger.intend", "after"),
    Point("connector.write", "before"), Point("connector.write", "after", 2), Point("plans.decide", "before"),
]  # fmt: skip


@pytest.mark.fault("P01")
def test_killed_again_and_again_in_the_first_sync(tmp_path: Path, each_database: str) -> None:
    """Planning, after the approval making the properties, writing: what was approved is written once, and nothing else."""
    with life(tmp_path, database_url=each_database, synced=False) as alive:
        for point in FIRST:
            if isinstance(point, Point):
                assert alive.run(point)["code"] == KILLED, point
            else:
                assert alive.run()["said"]["outcome"] == "held"
                alive.shop.approve()
        assert list(faults(alive, 0, next_run([alive]))) == []
        assert next(str(p.state) for p in alive.shop.ports.plans.list(alive.order.tenant_id, CONTRACT)) == "applied"
        assert alive.run()["said"]["outcome"] == "in_sync"


@pytest.mark.fault("P16")
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_a_run_that_is_asked_to_stop_leaves_no_write_unknown(request: pytest.FixtureRequest, database: str) -> None:
    """SIGTERM in the middle of a write: its answer is still heard and noted, what was not begun is not sent, and the next run goes on."""
    tenants: list[Life] = request.getfixturevalue(f"{database}_tenants")
    alive = tenants[0]
    known = len(alive.effects())
    alive.edit()
    assert alive.run(Point("connector.write", "before"), terminate=True)["code"] == STOPPED
    assert {"sent", "unknown"} & set(alive.unsettled()) == set()
    assert list(faults(alive, known, next_run([alive]))) == []
