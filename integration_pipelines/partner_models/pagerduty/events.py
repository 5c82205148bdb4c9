"""What V3 webhooks are told of incidents. Delivering and signing belong to the sandbox."""

from integration_pipelines.partner_models.base import Json
from integration_pipelines.partner_models.pagerduty.store import Hand, Store, reference
from integration_pipelines.partner_models.seconds import iso

TYPES = (
    "incident.triggered", "incident.acknowledged", "incident.unacknowledged", "incident.resolved", "incident.reopened",
    "incident.priority_updated", "incident.annotated", "incident.updated", "incident.reassigned", "incident.escalated",
)  # fmt: skip
_SHOWN = (
    "id", "type", "self", "html_url", "status", "incident_key", "created_at", "title", "service", "escalation_policy", "teams",
    "priority", "urgency", "resolved_at",
)  # fmt: skip


def tell(store: Store, kind: str, incident: Json, hand: Hand) -> None:
    """Make one event about an incident as it is now and hand it to everybody who listens."""
    shown = {name: incident.get(name) for name in _SHOWN}
    _send(store, kind, {**shown, "number": incident["incident_number"], "conference_bridge": None}, hand)


def tell_note(store: Store, incident: Json, note: Json, hand: Hand) -> None:
    """Somebody noted something; the event's data is the note, which names its incident."""
    about = reference(incident, "incident_reference")
    data = {"incident": about, "id": note["id"], "content": note["content"], "trimmed": False, "type": "incident_note"}
    _send(store, "incident.annotated", data, hand)


def _send(store: Store, kind: str, data: Json, hand: Hand) -> None:
    if not store.listeners:
        return
    event: Json = {
        "id": store.mint("0"),
        "event_type": kind,
        "resource_type": "incident",
        "occurred_at": iso(hand.at),
        "agent": reference(store.user(hand.user), "user_reference"),
        "client": None,
        "data": data,
    }
    for listener in store.listeners:
        listener(event)
