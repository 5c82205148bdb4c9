"""Do the same to several things at once, each in a copy of the caller's context, so that log lines keep what was bound to it."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

Item = TypeVar("Item")
Done = TypeVar("Done")


def side_by_side(work: Callable[[Item], Done], items: Iterable[Item], at_once: int) -> list[Done]:
    """The results in the order of the items; the first fault is raised after all have ended.

    A single thing, too, is done by another thread: a process that is asked to stop is interrupted in its first one, and what a worker has
    begun it ends. Only what is to be done one at a time is done by the caller's own, in that order, and ends with its first fault.
    """
    if at_once == 1:
        return [copy_context().run(work, item) for item in items]
    with ThreadPoolExecutor(at_once) as pool:
        doing = [pool.submit(copy_context().run, work, item) for item in items]
    return [one.result() for one in doing]
