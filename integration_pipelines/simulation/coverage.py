"""What was tried, in words: every fault that a rehearsal may bring about, and how often it did."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from integration_pipelines.simulation.catalogue import FAULTS

BY_PEOPLE: Mapping[str, str] = {
    "D03": "somebody enters a value that does not read as its type",
    "D04": "somebody chooses an option that the contract does not know",
    "D05": "somebody enters text that looks like something else",
    "D06": "a customer pays in another currency",
    "D07": "a subscription has an unusual price, a credit or a discount",
    "D08": "a customer pays in a currency without decimals",
    "D13": "two records say the same where records are told apart",
    "D14": "two records change places in what they are recognised by",
    "D15": "two records are merged",
    "D16": "a record is merged that others were merged into",
    "D17": "a record claims a merge that cannot be",
    "D19": "a merged record comes back",
    "D20": "a record is deleted, or comes back",
    "D21": "nearly everything is deleted, or one value is blanked everywhere",
    "D22": "a subscription ends, or goes on after its end",
    "D23": "another record has the id of a deleted one",
    "D26": "both sides are edited to the same value",
    "D27": "a value is changed and changed back",
    "D28": "a partner's schema loses a property, or has it again",
    "D31": "a row belongs to a record that is not there",
    "H24": "a record is gone when our write arrives",
}
"""What begins with a person at a keyboard: it happens in every life, whichever faults are switched on."""


@dataclass(frozen=True, slots=True)
class Fired:
    """A fault, in words, and how often it struck."""

    id: str
    words: str
    times: int


def coverage(fired: Mapping[str, int], switched_on: Collection[str]) -> list[Fired]:
    """The faults that were switched on, with those that struck never; then what people did."""
    return list(_listed(fired, switched_on))


def _listed(fired: Mapping[str, int], switched_on: Collection[str]) -> Iterator[Fired]:
    for fault, what in FAULTS.items():
        if fault in switched_on or fault in fired:
            yield Fired(fault, what.words, fired.get(fault, 0))
    for fault, words in BY_PEOPLE.items():
        if fault in fired and fault not in FAULTS:
            yield Fired(fault, words, fired[fault])
    for fault in sorted(fired.keys() - FAULTS.keys() - BY_PEOPLE.keys()):
        yield Fired(fault, "something else", fired[fault])
