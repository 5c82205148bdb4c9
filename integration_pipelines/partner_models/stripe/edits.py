"""What a person does in the dashboard: any field, by dotted path, without the API's checks.

The change makes the same events as one through the API.
"""

from typing import Any

from integration_pipelines.partner_models.base import Json
from integration_pipelines.partner_models.stripe import customers, discounts, items
from integration_pipelines.partner_models.stripe.calls import Call
from integration_pipelines.partner_models.stripe.params import Params
from integration_pipelines.partner_models.stripe.refusals import invalid, no_such
from integration_pipelines.partner_models.stripe.store import Store

_EVENTS = {
    "customers": "customer.updated",
    "subscriptions": "customer.subscription.updated",
    "prices": "price.updated",
    "products": "product.updated",
    "coupons": "coupon.updated",
}
_FIXED = {"id", "object"}


def edit(store: Store, object_name: str, record_id: str, fields: Json, call: Call) -> Json:
    """Set fields of a record; `deleted: true` deletes a customer. Returns the view."""
    if object_name not in store.tables:
        raise no_such(object_name, record_id)
    if _FIXED & set(fields):
        raise invalid("A record's id and kind cannot be edited.", param="id")
    if object_name == "customers" and fields.get("deleted") is True:
        return customers.delete(store, record_id, call.giving({}))
    record = store.require(object_name, record_id)
    if object_name == "subscription_items":
        return _edit_item(store, record, fields, call)
    fields = {_full_path(path): value for path, value in fields.items()}

    def change() -> Json:
        new = record
        for path, value in fields.items():
            new = _set(store, object_name, new, path, value)
        return _ended(store, record, new) if object_name == "subscriptions" else new

    event = _EVENTS.get(object_name, "")
    if object_name == "subscriptions" and fields.get("status") == "canceled" and record["status"] != "canceled":
        event = "customer.subscription.deleted"
    return store.changed(object_name, record_id, change, call.giving(dict.fromkeys(fields)), event)


def _edit_item(store: Store, item: Json, fields: Json, call: Call) -> Json:
    """An item shows itself in its subscription, so that is what changed."""
    position = [known["id"] for known in items.of(store, item["subscription"])].index(item["id"])
    inner = {f"items.data.{position}.{path}": value for path, value in fields.items()}
    edit(store, "subscriptions", item["subscription"], inner, call)
    return store.view("subscription_items", item["id"])


def _full_path(path: str) -> str:
    parts = path.split(".")
    return ".".join(["items", "data", *parts[1:]]) if parts[0] == "items" and len(parts) > 1 and parts[1].isdigit() else path


def _set(store: Store, object_name: str, record: Json, path: str, value: Any) -> Json:  # noqa: ANN401 - a person may enter anything
    head, _, rest = path.partition(".")
    if object_name == "subscriptions" and path.startswith("items.data.") and "items" not in record:
        _set_item(store, record, path.split(".")[2:], value)
        return record
    if head == "metadata" and not isinstance(value if path == head else record.get(head), dict | None):
        raise invalid("Metadata is an object of texts.", param=path)
    if path == "metadata":
        return {**record, "metadata": dict(value or {})}
    if head == "metadata":
        others = {key: old for key, old in (record.get("metadata") or {}).items() if key != rest}
        return {**record, "metadata": others if value in (None, "") else {**others, rest: value}}
    if head in {"discount", "discounts"} and not rest:
        return {**record, head: _discounts(store, object_name, record, head, value)}
    new: Json = _set_deep(record, path.split("."), value)
    return new


def _set_item(store: Store, subscription: Json, parts: list[str], value: Any) -> None:  # noqa: ANN401 - as above
    known = items.of(store, subscription["id"])
    if not parts[0].isdigit() or int(parts[0]) >= len(known) or len(parts) == 1:
        raise invalid("There is no such item.", param=".".join(["items", "data", *parts]))
    store.put("subscription_items", _set_deep(known[int(parts[0])], parts[1:], value))


def _set_deep(node: Any, parts: list[str], value: Any) -> Any:  # noqa: ANN401 - as above
    if not parts:
        return value
    if isinstance(node, list) and parts[0].isdigit() and int(parts[0]) < len(node):
        position = int(parts[0])
        return [*node[:position], _set_deep(node[position], parts[1:], value), *node[position + 1 :]]
    inner = node if isinstance(node, dict) else {}
    return {**inner, parts[0]: _set_deep(inner.get(parts[0]), parts[1:], value)}


def _discounts(store: Store, object_name: str, record: Json, field: str, value: Any) -> Any:  # noqa: ANN401 - as above
    """Coupons a person puts on a record: `{"coupon": id}` on a customer, a list of them on a subscription."""
    if object_name == "customers" and isinstance(value, dict) and "coupon" in value:
        return discounts.make(store, str(value["coupon"]), param=field, customer=record["id"])
    if object_name == "subscriptions" and isinstance(value, list) and all(isinstance(entry, dict) for entry in value):
        params = Params({"discounts": value}, ("discounts",))
        kept = list(record["discounts"]) if isinstance(record["discounts"], list) else []
        return discounts.read(store, params, kept, customer=record["customer"], subscription=record["id"])
    return value


def _ended(store: Store, old: Json, new: Json) -> Json:
    if new["status"] != "canceled" or old["status"] == "canceled":
        return new
    now = store.seconds()
    return {**new, "ended_at": new["ended_at"] or now, "canceled_at": new["canceled_at"] or now}
