"""A HubSpot that answers what a test tells it to, for answers the sandbox never gives. No rules of HubSpot's live here."""

import json
from collections.abc import Callable
from typing import Any

import httpx

from integration_pipelines.core.contract import Column, FieldType, ObjectKind, SourceObject
from integration_pipelines.partners.hubspot.client import HubSpotConnector
from integration_pipelines.ports.partner import FieldWrite, RecordWrite
from integration_pipelines_tests.kit.partner_fakes import NOON, OpenQuota, VirtualClock

NOW = NOON
Body = dict[str, Any]
Answer = Callable[[httpx.Request], httpx.Response]

COMPANIES = SourceObject(
    role="crm",
    partner_object="companies",
    kind=ObjectKind.MAIN,
    description="Companies.",
    columns={
        "id": Column(source="id", type=FieldType.ID, purpose="names it"),
        "name": Column(source="properties.name", type=FieldType.TEXT, purpose="names it to people"),
        "renewal": Column(source="properties.billing_renewal_date", type=FieldType.DATE, purpose="compared"),
        "synced_at": Column(source="properties.billing_synced_at", type=FieldType.DATETIME, purpose="compared"),
    },
)
OWNERS = SourceObject(
    role="crm",
    partner_object="owners",
    kind=ObjectKind.LOOKUP,
    description="Owners.",
    columns={
        "id": Column(source="id", type=FieldType.ID, purpose="names it"),
        "email": Column(source="email", type=FieldType.EMAIL, purpose="compared"),
        "archived": Column(source="archived", type=FieldType.BOOLEAN, purpose="compared"),
    },
)
SCHEMA = {
    "results": [{"name": n, "type": "string"} for n in ("name", "billing_renewal_date", "billing_synced_at", "hs_object_id")]
}


class Script:
    """Answers by method and path; the last answer given for a path is repeated."""

    def __init__(self) -> None:
        self.answers: dict[tuple[str, str], list[Answer]] = {}
        self.requests: list[httpx.Request] = []
        self.clock = VirtualClock()
        self.quota = OpenQuota()
        self.on("GET", "/crm/properties/2026-03/companies", SCHEMA)

    def on(self, method: str, path: str, *answers: Answer | Body, status: int = 200) -> "Script":
        """What is answered there, in this order."""
        self.answers[method, path] = [answer if callable(answer) else _json(answer, status) for answer in answers]
        return self

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        self.requests.append(request)
        waiting = self.answers[request.method, request.url.path]
        return (waiting.pop(0) if len(waiting) > 1 else waiting[0])(request)

    def bodies(self, path: str) -> list[Body]:
        """The JSON bodies sent to a path."""
        return [json.loads(request.content) for request in self.requests if request.url.path == path and request.content]

    def connector(self) -> HubSpotConnector:
        """A connector that speaks to this."""
        return HubSpotConnector(
            tenant_id="t1",
            base_url="https://api.example.com",
            token=lambda: "a-token",
            quota=self.quota,
            clock=self.clock,
            transport=httpx.MockTransport(self),
        )


def _json(body: Body, status: int) -> Answer:
    return lambda _: httpx.Response(status, json=body)


def company(number: int, *, modified: str = "2026-11-23T11:00:00Z", **properties: str | None) -> Body:
    """A company as HubSpot sends it."""
    own = {"hs_object_id": str(number), "hs_lastmodifieddate": modified, "createdate": modified, **properties}
    return {"id": str(number), "properties": own, "createdAt": modified, "updatedAt": modified, "archived": False}


def page(*records: Body, after: str | None = None) -> Body:
    """A list's page."""
    return {"results": list(records), **({"paging": {"next": {"after": after}}} if after else {})}


def write(number: int, **properties: str) -> RecordWrite:
    """A write to a company."""
    fields = tuple(FieldWrite(f"properties.{name}", value) for name, value in properties.items())
    return RecordWrite(f"write_{number}", f"key_{number}", str(number), fields)
