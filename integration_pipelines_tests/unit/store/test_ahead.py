"""Items that are taken ahead: all of them, in order, faults where they belong, and no thread left behind."""

import gc
import threading
import time
from collections.abc import Iterator

import pytest

from integration_pipelines.store.ahead import Ahead


def test_all_items_come_in_their_order() -> None:
    """However few may wait."""
    assert list(Ahead(lambda: range(1000), 2)) == list(range(1000))


def test_a_fault_comes_after_the_items_before_it_and_again_to_who_asks_again() -> None:
    """Nothing is swallowed, and nothing that was read is lost."""

    def source() -> Iterator[int]:
        yield 1
        raise OSError("gone")

    items = Ahead(source, 4)
    assert next(items) == 1
    for _ in range(2):
        with pytest.raises(OSError, match="gone"):
            next(items)


def test_a_source_is_read_before_it_is_asked_for() -> None:
    """As far as there is room."""
    seen = threading.Event()

    def source() -> Iterator[int]:
        seen.set()
        yield 1

    items = Ahead(source, 1)
    assert seen.wait(5)
    assert list(items) == [1]


def test_who_wants_no_more_leaves_no_thread_behind() -> None:
    """Nobody asked for a single item of an endless source."""

    def endless() -> Iterator[int]:
        while True:
            yield 1

    known = threading.active_count()
    items = Ahead(endless, 1)
    assert threading.active_count() == known + 1
    del items
    gc.collect()
    end = time.monotonic() + 5
    while threading.active_count() > known and time.monotonic() < end:
        time.sleep(0.01)
    assert threading.active_count() == known
