"""What a write leaves behind: the effect that tests and people read, and the event that webhooks carry."""

import itertools
from collections.abc import Callable, Mapping
from typing import Any

from integration_pipelines.partner_models.base import Effect, Json
from integration_pipelines.partner_models.hubspot.moments import milliseconds
from integration_pipelines.partner_models.hubspot.records import Source

APP_ID = 2_026_001


class Ledger:
    """Notes effects and tells events, in the order of the writes.

    Args:
        account: the account's name.
        portal_id: its number, as events carry it.
        note: keeps an effect.
    """

    def __init__(self, account: str, portal_id: int, note: Callable[[Effect], None]) -> None:
        self._account = account
        self._portal_id = portal_id
        self._note = note
        self._numbers = itertools.count(1)
        self.listeners: list[Callable[[Json], None]] = []

    def wrote(  # noqa: PLR0913 - one argument per fact of an effect
        self,
        object_name: str,
        record_id: str,
        before: Mapping[str, Any],
        after: Mapping[str, Any],
        *,
        at: float,
        source: Source,
        changed: bool | None = None,
    ) -> None:
        """Note a write of the fields in `after`; it changed something if they said something else before."""
        fields = tuple(sorted(after))
        old = {name: before.get(name) for name in fields}
        effect = Effect(
            at=at,
            partner="hubspot",
            account=self._account,
            object=object_name,
            id=record_id,
            fields=fields,
            before=old,
            after=dict(after),
            idempotency_key=None,
            changed=any((old[name] or "") != (after[name] or "") for name in fields) if changed is None else changed,
            actor=source.actor,
        )
        self._note(effect)

    def tell(self, kind: str, at: float, source: Source, **facts: object) -> None:
        """Make a webhook event of that subscription type and hand it to everybody who listens."""
        if not self.listeners:
            return
        number = next(self._numbers)
        event: Json = {
            "eventId": number,
            "subscriptionId": 0,
            "portalId": self._portal_id,
            "appId": APP_ID,
            "occurredAt": milliseconds(at),
            "subscriptionType": kind,
            "attemptNumber": 0,
            "changeSource": source.kind,
            "sourceId": source.id,
            **facts,
        }
        for listener in self.listeners:
            listener(dict(event))
