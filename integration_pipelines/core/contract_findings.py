"""What the contract linter's rules speak in: findings, a partner's catalogue, and which sides a field is written to.

The rules themselves are `contract_rules_*`; running them in order is `contract_lint`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, Protocol

from integration_pipelines.core.contract import Column, Contract, Side, SourceObject, SyncField

SideName = Literal["left", "right"]
SIDES: tuple[SideName, SideName] = ("left", "right")


class Severity(StrEnum):
    """An error refuses the contract; a warning is worth a look."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, where, and what to do."""

    severity: Severity
    place: str
    message: str
    remedy: str


class Catalogue(Protocol):
    """What a partner really has; each partner's `wire` module offers it."""

    def knows(self, partner_object: str, path: str, nested: tuple[str, ...] = ()) -> bool:
        """Whether that path can be read."""

    def writable(self, partner_object: str, path: str) -> bool:
        """Whether that path of a record that exists may be written."""

    def settable(self, partner_object: str, path: str) -> bool:
        """Whether a new record may start with a value there."""

    def identifying(self, partner_object: str, path: str) -> bool:
        """Whether a value there belongs to one record for good: no other record ever has it, and it never changes."""

    def creatable(self, partner_object: str, path: str) -> bool:
        """Whether a field there can be made at set-up."""

    def option(self, partner_object: str, name: str) -> frozenset[str] | None:
        """What an option of that object may say; empty if anything, None if there is no such option."""


Rule = Callable[[Contract, Mapping[str, Catalogue]], Iterator[Finding]]


def error(place: str, message: str, remedy: str) -> Finding:
    """A finding that refuses the contract."""
    return Finding(Severity.ERROR, place, message, remedy)


def warning(place: str, message: str, remedy: str) -> Finding:
    """A finding that is worth a look."""
    return Finding(Severity.WARNING, place, message, remedy)


def side_of(field: SyncField, side: SideName) -> Side:
    """Where a field lives on one side."""
    return field.left if side == "left" else field.right


def main_of(contract: Contract, side: SideName) -> SourceObject:
    """The object whose records are linked on that side."""
    return contract.objects[contract.main_object(side)]


def column_of(contract: Contract, field: SyncField, side: SideName) -> Column | None:
    """The column of the main object that a field names on a side, if it names one."""
    name = side_of(field, side).column
    return None if name is None else main_of(contract, side).columns[name]


def written_sides(contract: Contract, field: SyncField) -> tuple[SideName, ...]:
    """The sides that a field is written to."""
    if field.owner == "two_way":
        return SIDES
    if field.owner == "sync":
        return tuple(s for s in SIDES if side_of(field, s).column is not None)
    return ("right",) if contract.side_of(field.owner) == "left" else ("left",)


def listed(values: Iterable[str]) -> str:
    """Values in a sentence, in a stable order."""
    return ", ".join(sorted(values))
