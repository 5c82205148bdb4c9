"""Webhook endpoints: where events are sent. Delivering and signing belong to the sandbox."""

from urllib.parse import urlsplit

from integration_pipelines.partner_models.base import Json
from integration_pipelines.partner_models.stripe import templates
from integration_pipelines.partner_models.stripe.calls import Call
from integration_pipelines.partner_models.stripe.params import Params, merge_metadata
from integration_pipelines.partner_models.stripe.refusals import invalid
from integration_pipelines.partner_models.stripe.store import Store
from integration_pipelines.partner_models.stripe.templates import API_VERSION

_UPDATE = ("description", "enabled_events", "metadata", "url")


def create(store: Store, call: Call) -> Json:
    """A new endpoint; its secret is shown in this answer and never again."""
    params = Params(call.values, (*_UPDATE, "api_version", "connect"))
    params.require("enabled_events", "url")
    version = params.text("api_version")
    if version not in {None, API_VERSION}:
        raise invalid(f"Invalid API version; this account renders {API_VERSION}.", param="api_version")
    record = _apply(templates.webhook_endpoint(store) | {"api_version": version}, params)
    store.put("webhook_endpoints", record)
    store.commit("webhook_endpoints", None, store.view("webhook_endpoints", record["id"]), call, "")
    return record


def update(store: Store, record_id: str, call: Call) -> Json:
    """Change address, events or description; `disabled=true` stops the deliveries."""
    params = Params(call.values, (*_UPDATE, "disabled"))
    record = store.require("webhook_endpoints", record_id)
    new = _apply(record, params)
    if (disabled := params.boolean("disabled")) is not None:
        new["status"] = "disabled" if disabled else "enabled"
    return store.changed("webhook_endpoints", record_id, lambda: new, call, "")


def delete(store: Store, record_id: str, call: Call) -> Json:
    """Remove an endpoint; events still waiting for it are not retried."""
    Params(call.values, ())
    store.require("webhook_endpoints", record_id)
    view = store.view("webhook_endpoints", record_id)
    store.drop("webhook_endpoints", record_id)
    gone = {"id": record_id, "object": "webhook_endpoint", "deleted": True}
    store.commit("webhook_endpoints", {**view, "deleted": False}, {**view, **gone}, call.giving({"deleted": True}), "")
    return gone


def replace_secret(store: Store, record_id: str, secret: str) -> Json:
    """Another signing secret; no event tells of it."""
    record = {**store.require("webhook_endpoints", record_id), "secret": secret}
    store.tables["webhook_endpoints"].put(record, store.now())
    return record


def _apply(record: Json, params: Params) -> Json:
    new = {**record, "metadata": merge_metadata(record.get("metadata"), params)}
    if "description" in params:
        new["description"] = params.text("description")
    if "enabled_events" in params:
        new["enabled_events"] = [str(kind) for kind in params.array("enabled_events")]
        if not new["enabled_events"]:
            raise invalid("An endpoint needs at least one event.", param="enabled_events")
    if "url" in params:
        url = params.text("url") or ""
        if urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname:
            raise invalid("Invalid URL: An explicit scheme (such as https) must be provided.", param="url", code="url_invalid")
        new["url"] = url
    return new
