"""Lists: newest first, by id cursor, with each object's own filters. Searching belongs to `search`."""

from collections.abc import Callable, Mapping
from typing import Any

from integration_pipelines.partner_models.base import Json
from integration_pipelines.partner_models.stripe import events, views
from integration_pipelines.partner_models.stripe.params import Params
from integration_pipelines.partner_models.stripe.refusals import invalid, no_such
from integration_pipelines.partner_models.stripe.store import Store
from integration_pipelines.partner_models.stripe.subscriptions import ENDED
from integration_pipelines.partner_models.stripe.table import Slice

Keep = Callable[[Json], bool]
_PAGING = ("ending_before", "limit", "starting_after")
_FILTERS = {
    "customers": ("created", "email"),
    "subscriptions": (
        "collection_method",
        "created",
        "current_period_end",
        "current_period_start",
        "customer",
        "plan",
        "price",
        "status",
    ),
    "subscription_items": ("subscription",),
    "prices": ("active", "created", "currency", "lookup_keys", "product", "recurring", "type"),
    "products": ("active", "created", "ids", "shippable", "type", "url"),
    "coupons": ("created",),
    "events": ("created", "delivery_success", "type", "types"),
    "webhook_endpoints": (),
}
_INDEXED = {"customers": "email", "subscriptions": "customer", "subscription_items": "subscription", "prices": "product"}
_STATUSES = (
    "active",
    "all",
    "canceled",
    "ended",
    "incomplete",
    "incomplete_expired",
    "past_due",
    "paused",
    "trialing",
    "unpaid",
)
_MOST_TYPES = 20
_FOREVER = (float("-inf"), float("inf"))


def page(store: Store, object_name: str, values: Mapping[str, Any]) -> Json:
    """One page of a list, unexpanded."""
    params = Params(values, (*_PAGING, *_FILTERS[object_name]))
    if object_name == "subscription_items":
        params.require("subscription")
        store.require("subscriptions", str(params.text("subscription")), param="subscription", status=400)
    table = store.tables[object_name]
    for cursor in ("starting_after", "ending_before"):
        if (record_id := params.text(cursor)) is not None and not table.knows(record_id):
            raise no_such(object_name, record_id, param=cursor, status=400)
    part = Slice(
        limit=page_size(params),
        after=params.text("starting_after"),
        before=params.text("ending_before"),
        where=_where(object_name, params),
        created=_range(params, "created") if "created" in params else _FOREVER,
    )
    if part.after is not None and part.before is not None:
        raise invalid("You may only specify one of these parameters: starting_after, ending_before.", param="ending_before")
    records, more = table.page(part, _keep(store, object_name, params))
    data = [views.render(store, object_name, record) for record in records]
    return {"object": "list", "data": data, "has_more": more, "url": f"/v1/{object_name}"}


def page_size(params: Params) -> int:
    """`limit`, from 1 to 100, 10 if not given."""
    return params.integer("limit", minimum=1, maximum=100) or 10


def _where(object_name: str, params: Params) -> tuple[str, str | None] | None:
    field = _INDEXED.get(object_name)
    return (field, params.text(field)) if field is not None and params.text(field) is not None else None


def _range(params: Params, name: str) -> tuple[float, float]:
    """A moment or `gt/gte/lt/lte`, as inclusive lower and exclusive upper bound in whole seconds."""
    if not isinstance(params.values[name], Mapping):
        moment = params.integer(name)
        return _FOREVER if moment is None else (moment, moment + 1)
    bounds = params.nested(name, ("gt", "gte", "lt", "lte"))
    low, high = _FOREVER
    for bound in bounds.values:
        moment = bounds.integer(bound)
        if moment is None:
            continue
        if bound.startswith("g"):
            low = max(low, moment + (bound == "gt"))
        else:
            high = min(high, moment + (bound == "lte"))
    return low, high


def _keep(store: Store, object_name: str, params: Params) -> Keep | None:
    """All filters of a list in one; None where every record passes, which is what makes long lists cheap."""
    tests = {"subscriptions": _subscription_tests, "prices": _price_tests, "products": _product_tests, "events": _event_tests}
    keeps = tests[object_name](store, params) if object_name in tests else []
    if object_name in {"customers", "products"}:
        keeps.append(_alive)
    if len(keeps) <= 1:
        return keeps[0] if keeps else None
    return lambda record: all(keep(record) for keep in keeps)


def _alive(record: Json) -> bool:
    return "deleted" not in record


def _same(name: str, value: object) -> Keep:
    return lambda record: record.get(name) == value


def _equals(params: Params, *names: str) -> list[Keep]:
    return [_same(name, value) for name in names if (value := params.text(name)) is not None]


def _flags(params: Params, *names: str) -> list[Keep]:
    return [_same(name, value) for name in names if (value := params.boolean(name)) is not None]


def _subscription_tests(store: Store, params: Params) -> list[Keep]:
    keeps = _equals(params, "collection_method")
    status = params.choice("status", _STATUSES)
    if status is None:
        keeps.append(lambda record: record.get("status") != "canceled")
    elif status == "ended":
        keeps.append(lambda record: record.get("status") in ENDED)
    elif status != "all":
        keeps.append(lambda record: record.get("status") == status)
    items = store.tables["subscription_items"]
    price = params.text("price") or params.text("plan")
    if price is not None:
        keeps.append(lambda record: any(item["price"] == price for item in items.matching("subscription", record["id"])))
    for name, choose in (("current_period_end", min), ("current_period_start", max)):
        if name in params:
            keeps.append(_period_test(store, name, choose, _range(params, name)))
    return keeps


def _period_test(store: Store, name: str, choose: Callable[[list[int]], int], bounds: tuple[float, float]) -> Keep:
    """Stripe compares the earliest item end and the latest item start."""

    def keep(record: Json) -> bool:
        items = store.tables["subscription_items"].matching("subscription", record["id"])
        moments = [item[name] for item in items if isinstance(item.get(name), int)]
        return bool(moments) and bounds[0] <= choose(moments) < bounds[1]

    return keep


def _price_tests(_: Store, params: Params) -> list[Keep]:
    keeps = _equals(params, "currency", "type") + _flags(params, "active")
    if keys := {str(key) for key in params.array("lookup_keys")}:
        keeps.append(lambda record: record.get("lookup_key") in keys)
    wanted = params.nested("recurring", ("interval", "meter", "usage_type"))
    if wanted.values:
        keeps.append(lambda record: all((record.get("recurring") or {}).get(name) == v for name, v in wanted.values.items()))
    return keeps


def _product_tests(_: Store, params: Params) -> list[Keep]:
    keeps = _equals(params, "type", "url") + _flags(params, "active", "shippable")
    if ids := {str(record_id) for record_id in params.array("ids")}:
        keeps.append(lambda record: record["id"] in ids)
    return keeps


def _event_tests(store: Store, params: Params) -> list[Keep]:
    oldest = store.now() - store.retention_seconds
    keeps: list[Keep] = [lambda record: record["created"] >= oldest]
    types = [str(kind) for kind in params.array("types")]
    if len(types) > _MOST_TYPES:
        raise invalid(f"You may only specify up to {_MOST_TYPES} event types.", param="types")
    if params.text("type") is not None:
        types.append(str(params.text("type")))
    if types:
        keeps.append(lambda record: any(events.is_type(record["type"], kind) for kind in types))
    if (delivered := params.boolean("delivery_success")) is not None:
        keeps.append(lambda record: (record["id"] not in store.undelivered) is delivered)
    return keeps
