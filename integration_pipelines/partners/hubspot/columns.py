"""Which of a contract's columns are HubSpot properties, which of those this tenant has, and which fields nobody declared.

Turning values into text is `translate`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from integration_pipelines.core.contract import SourceObject
from integration_pipelines.partners.hubspot.wire import ALWAYS_SENT, MERGED_IDS, TOP_LEVEL, property_of
from integration_pipelines.partners.observe import UnknownCounter


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of HubSpot for one object: `properties` exist there; of the columns in `missing` the property does not."""

    properties: tuple[str, ...]
    missing: tuple[str, ...]


def asked(spec: SourceObject, existing: Mapping[str, object]) -> Asked:
    """What to ask for. A property that does not exist is not asked for, else its blank would look like a value."""
    named = {column: property_of(found.source) for column, found in spec.columns.items()}
    declared = {column: name for column, name in named.items() if name is not None}
    return Asked(
        properties=tuple(sorted({name for name in declared.values() if name in existing})),
        missing=tuple(column for column, name in declared.items() if name not in existing),
    )


class Undeclared:
    """Counts fields that HubSpot sent unasked: names and JSON types, never values."""

    def __init__(self, partner_object: str, properties: Sequence[str]) -> None:
        self._top = UnknownCounter(TOP_LEVEL[partner_object])
        self._properties = UnknownCounter(frozenset(properties) | ALWAYS_SENT | {MERGED_IDS})

    def see(self, records: Sequence[dict[str, Any]]) -> None:
        """Count one page."""
        self._top.see(records)
        self._properties.see([found for record in records if isinstance(found := record.get("properties"), dict)])

    def counts(self) -> dict[tuple[str, str], int]:
        """(name, JSON type) → records that carried it; a property's name starts with `properties.`."""
        inside = {(f"properties.{name}", kind): count for (name, kind), count in self._properties.counts().items()}
        return {**self._top.counts(), **inside}
