"""What Stripe still tells of the past: its events of the last 30 days, each with the record as it became and what that replaced.

Facts: docs.stripe.com/api/events/object (`data.previous_attributes` comes with updates only; metadata by key, lists whole, null for
what was not there). A subscription that ends gets one last event, which does not say what its status was before.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa

from integration_pipelines.core.contract import FieldType, SourceObject
from integration_pipelines.core.history import ONE_DAY, RECORD, since_horizon, start_of_day, told
from integration_pipelines.core.tables import CHANGES
from integration_pipelines.core.writes import KEY_PREFIX
from integration_pipelines.partners.observe import Flattener, Json, json_text, neutral_text
from integration_pipelines.partners.stripe.paging import Lists
from integration_pipelines.partners.stripe.translate import flattener, rows, sources
from integration_pipelines.partners.stripe.wire import EVENT_DAYS, RESOURCES
from integration_pipelines.ports.history import HistoryRead

REASON = f"Stripe keeps events for {EVENT_DAYS} days"
SOURCE = "Stripe's events"
TYPES: dict[str, tuple[str, ...]] = {
    "customers": ("customer.created", "customer.updated", "customer.deleted"),
    "subscriptions": tuple(
        f"customer.subscription.{name}"
        for name in ("created", "updated", "deleted", "paused", "resumed", "pending_update_applied", "pending_update_expired")
    ),
    "prices": ("price.created", "price.updated", "price.deleted"),
    "products": ("product.created", "product.updated", "product.deleted"),
    "coupons": ("coupon.created", "coupon.updated", "coupon.deleted"),
}
"""The events that tell of a record itself; what hangs on it, such as a price's amount, has events of its own."""
_AT_THE_END = frozenset({"status", "ended_at"})
"""What a subscription's last event changes without saying from what."""

_Row = dict[str, Any]


def of_events(lists: Lists, spec: SourceObject, days: Sequence[date], now: datetime) -> HistoryRead:
    """Every change of the declared columns that an event of those days tells."""
    able = since_horizon(told(days, now), now - timedelta(days=EVENT_DAYS), REASON)
    kind = spec.partner_object
    made, decimals = flattener(spec), RESOURCES[kind].decimals
    params = [
        ("created[gte]", str(int(start_of_day(days[0]).timestamp()))),
        ("created[lt]", str(int(start_of_day(days[-1] + ONE_DAY).timestamp()))),
        *(("types[]", name) for name in TYPES[kind]),
    ]
    pages = lists.pages("/v1/events", params, exact=bool(decimals & sources(spec)))
    parts = [pa.Table.from_pylist(list(_of_page(page, spec, made)), CHANGES) for page in pages]
    return HistoryRead(pa.concat_tables([CHANGES.empty_table(), *parts]), tuple(able), SOURCE)


def _of_page(page: Sequence[Json], spec: SourceObject, made: Flattener) -> Iterator[_Row]:
    events = [event for event in page if isinstance(_data(event).get("object"), dict) and type(event.get("created")) is int]
    after = [_data(event)["object"] for event in events]
    before = [_before(_data(event)) for event in events]
    old, new = _values(before, spec, made), _values(after, spec, made)
    for place, event in enumerate(events):
        row = {
            "record_id": neutral_text(after[place].get("id")), "changed_at": datetime.fromtimestamp(event["created"], tz=UTC),
            "actor": _actor(event), "source": f"{event.get('type')} {event.get('id')}",
        }  # fmt: skip
        for field, old_value, new_value in _told(str(event.get("type")), _data(event), spec, old[place], new[place]):
            yield row | {"field": field, "old_value": old_value, "new_value": new_value}


def _told(
    kind: str, data: Json, spec: SourceObject, old: dict[str, str | None], new: dict[str, str | None]
) -> Iterator[tuple[str, str | None, str | None]]:
    """What one event says: an update by what it replaced, a new record by what it began with, an end by what it ended with."""
    if kind.endswith(".created"):
        yield RECORD, None, "created"
        yield from ((name, "", value) for name, value in new.items() if value)
    elif kind == "customer.subscription.deleted":
        yield RECORD, None, "ended"
        yield from ((name, None, new[name]) for name, column in spec.columns.items() if column.source in _AT_THE_END)
    elif kind.endswith(".deleted"):
        yield RECORD, None, "deleted"
    elif isinstance(data.get("previous_attributes"), dict):
        yield from ((name, old[name], value) for name, value in new.items() if value != old[name])


def _before(data: Json) -> Json:
    """The record before an event: as it became, with the replaced attributes put back."""
    previous = data.get("previous_attributes")
    return _put_back(data["object"], previous) if isinstance(previous, dict) else data["object"]


def _put_back(record: Json, previous: Json) -> Json:
    whole = dict(record)
    for name, value in previous.items():
        present = whole.get(name)
        if isinstance(value, dict) and isinstance(present, dict) and value.get("object") != "list":
            whole[name] = _put_back(present, value)
        else:
            whole[name] = value
    return whole


def _values(records: Sequence[Json], spec: SourceObject, made: Flattener) -> list[dict[str, str | None]]:
    """Per record its declared columns in neutral text; a list is its JSON, or its ids where Stripe sends no more than those."""
    if not records:
        return []
    batch = made.batch(records, tenant_id="", observed_at=datetime.fromtimestamp(0, tz=UTC))
    columns = {name: batch.column(name).to_pylist() for name in spec.columns}
    for name, column in spec.columns.items():
        if column.type is FieldType.LIST:
            columns[name] = [_listed(record, column.source, columns[name][place]) for place, record in enumerate(records)]
    return [{name: values[place] for name, values in columns.items()} for place in range(len(records))]


def _listed(record: Json, path: str, flat: object) -> str | None:
    value: object = record
    for step in path.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    parts = rows(value) if isinstance(value, dict) else value
    if isinstance(parts, list) and parts and all(isinstance(part, str) for part in parts):
        return ";".join(str(part) for part in parts)
    return None if flat is None else json_text(flat) if flat else ""


def _actor(event: Json) -> str:
    """Who asked for it, as far as Stripe says: nobody's name is in an event."""
    request = event.get("request")
    asked = request if isinstance(request, dict) else {}
    key = asked.get("idempotency_key")
    if isinstance(key, str) and key.startswith(f"{KEY_PREFIX}:"):
        return "this integration"
    return "a request to Stripe" if asked.get("id") or key else "Stripe or its dashboard"


def _data(event: Json) -> Json:
    data = event.get("data")
    return data if isinstance(data, dict) else {}
