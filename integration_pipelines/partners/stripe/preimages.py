"""What our writes replaced: Stripe has no conditional write, but each event names its request and the attributes that it replaced.

Facts: docs.stripe.com/api/events/object (`request.idempotency_key`, `data.previous_attributes`). Events become visible a little late,
so those that are not there yet are asked for a few times.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta

from integration_pipelines.partners.observe import Json
from integration_pipelines.partners.stripe.paging import Lists
from integration_pipelines.ports.partner import PreImage, RecordWrite

TYPE = {"customers": "customer.updated"}
CLOCKS_DIFFER = timedelta(minutes=10)
WAITS = (0.5, 1.0, 2.0)
"""Seconds between looks for events that are not visible yet."""


def of_events(
    lists: Lists, partner_object: str, writes: Sequence[RecordWrite], since: datetime, sleep: Callable[[float], None]
) -> list[PreImage]:
    """The pre-image of every metadata key that one of these writes changed, as its event tells."""
    kind = TYPE.get(partner_object)
    wanted = {write.idempotency_key: write for write in writes}
    if kind is None or not wanted:
        return []
    found: list[PreImage] = []
    start = str(int((since - CLOCKS_DIFFER).timestamp()))
    for wait in (0.0, *WAITS):
        sleep(wait)
        for page in lists.pages("/v1/events", [("type", kind), ("created[gte]", start)]):
            for event in page:
                write = wanted.pop(_key(event), None)
                if write is not None:
                    found.extend(_of_event(write, event))
            if not wanted:
                return found
    return found


def _of_event(write: RecordWrite, event: Json) -> Iterator[PreImage]:
    data = event.get("data")
    previous = data.get("previous_attributes") if isinstance(data, dict) else None
    metadata = previous.get("metadata") if isinstance(previous, dict) else None
    for field in write.fields:
        place, _, key = field.path.partition(".")
        if place == "metadata" and isinstance(metadata, dict) and key in metadata:
            value = metadata[key]
            yield PreImage(write.write_id, field.path, "" if value is None else str(value), "")


def _key(event: Json) -> str:
    request = event.get("request")
    key = request.get("idempotency_key") if isinstance(request, dict) else None
    return key if isinstance(key, str) else ""
