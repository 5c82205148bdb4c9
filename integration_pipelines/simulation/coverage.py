"""What was tried, in words: every fault that a rehearsal may bring about, and how often it did."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from integration_pipelines.simulation.catalogue import FAULTS


@dataclass(frozen=True, slots=True)
class Fired:
    """A fault, in words, and how often it struck."""

    id: str
    words: str
    times: int


def coverage(fired: Mapping[str, int], switched_on: Collection[str]) -> list[Fired]:
    """The faults that were switched on, with those that struck never."""
    return list(_listed(fired, switched_on))


def _listed(fired: Mapping[str, int], switched_on: Collection[str]) -> Iterator[Fired]:
    for fault, what in FAULTS.items():
        if fault in switched_on or fault in fired:
            yield Fired(fault, what.words, fired.get(fault, 0))
    for fault in sorted(fired.keys() - FAULTS.keys()):
        yield Fired(fault, "something else", fired[fault])
