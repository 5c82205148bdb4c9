"""Tickets: making, changing, deleting and planting them. Every change leaves an audit, and the audits tell it to webhooks.

Who may change what is not modelled: agents may change everything but closed tickets.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from integration_pipelines.partner_models.base import Json
from integration_pipelines.partner_models.seconds import iso, moment
from integration_pipelines.partner_models.zendesk import events
from integration_pipelines.partner_models.zendesk.refusals import bad_request, invalid, outdated
from integration_pipelines.partner_models.zendesk.store import API, Hand, Store

PRIORITIES = ("low", "normal", "high", "urgent")
STATUSES = ("new", "open", "pending", "hold", "solved", "closed")
PLAIN = ("subject", "priority", "status", "type", "external_id", "requester_id", "assignee_id", "organization_id", "group_id")
"""Attributes whose old and new value an audit names."""
_ENUMS: Mapping[str, tuple[str | None, ...]] = {
    "priority": (*PRIORITIES, None),
    "status": STATUSES,
    "type": ("problem", "incident", "question", "task", None),
}
ME = 1
"""The number of the user behind the token, who asks for whatever nobody else does."""
_CREATED: Json = {
    "external_id": None, "type": None, "subject": "", "description": "", "priority": None, "status": "new", "requester_id": ME,
    "assignee_id": None, "organization_id": None, "group_id": None, "tags": [], "custom_fields": [],
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Change:
    """What one update changes: attribute (a custom field by its number as text) → (before, after), and a comment."""

    values: Mapping[str, tuple[Any, Any]]
    comment: Json | None = None


def create(store: Store, body: Mapping[str, Any], actor: str = API) -> Json:
    """A new ticket."""
    number, hand = store.next_ticket(), Hand(actor, store.now())
    ticket = _shell(store, number, hand.at)
    store.tickets[number], store.audits[number] = ticket, []
    change = _change(store, ticket, body)
    _apply(store, ticket, change, hand, kind="Create")
    store.wrote("tickets", number, {}, {name: after for name, (_, after) in change.values.items()}, hand)
    events.tell(store, ticket, "ticket.created", {}, hand.at)
    events.fire(store, ticket, change.values)
    return ticket


def update(store: Store, number: int, body: Mapping[str, Any], actor: str = API) -> Json:
    """Change the attributes that are given; a safe update only if nobody changed the ticket after its stamp.

    A ticket that says all of it already stays untouched: no audit, the same `updated_at`.
    """
    ticket, hand = store.ticket(number), Hand(actor, store.now())
    if body.get("safe_update") in (True, "true"):
        stamp = moment(body.get("updated_stamp"))
        if stamp is None:
            raise bad_request("A safe update needs an updated_stamp.")
        if stamp < (moment(ticket["updated_at"]) or 0):
            raise outdated()
    if ticket["status"] == "closed":
        raise invalid({"status": ["Status: closed prevents ticket update"]})
    change = _change(store, ticket, body)
    given = [name for name in body if name not in {"safe_update", "updated_stamp"}]
    _note(store, ticket, given, change, hand)
    if change.values or change.comment:
        _apply(store, ticket, change, hand, kind="Change")
        events.tell_changes(store, ticket, change.values, change.comment, hand.at)
    return ticket


def delete(store: Store, number: int, actor: str) -> None:
    """Put a ticket into the trash: it answers no more, and the export tells it as deleted."""
    ticket, hand = store.ticket(number), Hand(actor, store.now())
    before = ticket["status"]
    ticket |= {"status": "deleted", "updated_at": iso(hand.at), "generated_timestamp": int(hand.at)}
    store.changed_at[number] = hand.at
    store.wrote("tickets", number, {"status": before}, {"status": "deleted"}, hand)
    events.tell(store, ticket, "ticket.soft_deleted", {}, hand.at)


def insert(store: Store, record: Mapping[str, Any]) -> Json:
    """Plant a ticket in its wire shape, malformed values included; `audits` are kept as given, or one is made of what it says."""
    given = {name: value for name, value in record.items() if name != "audits"}
    number = store.next_ticket(int(given["id"]) if given.get("id") else None)
    at = moment(given.get("created_at")) or store.now()
    ticket = {**_shell(store, number, at), **given, "id": number}
    changed = moment(ticket["updated_at"]) or at
    ticket["generated_timestamp"] = int(changed)
    ticket["custom_fields"] = _all_fields(store, {int(one["id"]): one["value"] for one in ticket["custom_fields"]})
    store.tickets[number], store.changed_at[number] = ticket, changed
    told = record.get("audits")
    born = [_event(store, "Create", name, None, ticket.get(name)) for name in (*PLAIN, "tags") if ticket.get(name)]
    store.audits[number] = (
        [_audit(store, number, born, at)]
        if told is None
        else [_told(store, number, one, place) for place, one in enumerate(told)]
    )
    return ticket


def _shell(store: Store, number: int, at: float) -> Json:
    url = f"{store.base}/api/v2/tickets/{number}.json"
    times = {"created_at": iso(at), "updated_at": iso(at), "generated_timestamp": int(at)}
    return {"id": number, "url": url, **_CREATED, "tags": [], "custom_fields": [], "via": {"channel": "api"}, **times}


def _change(store: Store, ticket: Json, body: Mapping[str, Any]) -> Change:
    """What of the body differs from the ticket, every value checked before any is taken."""
    wanted: Json = {}
    for name in PLAIN:
        if name in body:
            allowed = _ENUMS.get(name)
            if allowed is not None and body[name] not in allowed:
                raise invalid({name: [f"{name.title()}: is not one of its values"]})
            wanted[name] = body[name]
    if "tags" in body:
        wanted["tags"] = _tags(body["tags"])
    held = {str(one["id"]): one["value"] for one in ticket["custom_fields"]}
    for number, value in _given_fields(body.get("custom_fields")).items():
        if store.fields.by_id.get(number, {}).get("removable"):
            wanted[str(number)] = store.fields.canonical(number, value)
    now = {**{name: ticket.get(name) for name in (*PLAIN, "tags")}, **held}
    values = {name: (now.get(name), value) for name, value in wanted.items() if now.get(name) != value}
    return Change(values, _comment(body.get("comment")))


def _given_fields(given: object) -> dict[int, object]:
    if given is None:
        return {}
    if not isinstance(given, list) or not all(isinstance(one, Mapping) and str(one.get("id", "")).isdigit() for one in given):
        raise bad_request("custom_fields is a list of {id, value}.")
    return {int(one["id"]): one.get("value") for one in given}


def _comment(given: object) -> Json | None:
    if given is None:
        return None
    if not isinstance(given, Mapping) or not str(given.get("body") or "").strip():
        raise invalid({"comment": ["Comment: cannot be blank"]})
    return {"body": str(given["body"]), "public": given.get("public") is not False}


def _tags(given: object) -> list[str]:
    """Zendesk keeps tags in lower case, each once, in alphabetical order; a blank inside one makes two of it."""
    if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
        raise bad_request("tags is a list of texts.")
    return sorted({part.casefold() for one in given for part in one.split()})


def _apply(store: Store, ticket: Json, change: Change, hand: Hand, *, kind: str) -> None:
    number, at = ticket["id"], hand.at
    for name, (_, after) in change.values.items():
        if not name.isdigit():
            ticket[name] = after
    held = {one["id"]: one["value"] for one in ticket["custom_fields"]}
    held |= {int(name): after for name, (_, after) in change.values.items() if name.isdigit()}
    ticket["custom_fields"] = _all_fields(store, held)
    ticket |= {"updated_at": iso(at), "generated_timestamp": int(at)}
    store.changed_at[number] = at
    told = [_event(store, kind, name, before, after) for name, (before, after) in change.values.items()]
    if change.comment is not None:
        told.append({"id": store.next_audit(), "type": "Comment", **change.comment})
    store.audits[number].append(_audit(store, number, told, at))


def _all_fields(store: Store, held: Mapping[int, Any]) -> list[Json]:
    """Every active custom field with its value, as Zendesk lists them in each ticket."""
    return [{"id": one["id"], "value": held.get(one["id"])} for one in store.fields.custom() if one["active"]]


def _event(store: Store, kind: str, name: str, before: object, after: object) -> Json:
    said: Json = {"id": store.next_audit(), "type": kind, "field_name": name, "value": _said(name, after)}
    return said if kind == "Create" else said | {"previous_value": _said(name, before)}


def _said(name: str, value: object) -> object:
    """Audits spell ids as text."""
    return str(value) if name.endswith("_id") and value is not None else value


def _audit(store: Store, number: int, told: list[Json], at: float) -> Json:
    shell = {"id": store.next_audit(), "ticket_id": number, "created_at": iso(at), "author_id": -1, "metadata": {}, "via": {}}
    return {**shell, "events": told}


def _told(store: Store, number: int, given: Mapping[str, Any], place: int) -> Json:
    """A planted audit: `{at, changes: {field: [before, after]}}`, the first of them the ticket's birth; or one in its wire shape."""
    if "changes" not in given:
        return {**_audit(store, number, [], store.now()), **given}
    kind = "Change" if place else "Create"
    told = [_event(store, kind, name, before, after) for name, (before, after) in given["changes"].items()]
    return _audit(store, number, told, moment(given.get("at")) or store.now())


def _note(store: Store, ticket: Json, given: list[str], change: Change, hand: Hand) -> None:
    """Note an update; a comment is a change, too."""
    names = {name for name in given if name in {*PLAIN, "tags"}} | set(change.values)
    before = {name: change.values[name][0] if name in change.values else ticket.get(name) for name in sorted(names)}
    after = {name: change.values[name][1] if name in change.values else ticket.get(name) for name in sorted(names)}
    if change.comment is not None:
        before["comment"], after["comment"] = None, change.comment["body"]
    store.wrote("tickets", ticket["id"], before, after, hand)
