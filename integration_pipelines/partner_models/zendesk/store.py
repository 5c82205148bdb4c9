"""Everything one account keeps: tickets with their audits, people, groups and organisations, custom fields."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field

from integration_pipelines.partner_models.base import Effect, Json
from integration_pipelines.partner_models.zendesk.fields import TicketFields
from integration_pipelines.partner_models.zendesk.refusals import not_found

API, PERSON = "api", "person"
_FIRST_TICKET = 1
_FIRST_AUDIT = 900_000_001


@dataclass(frozen=True, slots=True)
class Hand:
    """Who changes something, and when (seconds since the epoch)."""

    actor: str
    at: float


@dataclass(slots=True)
class Store:
    """One account's records. Tickets are kept in their wire shape, deleted ones with the status `deleted`."""

    subdomain: str
    now: Callable[[], float]
    note: Callable[[Effect], None]
    tickets: dict[int, Json] = field(default_factory=dict)
    audits: dict[int, list[Json]] = field(default_factory=dict)
    users: dict[int, Json] = field(default_factory=dict)
    groups: dict[int, Json] = field(default_factory=dict)
    organizations: dict[int, Json] = field(default_factory=dict)
    changed_at: dict[int, float] = field(default_factory=dict)
    """When something about a ticket changed last, as the export orders them."""
    listeners: list[Callable[[Json], None]] = field(default_factory=list)
    triggers: list[Json] = field(default_factory=list)
    """`{when: {attribute: value}, body: {name: text with placeholders}}`: said when one of those attributes gets that value."""
    fields: TicketFields = field(init=False)
    _audit: int = _FIRST_AUDIT
    _ticket: int = _FIRST_TICKET

    def __post_init__(self) -> None:
        self.fields = TicketFields(self.now(), self.base)

    @property
    def base(self) -> str:
        """The account's own address."""
        return f"https://{self.subdomain}.zendesk.com"

    @property
    def account_id(self) -> int:
        """The account's number, as webhooks carry it."""
        return zlib.crc32(self.subdomain.encode())

    def next_audit(self) -> int:
        """Numbers of audits and their events rise."""
        self._audit += 1
        return self._audit

    def next_ticket(self, wanted: int | None = None) -> int:
        """A number for a new ticket, or the one wanted."""
        number = wanted or self._ticket
        self._ticket = max(self._ticket, number + 1)
        return number

    def ticket(self, number: int) -> Json:
        """A ticket that is there; raises PartnerRefusalError 404."""
        found = self.tickets.get(number)
        if found is None or found["status"] == "deleted":
            raise not_found()
        return found

    def wrote(self, object_name: str, number: int, before: Json, after: Json, hand: Hand) -> None:
        """Note a write of the fields in `after`; it changed something if they said something else before."""
        effect = Effect(
            at=hand.at, partner="zendesk", account=self.subdomain, object=object_name, id=str(number), fields=tuple(sorted(after)),
            before=before, after=after, idempotency_key=None, changed=before != after, actor=hand.actor,
        )  # fmt: skip
        self.note(effect)
