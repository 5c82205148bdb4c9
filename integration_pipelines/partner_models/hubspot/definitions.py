"""The schema of companies: which properties and groups there are, and the rules for making new ones.

What a value must look like is `values`.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from integration_pipelines.partner_models.base import Json, PartnerRefusalError
from integration_pipelines.partner_models.hubspot.catalog import STANDARD_GROUP, label, options, standard_properties
from integration_pipelines.partner_models.hubspot.moments import iso
from integration_pipelines.partner_models.hubspot.refusals import conflict, fault, invalid, missing

FIELD_TYPES = {
    "string": {"text", "textarea", "html", "file", "phonenumber", "calculation_equation"},
    "number": {"number", "calculation_equation"},
    "date": {"date"},
    "datetime": {"date"},
    "enumeration": {"select", "radio", "checkbox", "booleancheckbox", "calculation_equation"},
    "bool": {"booleancheckbox", "calculation_equation"},
    "phone_number": {"phonenumber"},
}
_HINTS = {"currency", "duration", "formatted", "percentage", "probability", "unformatted"}
_NAME = re.compile(r"[a-z][a-z0-9_]{0,99}")
_RESERVED = ("hs_", "hubspot_")
_MOST_UNIQUE = 10
_REQUIRED = ("name", "label", "type", "fieldType", "groupName")
_OPTIONAL = (
    "calculationFormula", "currencyPropertyName", "dataSensitivity", "description", "displayOrder", "externalOptions",
    "formField", "hasUniqueValue", "hidden", "numberDisplayHint", "options", "referencedObjectType", "showCurrencySymbol",
)  # fmt: skip
_TEXTS = (*_REQUIRED, "calculationFormula", "currencyPropertyName", "dataSensitivity", "description", "numberDisplayHint")
_CHANGEABLE = frozenset(
    {*_REQUIRED[1:], *_OPTIONAL} - {"dataSensitivity", "externalOptions", "hasUniqueValue", "referencedObjectType"}
)


class Schema:
    """Properties by name, archived ones included, and groups by name."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._created_text = iso(now())
        self.groups: dict[str, Json] = {STANDARD_GROUP: _group({"name": STANDARD_GROUP, "label": "Company information"})}
        self.by_name = {one["name"]: self._filled(one, by_hubspot=True) for one in standard_properties()}
        self.unique: frozenset[str] = frozenset()

    def find(self, name: str) -> Json | None:
        """The property of that name if it is in use."""
        found = self.by_name.get(name)
        return None if found is None or found["archived"] else found

    def listed(self, *, archived: bool = False) -> list[Json]:
        """All properties in use, or all archived ones."""
        return [found for found in self.by_name.values() if found["archived"] is archived]

    def get(self, name: str, *, archived: bool = False) -> Json:
        """One property; raises PartnerRefusalError 404."""
        found = self.by_name.get(name)
        if found is None or found["archived"] is not archived:
            raise missing(f"Property {name}")
        return found

    def create(self, given: Mapping[str, Any]) -> Json:
        """A new property of the account's own; raises PartnerRefusalError 400 or 409."""
        self._check_creation(given)
        if given["name"] in self.by_name:
            raise conflict(f"Property with name '{given['name']}' already exists.")
        if given.get("hasUniqueValue") and len(self.unique) >= _MOST_UNIQUE:
            raise invalid(f"An object can have {_MOST_UNIQUE} properties with unique values at most.")
        return self.put(given)

    def put(self, given: Mapping[str, Any]) -> Json:
        """Keep a property as it is described, right or wrong."""
        found = self._filled(given, by_hubspot=False)
        self.by_name[found["name"]] = found
        if found["hasUniqueValue"]:
            self.unique |= {found["name"]}
        return found

    def update(self, name: str, given: Mapping[str, Any]) -> Json:
        """Change a property; options are replaced as a whole. Values that lose their option stay where they are."""
        found = self.get(name)
        if found["modificationMetadata"]["readOnlyDefinition"] and set(given) - {"options"}:
            raise invalid(f"The definition of {name} belongs to HubSpot and cannot be changed.")
        unknown = sorted(set(given) - _CHANGEABLE)
        if unknown:
            raise invalid(f"These fields of a property cannot be changed: {', '.join(unknown)}")
        changed = {**found, **{key: value for key, value in given.items() if value is not None}}
        self._check_shape(changed)
        changed |= {"options": _options(changed["options"]), "updatedAt": iso(self._now())}
        self.by_name[name] = changed
        return changed

    def archive(self, name: str) -> Json:
        """Take a property out of use; its values are no longer shown."""
        found = self.get(name)
        if found["hubspotDefined"]:
            raise invalid(f"The property {name} belongs to HubSpot and cannot be archived.")
        self.by_name[name] = {**found, "archived": True, "archivedAt": iso(self._now())}
        self.unique -= {name}
        return self.by_name[name]

    def create_group(self, given: Mapping[str, Any]) -> Json:
        """A new group; raises PartnerRefusalError 400 or 409."""
        name = given.get("name")
        if not isinstance(name, str) or not _NAME.fullmatch(name) or not isinstance(given.get("label"), str):
            raise invalid("A property group needs a name of small letters, digits and underscores, and a label.")
        if name in self.groups:
            raise conflict(f"Property group with name '{name}' already exists.")
        self.groups[name] = _group(given)
        return self.groups[name]

    def _filled(self, given: Mapping[str, Any], *, by_hubspot: bool) -> Json:
        read_only = bool(given.get("readOnly"))
        kind = given.get("type", "string")
        found: Json = {
            "name": given["name"],
            "label": given.get("label", label(given["name"])),
            "type": kind,
            "fieldType": given.get("fieldType", "text"),
            "description": "",
            "groupName": given.get("groupName", STANDARD_GROUP),
            "displayOrder": -1,
            "calculated": given.get("fieldType") == "calculation_equation",
            "externalOptions": False,
            "hasUniqueValue": False,
            "hidden": False,
            "hubspotDefined": by_hubspot,
            "formField": not read_only,
            "dataSensitivity": "non_sensitive",
            "archived": False,
            "createdAt": self._created_text if by_hubspot else iso(self._now()),
            "updatedAt": self._created_text if by_hubspot else iso(self._now()),
            "modificationMetadata": {
                "archivable": not by_hubspot,
                "readOnlyDefinition": by_hubspot,
                "readOnlyOptions": by_hubspot and read_only,
                "readOnlyValue": read_only or given.get("fieldType") == "calculation_equation",
            },
        }
        found |= {name: given[name] for name in (*_OPTIONAL, "archived", "createdAt", "updatedAt") if given.get(name) is not None}
        found["options"] = _options(given.get("options") or (options("true false") if kind == "bool" else []))
        return found

    def _check_creation(self, given: Mapping[str, Any]) -> None:
        lacking = [name for name in _REQUIRED if not isinstance(given.get(name), str) or not given[name]]
        if lacking:
            raise invalid(f"Required fields are missing: {', '.join(lacking)}")
        unknown = sorted(set(given) - {*_REQUIRED, *_OPTIONAL})
        if unknown:
            raise invalid(f"Unknown fields of a property: {', '.join(unknown)}")
        name = given["name"]
        if not _NAME.fullmatch(name) or name.startswith(_RESERVED):
            message = (
                "Property names begin with a small letter, hold small letters, digits and underscores, and no reserved prefix."
            )
            raise invalid(message, [fault(message, "INVALID_PROPERTY_NAME", propertyName=name)])
        self._check_shape(given)

    def _check_shape(self, given: Mapping[str, Any]) -> None:
        """What must hold for a new and for a changed property."""
        odd = [name for name in _TEXTS if not isinstance(given.get(name, ""), str | None)]
        if odd:
            raise invalid(f"These fields of a property must be text: {', '.join(odd)}")
        kind, field_type = given["type"], given["fieldType"]
        if kind not in FIELD_TYPES or field_type not in FIELD_TYPES[kind]:
            raise invalid(f"Invalid combination of type {kind} and fieldType {field_type}.")
        if given["groupName"] not in self.groups:
            raise invalid(f"Property group '{given['groupName']}' does not exist.")
        if given.get("hasUniqueValue") and kind not in {"string", "number"}:
            raise invalid("Only text and number properties can have unique values.")
        hint = given.get("numberDisplayHint")
        if hint is not None and (kind != "number" or hint not in _HINTS):
            raise invalid(f"Invalid numberDisplayHint {hint} for a property of type {kind}.")
        _check_options(given)


def _check_options(given: Mapping[str, Any]) -> None:
    found = given.get("options")
    if given["type"] == "enumeration" and not found and not given.get("externalOptions"):
        raise invalid("An enumeration property needs options.")
    if found is None:
        return
    if not isinstance(found, list) or not all(_is_option(option) for option in found):
        raise invalid("Every option needs a label and a value, both text.")
    for part in ("value", "label"):
        names = [option[part] for option in found]
        if len(set(names)) != len(names):
            raise invalid(f"Two options have the same {part}.")


def _is_option(option: object) -> bool:
    return isinstance(option, dict) and all(isinstance(option.get(part), str) and option[part] for part in ("label", "value"))


def _options(found: list[Json]) -> list[Json]:
    return [{"displayOrder": place, "hidden": False, **option} for place, option in enumerate(found)]


def _group(given: Mapping[str, Any]) -> Json:
    order = given.get("displayOrder")
    return {
        "name": given["name"],
        "label": given.get("label", label(given["name"])),
        "displayOrder": -1 if order is None else order,
        "archived": False,
    }


def create_many(schema: Schema, inputs: list[Json]) -> Iterator[Json | PartnerRefusalError]:
    """Create one after the other; a refused one does not keep the others from being made."""
    for given in inputs:
        try:
            yield schema.create(given)
        except PartnerRefusalError as refusal:
            yield refusal
