"""HubSpot's two official SDKs work against the modelled account unchanged, over real HTTP."""

from collections.abc import Iterator
from typing import Any

import hubspot
import hubspot_sdk
import pytest
from hubspot.crm.companies import exceptions as v3_errors

from integration_pipelines.partner_models.base import Fault, FaultKind
from integration_pipelines_tests.kit.hubspot_sandbox import TOKEN, Kit, hubspot_kit, served

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")  # the SDKs leave their connections to the collector
BY_NAME = {"filters": [{"propertyName": "name", "operator": "EQ", "value": "No 2"}]}
TEXT_PROPERTY = {"name": "plan", "label": "Plan", "type": "string", "fieldType": "text", "groupName": "companyinformation"}


@pytest.fixture(scope="module")
def server() -> Iterator[Kit]:
    """One server for all tests."""
    with served(hubspot_kit()) as running:
        yield running


@pytest.fixture
def kit(server: Kit) -> Kit:
    """A fresh account behind the server."""
    fresh = hubspot_kit()
    server.account, server.clock = fresh.account, fresh.clock
    server.faults.clear()
    return server


@pytest.fixture
def legacy(kit: Kit) -> Any:  # noqa: ANN401 - the package has no types
    """The SDK of the v3 paths, as its users make it."""
    return hubspot.Client.create(access_token=TOKEN, host=kit.url, retry=False)


@pytest.fixture
def dated(kit: Kit) -> Iterator[hubspot_sdk.HubSpot]:
    """The SDK of the 2026-03 paths."""
    with hubspot_sdk.HubSpot(access_token=TOKEN, base_url=kit.url, max_retries=0) as client:
        yield client


def test_legacy_pages_visit_everything(kit: Kit, legacy: Any) -> None:  # noqa: ANN401 - the package has no types
    """`get_all` follows the cursors to the end, with the properties asked for."""
    made = [kit.create(name=f"P{number}", phone=str(number)) for number in range(120)]
    found = legacy.crm.companies.get_all(properties=["name", "phone"])
    assert [one.id for one in found] == ["1", "2", "3", *made]
    assert found[-1].properties["phone"] == "119"


def test_legacy_life_of_a_company(kit: Kit, legacy: Any) -> None:  # noqa: ANN401 - the package has no types
    """Create, read, patch, search, merge and archive."""
    api = legacy.crm.companies.basic_api
    made = api.create({"properties": {"name": "Äpfel & Söhne", "billing_mrr": "10.50"}})
    assert api.update(made.id, {"properties": {"billing_mrr": ""}}).properties["billing_mrr"] == ""
    told = api.get_by_id(made.id, properties_with_history=["billing_mrr"]).properties_with_history["billing_mrr"]
    assert [one.value for one in told] == ["", "10.5"]
    assert api.get_by_id("cus_2", id_property="stripe_customer_id").id == "2"
    found = legacy.crm.companies.search_api.do_search({"filterGroups": [BY_NAME], "limit": 200})
    assert (found.total, found.results[0].id) == (1, "2")
    merged = api.merge({"primaryObjectId": made.id, "objectIdToMerge": "1"})
    assert api.get_by_id("1").id == merged.id
    api.archive(merged.id)
    assert kit.ids() == ["2", "3"]


def test_legacy_batches(kit: Kit, legacy: Any) -> None:  # noqa: ANN401 - the package has no types
    """Reads, updates and upserts; a record that is missing makes the answer one `WithErrors`."""
    api = legacy.crm.companies.batch_api
    read = api.read({"inputs": [{"id": "1"}, {"id": "9"}], "properties": ["name"], "propertiesWithHistory": []})
    assert (type(read).__name__, read.num_errors) == ("BatchResponseSimplePublicObjectWithErrors", 1)
    assert read.errors[0].context == {"ids": ["9"]}
    inputs = [{"id": name, "properties": {"name": "U"}, "objectWriteTraceId": f"w{name}"} for name in ("1", "9")]
    written = api.update({"inputs": inputs})
    assert ([one.id for one in written.results], written.errors[0].context["objectWriteTraceId"]) == (["1"], ["w9"])
    upserts = [{"id": name, "idProperty": "stripe_customer_id", "properties": {"name": "V"}} for name in ("cus_2", "cus_8")]
    assert [one.new for one in api.upsert({"inputs": upserts}).results] == [False, True]
    made = api.create({"inputs": [{"properties": {"name": "N"}, "associations": []}]})
    api.archive({"inputs": [{"id": made.results[0].id}]})
    assert kit.value("2", "name") == "V"
    with pytest.raises(v3_errors.ApiException) as caught:
        api.update({"inputs": [{"id": "1", "properties": {"no_such": "x"}}]})
    assert (caught.value.status, "PROPERTY_DOESNT_EXIST" in caught.value.body) == (400, True)


def test_legacy_owners_and_properties(kit: Kit, legacy: Any) -> None:  # noqa: ANN401 - the package has no types
    """Owners with their teams, archived ones apart; properties made one by one and in batches, groups too."""
    owners = legacy.crm.owners
    assert [one.id for one in owners.get_all()] == ["11", "13"]
    assert [one.email for one in owners.owners_api.get_page(archived=True).results] == ["bob@a.example"]
    assert owners.owners_api.get_by_id(11).teams[0].name == "North"
    properties = legacy.crm.properties
    properties.groups_api.create("companies", {"name": "sync", "label": "Sync"})
    made = properties.core_api.create("companies", {**TEXT_PROPERTY, "groupName": "sync"})
    batch = properties.batch_api.create("companies", {"inputs": [{**TEXT_PROPERTY, "name": "plan2"}]})
    names = {one.name for one in properties.core_api.get_all("companies").results}
    assert {made.name, batch.results[0].name, "hs_object_id"} <= names
    properties.core_api.archive("companies", "plan2")
    assert kit.account.get_property("plan2", archived=True)["archived"] is True


def test_dated_pages_visit_everything(kit: Kit, dated: hubspot_sdk.HubSpot) -> None:
    """The SDK's automatic paging follows the cursors to the end."""
    made = [kit.create(name=f"P{number}", phone=str(number)) for number in range(120)]
    found = list(dated.crm.objects.companies.list(limit=50, properties=["name", "phone"]))
    assert [one.id for one in found] == ["1", "2", "3", *made]
    assert found[-1].properties["phone"] == "119"


def test_dated_life_of_a_company(kit: Kit, dated: hubspot_sdk.HubSpot) -> None:
    """Create, read, patch, search, merge and delete."""
    api = dated.crm.objects.companies
    made = api.create(properties={"name": "Äpfel & Söhne", "billing_mrr": "10.50"}, associations=[])
    assert api.update(made.id, properties={"billing_mrr": ""}).properties["billing_mrr"] == ""
    told = api.get(made.id, properties_with_history=["billing_mrr"]).properties_with_history
    assert told is not None
    assert [one.value for one in told["billing_mrr"]] == ["", "10.5"]
    found = api.search(after="0", filter_groups=[BY_NAME], limit=200, properties=["name"], sorts=["name"])
    assert (found.total, found.results[0].id) == (1, "2")
    merged = api.merge(primary_object_id=made.id, object_id_to_merge="1")
    assert api.get("1").id == merged.id
    api.delete(merged.id)
    assert kit.ids() == ["2", "3"]


def test_dated_batches(kit: Kit, dated: hubspot_sdk.HubSpot) -> None:
    """Reads, updates and upserts; of a 207 the SDK keeps the raw `numErrors` only."""
    api = dated.crm.objects.companies.batch
    read = api.get(inputs=[{"id": "1"}, {"id": "9"}], properties=["name"], properties_with_history=[])
    assert ([one.id for one in read.results], (read.model_extra or {})["numErrors"]) == (["1"], 1)
    written = api.update(inputs=[{"id": name, "properties": {"name": "U"}} for name in ("1", "9")])
    assert [one.id for one in written.results] == ["1"]
    upserts: Any = [{"id": name, "idProperty": "stripe_customer_id", "properties": {"name": "V"}} for name in ("cus_2", "cus_8")]
    assert [one.new for one in api.upsert(inputs=upserts).results] == [False, True]
    made = api.create(inputs=[{"properties": {"name": "N"}, "associations": []}])
    api.delete(inputs=[{"id": made.results[0].id}])
    with pytest.raises(hubspot_sdk.BadRequestError, match="PROPERTY_DOESNT_EXIST"):
        api.update(inputs=[{"id": "1", "properties": {"no_such": "x"}}])
    with pytest.raises(hubspot_sdk.ConflictError, match="Existing ID: 2"):
        api.update(inputs=[{"id": "1", "properties": {"stripe_customer_id": "cus_2"}}])
    assert kit.value("1", "name") == "U"


def test_dated_owners_properties_and_account(kit: Kit, dated: hubspot_sdk.HubSpot) -> None:
    """Owners, the schema, and which account the token leads to."""
    assert [one.id for one in dated.crm.owners.list(limit=1)] == ["11", "13"]
    assert [one.id for one in dated.crm.owners.list(archived=True)] == ["12"]
    properties = dated.crm.properties
    made = properties.create(
        "companies", field_type="text", group_name="companyinformation", label="Plan", name="plan", type="string"
    )
    options = [{"label": "Gold", "value": "gold", "hidden": False, "displayOrder": 0}]
    properties.update(
        "customer_segment",
        object_type="companies",
        options=options,
    )
    listed = {one.name: one for one in properties.list("companies").results}
    assert made.name in listed
    assert [one.value for one in listed["customer_segment"].options] == ["gold"]
    assert dated.account.get().portal_id == kit.account.portal_id


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault(FaultKind.RATE_LIMITED, params={"retry_after": 1}), hubspot_sdk.RateLimitError),
        (Fault(FaultKind.SERVER_ERROR, params={"status": 503}), hubspot_sdk.InternalServerError),
        (Fault(FaultKind.SCOPE_REMOVED, params={"scope": "crm.objects.companies.read"}), hubspot_sdk.PermissionDeniedError),
        (Fault(FaultKind.TOKEN_REVOKED), hubspot_sdk.AuthenticationError),
        (Fault(FaultKind.DROPPED_ANSWER), hubspot_sdk.APIConnectionError),
    ],
)
def test_faults_reach_the_sdk_as_its_own_errors(
    kit: Kit, dated: hubspot_sdk.HubSpot, fault: Fault, error: type[Exception]
) -> None:
    """A fault fires once; the next request goes through."""
    kit.faults.add(fault)
    with pytest.raises(error):
        dated.crm.objects.companies.get("1")
    assert dated.crm.objects.companies.get("1").id == "1"
