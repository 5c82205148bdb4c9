"""What webhooks are told of a ticket: one event for each attribute that changed, and whatever triggers say. Sending belongs to the sandbox."""

import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from integration_pipelines.partner_models.base import Json
from integration_pipelines.partner_models.seconds import iso
from integration_pipelines.partner_models.zendesk.store import Store

VERSION = "2022-06-20"
TYPES: Mapping[str, str] = {
    "priority": "ticket.priority_changed",
    "status": "ticket.status_changed",
    "subject": "ticket.subject_changed",
    "type": "ticket.type_changed",
    "tags": "ticket.tags_changed",
    "group_id": "ticket.group_assignment_changed",
    "assignee_id": "ticket.agent_assignment_changed",
    "organization_id": "ticket.organization_changed",
    "requester_id": "ticket.requester_changed",
    "external_id": "ticket.external_id_changed",
}
TRIGGER = "trigger"
"""The type of what a trigger says: not an event of Zendesk's, but the body that an admin wrote, with placeholders filled in."""
_PLACEHOLDER = re.compile(r"\{\{\s*ticket\.([a-z_]+)\s*\}\}")
_CUSTOM, _COMMENT = "ticket.custom_field_changed", "ticket.comment_added"


def tell_changes(store: Store, ticket: Json, values: Mapping[str, tuple[Any, Any]], comment: Json | None, at: float) -> None:
    """Events of one update, one an attribute."""
    for name, (before, after) in values.items():
        kind = TYPES.get(name, _CUSTOM)
        if kind == "ticket.tags_changed":
            facts: Json = {
                "tags_added": sorted(set(after) - set(before or ())),
                "tags_removed": sorted(set(before or ()) - set(after)),
            }
        elif kind == _CUSTOM:
            facts = {"current": after, "previous": before, "field": {"id": name}}
        else:
            facts = {"current": after, "previous": before}
        tell(store, ticket, kind, facts, at)
    if comment is not None:
        tell(store, ticket, _COMMENT, {"comment": {"body": comment["body"], "is_public": comment["public"]}}, at)
    fire(store, ticket, values)


def fire(store: Store, ticket: Json, values: Mapping[str, tuple[Any, Any]]) -> None:
    """Let the triggers that wait for one of these changes say what they have to say."""
    for trigger in store.triggers:
        if any(name in values and values[name][1] == wanted for name, wanted in trigger["when"].items()):
            body = {name: _filled(text, ticket) for name, text in trigger["body"].items()}
            _hand_out(store, {"id": _event_id(store, store.next_audit()), "type": TRIGGER, "body": body})


def tell(store: Store, ticket: Json, kind: str, facts: Json, at: float) -> None:
    """Make one event and hand it to everybody who listens."""
    if not store.listeners:
        return
    number = store.next_audit()
    event: Json = {
        "account_id": store.account_id,
        "id": _event_id(store, number),
        "type": f"zen:event-type:{kind}",
        "subject": f"zen:ticket:{ticket['id']}",
        "time": iso(at),
        "zendesk_event_version": VERSION,
        "event": {**facts, "meta": {"sequence": {"id": str(number), "position": 1}}},
        "detail": _detail(ticket),
    }
    _hand_out(store, event)


def _hand_out(store: Store, event: Json) -> None:
    for listener in store.listeners:
        listener(event)


def _event_id(store: Store, number: int) -> str:
    return str(UUID(int=(store.account_id << 64) | number, version=4))


def _filled(text: object, ticket: Json) -> str:
    """A trigger's text with its placeholders, such as `{{ticket.id}}`, filled in."""
    said = {**ticket, "title": ticket["subject"], "link": ticket["url"].replace("/api/v2/", "/agent/").removesuffix(".json")}
    return _PLACEHOLDER.sub(lambda found: str(said.get(found[1]) or ""), str(text))


def _detail(ticket: Json) -> Json:
    """The ticket as events carry it; ids are texts there."""
    ids = ("id", "requester_id", "assignee_id", "organization_id", "group_id", "external_id")
    plain = ("subject", "description", "priority", "status", "type", "tags", "created_at", "updated_at")
    named = {name: None if ticket.get(name) is None else str(ticket[name]) for name in ids}
    return {**named, **{name: ticket.get(name) for name in plain}, "actor_id": "-1", "via": {"channel": "api"}}
