"""Expansion: ids in a reply replaced by their objects, at most four levels deep, lists counting `data`.

Replies share structure with what is stored, so everything on the way to an expanded place is copied first.
"""

from typing import Any

from integration_pipelines.partner_models.base import Json
from integration_pipelines.partner_models.stripe import views
from integration_pipelines.partner_models.stripe.params import Params
from integration_pipelines.partner_models.stripe.refusals import invalid
from integration_pipelines.partner_models.stripe.store import Store
from integration_pipelines.partner_models.stripe.table import Slice

MAX_DEPTH = 4
_TARGETS = {
    ("customer", "default_source"): "",
    ("discount", "customer"): "customers",
    ("discount", "promotion_code"): "",
    ("plan", "product"): "products",
    ("price", "product"): "products",
    ("product", "default_price"): "prices",
    ("subscription", "customer"): "customers",
    ("subscription", "default_payment_method"): "",
    ("subscription", "discounts"): "discounts",
    ("subscription", "latest_invoice"): "",
    ("subscription", "pending_setup_intent"): "",
    ("subscription", "schedule"): "",
    ("subscription", "test_clock"): "",
    ("subscription_item", "discounts"): "discounts",
    ("source", "coupon"): "coupons",
}  # '': can be expanded, but nothing of that kind exists here
_HIDDEN = {("price", "tiers"): "prices", ("coupon", "applies_to"): "coupons"}


def paths(values: Json) -> list[str]:
    """The `expand` parameter; refuses what is too deep."""
    found = [str(path) for path in Params(values, values).array("expand")]
    for path in found:
        if len(path.split(".")) > MAX_DEPTH:
            message = f"You cannot expand more than {MAX_DEPTH} levels of a property. Property: {path}"
            raise invalid(message, param="expand", code="property_expansion_max_depth")
    return found


def expand(store: Store, body: Json, wanted: list[str]) -> Json:
    """The reply with every wanted path expanded."""
    for path in wanted:
        body = _expanded(store, body, path.split("."), path)
    return body


def _expanded(store: Store, node: Any, segments: list[str], path: str) -> Any:  # noqa: ANN401 - whatever JSON holds there
    if isinstance(node, list):
        return [_expanded(store, entry, segments, path) for entry in node]
    if not segments or not isinstance(node, dict) or node.get("deleted"):
        return node
    name, rest = segments[0], segments[1:]
    kind = str(node.get("object") or ("source" if "coupon" in node else ""))
    if (kind, name) in _HIDDEN:
        record = store.tables[_HIDDEN[kind, name]].get(node["id"])
        return {**node, name: record[name]} if record is not None and name in record else node
    if (kind, name) == ("customer", "subscriptions"):
        return {**node, name: _expanded(store, _subscriptions(store, node), rest, path)}
    if name not in node:
        raise invalid(f"This property cannot be expanded ({path}).", param="expand")
    value = node[name]
    if (kind, name) in _TARGETS:
        value = _resolved(store, _TARGETS[kind, name], value)
    elif not rest or not isinstance(value, dict | list | None):
        raise invalid(f"This property cannot be expanded ({path}).", param="expand")
    return {**node, name: _expanded(store, value, rest, path)}


def _resolved(store: Store, object_name: str, value: Any) -> Any:  # noqa: ANN401 - an id, ids, an object or null
    if isinstance(value, list):
        return [_resolved(store, object_name, entry) for entry in value]
    if not isinstance(value, str) or not object_name:
        return value
    record = store.tables[object_name].get(value)
    return value if record is None else views.render(store, object_name, record)


def _subscriptions(store: Store, customer: Json) -> Json:
    url = f"/v1/customers/{customer['id']}/subscriptions"
    part = Slice(limit=10, where=("customer", customer["id"]))
    records, more = store.tables["subscriptions"].page(part, lambda record: record.get("status") != "canceled")
    data = [views.render(store, "subscriptions", record) for record in records]
    return {"object": "list", "data": data, "has_more": more, "url": url}
