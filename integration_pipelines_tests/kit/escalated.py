"""Small worlds for the integration of tickets and incidents: what both sides show, one pass of the engine, what it found."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml

import integration_pipelines
from integration_pipelines.core.contract import Contract
from integration_pipelines.core.creates import NAMED_RECORDS
from integration_pipelines.core.passes import Pass, PassInputs, PassResult
from integration_pipelines.core.shapes import base_schema
from integration_pipelines.core.tables import DIFFS, IDENTITY_LINKS, INSTALLED, INTENTS, OBSERVED_PREFIX, TEXT
from integration_pipelines_tests.kit.core import NOW, REFUSED, connect

INSTALLED_AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
Row = Mapping[str, Any]


@cache
def support_incidents() -> Contract:
    """The packaged contract."""
    path = Path(integration_pipelines.__file__).parent / "contracts" / "support_incidents.yaml"
    return Contract.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))


def escalation(ticket: int = 7, seq: int = 1, /, **changes: str | None) -> dict[str, str | None]:
    """A ticket's newest escalation, which lasts and is younger than the installation."""
    plain = {
        "record_id": f"{ticket}-{seq}", "id": f"{ticket}-{seq}", "dedup_key": f"zendesk:acme:{ticket}:{seq}", "is_current": "true",
        "is_escalated": "true", "escalated_at": "2026-11-23T11:58:00Z", "status": "open", "priority": "high", "customer": "Acme Inc",
        "headline": f"#{ticket} Printer on fire", "details": f"Ticket: {ticket}", "incident_status": "", "incident_url": "",
        "ticket_url": f"https://acme.zendesk.com/agent/tickets/{ticket}",
    }  # fmt: skip
    return plain | changes


def incident(record_id: str = "P1", ticket: int = 7, seq: int = 1, /, **changes: str | None) -> dict[str, str | None]:
    """The incident that was made for an escalation."""
    plain = {
        "record_id": record_id, "id": record_id, "incident_key": f"zendesk:acme:{ticket}:{seq}", "title": f"#{ticket} Printer on fire",
        "details": f"Ticket: {ticket}", "status": "triggered", "severity": "1", "url": f"https://acme.pagerduty.com/incidents/{record_id}",
    }  # fmt: skip
    return plain | changes


@dataclass
class Desk:
    """What the engine is shown."""

    escalations: Sequence[Row] = field(default_factory=list)
    incidents: Sequence[Row] = field(default_factory=list)
    refused: Sequence[Row] = field(default_factory=list)
    links: pa.Table = field(default_factory=IDENTITY_LINKS.empty_table)
    base: list[Row] = field(default_factory=list)
    made: list[Row] = field(default_factory=list)  # NAMED_RECORDS without tenant and target
    only: tuple[str, ...] = ()
    run: str = "run_1"
    contract: Contract = field(default_factory=support_incidents)
    unresolved: pa.Table = field(default_factory=DIFFS.empty_table)

    def inputs(self) -> PassInputs:
        """As a pass takes them."""
        made = [{"tenant_id": "t1", "target": "incidents", **row} for row in self.made]
        return PassInputs(
            contract=self.contract,
            run_ids={"t1": self.run},
            now=NOW,
            observed={
                "incidents": self._observed("incidents", self.incidents),
                "support_escalations": self._observed("support_escalations", self.escalations),
            },
            refused=pa.Table.from_pylist([{"tenant_id": "t1", **r} for r in self.refused], REFUSED),
            links=self.links,
            base=pa.Table.from_pylist([{"tenant_id": "t1", **r} for r in self.base], base_schema(self.contract)),
            intents=INTENTS.empty_table(),
            unresolved=self.unresolved,
            created=pa.Table.from_pylist(made, NAMED_RECORDS),
            installed=pa.Table.from_pylist([{"tenant_id": "t1", "installed_at": INSTALLED_AT}], INSTALLED),
            only=self.only,
        )

    def open(self) -> Pass:
        """A pass that is not run yet."""
        return Pass(connect(), self.inputs())

    def look(self) -> PassResult:
        """Run one pass."""
        return self.open().run()

    def again(
        self, seen: PassResult, *, escalations: Sequence[Row] | None = None, incidents: Sequence[Row] | None = None
    ) -> "Desk":
        """The next pass: with the links and differences that one left, and what changed since."""
        live = {r["link_id"]: r for r in [*self.links.to_pylist(), *seen.links.to_pylist()]}
        links = pa.Table.from_pylist(list(live.values()), IDENTITY_LINKS)
        moved = {r["link_id"]: r for r in [*self.base, *seen.base_moves.drop_columns(["tenant_id"]).to_pylist()]}
        open_diffs = pa.Table.from_pylist([d for d in seen.diffs.to_pylist() if d["resolved_at"] is None], DIFFS)
        shown = (self.escalations if escalations is None else escalations, self.incidents if incidents is None else incidents)
        return replace(
            self, escalations=shown[0], incidents=shown[1], links=links, base=list(moved.values()), unresolved=open_diffs
        )

    def _observed(self, object_name: str, rows: Iterable[Row]) -> pa.Table:
        columns = self.contract.objects[object_name].columns
        schema = pa.schema([*OBSERVED_PREFIX, *((n, TEXT) for n in columns), ("_sequence", pa.int64())])
        common = {"tenant_id": "t1", "observed_at": NOW, "deleted": False, "_sequence": 1}
        return pa.Table.from_pylist([common | dict(row) for row in rows], schema)


def changes(write: Row) -> dict[str, str]:
    """What a planned write says, by field."""
    return {c["field"]: c["after"] for c in write["changes"]}
