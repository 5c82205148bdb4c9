"""Planted bugs: every one of them can be planted, is taken back without a trace, and a handful is found here; `make proof` finds all."""

import pytest

from integration_pipelines.core.writes import write_id
from integration_pipelines_tests.proof.bugs import BUGS, hunt
from integration_pipelines_tests.proof.planting import Bug, Code, PlantingError, Words

A_HANDFUL = ("gone_stays_live", "unknown_is_failed")
LEAST = 30
_WRITES = "integration_pipelines.core.writes"


@pytest.mark.parametrize("bug", list(BUGS))
def test_what_a_bug_replaces_is_there(bug: str) -> None:
    """A bug whose place was rewritten would do nothing, and would be found by nobody."""
    with BUGS[bug].planted():
        assert BUGS[bug].patches


def test_there_are_enough_of_them() -> None:
    """Each with words of its own."""
    assert len(BUGS) >= LEAST
    assert len({bug.words for bug in BUGS.values()}) == len(BUGS)


def test_a_bug_is_there_for_everybody_and_then_gone() -> None:
    """Also for those who imported the function before."""
    before = write_id("plan", "object", "1")
    with Bug("", "", (Code(_WRITES, "write_id", "{plan_id}\\x1f", "\\x1f"),)).planted():
        assert write_id("plan", "object", "1") == write_id("other", "object", "1") != before
    assert write_id("plan", "object", "1") == before


@pytest.mark.parametrize(
    "patch",
    [
        Code(_WRITES, "write_id", "this stands nowhere", ""),
        Code(_WRITES, "write_id", "target", ""),
        Code(_WRITES, "no_such_function", "", ""),
        Words(_WRITES, "KEY_PREFIX", "this stands nowhere", ""),
        Words(_WRITES, "NO_SUCH_TEXT", "a", "b"),
    ],
)
def test_a_bug_that_would_change_nothing_is_not_planted(patch: Code | Words) -> None:
    """What it replaces stands there no more, or more than once."""
    with pytest.raises(PlantingError), patch.planted():
        pytest.fail("it was planted")


@pytest.mark.parametrize("bug", A_HANDFUL)
def test_the_rehearsal_finds_it(bug: str) -> None:
    """Within its seeds."""
    assert hunt(bug).killed_at is not None
