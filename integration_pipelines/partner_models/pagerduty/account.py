"""One modelled PagerDuty account: the single door through which the sandbox and the simulation use it.

The rules live in the modules beside this one; here a request takes the lock, so that threads see whole changes only.
"""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from integration_pipelines.partner_models.base import Json, PartnerAccount, PartnerRefusalError
from integration_pipelines.partner_models.pagerduty import incidents, listing
from integration_pipelines.partner_models.pagerduty.limits import PER_MINUTE, RateLimiter
from integration_pipelines.partner_models.pagerduty.listing import Asked
from integration_pipelines.partner_models.pagerduty.refusals import invalid, not_found
from integration_pipelines.partner_models.pagerduty.store import API, PERSON, Hand, Store

PRIORITY_NAMES = ("P1", "P2", "P3", "P4", "P5")
_EDITABLE = frozenset({"status", "title", "urgency", "priority", "note"})
_FORBIDDEN = 403


@dataclass(frozen=True, slots=True)
class Plan:
    """What an account allows.

    Args:
        per_minute: how many requests; None switches the limiter off.
        priorities: the names of its priorities, none if it has not switched them on.
        personal: whether the token is a user's, so that PagerDuty knows who asks; else `From` has to say it.
    """

    per_minute: int | None = PER_MINUTE
    priorities: tuple[str, ...] = PRIORITY_NAMES
    personal: bool = True


class PagerDutyAccount(PartnerAccount):
    """A tenant's account in memory, with one user.

    Args:
        tenant: whose account it is.
        account: its subdomain.
        token: the REST API key that opens it.
        now: the clock, seconds since the epoch.
        plan: what it allows.
    """

    partner = "pagerduty"

    def __init__(self, *, tenant: str, account: str, token: str, now: Callable[[], float], plan: Plan | None = None) -> None:
        super().__init__(tenant=tenant, account=account, token=token, now=now)
        self.store = Store(account, now, self.note)
        self.plan = plan or Plan()
        self._limiter = None if self.plan.per_minute is None else RateLimiter(self.plan.per_minute)
        self.email = f"oncall@{account}.example"
        self.insert("users", {"name": "On Call", "email": self.email, "role": "admin"})
        for order, name in enumerate(self.plan.priorities):
            self.insert("priorities", {"name": name, "summary": name, "order": 1 << (len(self.plan.priorities) - order)})

    def admit(self) -> dict[str, str]:
        """Count a request against the limit; returns the headers of its reply, raises PartnerRefusalError 429."""
        if self._limiter is None:
            return {}
        with self.lock:
            return self._limiter.admit(self.now())

    def me(self) -> Json:
        """The user behind the token; an account's token has none."""
        if not self.plan.personal:
            raise invalid("The current user's information is not available to this kind of token.")
        with self.lock:
            return copy.deepcopy({"user": self.store.user(self.email)})

    def list_incidents(self, asked: Asked) -> Json:
        """One page of incidents."""
        with self.lock:
            return copy.deepcopy(listing.page(self.store, asked))

    def get_incident(self, name: str, asked: Asked) -> Json:
        """One incident by id or number."""
        with self.lock:
            return copy.deepcopy({"incident": listing.view(self.store.incident(name), asked)})

    def create_incident(self, body: Mapping[str, Any], sender: str) -> Json:
        """A new incident; `sender` is the `From` header."""
        with self.lock:
            made = incidents.create(self.store, _part(body, "incident"), self._hand(sender))
            return copy.deepcopy({"incident": made})

    def update_incident(self, name: str, body: Mapping[str, Any], sender: str) -> Json:
        """Change an incident."""
        with self.lock:
            found = incidents.update(self.store, name, _part(body, "incident"), self._hand(sender))
            return copy.deepcopy({"incident": {key: value for key, value in found.items() if key != "body"}})

    def list_notes(self, name: str) -> Json:
        """The notes on an incident."""
        with self.lock:
            return copy.deepcopy({"notes": self.store.notes[self.store.incident(name)["id"]]})

    def add_note(self, name: str, body: Mapping[str, Any], sender: str) -> Json:
        """A note on an incident."""
        with self.lock:
            note = incidents.add_note(self.store, name, _part(body, "note").get("content"), self._hand(sender))
            return copy.deepcopy({"note": note})

    def list_priorities(self) -> Json:
        """The account's priorities, the most severe first; raises PartnerRefusalError 404 where they are switched off."""
        if not self.plan.priorities:
            raise not_found()
        with self.lock:
            return copy.deepcopy({"priorities": list(self.store.priorities.values()), "more": False, "offset": 0, "limit": 100})

    def list_services(self, *, query: str = "", limit: int = 25, offset: int = 0) -> Json:
        """One page of services whose name contains the query."""
        with self.lock:
            found = [one for one in self.store.services.values() if query.casefold() in one["name"].casefold()]
            page = found[offset : offset + limit]
            return copy.deepcopy({"services": page, "limit": limit, "offset": offset, "more": len(found) > offset + limit})

    def insert(self, object_name: str, record: Json) -> Json:
        """Seed a record as it is, malformed values included; nothing is noted or told."""
        with self.lock:
            if object_name == "incidents":
                return copy.deepcopy(incidents.insert(self.store, record))
            held = {"users": self.store.users, "services": self.store.services, "priorities": self.store.priorities}.get(
                object_name
            )
            if held is None:
                raise not_found()
            name = str(record.get("id") or self.store.mint("P"))
            kind = {"users": "user", "services": "service", "priorities": "priority"}[object_name]
            shell = {"type": kind, "summary": record.get("name"), "self": f"https://api.pagerduty.com/{object_name}/{name}"}
            page = None if kind == "priority" else f"{self.store.base}/{object_name}/{name}"
            held[name] = {"id": name, **shell, "html_url": page, "description": "", **record}
            return copy.deepcopy(held[name])

    def edit(self, object_name: str, record_id: str, fields: Json) -> Json:
        """A person works on an incident: `status`, `title`, `urgency`, `priority` by its name ('' takes it away), `note`."""
        if object_name != "incidents":
            raise not_found()
        with self.lock:
            unknown = fields.keys() - _EDITABLE
            if unknown:
                raise invalid(f"A person cannot change {', '.join(sorted(unknown))} of an incident.")
            hand = Hand(self.email, PERSON, self.now())
            body = {name: value for name, value in fields.items() if name != "note"}
            if "priority" in body:
                body["priority"] = self._priority(str(body["priority"] or ""))
            found = incidents.update(self.store, record_id, body, hand)
            if "note" in fields:
                incidents.add_note(self.store, record_id, fields["note"], hand)
            return copy.deepcopy(found)

    def state(self) -> dict[str, list[Json]]:
        """All records by object, in the order in which they were made; notes name their incident."""
        with self.lock:
            store = self.store
            notes = [{"incident_id": name, **note} for name, kept in store.notes.items() for note in kept]
            held = {
                "incidents": store.incidents,
                "services": store.services,
                "priorities": store.priorities,
                "users": store.users,
            }
            return copy.deepcopy({**{name: list(rows.values()) for name, rows in held.items()}, "notes": notes})

    def on_event(self, listener: Callable[[Json], None]) -> None:
        """Call `listener` with every new webhook event, inside the change that made it."""
        self.store.listeners.append(listener)

    def _hand(self, sender: str) -> Hand:
        """Who asks: the token's user, or the one in `From`, who has to be a user here."""
        user = self.email if self.plan.personal and not sender else sender
        if self.store.user(user) is None:
            raise invalid("Requester User Not Found") if user else invalid("A valid From header is required")
        return Hand(user, API, self.now())

    def _priority(self, name: str) -> Json | None:
        if not name:
            return None
        found = next((one for one in self.store.priorities.values() if one["name"] == name), None)
        if found is None:
            raise PartnerRefusalError(_FORBIDDEN, "2010", f"There is no priority {name}.")
        return {"id": found["id"], "type": "priority_reference"}


def _part(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = body.get(name)
    if not isinstance(found, Mapping):
        raise invalid(f"The body has no {name}.")
    return found
