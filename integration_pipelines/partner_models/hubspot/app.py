"""The app that customers install: one target address for the events of all its accounts, and what it subscribed to.

Settings and subscriptions belong to the app and not to an account; an event names its account by `portalId`. Delivering and
signing belong to the sandbox.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from integration_pipelines.partner_models.base import Json
from integration_pipelines.partner_models.hubspot.ledger import APP_ID
from integration_pipelines.partner_models.hubspot.moments import iso
from integration_pipelines.partner_models.hubspot.refusals import invalid, missing

COMPANY_TYPE = "0-2"
_KINDS = ("creation", "deletion", "propertyChange", "merge", "restore", "associationChange")
EVENT_TYPES = tuple(f"{what}.{kind}" for what in ("company", "object") for kind in _KINDS)
_CHANGE = ".propertyChange"
_DEFAULT_LANES = 10
_MOST_LANES = 1000
_FIRST_SUBSCRIPTION = 101


@dataclass(slots=True)
class HubSpotApp:
    """One app.

    Args:
        now: the clock, seconds since the epoch.
        client_secret: what its deliveries are signed with.
        developer_key: what opens its settings (`hapikey`).
    """

    now: Callable[[], float]
    client_secret: str
    developer_key: str
    app_id: int = APP_ID
    target_url: str = ""
    lanes: int = _DEFAULT_LANES
    everything: bool = False
    """Whether it hears of every change of every property without subscriptions; only the control door can say so."""
    created: str = ""
    updated: str = ""
    subscriptions: dict[str, Json] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)
    _next: int = _FIRST_SUBSCRIPTION

    def settings(self) -> Json:
        """Where events go; raises PartnerRefusalError 404 before anything was set."""
        if not self.target_url:
            raise missing("The webhook settings of this app")
        throttling = {"maxConcurrentRequests": self.lanes}
        return {"targetUrl": self.target_url, "throttling": throttling, "createdAt": self.created, "updatedAt": self.updated}

    def configure(self, body: Mapping[str, Any]) -> Json:
        """Set `{targetUrl, throttling: {maxConcurrentRequests}}`; refuses an address that is none and a number out of range."""
        url, throttling = body.get("targetUrl"), body.get("throttling") or {}
        lanes = throttling.get("maxConcurrentRequests", _DEFAULT_LANES) if isinstance(throttling, dict) else None
        if not isinstance(url, str) or urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname:
            raise invalid("targetUrl must be an address beginning with http:// or https://.")
        if type(lanes) is not int or not 1 <= lanes <= _MOST_LANES:
            raise invalid(f"maxConcurrentRequests must be a whole number between 1 and {_MOST_LANES}.")
        with self.lock:
            at = iso(self.now())
            self.target_url, self.lanes, self.created, self.updated = url, lanes, self.created or at, at
        return self.settings()

    def clear(self) -> None:
        """Events go nowhere; subscriptions stay."""
        with self.lock:
            self.target_url, self.created, self.updated, self.everything = "", "", "", False

    def subscribe(self, body: Mapping[str, Any]) -> Json:
        """A new subscription `{eventType, propertyName?, active?}`; a change names the one property it is about."""
        kind, name = body.get("eventType"), body.get("propertyName")
        if kind not in EVENT_TYPES:
            raise invalid(f"eventType must be one of {', '.join(EVENT_TYPES)}.")
        if str(kind).endswith(_CHANGE) != bool(name):
            raise invalid("propertyName is required for property changes and not allowed for anything else.")
        with self.lock:
            at, number, self._next = iso(self.now()), str(self._next), self._next + 1
            said = {"eventType": kind, "active": bool(body.get("active", False)), "createdAt": at, "updatedAt": at}
            extra = ({"propertyName": name} if name else {}) | self._type_of(str(kind), body)
            self.subscriptions[number] = {"id": number, **said, **extra}
            return self.subscriptions[number]

    def subscription(self, number: str) -> Json:
        """One subscription; raises PartnerRefusalError 404."""
        if number not in self.subscriptions:
            raise missing("The subscription")
        return self.subscriptions[number]

    def switch(self, number: str, body: Mapping[str, Any]) -> Json:
        """Turn a subscription on or off."""
        with self.lock:
            found = self.subscription(number)
            if not isinstance(body.get("active"), bool):
                raise invalid("active must be true or false.")
            self.subscriptions[number] = {**found, "active": body["active"], "updatedAt": iso(self.now())}
            return self.subscriptions[number]

    def unsubscribe(self, number: str) -> None:
        """Forget a subscription."""
        with self.lock:
            self.subscription(number)
            del self.subscriptions[number]

    def told(self, event: Json) -> list[Json]:
        """The event as each subscription that wants it is told; none while there is no target."""
        if not self.target_url:
            return []
        if self.everything:
            return [event]
        with self.lock:
            wanting = [one for one in self.subscriptions.values() if one["active"] and _wants(one, event)]
        return [_as_told(one, event) for one in wanting]

    @staticmethod
    def _type_of(kind: str, body: Mapping[str, Any]) -> Json:
        if not kind.startswith("object."):
            return {}
        if body.get("objectTypeId") != COMPANY_TYPE:
            raise invalid(f"objectTypeId must be {COMPANY_TYPE}: only companies are modelled.")
        return {"objectTypeId": COMPANY_TYPE}


def _wants(subscription: Json, event: Json) -> bool:
    same = subscription["eventType"].partition(".")[2] == event["subscriptionType"].partition(".")[2]
    return same and subscription.get("propertyName", event.get("propertyName")) == event.get("propertyName")


def _as_told(subscription: Json, event: Json) -> Json:
    generic = {"objectTypeId": COMPANY_TYPE} if "objectTypeId" in subscription else {}
    return {**event, "subscriptionId": int(subscription["id"]), "subscriptionType": subscription["eventType"], **generic}
