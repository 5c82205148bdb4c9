"""Tickets and their escalations as they are now: what reading, fetching and writing have in common."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from integration_pipelines.core.contract import SourceObject
from integration_pipelines.partners.zendesk.escalating import Escalation, Rule, escalations, rule_of
from integration_pipelines.partners.zendesk.session import Session, Sideloads
from integration_pipelines.partners.zendesk.translate import Composer
from integration_pipelines.ports.clock import Clock

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Access:
    """One tenant's conversation with Zendesk, a pool for what it gives ticket by ticket, and whose and when it is."""

    session: Session
    pool: ThreadPoolExecutor
    clock: Clock
    tenant_id: str


@dataclass(frozen=True, slots=True)
class Looked:
    """A ticket as it was read, and its escalations, oldest first."""

    ticket: Json
    escalations: list[Escalation]

    @property
    def newest(self) -> int:
        """The seq of the newest escalation, 0 if there was none."""
        return len(self.escalations)


class Looker:
    """Looks at the tickets of one object of a contract.

    Args:
        access: the conversation.
        spec: the object.
        fresh: whether the ticket fields are asked for again.
    """

    def __init__(self, access: Access, spec: SourceObject, *, fresh: bool = False) -> None:
        self._session = access.session
        self._pool = access.pool
        self.sideloads = Sideloads()
        self.fields = access.session.fields(fresh=fresh)
        self.rule = _rule(access.session, spec)
        self.composer = Composer(spec, self.rule, self.fields, self.sideloads)

    def tickets(self, numbers: Sequence[int]) -> dict[int, Looked]:
        """Number → what is there now; numbers of tickets that are gone are left out."""
        return {one.ticket["id"]: one for one in self.with_audits(self._session.tickets(numbers, self.sideloads).values())}

    def with_audits(self, tickets: Iterable[Json]) -> list[Looked]:
        """Those tickets with their escalations; a ticket that went away meanwhile is left out."""
        found = self._pool.map(self._look, tickets)
        return [one for one in found if one is not None]

    def records(self, looked: Looked) -> list[Json]:
        """All escalations of a ticket as records, oldest first."""
        return [self.composer.record(looked.ticket, one, newest=one.seq == looked.newest) for one in looked.escalations]

    def _look(self, ticket: Json) -> Looked | None:
        audits = self._session.audits(ticket["id"])
        return None if audits is None else Looked(ticket, escalations(self.rule, ticket, audits))


def _rule(session: Session, spec: SourceObject) -> Rule:
    named = [name for name in spec.options.get("escalated_groups", ()) if not name.isdigit()]
    return rule_of(spec, session.groups() if named else {})
