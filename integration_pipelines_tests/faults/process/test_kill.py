"""kill -9 at every durable step of a run, and a polite end in the middle of a write: the next run makes it good, with one effect each.

The runs are processes of their own over the real store, lake and connectors; the partners live outside of them. The sample here reaches
every step once; with INTEGRATION_PIPELINES_CRASH=all every occurrence of every step, before and after, is swept (`make proof-crash`).
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from integration_pipelines_tests.kit.crash import Point
from integration_pipelines_tests.kit.crash_bench import KILLED, Life, life
from integration_pipelines_tests.kit.crash_server import STOPPED
from integration_pipelines_tests.kit.databases import forget, fresh_postgresql
from integration_pipelines_tests.kit.shop import CONTRACT

IN_A_ROW = 3  # fewer than there are values to edit, so that no edit puts back what a partner holds already
ALL = os.environ.get("INTEGRATION_PIPELINES_CRASH") == "all"
STEPS = {
    "extract": ["runs.start", "leases.take_all", "connector.page", "lake.write", "manifest.append", "unknown_fields.record"],
    "link and merge": ["quarantine.replace", "leases.renew_all", "links.save", "runs.save_field_counts"],
    "plan": ["plans.save", "ledger.intend", "leases.renew", "connector.fetch"],
    "push": ["ledger.send", "connector.write", "ledger.settle"],
    "settle": [
        "connector.pre_images", "overwrites.record", "diffs.record", "runs.save_outcomes", "plans.decide", "leases.give_back_all",
        "runs.finish",
    ],
}  # fmt: skip
"""Stage → the durable steps that every run with something to write goes through."""


@pytest.fixture(scope="module")
def sqlite_life(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    """A tenant in sync over SQLite."""
    with life(tmp_path_factory.mktemp("home")) as made:
        yield made


@pytest.fixture(scope="module")
def postgresql_life(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    """A tenant in sync over PostgreSQL."""
    url = fresh_postgresql()
    with life(tmp_path_factory.mktemp("home"), database_url=url) as made:
        yield made
    forget(url)


def points(stage: str) -> list[Point]:
    """Where a run dies in that stage: after every step, and before those between which the partner is asked to change something."""
    after = [Point(step, "after") for step in STEPS[stage]]
    before = [Point(step, "before") for step in STEPS[stage] if step in {"connector.write", "ledger.settle"}]
    return after + before


def die_at(alive: Life, chosen: Sequence[Point]) -> None:
    """Crash after crash, each with something new to write; after every third a run is left alone and must make all of it good."""
    for start in range(0, len(chosen), IN_A_ROW):
        known = len(alive.effects())
        for point in chosen[start : start + IN_A_ROW]:
            alive.edit()
            assert alive.run(point)["code"] == KILLED, point
        assert_made_good(alive, known)


def assert_made_good(alive: Life, known: int) -> None:
    """Both partners hold the truth, no field was set twice to one value, nothing is left open, and the store names every file."""
    answer = alive.run()
    said = answer["said"]
    assert (answer["code"], said["fault"], said["balanced"], said["certified"]) == (0, "", True, True)
    assert (alive.wrong(), alive.unmet()) == ({}, set())
    assert [e for e in alive.effects()[known:] if e[1] == e[2]] == []
    assert alive.unsettled() == []
    assert alive.orphans()[1] == set()


@pytest.mark.fault("P01")
@pytest.mark.parametrize("stage", list(STEPS))
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_killed_in_any_stage_the_next_run_makes_it_good(request: pytest.FixtureRequest, database: str, stage: str) -> None:
    """After each kill of a stage, and all of them in a row, one run converges: nothing lost, doubled or left over."""
    die_at(request.getfixturevalue(f"{database}_life"), points(stage))


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
        assert_made_good(alive, 0)
        assert next(str(p.state) for p in alive.shop.ports.plans.list(alive.order.tenant_id, CONTRACT)) == "applied"
        assert alive.run()["said"]["outcome"] == "in_sync"


@pytest.mark.fault("P16")
def test_a_run_that_is_asked_to_stop_leaves_no_write_unknown(sqlite_life: Life) -> None:
    """SIGTERM in the middle of a write: its answer is still heard and noted, what was not begun is not sent, and the next run goes on."""
    known = len(sqlite_life.effects())
    sqlite_life.edit()
    assert sqlite_life.run(Point("connector.write", "before"), terminate=True)["code"] == STOPPED
    assert {"sent", "unknown"} & set(sqlite_life.unsettled()) == set()
    assert_made_good(sqlite_life, known)


@pytest.mark.slow
@pytest.mark.skipif(not ALL, reason="the whole sweep takes minutes: make proof-crash")
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_killed_at_every_occurrence_of_every_step(request: pytest.FixtureRequest, database: str) -> None:
    """Each point by itself, before and after, every time it is reached; after each the next run makes it good."""
    alive: Life = request.getfixturevalue(f"{database}_life")
    alive.edit()
    steps = alive.run()["said"]["steps"]
    reached = 0
    for step, side, times in steps:
        for nth in range(1, times + 1):
            known = len(alive.effects())
            alive.edit()
            reached += alive.run(Point(step, side, nth))["code"] == KILLED
            assert_made_good(alive, known)
    assert reached >= len(steps)
