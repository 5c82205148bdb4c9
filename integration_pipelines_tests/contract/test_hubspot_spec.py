"""What the modelled account answers is what HubSpot's API descriptions allow, in both path families."""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest
from openapi_schema_validator import OAS30Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT4

from integration_pipelines.partner_models.base import Fault, FaultKind
from integration_pipelines.partner_models.hubspot.limits import RateLimits
from integration_pipelines_tests.kit.hubspot_sandbox import TOKEN, Kit, hubspot_kit, served

SPECS = Path(__file__).resolve().parents[3] / "shared" / "partner_specs"
FILES = {"v3": "hubspot-v3.json", "2026-03": "hubspot-2026-03.json"}
pytestmark = pytest.mark.skipif(
    not all((SPECS / name).is_file() for name in FILES.values()),
    reason="the folder with the partners' API descriptions is not beside the checkout",
)
FAMILIES = pytest.mark.parametrize("family", list(FILES))
PLACES = {
    "v3": {"C": "/crm/v3/objects/companies", "O": "/crm/v3/owners", "P": "/crm/v3/properties"},
    "2026-03": {"C": "/crm/objects/2026-03/companies", "O": "/crm/owners/2026-03", "P": "/crm/properties/2026-03"},
}
NAMES = {
    "v3": {"company": "{companyId}", "owner": "{ownerId}", "object": "{objectType}", "property": "{propertyName}", "owners": "/"},
    "2026-03": {
        "company": "{company_id}",
        "owner": "{owner_id}",
        "object": "{object_type}",
        "property": "{property_name}",
        "owners": "",
    },
}
PROPERTY = {"name": "plan", "label": "Plan", "type": "string", "fieldType": "text", "groupName": "companyinformation"}
ONE, LOST = {"id": "1", "properties": {"name": "N"}}, {"id": "9", "properties": {"name": "N"}}
UPSERT = [{"id": name, "idProperty": "stripe_customer_id", "properties": {"name": "N"}} for name in ("cus_1", "cus_9")]
HISTORY = "propertiesWithHistory=name,billing_mrr"


@cache
def registry(family: str) -> Registry[Any]:
    """A description, addressable by the schemas' references."""
    contents = json.loads((SPECS / FILES[family]).read_text(encoding="utf-8"))
    empty: Registry[Any] = Registry()
    described: Registry[Any] = empty.with_resource("urn:hubspot", Resource.from_contents(contents, default_specification=DRAFT4))
    return described


def complaints(family: str, pointer: str, body: object) -> list[str]:
    """Where a body departs from the schema at a place in the description."""
    validator = OAS30Validator({"$ref": f"urn:hubspot#{pointer}"}, registry=registry(family))
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(body)]


def answer_schema(method: str, template: str, status: int) -> str:
    """The pointer to the schema of an operation's answer."""
    escaped = template.replace("/", "~1").replace("{", "%7B").replace("}", "%7D")
    return f"/paths/{escaped}/{method}/responses/{status}/content/application~1json/schema"


def rich_kit() -> Kit:
    """Companies with every sort of value, one archived, one cleared."""
    kit = hubspot_kit()
    kit.update("1", billing_mrr="10.5", billing_renewal_date="2026-12-01", hubspot_owner_id="11", name="")
    kit.create(name="made", customer_segment="SMB")
    kit.create(name="gone")
    kit.account.archive_company(kit.ids()[-1])
    return kit


@pytest.fixture(scope="module")
def server() -> Iterator[Kit]:
    """One server for all tests."""
    with served(rich_kit()) as running:
        yield running


@pytest.fixture
def kit(server: Kit) -> Kit:
    """A fresh account behind the server."""
    fresh = rich_kit()
    server.account, server.clock = fresh.account, fresh.clock
    server.faults.clear()
    return server


def ask(kit: Kit, method: str, path: str, body: object = None) -> httpx.Response:
    """One request, as a program without SDK makes it."""
    return httpx.request(method, f"{kit.url}{path}", headers={"Authorization": f"Bearer {TOKEN}"}, json=body)


@FAMILIES
@pytest.mark.parametrize(
    "call",
    [
        ("post", "C", "", "", {"properties": {"name": "A"}}, 201),
        ("post", "C", "/search", "/search", {"limit": 2, "sorts": ["name"]}, 200),
        ("post", "C", "/merge", "/merge", {"primaryObjectId": "1", "objectIdToMerge": "2"}, 200),
        ("get", "C", "/{company}", f"/1?{HISTORY}", None, 200),
        ("get", "C", "/{company}", "/1", None, 200),
        ("patch", "C", "/{company}", "/1", {"properties": {"name": ""}}, 200),
        ("post", "C", "/batch/read", "/batch/read", {"inputs": [{"id": "1"}], "propertiesWithHistory": ["name"]}, 200),
        ("post", "C", "/batch/read", "/batch/read", {"inputs": [{"id": "1"}, {"id": "9"}]}, 207),
        ("post", "C", "/batch/create", "/batch/create", {"inputs": [{"properties": {"name": "A"}}]}, 201),
        ("post", "C", "/batch/update", "/batch/update", {"inputs": [{**ONE, "objectWriteTraceId": "w"}]}, 200),
        ("post", "C", "/batch/update", "/batch/update", {"inputs": [ONE, {**LOST, "objectWriteTraceId": "w"}]}, 207),
        ("post", "C", "/batch/upsert", "/batch/upsert", {"inputs": UPSERT}, 200),
        ("get", "O", "/{owner}", "/11", None, 200),
        ("get", "O", "/{owner}", "/12?archived=true", None, 200),
        ("get", "P", "/{object}", "/companies", None, 200),
        ("post", "P", "/{object}", "/companies", PROPERTY, 201),
        ("get", "P", "/{object}/{property}", "/companies/lifecyclestage", None, 200),
        ("patch", "P", "/{object}/{property}", "/companies/billing_mrr", {"label": "Monthly"}, 200),
        ("post", "P", "/{object}/batch/create", "/companies/batch/create", {"inputs": [PROPERTY]}, 201),
        ("post", "P", "/{object}/batch/create", "/companies/batch/create", {"inputs": [{**PROPERTY, "name": "X"}]}, 207),
        ("post", "P", "/{object}/batch/read", "/companies/batch/read", {"inputs": [{"name": "name"}]}, 200),
        ("get", "P", "/{object}/groups", "/companies/groups", None, 200),
        ("post", "P", "/{object}/groups", "/companies/groups", {"name": "g", "label": "G"}, 201),
    ],
)
def test_answers_fit_the_description(kit: Kit, family: str, call: tuple[str, str, str, str, object, int]) -> None:
    """Every answer has the status, fields, types and values the description gives it."""
    method, place, template, path, body, status = call
    base = PLACES[family][place]
    for short, long in NAMES[family].items():
        template = template.replace(f"{{{short}}}", long)
    reply = ask(kit, method, base + path, body)
    assert reply.status_code == status, reply.text
    assert complaints(family, answer_schema(method, base + template, status), reply.json()) == []
    assert reply.json().get("results", "no list") != [] or status == 207


@pytest.mark.parametrize(
    ("path", "schema"),
    [
        ("/crm/v3/objects/companies?limit=2", "CollectionResponseSimplePublicObjectWithAssociationsForwardPaging"),
        (f"/crm/v3/objects/companies?limit=50&{HISTORY}", "CollectionResponseSimplePublicObjectWithAssociationsForwardPaging"),
        ("/crm/v3/objects/companies?archived=true", "CollectionResponseSimplePublicObjectWithAssociationsForwardPaging"),
        ("/crm/v3/owners/?limit=1", "CollectionResponsePublicOwnerForwardPaging"),
        ("/crm/v3/owners/?archived=true", "CollectionResponsePublicOwnerForwardPaging"),
    ],
)
def test_lists_fit_the_legacy_description(kit: Kit, path: str, schema: str) -> None:
    """Pages of records, with the way to the next one."""
    reply = ask(kit, "get", path)
    assert complaints("v3", f"/components/schemas/{schema}", reply.json()) == []
    assert reply.json()["results"]
    assert ("paging" in reply.json()) is ("limit=1" in path or "limit=2" in path)


@pytest.mark.parametrize(
    ("path", "schema"),
    [
        (f"/crm/objects/2026-03/companies?limit=2&{HISTORY}", "SimplePublicObjectWithAssociations"),
        ("/crm/objects/2026-03/companies?archived=true", "SimplePublicObjectWithAssociations"),
        ("/crm/owners/2026-03", "PublicOwner"),
    ],
)
def test_lists_fit_the_dated_description(kit: Kit, path: str, schema: str) -> None:
    """The description gives the items of these pages only."""
    results = ask(kit, "get", path).json()["results"]
    assert results
    assert [complaints("2026-03", f"/components/schemas/{schema}", one) for one in results] == [[]] * len(results)


@FAMILIES
@pytest.mark.parametrize(
    "call",
    [
        ("get", "/9", None, 404, "OBJECT_NOT_FOUND"),
        ("get", "?limit=0", None, 400, "VALIDATION_ERROR"),
        ("get", "?limit=x", None, 400, "VALIDATION_ERROR"),
        ("patch", "/1", {"properties": {"no_such": "x"}}, 400, "VALIDATION_ERROR"),
        ("patch", "/1", {"properties": {"stripe_customer_id": "cus_2"}}, 409, "CONFLICT"),
        ("patch", "/1", ["x"], 400, "VALIDATION_ERROR"),
        ("put", "/1", {}, 404, "OBJECT_NOT_FOUND"),
    ],
)
def test_errors_fit_the_description(kit: Kit, family: str, call: tuple[str, str, object, int, str]) -> None:
    """Refusals have the one error shape, with an id that the headers repeat."""
    method, path, body, status, category = call
    reply = ask(kit, method, PLACES[family]["C"] + path, body)
    assert (reply.status_code, reply.json()["category"]) == (status, category)
    assert complaints(family, "/components/schemas/Error", reply.json()) == []
    assert reply.headers["X-HubSpot-Correlation-Id"] == reply.json()["correlationId"]


@pytest.mark.parametrize(
    ("kind", "params", "status", "category"),
    [
        (FaultKind.RATE_LIMITED, {"policy": "DAILY"}, 429, "RATE_LIMITS"),
        (FaultKind.SERVER_ERROR, {"status": 502}, 502, "INTERNAL_ERROR"),
        (FaultKind.SERVER_ERROR, {"status": 423}, 423, "LOCKED"),
        (FaultKind.TOKEN_REVOKED, {}, 401, "EXPIRED_AUTHENTICATION"),
        (FaultKind.SCOPE_REMOVED, {}, 403, "MISSING_SCOPES"),
    ],
)
def test_faults_fit_the_description(kit: Kit, kind: FaultKind, params: dict[str, Any], status: int, category: str) -> None:
    """So do faults that are switched on."""
    kit.faults.add(Fault(kind, params=params))
    reply = ask(kit, "get", "/crm/objects/2026-03/companies")
    assert (reply.status_code, reply.json()["category"]) == (status, category)
    assert complaints("2026-03", "/components/schemas/Error", reply.json()) == []


def test_an_unknown_token_is_invalid_and_not_repeated(kit: Kit) -> None:
    """401 for a stranger."""
    reply = httpx.get(f"{kit.url}/crm/v3/owners/", headers={"Authorization": "Bearer stranger"})
    assert (reply.status_code, reply.json()["category"], "stranger" in reply.text) == (401, "INVALID_AUTHENTICATION", False)


def test_account_details_fit_the_description(kit: Kit) -> None:
    """The same details under both paths."""
    dated, legacy = (ask(kit, "get", f"/account-info/{version}/details").json() for version in ("2026-03", "v3"))
    assert complaints("2026-03", "/components/schemas/PortalInformationResponse", dated) == []
    assert (dated, dated["portalId"], dated["companyCurrency"]) == (legacy, 4711, "EUR")


def test_limits_are_told_by_every_reply_but_a_searchs(kit: Kit) -> None:
    """The headers count down; the 429 names its policy."""
    kit.account = hubspot_kit(RateLimits(ten_seconds=2)).account
    path = "/crm/objects/2026-03/companies"
    left = [ask(kit, "get", f"{path}/{name}").headers["X-HubSpot-RateLimit-Remaining"] for name in ("1", "9")]
    refused = ask(kit, "get", path)
    assert (left, refused.status_code, refused.json()["policyName"]) == (["1", "0"], 429, "TEN_SECONDLY_ROLLING")
    assert "X-HubSpot-RateLimit-Max" not in ask(kit, "post", f"{path}/search", {}).headers


def test_a_stale_search_is_switched_on_from_outside(kit: Kit) -> None:
    """The fault freezes the index at the first search it strikes."""
    kit.faults.add(Fault(FaultKind.STALE_SEARCH, path="/search", params={"seconds": 60}))
    path = "/crm/v3/objects/companies"
    totals = []
    for step in (1, 1, 60):
        totals.append(ask(kit, "post", f"{path}/search", {}).json()["total"])
        kit.clock.at += step
        kit.create(name="new")
    assert totals == [4, 4, 4]
    assert ask(kit, "post", f"{path}/search", {}).json()["total"] == 7


def test_a_missing_required_field_would_be_noticed(kit: Kit) -> None:
    """The check itself bites: a company without its creation time is refused by the schemas."""
    body = ask(kit, "get", "/crm/v3/objects/companies/1").json()
    del body["createdAt"]
    assert all(complaints(family, "/components/schemas/SimplePublicObject", body) for family in FILES)
