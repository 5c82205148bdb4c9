"""Several daemons and many workers on one tenant: processes of their own over one store, one lake and one pair of partners."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration_pipelines_tests.kit.crash_bench import Life, life

WORKERS = 8


@pytest.fixture
def alive(tmp_path: Path, each_database: str) -> Iterator[Life]:
    """A tenant in sync."""
    with life(tmp_path, database_url=each_database) as made:
        yield made


@pytest.mark.fault("P09", "P14")
def test_eight_workers_on_one_tenant_have_one_effect_each(alive: Life) -> None:
    """Round after round a person edits both sides and eight runs start at once: each edit arrives once, and who stood back says why."""
    for _ in range(3):
        known = Counter(field for field, _, _ in alive.effects())
        alive.edit()
        ended = alive.together(WORKERS)
        assert [one["code"] for one in ended] == [0] * WORKERS
        outcomes = Counter(one["said"]["outcome"] for one in ended)
        assert outcomes["written"] == 1
        assert set(outcomes) <= {"written", "skipped", "in_sync"}
        stood_back = [one["said"]["reason"] for one in ended if one["said"]["outcome"] == "skipped"]
        assert all("another run is working on this tenant" in reason for reason in stood_back)
        made = Counter(field for field, _, _ in alive.effects()) - known
        assert made == dict.fromkeys(("billing_subscription_status", "metadata.crm_segment"), 1)
        assert alive.wrong() == {}
        assert alive.unsettled() == []


@pytest.mark.fault("P14")
def test_the_same_run_started_again_has_no_second_effect(alive: Life) -> None:
    """Re-executed by hand, or asked for twice by overlapping ticks: under its own id or another one nothing is left to write."""
    known = len(alive.effects())
    alive.edit()
    assert alive.run()["said"]["outcome"] == "written"
    made = len(alive.effects())
    for again in (False, True):
        alive.runner.runs -= again  # the very id of the run before
        assert alive.run()["said"]["outcome"] == "in_sync"
    assert (made > known, len(alive.effects())) == (True, made)
