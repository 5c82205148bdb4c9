"""Customers: what may be written, and what deleting one does to its subscriptions."""

import re
from typing import Any

from integration_pipelines.partner_models.base import Json
from integration_pipelines.partner_models.stripe import subscriptions, templates
from integration_pipelines.partner_models.stripe.calls import Call
from integration_pipelines.partner_models.stripe.params import Params, merge_metadata
from integration_pipelines.partner_models.stripe.refusals import invalid
from integration_pipelines.partner_models.stripe.store import Store

_TEXTS = ("business_name", "description", "email", "individual_name", "invoice_prefix", "name", "phone")
_ADDRESS = ("city", "country", "line1", "line2", "postal_code", "state")
_INVOICE_SETTINGS = ("custom_fields", "default_payment_method", "footer", "rendering_options")
_ALLOWED = (
    *_TEXTS,
    "address",
    "balance",
    "invoice_settings",
    "metadata",
    "next_invoice_sequence",
    "preferred_locales",
    "shipping",
    "tax_exempt",
)
_MAX_LENGTH = {"description": 5000, "email": 512, "name": 5000, "phone": 20, "business_name": 150, "individual_name": 150}


def create(store: Store, call: Call) -> Json:
    """A new customer; all parameters are optional."""
    record = _apply(templates.customer(store), Params(call.values, _ALLOWED))
    return store.created("customers", record, call, "customer.created")


def update(store: Store, record_id: str, call: Call) -> Json:
    """Change the given fields only; metadata merges per key."""
    record = store.require("customers", record_id)
    params = Params(call.values, _ALLOWED)
    return store.changed("customers", record_id, lambda: _apply(record, params), call, "customer.updated")


def delete(store: Store, record_id: str, call: Call) -> Json:
    """Delete for good: subscriptions are cancelled at once; the id keeps answering `deleted: true`."""
    Params(call.values, ())
    store.require("customers", record_id)
    for subscription in store.tables["subscriptions"].matching("customer", record_id):
        if subscription["status"] not in subscriptions.ENDED:
            subscriptions.end(store, subscription, call)
    last = store.view("customers", record_id)
    gone = {"id": record_id, "object": "customer", "deleted": True}
    store.put("customers", gone)
    after = {**last, **gone}
    store.commit("customers", {**last, "deleted": False}, after, call.giving({"deleted": True}), "customer.deleted")
    return gone


def _apply(record: Json, params: Params) -> Json:
    new = {**record, "metadata": merge_metadata(record.get("metadata"), params)}
    new |= {name: _text(params, name) for name in _TEXTS if name in params}
    if "address" in params:
        new["address"] = _hash(record.get("address"), params, "address", _ADDRESS)
    if "invoice_settings" in params:
        new["invoice_settings"] = _hash(record.get("invoice_settings"), params, "invoice_settings", _INVOICE_SETTINGS)
    if "shipping" in params:
        new["shipping"] = _shipping(params)
    if "balance" in params:
        new["balance"] = params.integer("balance") or 0
    if "next_invoice_sequence" in params:
        new["next_invoice_sequence"] = params.integer("next_invoice_sequence", minimum=1) or 1
    if "preferred_locales" in params:
        new["preferred_locales"] = [str(locale) for locale in params.array("preferred_locales")]
    if "tax_exempt" in params:
        new["tax_exempt"] = params.choice("tax_exempt", ("none", "exempt", "reverse")) or "none"
    return new


def _text(params: Params, name: str) -> str | None:
    value = params.text(name)
    if value is not None and len(value) > _MAX_LENGTH.get(name, 5000):
        raise invalid(f"Invalid string: {name} is longer than {_MAX_LENGTH[name]} characters.", param=name)
    if name == "email" and value is not None and not re.fullmatch(r"[^\s@]+@[^\s@]+", value):
        raise invalid("Invalid email address.", param="email", code="email_invalid")
    return value


def _hash(old: Any, params: Params, name: str, allowed: tuple[str, ...]) -> Json | None:  # noqa: ANN401 - seeds may hold anything
    if params.values[name] in (None, ""):
        return None
    inner = params.nested(name, allowed)
    start = dict(old) if isinstance(old, dict) else dict.fromkeys(allowed)
    return start | {key: inner.text(key) for key in inner.values}


def _shipping(params: Params) -> Json | None:
    if params.values["shipping"] in (None, ""):
        return None
    shipping = params.nested("shipping", ("address", "name", "phone"))
    shipping.require("name")
    address = shipping.nested("address", _ADDRESS)
    return {
        "address": {name: address.text(name) for name in _ADDRESS},
        "name": shipping.text("name"),
        "phone": shipping.text("phone"),
    }
