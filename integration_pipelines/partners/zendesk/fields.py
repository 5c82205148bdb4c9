"""Custom ticket fields: which of them a contract's `fields.<name>` means at this tenant, and making those that are not there.

Zendesk knows fields by number, and numbers differ at every tenant. A name means the active field whose tag it is, or whose title says it
when written small with underscores (`incident_url`: "Incident URL"), or the number itself. Titles are not unique at Zendesk; a name that
could mean two fields means none, so that nobody's field is ever written by mistake.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from integration_pipelines.core.contract import PropertySpec
from integration_pipelines.errors import ConfigError
from integration_pipelines.partners.http import PartnerHttp
from integration_pipelines.partners.zendesk import wire

Json = dict[str, Any]
_NO_NAME = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True)
class TicketFields:
    """The custom fields of a tenant, by what a contract may call them."""

    by_name: Mapping[str, Json]
    ambiguous: frozenset[str]

    def number(self, name: str) -> int | None:
        """The number of the field that a name means; None if there is none or more than one."""
        found = self.by_name.get(name)
        return None if found is None else int(found["id"])


def fields_of(listed: Iterable[Json]) -> TicketFields:
    """What the names mean, from the list of all ticket fields."""
    custom = [one for one in listed if one.get("removable") is not False and one.get("active") is not False]
    by_name: dict[str, Json] = {str(one["id"]): one for one in custom}
    ambiguous: set[str] = set()
    for told in (_by(custom, lambda one: str(one.get("tag") or "")), _by(custom, lambda one: slug(str(one.get("title") or "")))):
        for name, found in told.items():
            if name in by_name or not name:
                continue
            if len(found) == 1:
                by_name[name] = found[0]
            else:
                ambiguous.add(name)
    return TicketFields(by_name, frozenset(ambiguous - by_name.keys()))


def ensure(http: PartnerHttp, existing: TicketFields, wanted: Mapping[str, PropertySpec]) -> tuple[str, ...]:
    """Make the fields that do not exist and add options that an existing drop-down lacks; returns the names made.

    Raises:
        ConfigError: a name could mean two fields, or the field it means is of another type.
    """
    named = {name.removeprefix("fields."): spec for name, spec in wanted.items() if name.startswith("fields.")}
    for name, spec in named.items():
        _check(name, spec, existing)
    missing = sorted(name for name in named if name not in existing.by_name)
    for name in missing:
        http.request("POST", wire.FIELDS, json={"ticket_field": _creation(name, named[name])}, write=True, exact=False)
    for name in sorted(named.keys() & existing.by_name.keys()):
        _add_options(http, existing.by_name[name], named[name])
    return tuple(missing)


def check_made(found: TicketFields, made: Iterable[str]) -> None:
    """After fields were made: somebody else may have made the same ones at the same moment."""
    for name in made:
        if name in found.ambiguous:
            raise _two(name)
        if name not in found.by_name:
            raise ConfigError(
                f"Zendesk did not make the ticket field {title(name)}.",
                remedy="Make it in Zendesk's admin centre under Objects and rules, then run this again.",
                partner="zendesk",
            )


def slug(text: str) -> str:
    """A title as a contract's name."""
    return _NO_NAME.sub("_", text.casefold()).strip("_")


def title(name: str) -> str:
    """A title that a name finds again."""
    words = name.replace("_", " ").capitalize()
    return re.sub(r"\b(url|id|sla)\b", lambda found: found[0].upper(), words, flags=re.IGNORECASE)


def _by(custom: Iterable[Json], key: Callable[[Json], str]) -> dict[str, list[Json]]:
    found: defaultdict[str, list[Json]] = defaultdict(list)
    for one in custom:
        found[key(one)].append(one)
    return found


def _check(name: str, spec: PropertySpec, existing: TicketFields) -> None:
    if name in existing.ambiguous:
        raise _two(name)
    found = existing.by_name.get(name)
    if found is not None and found.get("type") != spec.wire_type:
        raise ConfigError(
            f"The ticket field {title(name)} exists in Zendesk with the type {found.get('type')}, but {spec.wire_type} is needed.",
            remedy="Rename or deactivate it in Zendesk, or let the contract use another one; then run this again.",
            partner="zendesk",
        )


def _two(name: str) -> ConfigError:
    return ConfigError(
        f"Zendesk has two active ticket fields that are called {title(name)}.",
        remedy="Rename or deactivate one of them in Zendesk, then run this again.",
        partner="zendesk",
    )


def _creation(name: str, spec: PropertySpec) -> Json:
    shown = spec.label if slug(spec.label) == name else title(name)
    body: Json = {"type": spec.wire_type, "title": shown, "description": spec.description, "agent_description": spec.description}
    if spec.options:
        body["custom_field_options"] = [_option(value) for value in spec.options]
    return body


def _add_options(http: PartnerHttp, found: Json, spec: PropertySpec) -> None:
    """Zendesk replaces the whole list of options, so those that people made are sent along."""
    have = [one for one in found.get("custom_field_options") or [] if isinstance(one, dict)]
    lacking = [value for value in spec.options if value not in {one.get("value") for one in have}]
    if lacking:
        body = {"ticket_field": {"custom_field_options": [*have, *(_option(value) for value in lacking)]}}
        http.request("PUT", wire.FIELD, ids=(str(found["id"]),), json=body, write=True, exact=False)


def _option(value: str) -> Json:
    return {"name": value.replace("_", " ").capitalize(), "value": value}
