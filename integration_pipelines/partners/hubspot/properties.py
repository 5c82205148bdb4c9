"""The schema of an object: what exists at this tenant, and creating what a contract needs.

Values of properties are not read or written here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from integration_pipelines.core.contract import PropertySpec
from integration_pipelines.errors import ConfigError
from integration_pipelines.partners.http import PartnerHttp, answered_at
from integration_pipelines.partners.hubspot.lists import results_of
from integration_pipelines.partners.hubspot.wire import BATCH

Property = dict[str, Any]

_CONFLICT = 409


@dataclass(frozen=True, slots=True)
class Schema:
    """The properties of an object by name, and HubSpot's own time when it listed them."""

    by_name: Mapping[str, Property]
    listed_at: datetime | None


def read(http: PartnerHttp, path: str) -> Schema:
    """What exists at this tenant."""
    reply = http.request("GET", path, exact=False)
    return Schema({str(item["name"]): item for item in results_of(reply) if "name" in item}, answered_at(reply.headers))


def ensure(http: PartnerHttp, path: str, wanted: Mapping[str, PropertySpec]) -> tuple[str, ...]:
    """Create the properties that do not exist and add options that an existing one lacks; returns the names created.

    Raises:
        ConfigError: a property of that name exists with another type, or nobody may write it.
    """
    named = {name.removeprefix("properties."): spec for name, spec in wanted.items()}
    found = read(http, path).by_name
    for name, spec in named.items():
        if name in found:
            _check(name, found[name], spec)
    missing = sorted(name for name in named if name not in found)
    _ensure_groups(http, f"{path}/groups", {named[name].group for name in missing})
    for start in range(0, len(missing), BATCH):
        inputs = [_creation(name, named[name]) for name in missing[start : start + BATCH]]
        http.request(
            "POST", f"{path}/batch/create", json={"inputs": inputs}, write=True, exact=False, accept=frozenset({_CONFLICT})
        )
    if missing:
        _check_created(read(http, path).by_name, missing, named)
    for name in sorted(named.keys() & found.keys()):
        _add_options(http, path, found[name], named[name])
    return tuple(missing)


def _check(name: str, found: Property, spec: PropertySpec) -> None:
    if found.get("type") != spec.wire_type:
        raise ConfigError(
            f"The property {name} exists in HubSpot with the type {found.get('type')}, but {spec.wire_type} is needed.",
            remedy=f"Rename or delete the property {name} in HubSpot, or let the contract use another one; then run this again.",
            partner="hubspot",
        )
    may = found.get("modificationMetadata")
    if found.get("calculated") or (isinstance(may, dict) and may.get("readOnlyValue")):
        raise ConfigError(
            f"The property {name} exists in HubSpot, but apps cannot write it.",
            remedy=f"Rename the property {name} in HubSpot, or let the contract use another one; then run this again.",
            partner="hubspot",
        )


def _check_created(found: Mapping[str, Property], missing: list[str], named: Mapping[str, PropertySpec]) -> None:
    """Read again what was created: somebody else may have been faster, with another type."""
    for name in missing:
        if name not in found:
            raise ConfigError(
                f"HubSpot did not create the property {name}.",
                remedy=f"Look for an archived property {name} in HubSpot's settings and restore or delete it; then run this again.",
                partner="hubspot",
            )
        _check(name, found[name], named[name])


def _ensure_groups(http: PartnerHttp, path: str, wanted: set[str]) -> None:
    if not wanted:
        return
    found = {item.get("name") for item in results_of(http.request("GET", path, exact=False))}
    for name in sorted(wanted - found):
        body = {"name": name, "label": _label(name), "displayOrder": -1}
        http.request("POST", path, json=body, write=True, exact=False, accept=frozenset({_CONFLICT}))


def _creation(name: str, spec: PropertySpec) -> dict[str, Any]:
    body: dict[str, Any] = {
        "name": name,
        "label": spec.label,
        "description": spec.description,
        "groupName": spec.group,
        "type": spec.wire_type,
        "fieldType": spec.field_type,
        "hasUniqueValue": spec.unique,
    }
    if spec.number_hint is not None:
        body["numberDisplayHint"] = spec.number_hint
    if spec.options:
        body["options"] = [_option(value, place) for place, value in enumerate(spec.options)]
    return body


def _add_options(http: PartnerHttp, path: str, found: Property, spec: PropertySpec) -> None:
    """HubSpot replaces the whole list of options, so those that people made are sent along."""
    have = [option for option in found.get("options") or [] if isinstance(option, dict)]
    lacking = [value for value in spec.options if value not in {option.get("value") for option in have}]
    if not lacking:
        return
    added = [_option(value, len(have) + place) for place, value in enumerate(lacking)]
    body = {"options": [*have, *added]}
    http.request("PATCH", f"{path}/{{}}", ids=(str(found["name"]),), json=body, write=True, exact=False)


def _option(value: str, place: int) -> dict[str, Any]:
    return {"label": _label(value), "value": value, "displayOrder": place, "hidden": False}


def _label(name: str) -> str:
    return name.replace("_", " ").capitalize()
