"""Which of a contract's columns are HubSpot properties, which of those this tenant has, and which fields nobody declared.

Turning values into text is `translate`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from integration_pipelines.core.contract import FieldType, SourceObject
from integration_pipelines.partners.hubspot.wire import ALWAYS_SENT, MERGED_IDS, TOP_LEVEL, property_of
from integration_pipelines.partners.observe import UnknownCounter


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of HubSpot for one object: `properties` exist there; of the columns in `missing` the property does not."""

    properties: tuple[str, ...]
    missing: tuple[str, ...]


_HOLDS = {
    FieldType.MONEY: frozenset({"number", "string"}),
    FieldType.DECIMAL: frozenset({"number", "string"}),
    FieldType.INTEGER: frozenset({"number", "string"}),
    FieldType.DATE: frozenset({"date", "datetime", "string"}),
    FieldType.DATETIME: frozenset({"date", "datetime", "string"}),
    FieldType.BOOLEAN: frozenset({"bool", "enumeration", "string"}),
}
"""HubSpot's types of a property that a column may rest on; text is judged value by value, other columns rest on any type."""


def asked(spec: SourceObject, existing: Mapping[str, object]) -> Asked:
    """What to ask for. A property that does not exist is not asked for, else its blank would look like a value.

    Neither is one whose type was changed to something that the column cannot be: nobody may compare what it says now.
    """
    named = {column: property_of(found.source) for column, found in spec.columns.items()}
    declared = {column: name for column, name in named.items() if name is not None}
    usable = {
        column for column, name in declared.items() if name in existing and _fits(spec.columns[column].type, existing[name])
    }
    return Asked(
        properties=tuple(sorted({name for column, name in declared.items() if column in usable})),
        missing=tuple(column for column in declared if column not in usable),
    )


def _fits(kind: FieldType, definition: object) -> bool:
    said = definition.get("type") if isinstance(definition, Mapping) else None
    return said is None or kind not in _HOLDS or said in _HOLDS[kind]


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
