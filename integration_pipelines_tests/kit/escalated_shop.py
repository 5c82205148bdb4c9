"""The integration of tickets and incidents on fake partners, with the real store: escalate tickets, run, look at incidents and messages."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from integration_pipelines.ports.tenants import Connection
from integration_pipelines.use_cases.outcome import SyncMode, TenantReport
from integration_pipelines_tests.kit.bench import Product, product
from integration_pipelines_tests.kit.escalated import escalation, support_incidents
from integration_pipelines_tests.kit.fakes import FakeAccount, FakeConnectors, FakeMessenger

NAME = "support_incidents"


@dataclass
class Desk:
    """A tenant's ticket desk, incidents and chat."""

    product: Product
    chat: FakeMessenger
    tickets: dict[str, dict[str, Any]] = field(default_factory=dict)

    def escalate(self, ticket: int = 7, seq: int = 1, **changes: str) -> None:
        """A ticket becomes escalated now, later ones of the same ticket replace earlier ones as the newest."""
        for one in self.tickets.values():
            if one["dedup_key"].split(":")[2] == str(ticket):
                one["is_current"] = one["is_escalated"] = "false"
        now = self.product.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
        made = escalation(ticket, seq, **({"escalated_at": now} | changes))
        self.tickets[str(made.pop("record_id"))] = made

    @property
    def incidents(self) -> dict[str, dict[str, Any]]:
        """What the incident system holds, by id."""
        return self.product.crm().objects["incidents"]

    def run(self, mode: SyncMode = SyncMode.APPLY) -> TenantReport:
        """One run, which may write unless told otherwise."""
        return self.product.one(mode=mode)

    def go_live(self) -> None:
        """A first escalation is planned, approved and made, so that guards decide from then on."""
        self.escalate(1)
        self.product.first_sync()
        self.run()
        self.chat.said.clear()


@contextmanager
def desk(folder: Path, *, database_url: str = "", live: bool = True) -> Iterator[Desk]:
    """A tenant that has the integration and a chat."""
    tickets: dict[str, dict[str, Any]] = {}
    calls = FakeAccount(
        {"incidents": {}},
        born=lambda record_id: {"status": "triggered", "url": f"https://acme.pagerduty.com/incidents/{record_id}"},
    )
    pair = {"t1": (calls, FakeAccount({"support_escalations": tickets}))}
    with product(folder, pair, database_url=database_url, contract=support_incidents()) as made:
        ports, chat = made.ports, FakeMessenger()
        assert isinstance(ports.connectors, FakeConnectors)
        ports.connectors.messengers["t1", "slack"] = chat
        ports.tenants.connect(Connection("t1", "slack", "T1", "https://slack.example", b"sealed", made.clock.now()))
        opened = Desk(made, chat, tickets)
        if live:
            opened.go_live()
        yield opened
