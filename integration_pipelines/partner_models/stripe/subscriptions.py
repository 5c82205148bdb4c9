"""Subscriptions: created with items, changed, paused, resumed, cancelled. Time passing belongs to `lifecycle`."""

from integration_pipelines.partner_models.base import Json
from integration_pipelines.partner_models.stripe import discounts, items, templates
from integration_pipelines.partner_models.stripe.calls import Call
from integration_pipelines.partner_models.stripe.params import Params, merge_metadata
from integration_pipelines.partner_models.stripe.periods import DAY
from integration_pipelines.partner_models.stripe.refusals import invalid, no_such
from integration_pipelines.partner_models.stripe.store import Store

ENDED = frozenset({"canceled", "incomplete_expired"})
_SHARED = (
    "cancel_at",
    "cancel_at_period_end",
    "collection_method",
    "days_until_due",
    "default_payment_method",
    "description",
    "discounts",
    "items",
    "metadata",
    "off_session",
    "payment_behavior",
    "proration_behavior",
    "trial_end",
)
_CREATE = (*_SHARED, "backdate_start_date", "billing_mode", "currency", "customer", "trial_period_days")
_UPDATE = (*_SHARED, "cancellation_details", "pause_collection", "proration_date")
_CANCELED_UPDATE = ("cancellation_details", "metadata")
_DETAILS = ("comment", "feedback")
_PAUSE_BEHAVIORS = ("keep_as_draft", "mark_uncollectible", "void")


def create(store: Store, call: Call) -> Json:
    """A new subscription of a live customer; it starts with a trial if one is asked for."""
    params = Params(call.values, _CREATE)
    params.require("customer", "items")
    customer = str(params.text("customer"))
    store.require("customers", customer, param="customer", status=400)
    record = templates.subscription(store)
    record |= {"customer": customer, "currency": items.currency_of(store, params)}
    if (start := params.integer("backdate_start_date", minimum=0)) is not None:
        record |= {"start_date": start, "billing_cycle_anchor": start}
    if (mode := params.nested("billing_mode", ("flexible", "type")).choice("type", ("classic", "flexible"))) is not None:
        record["billing_mode"] = {**record["billing_mode"], "type": mode}
    _begin_trial(store, record, params)
    if params.text("payment_behavior") == "default_incomplete" and record["status"] == "active":
        record["status"] = "incomplete"
    record = _shared(store, record, params)
    store.put("subscriptions", record)
    items.apply(store, params, _owner(record))
    after = store.view("subscriptions", record["id"])
    store.commit("subscriptions", None, after, call, "customer.subscription.created")
    return after


def update(store: Store, record_id: str, call: Call) -> Json:
    """Change the given fields; of a cancelled subscription only metadata and the reason may change."""
    record = store.require("subscriptions", record_id)
    if record["status"] == "canceled" and set(call.values) - {*_CANCELED_UPDATE, "expand"}:
        raise invalid("A canceled subscription can only update its cancellation_details and metadata.")
    params = Params(call.values, _UPDATE)

    def change() -> Json:
        new = _shared(store, record, params)
        if params.text("trial_end") is not None:
            _move_trial(store, new, params)
        if "pause_collection" in params:
            new["pause_collection"] = _pause_collection(params)
        if "cancellation_details" in params:
            details = params.nested("cancellation_details", _DETAILS)
            new["cancellation_details"] = {**record["cancellation_details"], **{n: details.text(n) for n in details.values}}
        if "items" in params:
            items.apply(store, params, _owner(new))
        return new

    return store.changed("subscriptions", record_id, change, call, "customer.subscription.updated")


def cancel(store: Store, record_id: str, call: Call) -> Json:
    """End it now."""
    params = Params(call.values, ("cancellation_details", "invoice_now", "prorate"))
    record = store.require("subscriptions", record_id)
    if record["status"] in ENDED:
        raise no_such("subscriptions", record_id)
    details = params.nested("cancellation_details", _DETAILS)
    return end(store, record, call, {name: details.text(name) for name in details.values})


def end(store: Store, record: Json, call: Call, details: Json | None = None) -> Json:
    """Put a subscription into its last state; a cancellation is `customer.subscription.deleted` in the event log."""
    before = store.view("subscriptions", record["id"])
    now = store.seconds()
    new = {
        **record,
        "status": "canceled",
        "canceled_at": record["canceled_at"] or now,
        "ended_at": now,
        "cancel_at_period_end": False,
        "cancellation_details": {**record["cancellation_details"], "reason": "cancellation_requested", **(details or {})},
    }
    store.put("subscriptions", new)
    after = store.view("subscriptions", record["id"])
    store.commit("subscriptions", before, after, call.giving({"status": "canceled"}), "customer.subscription.deleted")
    return after


def pause(store: Store, record_id: str, call: Call) -> Json:
    """Stop the service and its invoices: the status becomes `paused`."""
    Params(call.values, ("bill_for", "invoicing_behavior", "type"))
    return _move(store, record_id, {"active", "past_due", "trialing"}, call, "customer.subscription.paused")


def resume(store: Store, record_id: str, call: Call) -> Json:
    """Start a paused subscription again."""
    Params(call.values, ("billing_cycle_anchor", "payment_behavior", "proration_behavior", "proration_date"))
    return _move(store, record_id, {"paused"}, call, "customer.subscription.resumed")


def _move(store: Store, record_id: str, sources: set[str], call: Call, event: str) -> Json:
    record = store.require("subscriptions", record_id)
    if record["status"] not in sources:
        raise invalid(
            f"This subscription is {record['status']}; it must be {' or '.join(sorted(sources))}.", param="subscription"
        )
    status = "paused" if event.endswith("paused") else "active"
    call = call.giving({**call.values, "status": status})
    return store.changed("subscriptions", record_id, lambda: {**record, "status": status}, call, event)


def _shared(store: Store, record: Json, params: Params) -> Json:
    new = {**record, "metadata": merge_metadata(record["metadata"], params)}
    new |= {name: params.text(name) for name in ("default_payment_method", "description") if name in params}
    if "collection_method" in params:
        methods = ("charge_automatically", "send_invoice")
        new["collection_method"] = params.choice("collection_method", methods) or "charge_automatically"
    if "days_until_due" in params:
        new["days_until_due"] = params.integer("days_until_due", minimum=0)
    if new["collection_method"] == "send_invoice" and new["days_until_due"] is None:
        raise invalid("You must pass days_until_due when collection_method=send_invoice.", param="days_until_due")
    if "discounts" in params:
        kept = list(record["discounts"])
        new["discounts"] = discounts.read(store, params, kept, customer=record["customer"], subscription=record["id"])
    return _planned_end(store, new, params)


def _planned_end(store: Store, new: Json, params: Params) -> Json:
    at_period_end = params.boolean("cancel_at_period_end")
    if at_period_end and params.text("cancel_at") is not None:
        raise invalid("You may only specify one of cancel_at and cancel_at_period_end.", param="cancel_at")
    if "cancel_at" in params:
        new["cancel_at"] = params.integer("cancel_at", minimum=0)
    if at_period_end is not None:
        ends = [item["current_period_end"] for item in items.of(store, new["id"])]
        new["cancel_at_period_end"] = at_period_end
        new["cancel_at"] = max(ends, default=None) if at_period_end else None
    if new["cancel_at"] is None and not new["cancel_at_period_end"]:
        new["canceled_at"] = None
    elif new["canceled_at"] is None:
        new["canceled_at"] = store.seconds()
        new["cancellation_details"] = {**new["cancellation_details"], "reason": "cancellation_requested"}
    return new


def _begin_trial(store: Store, record: Json, params: Params) -> None:
    days = params.integer("trial_period_days", minimum=1, maximum=730)
    if days is not None:
        end_of_trial = record["start_date"] + days * DAY
    elif params.text("trial_end") not in {None, "now"}:
        end_of_trial = params.integer("trial_end", minimum=0) or 0
        if end_of_trial <= store.seconds():
            raise invalid("Invalid timestamp: must be in the future.", param="trial_end")
    else:
        return
    record |= {"status": "trialing", "trial_start": record["start_date"], "trial_end": end_of_trial}
    record["billing_cycle_anchor"] = end_of_trial


def _move_trial(store: Store, new: Json, params: Params) -> None:
    if params.text("trial_end") == "now":
        new |= {"trial_end": store.seconds(), "status": "active" if new["status"] == "trialing" else new["status"]}
        return
    new |= {"trial_end": params.integer("trial_end", minimum=store.seconds()), "status": "trialing"}
    new["trial_start"] = new["trial_start"] or store.seconds()
    for item in items.of(store, new["id"]):
        store.put("subscription_items", {**item, "current_period_end": new["trial_end"]})


def _pause_collection(params: Params) -> Json | None:
    if params.values["pause_collection"] in (None, ""):
        return None
    pause_collection = params.nested("pause_collection", ("behavior", "resumes_at"))
    pause_collection.require("behavior")
    return {
        "behavior": pause_collection.choice("behavior", _PAUSE_BEHAVIORS),
        "resumes_at": pause_collection.integer("resumes_at"),
    }


def _owner(record: Json) -> items.Owner:
    trial = (record["trial_start"], record["trial_end"]) if record["status"] == "trialing" else None
    return items.Owner(record["id"], record["currency"], record["billing_cycle_anchor"], trial)
