"""Rows that are read while nobody asks for them yet: a database is slow in its own way, and an engine has other things to do meanwhile."""

from collections.abc import Callable, Iterable, Iterator
from contextvars import copy_context
from dataclasses import dataclass
from queue import Full, Queue
from threading import Event, Thread
from typing import TypeVar

Item = TypeVar("Item")


class Ahead(Iterator[Item]):
    """A source's items, taken while nobody asks for them yet, at most so many; a fault is raised where its item would have come.

    The source is opened and read in a thread of its own, which ends when the items do, or when nobody wants them any more.
    """

    def __init__(self, source: Callable[[], Iterable[Item]], at_most: int) -> None:
        self._items: Queue[Item | _End] = Queue(at_most)
        self._unwanted = Event()
        Thread(target=copy_context().run, args=(_take, source, self._items, self._unwanted), daemon=True).start()

    def __next__(self) -> Item:
        item = self._items.get()
        if isinstance(item, _End):
            self._items.put(item)  # for who asks again
            if item.fault is not None:
                raise item.fault
            raise StopIteration
        return item

    def __del__(self) -> None:
        self._unwanted.set()


@dataclass(frozen=True, slots=True)
class _End:
    """Comes after the last item."""

    fault: BaseException | None = None


def _take(source: Callable[[], Iterable[Item]], items: "Queue[Item | _End]", unwanted: Event) -> None:
    end = _End()
    try:
        for item in source():
            if not _put(item, items, unwanted):
                return
    except BaseException as fault:  # noqa: BLE001 - raised again where it is waited for
        end = _End(fault)
    _put(end, items, unwanted)


def _put(item: "Item | _End", items: "Queue[Item | _End]", unwanted: Event) -> bool:
    """Whether there was room before nobody wanted it any more."""
    while not unwanted.is_set():
        try:
            items.put(item, timeout=_GLANCE)
        except Full:
            continue
        return True
    return False


_GLANCE = 0.05
"""Seconds after which a thread that waits looks whether it is still wanted."""
