"""What partners tell by webhooks, and what happens to it on the way: lost, doubled, reordered, late, replayed, or about nothing we read.

An event names records and nothing of their values, as the receiver keeps them. That deliveries are genuine is tried elsewhere; here they are.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from integration_pipelines.core.contract import Contract
from integration_pipelines.ports.inbox import EventKind, InboxEvent, TouchedRecord
from integration_pipelines.simulation.accounts import Side
from integration_pipelines.simulation.life import Life
from integration_pipelines.simulation.nursery import SIDES

UNDER_WAY = timedelta(minutes=1)
"""So old an event is when a run takes it: it has settled."""


class Post:
    """Brings the events of lives to the inbox.

    Args:
        contract: the integration, by whose partners they are told.
    """

    def __init__(self, contract: Contract) -> None:
        self._contract = contract

    def deliver(self, life: Life, now: datetime) -> list[InboxEvent]:
        """What arrives of all that changed since the last time, in the order of its arrival."""
        fresh = [event for side in SIDES for event in self._fresh(life, side, now - UNDER_WAY)]
        arriving, life.late_post = list(life.late_post), []
        for event in fresh:
            if life.strikes("E05"):
                continue
            if life.strikes("E04"):
                life.late_post.append(event)
                continue
            arriving.append(event)
            if life.strikes("E01"):
                arriving.append(event)
            if life.strikes("E02"):
                arriving.append(replace(event, event_id=f"{event.event_id}_again"))
        if len(arriving) > 1 and life.strikes("E03"):
            arriving = life.stream("E03 how").shuffled(arriving)
        return [*arriving, *self._besides(life, now - UNDER_WAY)]

    def _besides(self, life: Life, received: datetime) -> Iterator[InboxEvent]:
        """Deliveries that no change caused."""
        if life.post and life.strikes("E07"):
            yield life.stream("E07 which").one(life.post)
        if life.strikes("E13"):
            yield replace(self._event(life, "left", received, "unknown"), records=(TouchedRecord("no_such_thing", "1"),))
        if life.strikes("E19"):
            life.tell("events were lost", fault="E19")
            yield replace(self._event(life, "right", received, "gap"), kind=EventKind.GAP)

    def _fresh(self, life: Life, side: Side, received: datetime) -> Iterator[InboxEvent]:
        """One event for every change that nobody was told of yet."""
        account = life.accounts[side]
        for name, record_id, key in account.untold:
            event = self._event(life, side, received, "changed")
            touched = TouchedRecord(self._contract.objects[name].partner_object, record_id)
            yield replace(event, records=(touched,), echo_key=key if account.remembers else "")
        account.untold.clear()

    def _event(self, life: Life, side: Side, received: datetime, kind: str) -> InboxEvent:
        life.events_made += 1
        partner = self._contract.role(side).partner
        return InboxEvent(
            life.tenant, self._contract.contract, partner, f"evt_{life.events_made:04d}", kind, (), received, received, "", received
        )  # fmt: skip
