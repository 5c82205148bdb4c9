"""Incidents: making, changing, planting them and noting things on them; every change is told to webhooks.

A key is taken while its incident is open; once that is resolved PagerDuty would take it again. What is resolved stays so.
"""

from collections.abc import Callable, Mapping
from typing import Any

from integration_pipelines.partner_models.base import Json
from integration_pipelines.partner_models.pagerduty import events
from integration_pipelines.partner_models.pagerduty.refusals import TAKEN, invalid
from integration_pipelines.partner_models.pagerduty.store import Hand, Store, reference
from integration_pipelines.partner_models.seconds import iso, moment

STATUSES = ("triggered", "acknowledged", "resolved")
URGENCIES = ("high", "low")
_LONGEST_KEY, _LONGEST_TITLE = 255, 1024
_EVENT_OF = {"acknowledged": "incident.acknowledged", "resolved": "incident.resolved", "triggered": "incident.unacknowledged"}


def create(store: Store, body: Mapping[str, Any], hand: Hand) -> Json:
    """A new incident from `{type, title, service, urgency, priority, incident_key, body}`."""
    service = _named(body.get("service"), store.services.get, "Service")
    if service is None:
        raise invalid("Service must be set.")
    title, key, details = _title(body), body.get("incident_key"), _details(body.get("body"))
    priority = _named(body.get("priority"), store.priorities.get, "Priority")
    if key is not None and (not isinstance(key, str) or not 0 < len(key) <= _LONGEST_KEY):
        raise invalid(f"Incident key must have 1 to {_LONGEST_KEY} characters.")
    if key is not None and _holder(store, key, service["id"]) is not None:
        raise invalid(TAKEN)
    incident = _shell(store, store.mint("Q"), service, hand.at)
    urgency = _urgency(body) or ("high" if service.get("urgency", "high") == "high" else "low")
    said = {"title": title, "summary": f"[#{incident['incident_number']}] {title}", "urgency": urgency, "body": details}
    incident |= said | {"incident_key": key or store.mint("K").lower(), "priority": reference(priority, "priority_reference")}
    store.incidents[incident["id"]], store.notes[incident["id"]] = incident, []
    told = {name: incident[name] for name in ("title", "urgency", "incident_key", "status")}
    store.wrote(incident["id"], {}, told | {"priority": _name(priority)}, hand, changed=True)
    events.tell(store, "incident.triggered", incident, hand)
    return incident


def update(store: Store, name: str, body: Mapping[str, Any], hand: Hand) -> Json:
    """Change status, title, urgency or priority; `resolution` is a note that a resolved incident gets."""
    incident = store.incident(name)
    wanted: Json = {}
    if "title" in body:
        wanted["title"] = _title(body)
    if "urgency" in body:
        wanted["urgency"] = _urgency(body)
    if "priority" in body:
        priority = None if body["priority"] is None else _named(body["priority"], store.priorities.get, "Priority")
        wanted["priority"] = reference(priority, "priority_reference")
    if "status" in body:
        wanted["status"] = _status(incident, body["status"])
    before = {key: incident.get(key) for key in wanted}
    changed = {key: value for key, value in wanted.items() if before[key] != value}
    if changed and incident["status"] == "resolved" and "status" not in changed:
        raise invalid("Incident Already Resolved")
    if changed:
        _apply(store, incident, changed, hand)
    shown = {key: _name(value) if key == "priority" else value for key, value in wanted.items()}
    old = {key: _name(value) if key == "priority" else value for key, value in before.items()}
    store.wrote(incident["id"], old, shown, hand, changed=bool(changed))
    if changed:
        _tell(store, incident, changed, hand)
    return incident


def add_note(store: Store, name: str, content: object, hand: Hand) -> Json:
    """A note on an incident; it does not count as a change of the incident."""
    incident = store.incident(name)
    if not isinstance(content, str) or not content.strip():
        raise invalid("Content can't be blank")
    user = store.user(hand.user)
    note: Json = {
        "id": store.mint("N"),
        "user": reference(user, "user_reference"),
        "content": content,
        "created_at": iso(hand.at),
    }
    store.notes[incident["id"]].append(note)
    store.wrote(incident["id"], {"note": None}, {"note": content}, hand, changed=True)
    events.tell_note(store, incident, note, hand)
    return note


def insert(store: Store, record: Mapping[str, Any]) -> Json:
    """Plant an incident in its wire shape, malformed values included; what is not said is filled in."""
    service = store.services.get(str(record.get("service_id", ""))) or next(iter(store.services.values()))
    at = moment(record.get("created_at")) or store.now()
    shell = _shell(store, str(record.get("id") or store.mint("Q")), service, at)
    given = {name: value for name, value in record.items() if name not in {"service_id", "priority_id"}}
    priority = reference(store.priorities.get(str(record.get("priority_id", ""))), "priority_reference")
    found = {
        **shell,
        "title": "",
        "urgency": "high",
        "incident_key": store.mint("K").lower(),
        "priority": priority,
        "body": None,
        **given,
    }
    found["summary"] = f"[#{found['incident_number']}] {found['title']}"
    if found["status"] == "resolved" and not found["resolved_at"]:
        found["resolved_at"] = found["updated_at"]
    store.incidents[found["id"]] = found
    store.notes.setdefault(found["id"], [])
    return found


def _shell(store: Store, incident_id: str, service: Json, at: float) -> Json:
    number = store.number()
    return {
        "id": incident_id, "type": "incident", "summary": "", "self": f"https://api.pagerduty.com/incidents/{incident_id}",
        "html_url": f"{store.base}/incidents/{incident_id}", "incident_number": number, "title": "", "created_at": iso(at),
        "updated_at": iso(at), "resolved_at": None, "status": "triggered", "incident_key": None,
        "service": reference(service, "service_reference"), "assignments": [], "assigned_via": "escalation_policy",
        "last_status_change_at": iso(at), "last_status_change_by": None, "alert_counts": {"all": 0, "triggered": 0, "resolved": 0},
        "is_mergeable": True, "escalation_policy": service.get("escalation_policy"), "teams": [], "pending_actions": [],
        "acknowledgements": [], "priority": None, "urgency": "high", "body": None,
    }  # fmt: skip


def _apply(store: Store, incident: Json, changed: Mapping[str, Any], hand: Hand) -> None:
    incident |= {**changed, "updated_at": iso(hand.at)}
    if "title" in changed:
        incident["summary"] = f"[#{incident['incident_number']}] {incident['title']}"
    if "status" in changed:
        by = reference(store.user(hand.user), "user_reference")
        incident |= {"last_status_change_at": iso(hand.at), "last_status_change_by": by}
        incident["resolved_at"] = iso(hand.at) if changed["status"] == "resolved" else None
        taken = changed["status"] == "acknowledged"
        incident["acknowledgements"] = [{"at": iso(hand.at), "acknowledger": by}] if taken else []


def _tell(store: Store, incident: Json, changed: Mapping[str, Any], hand: Hand) -> None:
    if "status" in changed:
        events.tell(store, _EVENT_OF[changed["status"]], incident, hand)
    if "priority" in changed:
        events.tell(store, "incident.priority_updated", incident, hand)
    if {"title", "urgency"} & set(changed):
        events.tell(store, "incident.updated", incident, hand)


def _holder(store: Store, key: str, service_id: str) -> Json | None:
    """The open incident of a service that has the key."""
    same = (one for one in store.incidents.values() if one["incident_key"] == key and one["service"]["id"] == service_id)
    return next((one for one in same if one["status"] != "resolved"), None)


def _named(given: object, find: Callable[[str], Json | None], what: str) -> Json | None:
    if given is None:
        return None
    found = find(str(given.get("id", ""))) if isinstance(given, Mapping) else None
    if found is None:
        raise invalid(f"{what} cannot be found.")
    return found


def _title(body: Mapping[str, Any]) -> str:
    title = body.get("title")
    if not isinstance(title, str) or not title.strip():
        raise invalid("Title can't be blank")
    return title[:_LONGEST_TITLE]


def _urgency(body: Mapping[str, Any]) -> str | None:
    if body.get("urgency") not in {*URGENCIES, None}:
        raise invalid("Urgency must be high or low.")
    return body.get("urgency")


def _status(incident: Json, wanted: object) -> str:
    if wanted not in STATUSES:
        raise invalid("Status is not one of its values.")
    if incident["status"] == "resolved" and wanted != "resolved":
        raise invalid("Incident Already Resolved")
    return str(wanted)


def _details(given: object) -> Json | None:
    if given is None:
        return None
    if not isinstance(given, Mapping) or given.get("type") != "incident_body" or not isinstance(given.get("details"), str):
        raise invalid("Body must be {type: incident_body, details}.")
    return {"type": "incident_body", "details": given["details"]}


def _name(priority: object) -> object:
    return (priority.get("summary") or priority.get("name")) if isinstance(priority, dict) else None
