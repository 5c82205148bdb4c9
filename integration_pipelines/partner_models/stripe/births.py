"""What the event log of a seeded account would hold: the births and ends of its last 30 days. Nothing else that may have happened before.

Seeds are put in as they are now; this tells how the young ones began, so that the log and the records do not contradict each other.
"""

from collections.abc import Iterator
from typing import Any

from integration_pipelines.partner_models.base import Json
from integration_pipelines.partner_models.stripe import templates
from integration_pipelines.partner_models.stripe.events import RETENTION_SECONDS
from integration_pipelines.partner_models.stripe.store import Store

_CREATED = {"customers": "customer.created", "subscriptions": "customer.subscription.created"}
_BEFORE_THE_END: Json = {"status": "active", "ended_at": None, "canceled_at": None, "cancel_at": None}


def tell_births(store: Store) -> None:
    """Add the events, each at its own time; nobody is told."""
    horizon = store.now() - RETENTION_SECONDS
    for object_name, kind in _CREATED.items():
        for record_id, record in list(store.tables[object_name].records.items()):
            if not any(isinstance(at := record.get(name), int) and at >= horizon for name in ("created", "ended_at")):
                continue
            for event_type, at, shown in _life(kind, store.view(object_name, record_id)):
                if horizon <= at <= store.now():
                    event = templates.event(store) | {"created": at, "type": event_type, "data": {"object": shown}}
                    store.tables["events"].put(event, at)


def _life(kind: str, record: Json) -> Iterator[tuple[str, int, Json]]:
    """How a record began and, for a subscription that is over, how it ended."""
    ended: Any = record.get("ended_at") if record.get("status") == "canceled" else None
    if isinstance(record.get("created"), int):
        yield kind, record["created"], record | (_BEFORE_THE_END if isinstance(ended, int) else {})
    if isinstance(ended, int):
        yield "customer.subscription.deleted", ended, record
