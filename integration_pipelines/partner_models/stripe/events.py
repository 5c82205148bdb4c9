"""The event log: what changed, seen from the object that changed.

Making an event and telling those who listen belongs here; delivering it to an endpoint does not.
"""

from typing import TYPE_CHECKING, Any

from integration_pipelines.partner_models.base import Json
from integration_pipelines.partner_models.stripe import templates
from integration_pipelines.partner_models.stripe.calls import Call

if TYPE_CHECKING:
    from integration_pipelines.partner_models.stripe.store import Store

DAY = 86_400
RETENTION_SECONDS = 30 * DAY
_UPDATES = (".updated", ".paused", ".resumed")


def previous_attributes(before: Json, after: Json) -> Json:
    """What the changed attributes said before: per key inside hashes, whole for arrays, null for what was not there."""
    previous: Json = {}
    for name in before.keys() | after.keys():
        old, new = before.get(name), after.get(name)
        if old == new:
            continue
        if isinstance(old, dict) and isinstance(new, dict):
            previous[name] = previous_attributes(old, new)
        else:
            previous[name] = old
    return previous


def record(store: "Store", event_type: str, before: Json | None, after: Json, call: Call) -> Json:
    """Write an event and tell the listeners; a null request id says that Stripe acted by itself."""
    data: dict[str, Any] = {"object": after}
    if before is not None and event_type.endswith(_UPDATES):
        data["previous_attributes"] = previous_attributes(before, after)
    waiting = {endpoint["id"] for endpoint in endpoints_for(store, event_type)}
    event = templates.event(store) | {
        "data": data,
        "pending_webhooks": len(waiting),
        "request": {"id": call.request_id, "idempotency_key": call.idempotency_key},
        "type": event_type,
    }
    store.tables["events"].put(event, store.now())
    if waiting:
        store.undelivered[event["id"]] = waiting
    for listener in store.listeners:
        listener(event)
    return event


def is_type(event_type: str, wanted: str) -> bool:
    """Whether a type is the wanted one; a trailing `*` stands for the rest."""
    return event_type.startswith(wanted[:-1]) if wanted.endswith("*") else event_type == wanted


def endpoints_for(store: "Store", event_type: str) -> list[Json]:
    """The enabled webhook endpoints that asked for this type, with their secrets."""
    return [
        endpoint
        for endpoint in store.tables["webhook_endpoints"].all()
        if endpoint["status"] == "enabled" and {"*", event_type} & set(endpoint["enabled_events"])
    ]


def mark_delivered(store: "Store", event_id: str, endpoint_id: str) -> None:
    """An endpoint answered 2xx."""
    event = store.tables["events"].get(event_id)
    waiting = store.undelivered.get(event_id, set())
    if event is None or endpoint_id not in waiting:
        return
    waiting.discard(endpoint_id)
    store.tables["events"].put({**event, "pending_webhooks": len(waiting)}, store.now())
    if not waiting:
        del store.undelivered[event_id]
