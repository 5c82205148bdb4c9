"""Everything one account keeps: incidents and their notes, services, priorities, people. Nothing is ever deleted."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from integration_pipelines.partner_models.base import Effect, Json
from integration_pipelines.partner_models.pagerduty.refusals import not_found

API, PERSON = "api", "person"


@dataclass(frozen=True, slots=True)
class Hand:
    """Who changes something (a user's e-mail), through which door, and when (seconds since the epoch)."""

    user: str
    actor: str
    at: float


@dataclass(slots=True)
class Store:
    """One account's records by id, in their wire shape, in the order in which they were made."""

    subdomain: str
    now: Callable[[], float]
    note: Callable[[Effect], None]
    incidents: dict[str, Json] = field(default_factory=dict)
    notes: dict[str, list[Json]] = field(default_factory=dict)
    services: dict[str, Json] = field(default_factory=dict)
    priorities: dict[str, Json] = field(default_factory=dict)
    users: dict[str, Json] = field(default_factory=dict)
    listeners: list[Callable[[Json], None]] = field(default_factory=list)
    _numbers: int = 0
    _ids: int = 0

    @property
    def base(self) -> str:
        """The account's own address."""
        return f"https://{self.subdomain}.pagerduty.com"

    def mint(self, letter: str) -> str:
        """An id as PagerDuty makes them: a letter and thirteen letters or digits."""
        self._ids += 1
        digits, number = "", self._ids * 7_919_777
        for _ in range(13):
            number, rest = divmod(number, 36)
            digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[rest] + digits
        return letter + digits

    def number(self) -> int:
        """The number of the next incident."""
        self._numbers += 1
        return self._numbers

    def incident(self, name: str) -> Json:
        """An incident by its id or number; raises PartnerRefusalError 404."""
        found = self.incidents.get(name)
        if found is None and name.isdigit():
            found = next((one for one in self.incidents.values() if str(one["incident_number"]) == name), None)
        if found is None:
            raise not_found()
        return found

    def user(self, email: str) -> Json | None:
        """The user of an e-mail address."""
        return next((one for one in self.users.values() if one["email"].casefold() == email.casefold()), None)

    def wrote(self, incident_id: str, before: Mapping[str, Any], after: Mapping[str, Any], hand: Hand, *, changed: bool) -> None:
        """Note a write of the fields in `after`."""
        effect = Effect(
            at=hand.at, partner="pagerduty", account=self.subdomain, object="incidents", id=incident_id, fields=tuple(sorted(after)),
            before=before, after=after, idempotency_key=None, changed=changed, actor=hand.actor,
        )  # fmt: skip
        self.note(effect)


def reference(record: Json | None, kind: str) -> Json | None:
    """How one record names another."""
    if record is None:
        return None
    summary = record.get("summary") or record.get("name")
    return {"id": record["id"], "type": kind, "summary": summary, "self": record.get("self"), "html_url": record.get("html_url")}
