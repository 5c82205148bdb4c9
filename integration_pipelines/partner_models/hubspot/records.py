"""One company: its values now, what they were before, and how a view of it looks on the wire."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from integration_pipelines.partner_models.base import Json
from integration_pipelines.partner_models.hubspot.catalog import ALWAYS_SENT, DEFAULT_PROPERTIES
from integration_pipelines.partner_models.hubspot.moments import iso, milliseconds

MODIFIED = "hs_lastmodifieddate"
MOST_VERSIONS = 20
"""HubSpot tells no more versions of a property than the newest of them."""


class Source(NamedTuple):
    """Who wrote a value, in HubSpot's words, and whether that is a person or an app."""

    kind: str
    id: str
    actor: str = "api"


INTEGRATION = Source("INTEGRATION", "2026001")
CRM_UI = Source("CRM_UI", "userId:1", "person")
IMPORT = Source("IMPORT", "1", "person")
RECALCULATED = Source("CALCULATED", "RollupProperties", "person")


class Version(NamedTuple):
    """A value from a moment on."""

    value: Any
    at: float
    source: Source


@dataclass(frozen=True, slots=True)
class View:
    """What a reader wants to see. No names: the default properties; `whole`: everything that has a value."""

    names: tuple[str, ...]
    history: tuple[str, ...] = ()
    whole: bool = False


WHOLE = View((), whole=True)


def view_of(properties: tuple[str, ...] = (), history: tuple[str, ...] = ()) -> View:
    """The view for the properties a caller named."""
    asked = dict.fromkeys((*properties, *history)) or dict.fromkeys(DEFAULT_PROPERTIES)
    return View(tuple(asked | dict.fromkeys(ALWAYS_SENT)), tuple(dict.fromkeys(history)))


@dataclass(slots=True, eq=False)
class Company:
    """A company. `values` holds text as a rule; what was planted may be anything.

    Args:
        id: digits.
        born_at: when this id came to be; `created_text` may be older after a merge.
        source: who wrote the values that have no versions of their own.
    """

    id: str
    values: dict[str, Any]
    created_text: str
    born_at: float
    modified_at: float
    source: Source
    number: int = field(init=False)
    modified_text: str = field(init=False)
    modified_ms: int = field(init=False)
    versions: dict[str, list[Version]] = field(default_factory=dict)
    gone_at: float | None = None  # archived, or merged into another
    archived: bool = False
    surprises: Json = field(default_factory=dict)
    """Top-level fields that nobody expects; planted only."""

    def __post_init__(self) -> None:
        """Derive what listing and sorting need."""
        self.number = int(self.id)
        self.modified_text, self.modified_ms = iso(self.modified_at), milliseconds(self.modified_at)

    def put(self, name: str, value: object, at: float, source: Source) -> None:
        """Write a value and keep the one before; writing the same value again is no change."""
        old = self.values.get(name, "")
        if old == value:
            return
        if name not in self.versions:
            self.versions[name] = [Version(old, self.born_at, self.source)] if name in self.values else []
        self.versions[name].append(Version(value, at, source))
        self.values[name] = value

    def modified(self, at: float, source: Source) -> None:
        """Move the time of the last change."""
        self.modified_at, self.modified_text, self.modified_ms = at, iso(at), milliseconds(at)
        self.put(MODIFIED, self.modified_text, at, source)

    def as_of(self, moment: float) -> Mapping[str, Any] | None:
        """The values at a moment of the past, None if the company did not exist then or was gone already."""
        if self.born_at > moment or (self.gone_at is not None and self.gone_at <= moment):
            return None
        if self.modified_at <= moment:
            return self.values
        past: dict[str, Any] = {}
        for name, value in self.values.items():
            if name not in self.versions:
                past[name] = value
                continue
            known = [version.value for version in self.versions[name] if version.at <= moment]
            if known:
                past[name] = known[-1]
        return past

    def history(self, name: str) -> list[Json]:
        """The newest values of a property with time and source, newest first."""
        kept = self.versions.get(name)
        if kept is None:
            kept = [Version(self.values[name], self.born_at, self.source)] if name in self.values else []
        return [
            {"value": one.value, "timestamp": iso(one.at), "sourceType": one.source.kind, "sourceId": one.source.id}
            for one in reversed(kept[-MOST_VERSIONS:])
        ]

    def shown(self, view: View, values: Mapping[str, Any] | None = None) -> Json:
        """The wire shape; `values` replaces the present ones (an index shows the past)."""
        current = self.values if values is None else values
        found: Json = {
            "id": self.id,
            "properties": dict(current) if view.whole else {name: current.get(name) for name in view.names},
            "createdAt": self.created_text,
            "updatedAt": self.modified_text if values is None else current.get(MODIFIED, self.modified_text),
            "archived": self.archived and values is None,
        }
        if found["archived"] and self.gone_at is not None:
            found["archivedAt"] = iso(self.gone_at)
        if self.surprises:
            found |= self.surprises
        if view.history:
            found["propertiesWithHistory"] = {name: self.history(name) for name in view.history}
        return found
