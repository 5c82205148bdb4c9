"""Zendesk's escalations and PagerDuty's incidents as a contract may read them, and what the escalations of a desk really are.

The oracle is written apart from the connector: it goes through the desk's audits one by one, as a person would.
"""

from typing import Any

from integration_pipelines.core.contract import Column, FieldType, ObjectKind, SourceObject
from integration_pipelines.partner_models.base import Json

_TIMES = {"created_at", "updated_at", "resolved_at", "escalated_at", "ended_at"}
ESCALATION_SOURCES = (
    "id", "ticket_id", "seq", "is_current", "is_escalated", "dedup_key", "escalated_at", "ended_at", "headline", "details", "subject",
    "priority", "status", "type", "tags", "external_id", "ticket_url", "created_at", "requester_id", "assignee_id",
    "organization_id", "group_id", "customer", "requester.name", "requester.email", "assignee.name", "organization.name", "group.name",
    "fields.incident_id", "fields.incident_url", "fields.incident_status", "tagged.incident",
)  # fmt: skip
INCIDENT_SOURCES = (
    "id", "incident_number", "incident_key", "title", "status", "urgency", "severity", "html_url", "created_at", "resolved_at",
    "details", "service.id", "service.summary", "priority.id", "priority.summary", "escalation_policy.id",
    "escalation_policy.summary", "assignee",
)  # fmt: skip
RULE = {"escalated_priorities": ("urgent",), "escalated_tags": ("escalated",), "escalated_groups": ("Escalations",)}
FIELDS = {"incident_id": "Incident ID", "incident_url": "Incident URL", "incident_status": "Incident status"}


def escalations(**options: tuple[str, ...]) -> SourceObject:
    """Everything of an escalation that can be read."""
    return _object("support", "escalations", ESCALATION_SOURCES, {**RULE, "note_fields": ("incident_url",), **options})


def incidents(**options: tuple[str, ...]) -> SourceObject:
    """Everything of an incident that can be read."""
    return _object("incidents", "incidents", INCIDENT_SOURCES, {"service": ("Support escalations",), **options})


def _object(role: str, partner_object: str, sources: tuple[str, ...], options: dict[str, tuple[str, ...]]) -> SourceObject:
    columns = {source.replace(".", "_"): _column(source) for source in sources}
    kind, words = ObjectKind.MAIN, f"{partner_object} for tests"
    return SourceObject(role=role, partner_object=partner_object, kind=kind, description=words, columns=columns, options=options)


def _column(source: str) -> Column:
    kind = FieldType.DATETIME if source in _TIMES else FieldType.IDS if source == "tags" else FieldType.TEXT
    return Column(source=source, type=kind, purpose="read in tests")


def escalations_of(state: dict[str, list[Json]]) -> dict[str, Json]:
    """Every escalation that is to be read, by its id, from what the desk holds: of tickets that are escalated or bear our marks."""
    held: dict[str, dict[Any, Json]] = {n: {r["id"]: r for r in state[n]} for n in ("users", "groups", "organizations")}
    names = {one["title"].lower().replace(" ", "_"): one["id"] for one in state["ticket_fields"] if one["removable"]}
    found: dict[str, Json] = {}
    for ticket in state["tickets"]:
        if ticket["status"] == "deleted":
            continue
        values = {one["id"]: one["value"] for one in ticket["custom_fields"]}
        marks = [values.get(number) for number in names.values()] + [t for t in ticket["tags"] if t.startswith("incident_")]
        if not _is_escalated(ticket, held["groups"]) and not any(marks):
            continue
        began = _began([a for a in state["audits"] if a["ticket_id"] == ticket["id"]], held["groups"])
        for seq in range(1, len(began) + 1):
            record = _record(ticket, seq, began, held)
            if seq == len(began):
                record["fields"] = {name: values.get(number) for name, number in names.items()}
                record["tagged"] = {
                    "incident": ";".join(t.removeprefix("incident_") for t in ticket["tags"] if t.startswith("incident_"))
                }
            found[record["id"]] = record
    return found


def _began(audits: list[Json], groups: dict[Any, Json]) -> list[str]:
    now: Json = {"priority": None, "tags": [], "group_id": None}
    began: list[str] = []
    for audit in audits:
        was = _is_escalated(now, groups)
        now |= {event["field_name"]: event["value"] for event in audit["events"] if event.get("field_name") in now}
        if _is_escalated(now, groups) and not was:
            began.append(audit["created_at"])
    return began


def _is_escalated(now: Json, groups: dict[Any, Json]) -> bool:
    group = groups.get(int(now["group_id"] or 0), {}).get("name")
    return now["priority"] == "urgent" or "escalated" in (now["tags"] or []) or group == "Escalations"


def _record(ticket: Json, seq: int, began: list[str], held: dict[str, dict[Any, Json]]) -> Json:
    number, account = ticket["id"], ticket["url"].removeprefix("https://").partition(".")[0]
    organization, requester = held["organizations"].get(ticket["organization_id"]), held["users"].get(ticket["requester_id"])
    newest = seq == len(began)
    address = f"https://{account}.zendesk.com/agent/tickets/{number}"
    customer = (organization or requester or {}).get("name")
    lines = {"Ticket": f"{number} {address}", "Customer": customer, "Priority": ticket["priority"]}
    told = {**lines, "Escalated": f"{began[seq - 1]} (number {seq})"}
    return {
        **ticket, "id": f"{number}-{seq}", "ticket_id": number, "seq": seq, "is_current": newest, "ticket_url": address,
        "is_escalated": newest and _is_escalated(ticket, held["groups"]), "dedup_key": f"zendesk:{account}:{number}:{seq}",
        "headline": f"#{number} {ticket['subject']}", "details": "\n".join(f"{k}: {v}" for k, v in told.items() if v),
        "customer": customer, "organization": organization, "requester": requester, "assignee": held["users"].get(ticket["assignee_id"]),
        "group": held["groups"].get(ticket["group_id"]), "fields": {}, "tagged": {},
    }  # fmt: skip
