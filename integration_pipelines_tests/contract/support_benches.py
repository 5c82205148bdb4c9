"""The benches of the support side: a desk's escalations and a pager's incidents."""

from collections.abc import Mapping

from integration_pipelines.core.contract import SourceObject
from integration_pipelines.partner_models.base import Faults, Json
from integration_pipelines.partner_models.pagerduty.account import PagerDutyAccount
from integration_pipelines.partner_models.zendesk.account import ZendeskAccount
from integration_pipelines.partners.http import Line
from integration_pipelines.partners.pagerduty.client import PagerDutyConnector
from integration_pipelines.partners.pagerduty.translate import Severities, record
from integration_pipelines.partners.zendesk.client import ZendeskConnector
from integration_pipelines.ports.partner import Connector
from integration_pipelines_tests.contract.bench import CANARY, TOKEN, Bench, Words
from integration_pipelines_tests.kit.support import FIELDS, escalations, escalations_of, incidents

OLD = "2026-01-01T00:00:00Z"


class ZendeskBench(Bench):
    """Three escalated tickets, one that never was, and everybody whom they name."""

    words = Words(
        "escalations", "tickets", "subject", "subject", "fields.incident_status", "fields_incident_status", "999-1", method="PUT"
    )
    remembers = False
    closed = frozenset({"closed"})

    def __init__(self, url: str, faults: Faults, at: list[float]) -> None:
        super().__init__(url, faults, at)
        self.desk = ZendeskAccount(tenant="acme", account="acme", token=TOKEN, now=lambda: self.clock.now().timestamp())
        self.account = self.desk

    @classmethod
    def read_objects(cls) -> Mapping[str, SourceObject]:
        """See `Bench`."""
        return {"escalations": escalations()}

    @staticmethod
    def dial(line: Line) -> Connector:
        """See `Bench`."""
        return ZendeskConnector(line)

    @staticmethod
    def told(state: Mapping[str, list[Json]], partner_object: str) -> dict[str, Json]:
        """See `Bench`."""
        del partner_object
        return escalations_of(dict(state))

    @staticmethod
    def held_id(record_id: str) -> str:
        """People edit tickets."""
        return record_id.partition("-")[0]

    def fill(self) -> None:
        """See `Bench`."""
        for place, title in enumerate(FIELDS.values(), 1):
            self.desk.insert("ticket_fields", {"id": place, "title": title})
        self.desk.insert("groups", {"id": 5, "name": "Escalations"})
        self.desk.insert("organizations", {"id": 6, "name": "Ünïcode & Söhne"})
        self.desk.insert("users", {"id": 7, "name": "Ann", "email": "ann@customer.example"})
        self.desk.insert("users", {"id": 8, "name": "Agent", "email": "agent@acme.example"})
        times = {"created_at": OLD, "updated_at": OLD}
        calmed = [{"at": OLD, "changes": {"priority": [None, "urgent"]}}, {"at": OLD, "changes": {"priority": ["urgent", "low"]}}]
        self.desk.insert("tickets", {"id": 101, "subject": "No 1", "priority": "urgent", "requester_id": 7, **times})
        self.desk.insert("tickets", {"id": 102, "subject": "No 2", "tags": ["escalated", "web"], **times})
        marked = [{"id": place, "value": name} for place, name in enumerate(FIELDS, 1)]
        everything = {
            "subject": "No 3", "type": "problem", "external_id": "x-1", "requester_id": 7, "assignee_id": 8, "organization_id": 6,
            "group_id": 20, "priority": "low", "tags": ["incident_open"], "custom_fields": marked, "audits": calmed,
        }  # fmt: skip
        self.desk.insert("groups", {"id": 20, "name": "Tier 1"})
        self.desk.insert("tickets", {"id": 103, **everything, **times})
        self.desk.insert("tickets", {"id": 104, "subject": "Never", "priority": "high", **times})

    def remove(self, record_id: str) -> None:
        """See `Bench`."""
        self.desk.edit("tickets", self.held_id(record_id), {"deleted": True})

    def surprise(self, record_id: str) -> None:
        """See `Bench`."""
        state = self.desk.state()
        ticket = next(one for one in state["tickets"] if str(one["id"]) == self.held_id(record_id))
        audits = [one for one in state["audits"] if one["ticket_id"] == ticket["id"]]
        self.desk.insert("tickets", {**ticket, "brand_new": CANARY, "audits": audits})


class PagerDutyBench(Bench):
    """Three incidents on the contract's service, and one on another."""

    words = Words(
        "incidents", "incidents", "title", "title", "title", "title", "QNOBODY", values=("Grün & 金", "Again"), method="PUT"
    )
    deletes = False
    remembers = False
    closed = frozenset({"resolved"})

    def __init__(self, url: str, faults: Faults, at: list[float]) -> None:
        super().__init__(url, faults, at)
        self.pager = PagerDutyAccount(tenant="acme", account="acme", token=TOKEN, now=lambda: self.clock.now().timestamp())
        self.account = self.pager

    @classmethod
    def read_objects(cls) -> Mapping[str, SourceObject]:
        """See `Bench`."""
        return {"incidents": incidents()}

    @staticmethod
    def dial(line: Line) -> Connector:
        """See `Bench`."""
        return PagerDutyConnector(line)

    @staticmethod
    def told(state: Mapping[str, list[Json]], partner_object: str) -> dict[str, Json]:
        """See `Bench`; only incidents of the contract's service are read."""
        ids = {one["name"]: one["id"] for one in state["priorities"]}
        ours = (one for one in state[partner_object] if one["service"]["summary"] == "Support escalations")
        return {one["id"]: record(one, Severities(("P1", "P2", "P3"), ids)) for one in ours}

    def open_ids(self) -> list[str]:
        """See `Bench`; what is resolved stays as it is."""
        return sorted(record_id for record_id, held in self.held().items() if held["status"] not in self.closed)

    def fill(self) -> None:
        """See `Bench`."""
        policy = {"id": "PESC", "type": "escalation_policy_reference", "summary": "Support on call"}
        self.pager.insert("services", {"id": "PSUPPORT", "name": "Support escalations", "escalation_policy": policy})
        self.pager.insert("services", {"id": "POTHER", "name": "Payments API"})
        priorities = {one["name"]: one["id"] for one in self.pager.state()["priorities"]}
        times = {"created_at": OLD, "updated_at": OLD}
        who = [{"at": OLD, "assignee": {"id": "PUSER", "type": "user_reference", "summary": "On Call"}}]
        for place, name in enumerate(("P1", "P3", ""), 1):
            said = {"id": f"Q{place}", "title": f"No {place}", "incident_key": f"key-{place}", "service_id": "PSUPPORT"}
            rich = {"assignments": who, "body": {"type": "incident_body", "details": "Ticket: 1"}} if place == 1 else {}
            self.pager.insert("incidents", {**said, **times, **rich, "priority_id": priorities.get(name, "")})
        solved = {"status": "resolved", "resolved_at": OLD, "incident_key": "key-4"}
        self.pager.insert("incidents", {"id": "Q4", "title": "No 4", "service_id": "PSUPPORT", **solved, **times})
        self.pager.insert("incidents", {"id": "Q9", "title": "Not ours", "service_id": "POTHER", **times})

    def remove(self, record_id: str) -> None:
        """Incidents are never deleted."""
        raise NotImplementedError(record_id)

    def surprise(self, record_id: str) -> None:
        """See `Bench`."""
        held = next(one for one in self.pager.state()["incidents"] if one["id"] == record_id)
        self.pager.insert("incidents", {**held, "brand_new": CANARY})
