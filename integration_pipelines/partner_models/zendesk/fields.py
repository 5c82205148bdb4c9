"""Custom ticket fields: what exists, and which values each of them takes."""

import re
from collections.abc import Mapping
from typing import Any

from integration_pipelines.partner_models.base import Json
from integration_pipelines.partner_models.seconds import iso, moment
from integration_pipelines.partner_models.zendesk.refusals import bad_request, invalid, not_found

TYPES = ("text", "textarea", "integer", "decimal", "date", "checkbox", "tagger")
_SYSTEM = ("subject", "description", "status", "tickettype", "priority", "group", "assignee")
_FIRST_SYSTEM, _FIRST_CUSTOM = 360_000_000_001, 360_000_100_001
_INTEGER, _DECIMAL = re.compile(r"-?[0-9]{1,18}"), re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,9})?")
_LONGEST = 65_535


class TicketFields:
    """The fields of one account by id. Titles are not unique, as at Zendesk."""

    def __init__(self, now: float, base: str) -> None:
        self._base = base
        self.by_id: dict[int, Json] = {}
        self._next = _FIRST_CUSTOM
        for place, name in enumerate(_SYSTEM):
            self._keep(_FIRST_SYSTEM + place, {"type": name, "title": name.title(), "removable": False}, now)

    def create(self, body: Mapping[str, Any], now: float) -> Json:
        """A new field from `{type, title, description, tag, custom_field_options}`."""
        if body.get("type") not in TYPES:
            raise invalid({"type": ["Type: is not a type of field that can be made"]})
        if not isinstance(body.get("title"), str) or not body["title"].strip():
            raise invalid({"title": ["Title: cannot be blank"]})
        kept = ("type", "title", "description", "agent_description", "tag", "custom_field_options", "active")
        given: Json = {name: body[name] for name in kept if name in body}
        given["custom_field_options"] = [_option(one) for one in given.get("custom_field_options") or []]
        self._next += 1
        return self._keep(self._next - 1, given, now)

    def insert(self, record: Mapping[str, Any], now: float) -> Json:
        """Plant a field as described; what is not said is filled in."""
        number = int(record.get("id") or self._next)
        self._next = max(self._next, number + 1)
        return self._keep(number, record, now)

    def update(self, number: int, body: Mapping[str, Any], now: float) -> Json:
        """Change title, options or activity."""
        before = self.get(number)
        allowed = {n: v for n, v in body.items() if n in {"title", "description", "active", "custom_field_options", "tag"}}
        if "custom_field_options" in allowed:
            allowed["custom_field_options"] = [_option(one) for one in allowed["custom_field_options"] or []]
        return self._keep(number, {**before, **allowed}, now)

    def get(self, number: int) -> Json:
        """One field; raises PartnerRefusalError 404."""
        if number not in self.by_id:
            raise not_found()
        return self.by_id[number]

    def custom(self) -> list[Json]:
        """The fields whose values stand in a ticket's `custom_fields`."""
        return [one for one in self.by_id.values() if one["removable"]]

    def canonical(self, number: int, value: object) -> object:
        """A value as Zendesk keeps it, None for a blank one; raises PartnerRefusalError 422 for one that the field does not take."""
        found = self.by_id.get(number)
        if found is None or not found["removable"]:
            return None  # Zendesk passes over fields that it does not know
        if found["type"] == "checkbox":
            return value in (True, "true", "1", 1)
        text = "" if value is None else str(value)
        if not text.strip():
            return None
        if not _takes(found, text):
            raise invalid({"base": [f"{found['title']}: is not a value of this field"]})
        return int(text) if found["type"] == "integer" else text

    def _keep(self, number: int, given: Mapping[str, Any], now: float) -> Json:
        found: Json = {
            "id": number, "url": f"{self._base}/api/v2/ticket_fields/{number}.json", "type": "text", "title": f"Field {number}",
            "raw_title": "", "description": "", "active": True, "required": False, "removable": True, "tag": None,
            "custom_field_options": [], "position": 9999, "created_at": iso(now), **given, "updated_at": iso(now),
        }  # fmt: skip
        found["id"], found["raw_title"] = number, found["title"]
        self.by_id[number] = found
        return found


def _option(given: object) -> Json:
    if not isinstance(given, Mapping) or not isinstance(given.get("name"), str) or not isinstance(given.get("value"), str):
        raise bad_request("An option of a field has a name and a value.")
    return {"id": 1, "name": given["name"], "raw_name": given["name"], "value": given["value"], "default": False}


def _takes(found: Json, text: str) -> bool:
    match found["type"]:
        case "tagger":
            return text in {one["value"] for one in found["custom_field_options"]}
        case "integer":
            return _INTEGER.fullmatch(text) is not None
        case "decimal":
            return _DECIMAL.fullmatch(text) is not None
        case "date":
            return moment(text) is not None and "T" not in text
        case _:
            return len(text) <= _LONGEST
