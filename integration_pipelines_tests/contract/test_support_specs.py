"""What the modelled desk and pager answer is what the API descriptions of Zendesk and PagerDuty allow, and so is what the connectors send."""

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest
from openapi_schema_validator import OAS30Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT4

from integration_pipelines.partner_models.base import Json
from integration_pipelines.partners.pagerduty.client import authorization
from integration_pipelines.ports.partner import FieldWrite, RecordWrite
from integration_pipelines_tests.contract.bench import TOKEN, Bench
from integration_pipelines_tests.contract.benches import Door, served
from integration_pipelines_tests.contract.support_benches import PagerDutyBench, ZendeskBench
from integration_pipelines_tests.kit.support import escalations, incidents

SPECS = Path(__file__).resolve().parents[3] / "shared" / "partner_specs"
FILES = {"zendesk": "zendesk-min.json", "pagerduty": "pagerduty-min.json"}
pytestmark = pytest.mark.skipif(
    not all((SPECS / name).is_file() for name in FILES.values()),
    reason="the folder with the partners' API descriptions is not beside the checkout",
)


@cache
def described(partner: str) -> Json:
    """A description."""
    found: Json = json.loads((SPECS / FILES[partner]).read_text(encoding="utf-8"))
    return found


@cache
def registry(partner: str) -> Registry[Any]:
    """A description, addressable by the schemas' references."""
    empty: Registry[Any] = Registry()
    made: Registry[Any] = empty.with_resource(
        f"urn:{partner}", Resource.from_contents(described(partner), default_specification=DRAFT4)
    )
    return made


def complaints(partner: str, pointer: str, body: object) -> list[str]:
    """Where a body departs from the schema at a place in the description."""
    validator = OAS30Validator({"$ref": f"urn:{partner}#{pointer}"}, registry=registry(partner))
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(body)]


def place(template: str, method: str, rest: str) -> str:
    """A pointer into an operation."""
    escaped = template.replace("/", "~1").replace("{", "%7B").replace("}", "%7D")
    return f"/paths/{escaped}/{method}/{rest}/content/application~1json/schema"


@pytest.fixture(scope="module")
def door() -> Iterator[tuple[Door, str]]:
    """One server for all tests."""
    with served() as opened:
        yield opened


def ask(bench: Bench, method: str, path: str, body: object = None) -> httpx.Response:
    """One request, as a program without SDK makes it."""
    headers = {"Authorization": authorization(TOKEN) if isinstance(bench, PagerDutyBench) else f"Bearer {TOKEN}"}
    return httpx.request(method, f"{bench.url}{path}", headers=headers | {"From": "oncall@acme.example"}, json=body)


STAMPED = {"ticket": {"safe_update": True, "updated_stamp": "2030-01-01T00:00:00Z", "comment": {"body": "b", "public": False}}}
NEW = {
    "incident": {
        "type": "incident",
        "title": "T",
        "service": {"id": "PSUPPORT", "type": "service_reference"},
        "incident_key": "k",
    }
}
DONE = {"incident": {"type": "incident_reference", "status": "resolved"}}


@pytest.mark.parametrize(
    "call",
    [
        ("zendesk", "get", "/api/v2/tickets/{ticket_id}.json", "/api/v2/tickets/103.json", None, 200),
        ("zendesk", "put", "/api/v2/tickets/{ticket_id}.json", "/api/v2/tickets/103.json", STAMPED, 200),
        (
            "zendesk",
            "get",
            "/api/v2/incremental/tickets/cursor.json",
            "/api/v2/incremental/tickets/cursor.json?start_time=1",
            None,
            200,
        ),
        ("pagerduty", "get", "/incidents", "/incidents?date_range=all&statuses[]=triggered&limit=2", None, 200),
        ("pagerduty", "get", "/incidents/{id}", "/incidents/Q1", None, 200),
        ("pagerduty", "post", "/incidents", "/incidents", NEW, 201),
        ("pagerduty", "put", "/incidents/{id}", "/incidents/Q1", DONE, 200),
    ],
)
def test_answers_fit_the_description(door: tuple[Door, str], call: tuple[str, str, str, str, object, int]) -> None:
    """Every answer has the fields, types and values that its description gives it."""
    partner, method, template, path, body, status = call
    reply = ask(door[0].open(partner, door[1]), method, path, body)
    assert reply.status_code == status, reply.text
    assert complaints(partner, place(template, method, f"responses/{status}"), reply.json()) == []


@pytest.mark.parametrize(
    ("partner", "path"),
    [("zendesk", "/api/v2/tickets/9.json"), ("pagerduty", "/incidents/Q0"), ("pagerduty", "/incidents?limit=101")],
)
def test_errors_fit_the_description(door: tuple[Door, str], partner: str, path: str) -> None:
    """Refusals have the error shape."""
    reply = ask(door[0].open(partner, door[1]), "get", path)
    assert reply.is_client_error
    pointer = "/components/responses/Err/content/application~1json/schema"
    assert complaints(partner, pointer, reply.json()) == []


def test_a_missing_required_field_would_be_noticed(door: tuple[Door, str]) -> None:
    """The check itself bites: a ticket without its status is refused by the schema."""
    body = ask(door[0].open("zendesk", door[1]), "get", "/api/v2/tickets/103.json").json()["ticket"]
    assert complaints("zendesk", "/components/schemas/Ticket", body) == []
    del body["status"]
    assert complaints("zendesk", "/components/schemas/Ticket", body) != []


def test_events_of_tickets_fit_the_description(door: tuple[Door, str]) -> None:
    """What the desk tells webhooks, for every kind of change."""
    desk = door[0].open("zendesk", door[1])
    assert isinstance(desk, ZendeskBench)
    told: list[Json] = []
    desk.desk.on_event(told.append)
    changes: Json = {"priority": "low", "tags": ["a"], "group_id": 5, "status": "pending", "custom_fields.3": "x", "comment": "c"}
    desk.desk.edit("tickets", "101", changes)
    desk.desk.edit("tickets", "101", {"deleted": True})
    assert len({one["type"] for one in told}) == len(told) == 7
    assert [complaint for one in told for complaint in complaints("zendesk", "/components/schemas/TicketEvent", one)] == []


@pytest.mark.parametrize("partner", sorted(FILES))
def test_what_the_connectors_send_fits_the_description(door: tuple[Door, str], partner: str) -> None:
    """Bodies of writes and creations, and the parameters of lists, are those that are described."""
    bench = door[0].open(partner, door[1])
    sent = Recording()
    connector = bench.dial(replace(bench.line(), transport=sent))
    if partner == "zendesk":
        back = (FieldWrite("fields.incident_url", "https://x"), FieldWrite("tagged.incident", "open"))
        connector.write("e", escalations(), [RecordWrite("w", "k", "101-1", back)])
    else:
        said = {"incident_key": "k", "title": "T", "severity": "1", "details": "D"}
        fields = tuple(FieldWrite(path, value) for path, value in said.items())
        connector.upsert("i", incidents(), "incident_key", [RecordWrite("w", "k", "k", fields)])
        connector.write(
            "i", incidents(), [RecordWrite("w", "k", "Q1", (FieldWrite("title", "N"), FieldWrite("status", "resolved")))]
        )
    connector.close()
    assert sent.bodies
    for method, path, body in sent.bodies:
        template = next(t for t in described(partner)["paths"] if _matches(t, path))
        assert complaints(partner, place(template, method.lower(), "requestBody"), body) == []


def _matches(template: str, path: str) -> bool:
    parts, others = template.strip("/").split("/"), path.strip("/").split("/")[1:]
    return len(parts) == len(others) and all(p.startswith("{") or p == o for p, o in zip(parts, others, strict=True))


class Recording(httpx.BaseTransport):
    """Passes requests on and remembers the bodies of writes."""

    def __init__(self) -> None:
        self._inner = httpx.HTTPTransport()
        self.bodies: list[tuple[str, str, Any]] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """One request."""
        if request.method in {"POST", "PUT"}:
            self.bodies.append((request.method, request.url.path, json.loads(request.content)))
        return self._inner.handle_request(request)

    def close(self) -> None:
        """Give connections back."""
        self._inner.close()
