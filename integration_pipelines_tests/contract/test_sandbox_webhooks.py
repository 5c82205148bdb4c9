"""What the sandbox delivers is what the partners deliver: over real HTTP, judged by our signature modules and the official SDKs."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import hubspot
import pytest
import stripe
from hubspot.utils.signature import Signature
from hubspot.webhooks import SettingsChangeRequest, SubscriptionCreateRequest, ThrottlingSettings

from integration_pipelines.errors import AuthError
from integration_pipelines.partner_models.hubspot.app import COMPANY_TYPE
from integration_pipelines.partners.hubspot import signature as hubspot_signature
from integration_pipelines.partners.stripe import signature as stripe_signature
from integration_pipelines_tests.kit.hooked_sandbox import SECRETS, Hooked, hooked, hooked_sandbox
from integration_pipelines_tests.kit.listening import Heard, Listener, listening

HEADER = "stripe-signature"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Hooked]:
    """One sandbox for all tests."""
    with hooked_sandbox() as running:
        yield running


@pytest.fixture
def billing_hook(sandbox: Hooked) -> Iterator[Listener]:
    """Hears every Stripe account."""
    with hooked(sandbox, "stripe") as listener:
        yield listener


@pytest.fixture
def crm_hook(sandbox: Hooked) -> Iterator[Listener]:
    """Hears every HubSpot account."""
    with hooked(sandbox, "hubspot") as listener:
        yield listener


def now() -> datetime:
    """Now."""
    return datetime.now(UTC)


def test_stripe_signs_a_snapshot_event(sandbox: Hooked, billing_hook: Listener) -> None:
    """Both verifiers agree on the raw bytes and on nothing else; the event says what changed and what was there before."""
    sandbox.change("stripe", "Before", "After")
    heard = billing_hook.until(2)[-1]
    event = stripe.Webhook.construct_event(heard.body, heard.headers[HEADER], SECRETS["stripe"])
    assert (
        abs(now() - stripe_signature.verify(heard.body, heard.headers[HEADER], secrets=[SECRETS["stripe"]], now=now())).seconds
        < 60
    )
    assert (event.type, event.livemode, event.api_version) == ("customer.updated", False, stripe.api_version)
    changed = {e["data"]["object"]["name"]: e["data"]["previous_attributes"]["name"] for e in billing_hook.events}
    assert changed["After"] == "Before"
    with pytest.raises(AuthError):
        stripe_signature.verify(heard.body + b" ", heard.headers[HEADER], secrets=[SECRETS["stripe"]], now=now())


def test_stripe_echoes_the_key_of_the_request_that_caused_it(sandbox: Hooked, billing_hook: Listener) -> None:
    """An API write names its idempotency key, a person's edit names none, and what time does names no request at all."""
    client = stripe.StripeClient(sandbox.billing.token, base_addresses={"api": f"{sandbox.base}/stripe"})
    customer = sandbox.billing.state()["customers"][0]["id"]
    client.v1.customers.update(customer, {"metadata": {"x": "1"}}, {"idempotency_key": "ours:1"})
    sandbox.change("stripe", "By a person")
    renewing = next(s for s in sandbox.billing.state()["subscriptions"] if s["status"] == "active")
    due = {f"items.data.{n}.current_period_end": int(time.time()) for n in range(len(renewing["items"]["data"]))}
    sandbox.billing.edit("subscriptions", renewing["id"], due)
    billing_hook.until(4)
    keys = [
        (e["type"].rpartition(".")[0], e["request"]["idempotency_key"], e["request"]["id"] is None) for e in billing_hook.events
    ]
    assert sorted(keys, key=str) == [
        ("customer", "ours:1", False), ("customer", None, False), ("customer.subscription", None, False), ("customer.subscription", None, True),
    ]  # fmt: skip


def test_an_endpoint_made_with_the_official_sdk_hears_what_it_asked_for(sandbox: Hooked) -> None:
    """Only the enabled types arrive, signed with the secret that the creation returned; delivered events are pending no more."""
    client = stripe.StripeClient(sandbox.billing.token, base_addresses={"api": f"{sandbox.base}/stripe"})
    with listening() as listener:
        made = client.v1.webhook_endpoints.create(
            {"url": listener.url, "enabled_events": ["customer.created", "customer.deleted"]}
        )
        created = client.v1.customers.create({"name": "New"})
        client.v1.customers.update(created.id, {"name": "Renamed"})
        client.v1.customers.delete(created.id)
        heard = listener.until(2)
        sandbox.settled()
        assert made.secret is not None
        types = [stripe.Webhook.construct_event(one.body, one.headers[HEADER], made.secret).type for one in heard]
        client.v1.webhook_endpoints.delete(made.id)
    assert sorted(types) == ["customer.created", "customer.deleted"]
    assert client.v1.events.list({"type": "customer.created"}).data[0].pending_webhooks == 0


def test_a_replaced_secret_signs_along_for_a_day(sandbox: Hooked, billing_hook: Listener) -> None:
    """Registering the address again with another secret makes two signatures: either secret verifies."""
    body = {"partner": "stripe", "account": "*", "url": billing_hook.url, "secret": "whsec_new"}
    sandbox.control.post("/webhooks", json=body)
    sandbox.change("stripe", "After the roll")
    heard = billing_hook.until(1)[0]
    for secret in (SECRETS["stripe"], "whsec_new"):
        stripe.Webhook.construct_event(heard.body, heard.headers[HEADER], secret)


def test_hubspot_signs_arrays_of_events_of_all_accounts(sandbox: Hooked, crm_hook: Listener) -> None:
    """At most a hundred events in a request, accounts mixed, each naming its own; version 3 verifies with the public address."""
    for number in range(120):
        crm = sandbox.crms[number % 2]
        crm.update_company(crm.list_companies()["results"][0]["id"], {"properties": {"name": f"No {number}"}})
    crm_hook.wait(lambda one: len(one.events) >= 120)
    assert max(len(one.events) for one in crm_hook.heard) <= 100
    assert any({e["portalId"] for e in one.events} == {c.portal_id for c in sandbox.crms} for one in crm_hook.heard)
    for heard in crm_hook.heard:
        assert verified(heard)
    assert {e["attemptNumber"] for e in crm_hook.events} == {0}


def verified(heard: Heard) -> bool:
    """Whether the official helper takes it; our module raises if it does not."""
    signature, stamp = heard.headers["x-hubspot-signature-v3"], heard.headers["x-hubspot-request-timestamp"]
    delivery = hubspot_signature.Delivery("POST", heard.url, heard.body, stamp)
    hubspot_signature.verify(delivery, signature, secrets=[SECRETS["hubspot"]], now=now())
    genuine: bool = Signature.is_valid(
        signature, SECRETS["hubspot"], heard.body.decode(), http_uri=heard.url, signature_version="v3", timestamp=stamp
    )
    return genuine


def test_hubspot_tells_of_every_kind_of_change(sandbox: Hooked, crm_hook: Listener) -> None:
    """Creation, a property, a merge with the losers' deletion, archiving and restoring."""
    crm = sandbox.crms[0]
    one, two = (crm.create_company({"properties": {"name": name}})["id"] for name in ("A", "B"))
    survivor = sandbox.control.post(
        "/merge", json={"partner": "hubspot", "account": crm.account, "object": "companies", "primary_id": one, "other_id": two}
    ).json()["id"]
    crm.archive_company(survivor)
    crm.edit("companies", survivor, {"archived": False})
    crm_hook.wait(lambda one: len(one.events) >= 9)
    kinds = [e["subscriptionType"].removeprefix("company.") for e in crm_hook.events]
    assert sorted(kinds) == sorted(["creation", "propertyChange"] * 2 + ["merge", "deletion", "deletion", "deletion", "restore"])


def test_an_app_set_up_with_the_official_sdk_hears_what_it_subscribed_to(sandbox: Hooked) -> None:
    """Settings and subscriptions are the app's; a change is subscribed to property by property."""
    app, crm = sandbox.world.hubspot_app, sandbox.crms[0]
    client = hubspot.Client.create(api_key=app.developer_key, host=f"{sandbox.base}/hubspot")
    sandbox.control.delete("/webhooks")
    with listening() as listener:
        settings = SettingsChangeRequest(throttling=ThrottlingSettings(max_concurrent_requests=5), target_url=listener.url)
        client.webhooks.settings_api.configure(app.app_id, settings)
        wanted = SubscriptionCreateRequest(event_type="company.propertyChange", property_name="domain", active=True)
        generic = SubscriptionCreateRequest(event_type="object.creation", object_type_id=COMPANY_TYPE, active=True)
        made = [client.webhooks.subscriptions_api.create(app.app_id, request) for request in (wanted, generic)]
        crm.create_company({"properties": {"name": "Unheard", "domain": "heard.example"}})
        listener.wait(lambda one: len(one.events) >= 2)
        for one in made:
            client.webhooks.subscriptions_api.archive(one.id, app.app_id)
        client.webhooks.settings_api.clear(app.app_id)
    found = {(e["subscriptionType"], e["subscriptionId"], e.get("propertyName")) for e in listener.events}
    assert found == {("company.propertyChange", int(made[0].id), "domain"), ("object.creation", int(made[1].id), None)}


@pytest.mark.parametrize(
    ("said", "named"),
    [
        ({"partner": "stripe", "account": "*", "url": "ftp://x"}, "scheme"),
        ({"partner": "stripe", "account": "acct_x", "url": "http://x"}, "no such account"),
        ({"partner": "hubspot", "account": "4711", "url": "http://x"}, "account *"),
        ({"partner": "hubspot", "account": "*", "url": "nowhere"}, "targetUrl"),
        ({"partner": "shop", "account": "*", "url": "http://x"}, "No partner"),
        ({"partner": "stripe", "account": "*"}, "lacks url"),
        ({"partner": "stripe", "account": "*", "url": "http://x", "secret": 5}, "secret"),
    ],
)
def test_a_registration_that_cannot_be_is_refused(sandbox: Hooked, said: dict[str, object], named: str) -> None:
    """With a message that names what is wrong."""
    reply = sandbox.control.post("/webhooks", json=said)
    assert reply.status_code in {400, 404}
    assert named in reply.json()["message"]


def test_a_wrong_developer_key_opens_nothing(sandbox: Hooked) -> None:
    """Settings of an app are no customer's business."""
    client = hubspot.Client.create(api_key="wrong", host=f"{sandbox.base}/hubspot")
    with pytest.raises(hubspot.webhooks.ApiException) as refused:
        client.webhooks.settings_api.get_all(sandbox.world.hubspot_app.app_id)
    assert refused.value.status == 401
