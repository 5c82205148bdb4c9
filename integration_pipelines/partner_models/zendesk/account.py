"""One modelled Zendesk account: the single door through which the sandbox and the simulation use it.

The rules live in the modules beside this one; here a request takes the lock, so that threads see whole changes only.
"""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from integration_pipelines.partner_models.base import Json, PartnerAccount
from integration_pipelines.partner_models.seconds import iso
from integration_pipelines.partner_models.zendesk import edits, exporting, tickets
from integration_pipelines.partner_models.zendesk.exporting import Asked
from integration_pipelines.partner_models.zendesk.limits import PROFESSIONAL, RateLimiter, RateLimits
from integration_pipelines.partner_models.zendesk.refusals import bad_request, not_found
from integration_pipelines.partner_models.zendesk.store import API, Hand, Store

AUDITS_MOST, SHOW_MOST = 100, 100


@dataclass(frozen=True, slots=True)
class Plan:
    """What an account allows: its limits (None: none), how many of the last seconds exports leave out, the role of the token's user."""

    limits: RateLimits | None = PROFESSIONAL
    export_lag: float = 60.0
    role: str = "admin"


class ZendeskAccount(PartnerAccount):
    """A tenant's account in memory.

    Args:
        tenant: whose account it is.
        account: its subdomain.
        token: what opens it, as a bearer token or as an API token behind `name@example.com/token:`.
        now: the clock, seconds since the epoch.
        plan: what it allows; exports need an admin.
    """

    partner = "zendesk"

    def __init__(self, *, tenant: str, account: str, token: str, now: Callable[[], float], plan: Plan | None = None) -> None:
        super().__init__(tenant=tenant, account=account, token=token, now=now)
        self.store = Store(account, now, self.note)
        self.plan = plan or Plan()
        self._limiter = None if self.plan.limits is None else RateLimiter(self.plan.limits)
        role = self.plan.role
        person = {"name": "Sync", "email": f"sync@{account}.example", "role": role, "active": True, "suspended": False}
        self.insert("users", {"id": tickets.ME, **person})

    def admit(self, *, export: bool = False, ticket: str = "") -> dict[str, str]:
        """Count a request against the limits; returns the headers of its reply, raises PartnerRefusalError 429."""
        if self._limiter is None:
            return {}
        with self.lock:
            return self._limiter.admit(self.now(), export=export, ticket=ticket)

    def me(self) -> Json:
        """The user behind the token."""
        with self.lock:
            return {"user": dict(self.store.users[tickets.ME])}

    def export(self, asked: Asked) -> Json:
        """One page of the incremental export of tickets."""
        with self.lock:
            return copy.deepcopy(exporting.export(self.store, asked, self.plan.export_lag))

    def show_many(self, numbers: Sequence[int], include: Sequence[str] = ()) -> Json:
        """Tickets by number, those that are not there left out."""
        if len(numbers) > SHOW_MOST:
            raise bad_request(f"ids may name {SHOW_MOST} tickets.")
        with self.lock:
            held = (self.store.tickets.get(number) for number in dict.fromkeys(numbers))
            found = [ticket for ticket in held if ticket is not None and ticket["status"] != "deleted"]
            body = {"tickets": found, **exporting.sideloads(self.store, found, include), "next_page": None, "count": len(found)}
            return copy.deepcopy(body)

    def get_ticket(self, number: int, include: Sequence[str] = ()) -> Json:
        """One ticket."""
        with self.lock:
            ticket = self.store.ticket(number)
            return copy.deepcopy({"ticket": ticket, **exporting.sideloads(self.store, [ticket], include)})

    def create_ticket(self, body: Mapping[str, Any]) -> Json:
        """A new ticket."""
        with self.lock:
            return copy.deepcopy({"ticket": tickets.create(self.store, body)})

    def update_ticket(self, number: int, body: Mapping[str, Any]) -> Json:
        """Change a ticket; see `tickets.update`."""
        with self.lock:
            ticket = tickets.update(self.store, number, body)
            return copy.deepcopy({"ticket": ticket, "audit": self.store.audits[number][-1]})

    def delete_ticket(self, number: int, actor: str = "api") -> None:
        """Put a ticket into the trash."""
        with self.lock:
            tickets.delete(self.store, number, actor)

    def list_audits(self, number: int, *, size: int = AUDITS_MOST, after: str = "") -> Json:
        """One page of a ticket's audits, oldest first."""
        if not 1 <= size <= AUDITS_MOST:
            raise bad_request(f"page[size] must be between 1 and {AUDITS_MOST}.")
        if after and not after.isdigit():
            raise bad_request("page[after] is not a cursor of this list.")
        with self.lock:
            self.store.ticket(number)
            waiting = [one for one in self.store.audits[number] if one["id"] > int(after or 0)]
            page = waiting[:size]
            cursor = str(page[-1]["id"]) if page else None
            more = len(waiting) > size
            path = f"{self.store.base}/api/v2/tickets/{number}/audits.json?page[size]={size}&page[after]={cursor}"
            meta = {"has_more": more, "after_cursor": cursor, "before_cursor": None}
            return copy.deepcopy({"audits": page, "meta": meta, "links": {"next": path if more else None, "prev": None}})

    def list_fields(self) -> Json:
        """All ticket fields."""
        with self.lock:
            found = list(self.store.fields.by_id.values())
            return copy.deepcopy({"ticket_fields": found, "next_page": None, "previous_page": None, "count": len(found)})

    def create_field(self, body: Mapping[str, Any]) -> Json:
        """A new custom field."""
        with self.lock:
            made = self.store.fields.create(body, self.now())
            self._schema_changed(made, dict.fromkeys(body), made)
            return copy.deepcopy({"ticket_field": made})

    def update_field(self, number: int, body: Mapping[str, Any]) -> Json:
        """Change a custom field."""
        with self.lock:
            before = dict(self.store.fields.get(number))
            after = self.store.fields.update(number, body, self.now())
            self._schema_changed(after, {name: before.get(name) for name in body}, after)
            return copy.deepcopy({"ticket_field": after})

    def list_groups(self) -> Json:
        """All groups."""
        with self.lock:
            found = list(self.store.groups.values())
            return copy.deepcopy({"groups": found, "next_page": None, "previous_page": None, "count": len(found)})

    def insert(self, object_name: str, record: Json) -> Json:
        """Seed a record as it is, malformed values included; nothing is noted or told."""
        with self.lock:
            if object_name == "tickets":
                return copy.deepcopy(tickets.insert(self.store, record))
            if object_name == "ticket_fields":
                return copy.deepcopy(self.store.fields.insert(record, self.now()))
            if object_name == "triggers":
                self.store.triggers.append({"when": record["when"], "body": record["body"]})
                return dict(record)
            held = {"users": self.store.users, "groups": self.store.groups, "organizations": self.store.organizations}.get(
                object_name
            )
            if held is None:
                raise not_found()
            number = int(record["id"])
            times = {"created_at": iso(self.now()), "updated_at": iso(self.now())}
            held[number] = {"url": f"{self.store.base}/api/v2/{object_name}/{number}.json", **times, **record, "id": number}
            return copy.deepcopy(held[number])

    def edit(self, object_name: str, record_id: str, fields: Json) -> Json:
        """A person edits a ticket or a ticket field; see `edits`."""
        with self.lock:
            return copy.deepcopy(edits.edit(self.store, object_name, record_id, fields))

    def state(self) -> dict[str, list[Json]]:
        """All records by object, by number: tickets with the status `deleted` are in the trash."""
        with self.lock:
            store = self.store
            held = {
                "tickets": store.tickets, "users": store.users, "groups": store.groups, "organizations": store.organizations,
                "ticket_fields": store.fields.by_id,
            }  # fmt: skip
            found = {name: [rows[number] for number in sorted(rows)] for name, rows in held.items()}
            found["audits"] = [audit for number in sorted(store.audits) for audit in store.audits[number]]
            return copy.deepcopy(found)

    def on_event(self, listener: Callable[[Json], None]) -> None:
        """Call `listener` with every new webhook event, inside the change that made it."""
        self.store.listeners.append(listener)

    def _schema_changed(self, field: Json, before: Json, after: Json) -> None:
        shown = {name: after.get(name) for name in before}
        self.store.wrote("ticket_fields", field["id"], before, shown, Hand(API, self.now()))
