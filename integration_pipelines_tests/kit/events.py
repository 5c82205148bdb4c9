"""Webhooks as the receiver leaves them in the inbox, and the runs that work them off."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from integration_pipelines.ports.inbox import EventKind, EventOutcome, EventTimes, InboxEvent, TouchedRecord
from integration_pipelines.use_cases.events import drain
from integration_pipelines.use_cases.outcome import BatchReport, TenantReport
from integration_pipelines_tests.kit.bench import CONTRACT, Product

SUBSCRIPTION, CUSTOMER, COMPANY, OWNER = (
    ("stripe", "subscriptions"),
    ("stripe", "customers"),
    ("hubspot", "companies"),
    ("hubspot", "owners"),
)
"""(partner, its word for an object)."""


@dataclass
class Mailbox:
    """The inbox of a product."""

    product: Product
    count: int = field(default=0)

    def event(
        self,
        thing: tuple[str, str],
        *ids: str,
        tenant: str = "t1",
        event_id: str = "",
        kind: EventKind = EventKind.RECORDS,
        echo_key: str = "",
        received_at: datetime | None = None,
    ) -> InboxEvent:
        """An event about records of one object, accepted just now."""
        self.count += 1
        at = received_at or self.product.clock.now()
        partner, word = thing
        return InboxEvent(
            tenant, CONTRACT, partner, event_id or f"evt_{self.count}", f"{word}.changed", tuple(TouchedRecord(word, i) for i in ids),
            at, at, "landing/file", at, kind=kind, echo_key=echo_key,
        )  # fmt: skip

    def accept(self, thing: tuple[str, str], *ids: str, tenant: str = "t1", event_id: str = "", kind: EventKind = EventKind.RECORDS,
               echo_key: str = "", received_at: datetime | None = None) -> InboxEvent:  # fmt: skip
        """Put such an event into the inbox."""
        event = self.event(
            thing, *ids, tenant=tenant, event_id=event_id, kind=kind, echo_key=echo_key, received_at=received_at
        )  # fmt: skip
        self.product.ports.inbox.accept([event])
        return event

    def drain(self, *tenants: str) -> BatchReport:
        """One run for those tenants, as the sensor starts it."""
        run_id = self.product.ports.ids.new("run")
        return drain(tenants or ("t1",), self.product.contract, ports=self.product.ports, run_id=run_id)

    def one(self, tenant: str = "t1") -> TenantReport:
        """One run for one tenant."""
        return self.drain(tenant).tenant(tenant)

    def times(self, tenant: str | None = None) -> list[EventTimes]:
        """Everything that was ever received, oldest first."""
        since = self.product.clock.now() - timedelta(days=1000)
        return self.product.ports.inbox.times(None if tenant is None else [tenant], since)

    def ends(self, tenant: str | None = None) -> list[EventOutcome]:
        """What became of it."""
        return [event.outcome for event in self.times(tenant)]
