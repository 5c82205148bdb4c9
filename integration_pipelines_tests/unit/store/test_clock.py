"""What the machine's clock and the identifiers made from it promise."""

import multiprocessing
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from multiprocessing.queues import SimpleQueue

import pytest

from integration_pipelines.errors import BugError
from integration_pipelines.ports.clock import Clock
from integration_pipelines.store.clock import SortableIds, SystemClock


class SetClock(Clock):
    """Shows the times it was given, the last one for ever."""

    def __init__(self, *times: datetime) -> None:
        self._times = list(times)

    def now(self) -> datetime:
        """The next time."""
        return self._times.pop(0) if len(self._times) > 1 else self._times[0]

    def monotonic(self) -> float:
        """Unused."""
        return 0.0

    def sleep(self, seconds: float) -> None:
        """Unused."""


NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def _thousand(ids: SortableIds) -> list[str]:
    return [ids.new("run") for _ in range(1000)]


def _send_thousand(ids: SortableIds, to: SimpleQueue[list[str]]) -> None:
    to.put(_thousand(ids))


def test_now_is_aware_utc() -> None:
    """A time without a zone never comes from the clock."""
    assert SystemClock().now().utcoffset() == timedelta(0)


def test_waiting_moves_the_monotonic_clock() -> None:
    """Sleeping takes at least as long as asked for, and a negative time is none."""
    clock = SystemClock()
    before = clock.monotonic()
    clock.sleep(0.01)
    clock.sleep(-1)
    assert 0.01 <= clock.monotonic() - before < 1


def test_ids_have_one_shape() -> None:
    """An id is its prefix and 26 characters that are safe everywhere."""
    assert re.fullmatch(r"run_[0-9a-z]{26}", SortableIds(SystemClock()).new("run"))


def test_ids_sort_by_creation_even_when_the_clock_goes_back() -> None:
    """Text order is creation order within a process, whatever the wall clock does."""
    ids = SortableIds(SetClock(NOON, NOON, NOON - timedelta(hours=1), NOON + timedelta(milliseconds=2)))
    made = [ids.new("w") for _ in range(50)]
    assert made == sorted(set(made))


def test_ids_differ_between_threads_and_forked_processes() -> None:
    """No two threads and no two children of one parent make the same id in the same millisecond."""
    ids = SortableIds(SetClock(NOON))
    ids.new("run")
    fork = multiprocessing.get_context("fork")
    answers: SimpleQueue[list[str]] = fork.SimpleQueue()
    children = [fork.Process(target=_send_thousand, args=(ids, answers)) for _ in range(2)]
    for child in children:
        child.start()
    made = [i for _ in children for i in answers.get()]
    for child in children:
        child.join()
    with ThreadPoolExecutor(4) as threads:
        made += [i for part in threads.map(_thousand, [ids] * 4) for i in part]
    assert len(set(made)) == len(made) == 6000


@pytest.mark.parametrize("prefix", ["", "Run", "a/b", "ä", "a" * 33, "9"])
def test_a_bad_prefix_is_our_own_mistake(prefix: str) -> None:
    """Identifiers end up in partition keys and paths, so their prefix is checked."""
    with pytest.raises(BugError):
        SortableIds(SystemClock()).new(prefix)
