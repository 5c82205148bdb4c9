"""One modelled Stripe account: the single door through which the sandbox and the simulation use it.

Behaviour follows API version 2026-10-28.endive. The rules live in the modules of the objects; here requests are let in,
remembered by their idempotency key, and carried out one at a time.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

from integration_pipelines.partner_models.base import Json, PartnerAccount
from integration_pipelines.partner_models.stripe import (
    catalog,
    customers,
    edits,
    events,
    expand,
    lifecycle,
    listing,
    search,
    seeding,
    subscriptions,
    templates,
    views,
    webhooks,
)
from integration_pipelines.partner_models.stripe.calls import Answer, Call
from integration_pipelines.partner_models.stripe.idempotency import IdempotencyKeys, fingerprint
from integration_pipelines.partner_models.stripe.limits import LIVE_RATES, RateLimiter, RateLimits
from integration_pipelines.partner_models.stripe.params import Params
from integration_pipelines.partner_models.stripe.refusals import no_such, unrecognised
from integration_pipelines.partner_models.stripe.store import Store

Create = Callable[[Store, Call], Json]
Write = Callable[[Store, str, Call], Json]
READABLE = ("customers", "subscriptions", "subscription_items", "prices", "products", "coupons", "events", "webhook_endpoints")
CREATES: Mapping[str, Create] = {
    "customers": customers.create,
    "subscriptions": subscriptions.create,
    "prices": catalog.create_price,
    "products": catalog.create_product,
    "coupons": catalog.create_coupon,
    "webhook_endpoints": webhooks.create,
}
WRITES: Mapping[tuple[str, str], Write] = {
    ("customers", "update"): customers.update,
    ("customers", "delete"): customers.delete,
    ("subscriptions", "update"): subscriptions.update,
    ("subscriptions", "delete"): subscriptions.cancel,
    ("subscriptions", "pause"): subscriptions.pause,
    ("subscriptions", "resume"): subscriptions.resume,
    ("prices", "update"): catalog.update_price,
    ("products", "update"): catalog.update_product,
    ("coupons", "update"): catalog.update_coupon,
    ("webhook_endpoints", "update"): webhooks.update,
    ("webhook_endpoints", "delete"): webhooks.delete,
}


class StripeAccount(PartnerAccount):
    """A tenant's account in memory.

    Args:
        tenant: whose account it is.
        account: its id, `acct_...`.
        token: the key that opens it.
        now: the clock, seconds since the epoch.
        livemode: false for a test-mode account.
        search_lag: how many seconds the search index is behind.
        rate_limits: requests a second; None switches the limiter off.
        event_retention_days: how long events can be read.
        inline_items: how many items a subscription shows before `has_more`.
    """

    partner = "stripe"

    def __init__(  # noqa: PLR0913 - one keyword per documented property of an account
        self,
        *,
        tenant: str,
        account: str,
        token: str,
        now: Callable[[], float],
        livemode: bool = True,
        search_lag: float = 60.0,
        rate_limits: RateLimits | None = LIVE_RATES,
        event_retention_days: float = 30,
        inline_items: int = 10,
    ) -> None:
        super().__init__(tenant=tenant, account=account, token=token, now=now)
        retention = event_retention_days * events.DAY
        self.store = Store(account, now, self.note, livemode, inline_items, retention)
        self.index = search.SearchIndex(search_lag)
        self._keys = IdempotencyKeys()
        self._limiter = None if rate_limits is None else RateLimiter(rate_limits)
        self._looked_through, self._next_due = -1, math.inf
        self._about = templates.account(account, int(now()))

    def admit(self, endpoint: str) -> None:
        """Count a request against the rates; raises PartnerRefusalError 429 where one is met."""
        if self._limiter is not None:
            with self.lock:
                self._limiter.admit(endpoint, self.now())

    def about(self) -> Json:
        """The account object."""
        return self._about

    def list_page(self, object_name: str, values: Json) -> Json:
        """One page of a list: filters, `limit`, `starting_after`, `ending_before`, `expand`."""
        self._check(object_name in READABLE, "GET", object_name)
        with self.lock:
            wanted = expand.paths(values)
            return expand.expand(self.store, listing.page(self.store, object_name, values), wanted)

    def search(self, object_name: str, values: Json) -> Json:
        """One page of search results, as old as the index is."""
        with self.lock:
            wanted = expand.paths(values)
            return expand.expand(self.store, search.search(self.store, self.index, object_name, values), wanted)

    def get(self, object_name: str, record_id: str, values: Json | None = None) -> Json:
        """One record; a deleted customer answers `deleted: true`."""
        self._check(object_name in READABLE, "GET", f"{object_name}/{record_id}")
        with self.lock:
            Params(values or {}, ())
            wanted = expand.paths(values or {})
            record = self.store.tables[object_name].get(record_id)
            too_old = self.now() - self.store.retention_seconds
            if record is None or (object_name == "events" and record["created"] < too_old):
                raise no_such(object_name, record_id)
            return expand.expand(self.store, views.render(self.store, object_name, record), wanted)

    def write(self, object_name: str, verb: str, record_id: str, call: Call) -> Answer:
        """Carry out create, update, delete, pause or resume (id '' for create); a known idempotency key is answered again.

        Raises PartnerRefusalError for what Stripe refuses; such refusals are not remembered.
        """
        with self.lock:
            key = "" if verb == "delete" else call.idempotency_key
            stored = self._claim(key, object_name, verb, record_id, call)
            if stored is not None:
                return stored
            try:
                wanted = expand.paths(call.values)
                with self.store.transaction():
                    body = expand.expand(self.store, self._carry_out(object_name, verb, record_id, call), wanted)
            except BaseException:
                self._keys.forget(key or "")
                raise
            return self._remembered(key, Answer(200, body, call.request_id))

    def begin(self, object_name: str, verb: str, record_id: str, call: Call) -> None:
        """The request has begun and will end later: until then its key is in flight for every other request."""
        with self.lock:
            self._claim(call.idempotency_key, object_name, verb, record_id, call)

    def fail(self, object_name: str, verb: str, record_id: str, call: Call, answer: Answer) -> Answer:
        """The request began and broke: that answer is what its key gives from now on, unless it gave another before."""
        with self.lock:
            key = "" if verb == "delete" else call.idempotency_key
            return self._claim(key, object_name, verb, record_id, call) or self._remembered(key, answer)

    def insert(self, object_name: str, record: Json) -> Json:
        """Seed a record as it is, malformed values included; nothing is noted or told."""
        with self.lock:
            return seeding.insert(self.store, object_name, record)

    def edit(self, object_name: str, record_id: str, fields: Json) -> Json:
        """A person edits a record in the dashboard; paths use dots, `metadata.key: ''` deletes the key."""
        with self.lock, self.store.transaction():
            call = Call(values=fields, request_id=self.store.mint("req"), actor="person")
            return edits.edit(self.store, object_name, record_id, fields, call)

    def state(self) -> dict[str, list[Json]]:
        """All records by object, oldest first, complete: tiers and products of coupons included, secrets not."""
        with self.lock:
            tables = self.store.tables.items()
            return {name: [self._whole(name, record) for record in table.all()][::-1] for name, table in tables}

    def advance(self) -> int:
        """Let renewals, trial ends and planned cancellations that are due happen; returns how many there were."""
        with self.lock:
            return lifecycle.advance(self.store)

    def pass_time(self) -> int:
        """The same, looking through the subscriptions only when one is due or something of them changed."""
        with self.lock:
            tables = self.store.tables
            revision = tables["subscriptions"].revision + tables["subscription_items"].revision
            if revision != self._looked_through:
                self._looked_through, self._next_due = revision, lifecycle.next_due(self.store)
            return lifecycle.advance(self.store) if self._next_due <= self.now() else 0

    def freeze_search(self, seconds: float) -> None:
        """The search index stands still for so long."""
        with self.lock:
            self.index.freeze(self.now(), seconds)

    def on_event(self, listener: Callable[[Json], None]) -> None:
        """Call `listener` with every new event, inside the write that made it."""
        self.store.listeners.append(listener)

    def endpoints_for(self, event_type: str) -> list[Json]:
        """Enabled webhook endpoints that want this type, with their secrets."""
        with self.lock:
            return events.endpoints_for(self.store, event_type)

    def endpoints(self) -> list[Json]:
        """Every webhook endpoint with its secret, oldest first."""
        with self.lock:
            return list(self.store.tables["webhook_endpoints"].all())[::-1]

    def endpoint(self, endpoint_id: str) -> Json | None:
        """One of them, None once it is deleted."""
        return self.store.tables["webhook_endpoints"].get(endpoint_id)

    def replace_secret(self, endpoint_id: str, secret: str) -> Json:
        """A person gives an endpoint another secret, which the API cannot; returns the endpoint."""
        with self.lock:
            return webhooks.replace_secret(self.store, endpoint_id, secret)

    def mark_delivered(self, event_id: str, endpoint_id: str) -> None:
        """An endpoint took the event; it no longer counts as pending there."""
        with self.lock:
            events.mark_delivered(self.store, event_id, endpoint_id)

    def _carry_out(self, object_name: str, verb: str, record_id: str, call: Call) -> Json:
        if verb == "create":
            self._check(object_name in CREATES, "POST", object_name)
            return CREATES[object_name](self.store, call)
        self._check((object_name, verb) in WRITES, "POST", f"{object_name}/{record_id}")
        return WRITES[object_name, verb](self.store, record_id, call)

    def _claim(self, key: str | None, object_name: str, verb: str, record_id: str, call: Call) -> Answer | None:
        if not key:
            return None
        request = fingerprint("POST", f"{object_name}/{record_id}/{verb}", call.values)
        return self._keys.begin(key, request, call.request_id, self.now())

    def _remembered(self, key: str | None, answer: Answer) -> Answer:
        if key:
            self._keys.finish(key, answer)
        return answer

    def _whole(self, object_name: str, record: Json) -> Json:
        shown: dict[str, Any] = dict(views.render(self.store, object_name, record))
        for hidden in ("tiers", "applies_to"):
            if hidden in record:
                shown[hidden] = record[hidden]
        return shown

    @staticmethod
    def _check(known: bool, method: str, path: str) -> None:
        if not known:
            raise unrecognised(method, f"/v1/{path}")
