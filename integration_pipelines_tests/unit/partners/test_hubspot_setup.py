"""Preparing an account: properties that a contract needs, and whether the connection may do what it has to."""

from typing import Any

import httpx
import pytest

from integration_pipelines.core.contract import PropertySpec
from integration_pipelines.errors import ConfigError, RateLimitedError
from integration_pipelines_tests.unit.partners.hubspot_script import COMPANIES, Body, Script, company, page

PROPERTIES = "/crm/properties/2026-03/companies"
GROUPS = f"{PROPERTIES}/groups"
CREATE = f"{PROPERTIES}/batch/create"
STATUS = PropertySpec(
    label="Status", description="Rolled up.", field_type="select", wire_type="enumeration", options=("active", "past_due")
)
MRR = PropertySpec(label="MRR", description="A month.", field_type="number", wire_type="number", number_hint="currency")
KEY = PropertySpec(label="Key", description="In billing.", field_type="text", wire_type="string", unique=True)


def found(name: str, kind: str, **more: Any) -> Body:  # noqa: ANN401 - anything HubSpot says of a property
    """A property as HubSpot lists it."""
    return {"name": name, "type": kind, "fieldType": "text", "label": name, "options": [], **more}


def account(*existing: Body, groups: tuple[str, ...] = ()) -> Script:
    """An account with those properties, where creating works."""
    script = Script()
    made: list[Body] = []

    def create(request: httpx.Request) -> httpx.Response:
        del request
        made.extend(script.bodies(CREATE)[-1]["inputs"])
        return httpx.Response(201, json=page(*made))

    script.on("GET", PROPERTIES, lambda _: httpx.Response(200, json=page(*existing, *made)))
    script.on("GET", GROUPS, page(*({"name": name} for name in groups)))
    script.on("POST", GROUPS, {"name": "billing_sync"}, status=201)
    return script.on("POST", CREATE, create)


def test_missing_properties_are_created_in_one_batch_with_their_group() -> None:
    """Type, field, options, uniqueness and number hint arrive as the contract says; the names come back sorted."""
    script = account(found("name", "string"))
    wanted = {"properties.billing_status": STATUS, "billing_mrr": MRR, "billing_key": KEY}
    assert script.connector().ensure_properties("companies", wanted) == ("billing_key", "billing_mrr", "billing_status")
    assert script.bodies(GROUPS) == [{"name": "billing_sync", "label": "Billing sync", "displayOrder": -1}]
    key, mrr, status = script.bodies(CREATE)[0]["inputs"]
    assert (key["type"], key["fieldType"], key["hasUniqueValue"]) == ("string", "text", True)
    assert (mrr["numberDisplayHint"], mrr["groupName"]) == ("currency", "billing_sync")
    assert [(option["value"], option["label"]) for option in status["options"]] == [
        ("active", "Active"),
        ("past_due", "Past due"),
    ]


def test_a_second_time_nothing_is_created() -> None:
    """What exists is left alone, and so is an existing group."""
    script = account(groups=("billing_sync",))
    connector = script.connector()
    assert connector.ensure_properties("companies", {"billing_mrr": MRR}) == ("billing_mrr",)
    assert connector.ensure_properties("companies", {"billing_mrr": MRR}) == ()
    assert not script.bodies(GROUPS)
    assert len(script.bodies(CREATE)) == 1


def test_missing_options_are_added_beside_those_that_people_made() -> None:
    """HubSpot replaces the whole list, so the present options are sent along."""
    own = {"label": "Frozen", "value": "frozen", "displayOrder": 0, "hidden": False}
    script = account(found("billing_status", "enumeration", options=[own, {"label": "On", "value": "active"}]))
    script.on("PATCH", f"{PROPERTIES}/billing_status", {})
    assert script.connector().ensure_properties("companies", {"billing_status": STATUS}) == ()
    (sent,) = script.bodies(f"{PROPERTIES}/billing_status")
    assert [(option["label"], option["value"]) for option in sent["options"]] == [
        ("Frozen", "frozen"),
        ("On", "active"),
        ("Past due", "past_due"),
    ]


@pytest.mark.parametrize(
    ("existing", "message"),
    [
        (found("billing_mrr", "string"), "billing_mrr exists in HubSpot with the type string, but number is needed"),
        (found("billing_mrr", "number", calculated=True), "apps cannot write it"),
        (found("billing_mrr", "number", modificationMetadata={"readOnlyValue": True}), "apps cannot write it"),
    ],
)
def test_a_property_in_the_way_is_named_with_the_remedy(existing: Body, message: str) -> None:
    """Nothing is created or changed; a person has to decide."""
    script = account(existing)
    with pytest.raises(ConfigError, match=message) as refused:
        script.connector().ensure_properties("companies", {"billing_mrr": MRR, "billing_key": KEY})
    assert "HubSpot" in refused.value.remedy
    assert not script.bodies(CREATE)


def test_a_property_that_does_not_come_into_being_is_reported() -> None:
    """HubSpot keeps the names of archived properties; the answer to the creation is not believed."""
    script = account().on("POST", CREATE, {"category": "CONFLICT"}, status=409)
    with pytest.raises(ConfigError, match="did not create the property billing_mrr"):
        script.connector().ensure_properties("companies", {"billing_mrr": MRR})


def test_created_properties_are_read_from_then_on() -> None:
    """A fetch after the set-up asks for the new property."""
    read = "/crm/objects/2026-03/companies/batch/read"
    script = account(found("name", "string")).on("POST", read, page(company(1)))
    connector = script.connector()
    connector.fetch("crm_accounts", COMPANIES, ["1"])
    renewal = PropertySpec(label="Renewal", description="A day.", field_type="date", wire_type="date")
    connector.ensure_properties("companies", {"billing_renewal_date": renewal})
    connector.fetch("crm_accounts", COMPANIES, ["1"])
    assert ["billing_renewal_date" in body["properties"] for body in script.bodies(read)] == [False, True]


def probed() -> Script:
    """An account where everything answers."""
    script = Script().on("GET", "/account-info/2026-03/details", {"portalId": 4711, "accountType": "STANDARD"})
    return script.on("GET", "/crm/objects/2026-03/companies", page()).on("GET", "/crm/owners/2026-03", page())


def test_a_probe_names_the_account() -> None:
    """The tenant sees which account it is."""
    probe = probed().connector().probe()
    assert (probe.ok, probe.account, probe.missing_scopes) == (True, "4711", ())


@pytest.mark.parametrize(
    "body",
    [
        {"category": "MISSING_SCOPES", "errors": [{"context": {"requiredGranularScopes": ["crm.objects.owners.read"]}}]},
        {"category": "MISSING_SCOPES"},
    ],
)
def test_a_probe_names_missing_scopes(body: Body) -> None:
    """As HubSpot names them, else as we know them."""
    probe = probed().on("GET", "/crm/owners/2026-03", body, status=403).connector().probe()
    assert (probe.ok, probe.missing_scopes) == (False, ("crm.objects.owners.read",))
    assert "crm.objects.owners.read" in probe.text


def test_a_probe_with_a_token_that_ended_says_so() -> None:
    """No exception: a probe reports."""
    probe = (
        Script()
        .on("GET", "/account-info/2026-03/details", {"category": "EXPIRED_AUTHENTICATION"}, status=401)
        .connector()
        .probe()
    )
    assert (probe.ok, probe.account) == (False, "")
    assert probe.remedy


@pytest.mark.parametrize(("policy", "seconds"), [("TEN_SECONDLY_ROLLING", 10.0), ("SECONDLY", 1.0)])
def test_a_rate_limit_waits_for_the_window_it_names(policy: str, seconds: float) -> None:
    """Without Retry-After the body's policy says how long."""
    slow = httpx.Response(429, json={"category": "RATE_LIMITS", "policyName": policy})
    script = Script().on("GET", "/crm/owners/2026-03", lambda _: slow, page())
    script.connector().fetch("crm_owners", COMPANIES.model_copy(update={"partner_object": "owners"}), ["1"])
    assert sum(script.clock.waits) >= seconds
    assert script.quota.parked == [("t1:hubspot:default", seconds)]


def test_a_spent_day_parks_the_tenant() -> None:
    """Nobody sleeps until midnight: the fault names the wait and all processes keep silence."""
    body = {"category": "RATE_LIMITS", "policyName": "DAILY"}
    script = Script().on("GET", PROPERTIES, body, status=429)
    with pytest.raises(RateLimitedError) as slowed:
        script.connector().fetch("crm_accounts", COMPANIES, ["1"])
    assert slowed.value.retry_after == 900
    assert script.quota.parked == [("t1:hubspot:default", 900.0)]
