"""What the modelled account answers is what Stripe's API description allows, required fields included."""

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

from integration_pipelines_tests.kit.stripe_sandbox import TOKEN, Kit, served, stripe_kit

SPEC = Path(__file__).resolve().parents[3] / "shared" / "partner_specs" / "stripe.json"
pytestmark = pytest.mark.skipif(
    not SPEC.is_file(), reason="the folder with the partners' API descriptions is not beside the checkout"
)
RICH = {
    "name": "Rich",
    "email": "rich@a.example",
    "phone": "+49 1",
    "description": "all fields",
    "address[city]": "Köln",
    "shipping[name]": "Door",
    "shipping[address][line1]": "Street 1",
    "invoice_settings[footer]": "Thanks",
    "preferred_locales[]": "de",
    "tax_exempt": "reverse",
    "metadata[crm]": "1",
}
ITEMS = {"customer": "cus_1", "items[0][price]": "price_month", "items[0][quantity]": "2"}


def say_null(node: Any) -> Any:  # noqa: ANN401 - any part of the description
    """Validators heed `nullable` beside `type` only; the description also means it beside `anyOf`."""
    if isinstance(node, list):
        return [say_null(entry) for entry in node]
    if not isinstance(node, dict):
        return node
    said = {name: say_null(value) for name, value in node.items()}
    if said.get("nullable") and "anyOf" in said and "type" not in said:
        said["anyOf"] = [*said["anyOf"], {"type": "string", "nullable": True, "enum": [None]}]
    return said


@cache
def registry() -> Registry[Any]:
    """The description, addressable by the schemas' references."""
    contents = say_null(json.loads(SPEC.read_text(encoding="utf-8")))
    empty: Registry[Any] = Registry()
    described: Registry[Any] = empty.with_resource("urn:stripe", Resource.from_contents(contents, default_specification=DRAFT4))
    return described


def complaints(pointer: str, body: object) -> list[str]:
    """Where a body departs from the schema at a place in the description."""
    validator = OAS30Validator({"$ref": f"urn:stripe#{pointer}"}, registry=registry())
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(body)]


def answer_schema(method: str, template: str) -> str:
    """The pointer to the schema of an operation's 200 answer."""
    escaped = template.replace("/", "~1").replace("{", "%7B").replace("}", "%7D")
    return f"/paths/{escaped}/{method}/responses/200/content/application~1json/schema"


def rich_kit() -> Kit:
    """An account with subscriptions of every sort."""
    rich = stripe_kit(inline_items=2)
    rich.account.insert("customers", {"id": "cus_gone"})
    rich.write("customers", "delete", "cus_gone")
    rich.account.edit("customers", "cus_2", {"discount": {"coupon": "TEN"}})
    prices = ["price_month", "price_year", "price_metered", "price_packs", "price_tiers"]
    sub = rich.create(
        "subscriptions", customer="cus_1", items=[{"price": p} for p in prices], discounts=[{"coupon": "HALF_YEAR"}]
    )
    for name, status in (("sub_1", "active"), ("sub_paused", "paused")):
        items = [{"price": price, "id": f"{name}_{price}"} for price in prices]
        rich.account.insert("subscriptions", {**sub, "id": name, "status": status, "items": items})
    trial = rich.create("subscriptions", customer="cus_2", items=[{"price": "price_month"}], trial_period_days=14)
    rich.update("subscriptions", trial["id"], cancel_at_period_end=True, pause_collection={"behavior": "void"})
    rich.write("subscriptions", "delete", rich.create("subscriptions", customer="cus_2", items=[{"price": "price_year"}])["id"])
    hook = rich.create("webhook_endpoints", url="https://a.example/hook", enabled_events=["*"])
    rich.account.insert("webhook_endpoints", {**hook, "id": "we_1"})
    rich.account.insert("events", {"id": "evt_1", "type": "customer.updated", "data": {"object": {}}})
    rich.clock.at += 120  # the search index has seen it all
    return rich


@pytest.fixture(scope="module")
def server() -> Iterator[Kit]:
    """One server for all tests."""
    with served(rich_kit()) as running:
        yield running


@pytest.fixture
def kit(server: Kit) -> Kit:
    """A fresh account behind the server."""
    server.account = rich_kit().account
    return server


def ask(kit: Kit, method: str, path: str, params: dict[str, str] | None = None) -> httpx.Response:
    """One request, as a program without SDK makes it."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    sent = {"params": params} if method == "get" else {"data": params}
    return httpx.request(method, f"{kit.url}{path}", headers=headers, **sent)  # type: ignore[arg-type]  # one of two keywords


@pytest.mark.parametrize(
    ("method", "template", "path", "params"),
    [
        ("get", "/v1/account", "/v1/account", {}),
        ("get", "/v1/customers", "/v1/customers", {"limit": "100"}),
        ("get", "/v1/customers", "/v1/customers", {"expand[]": "data.discount.source.coupon"}),
        ("get", "/v1/customers/search", "/v1/customers/search", {"query": "created>0"}),
        ("get", "/v1/customers/{customer}", "/v1/customers/cus_2", {}),
        ("post", "/v1/customers", "/v1/customers", RICH),
        ("post", "/v1/customers/{customer}", "/v1/customers/cus_1", {"metadata[a]": "b", "address": "", "shipping": ""}),
        ("get", "/v1/subscriptions", "/v1/subscriptions", {"status": "all", "limit": "100"}),
        (
            "get",
            "/v1/subscriptions",
            "/v1/subscriptions",
            {"expand[0]": "data.customer", "expand[1]": "data.discounts.source.coupon"},
        ),
        ("get", "/v1/subscriptions/search", "/v1/subscriptions/search", {"query": "status:'active'"}),
        ("get", "/v1/subscriptions/{subscription_exposed_id}", "/v1/subscriptions/sub_1", {"expand[]": "items.data.price.tiers"}),
        ("post", "/v1/subscriptions", "/v1/subscriptions", ITEMS),
        ("post", "/v1/subscriptions", "/v1/subscriptions", ITEMS | {"trial_period_days": "3", "discounts[0][coupon]": "TEN"}),
        ("post", "/v1/subscriptions/{subscription_exposed_id}", "/v1/subscriptions/sub_1", {"cancel_at_period_end": "true"}),
        ("post", "/v1/subscriptions/{subscription}/pause", "/v1/subscriptions/sub_1/pause", {}),
        ("post", "/v1/subscriptions/{subscription}/resume", "/v1/subscriptions/sub_paused/resume", {}),
        ("delete", "/v1/subscriptions/{subscription_exposed_id}", "/v1/subscriptions/sub_1", {}),
        ("get", "/v1/subscription_items", "/v1/subscription_items", {"subscription": "sub_1", "limit": "2"}),
        ("get", "/v1/prices", "/v1/prices", {"limit": "100", "expand[]": "data.tiers"}),
        ("get", "/v1/prices/search", "/v1/prices/search", {"query": "active:'true'"}),
        ("get", "/v1/prices/{price}", "/v1/prices/price_tiers", {"expand[0]": "tiers", "expand[1]": "product"}),
        (
            "post",
            "/v1/prices",
            "/v1/prices",
            {"currency": "jpy", "unit_amount": "500", "product_data[name]": "Made with its price"},
        ),
        ("get", "/v1/products", "/v1/products", {}),
        ("get", "/v1/products/{id}", "/v1/products/prod_gold", {}),
        ("post", "/v1/products", "/v1/products", {"name": "Silver", "images[0]": "https://a.example/i.png"}),
        ("get", "/v1/events", "/v1/events", {"limit": "100"}),
        ("get", "/v1/events/{id}", "/v1/events/evt_1", {}),
        ("get", "/v1/coupons/{coupon}", "/v1/coupons/TEN", {"expand[]": "applies_to"}),
        ("get", "/v1/webhook_endpoints", "/v1/webhook_endpoints", {}),
        ("get", "/v1/webhook_endpoints/{webhook_endpoint}", "/v1/webhook_endpoints/we_1", {}),
        (
            "post",
            "/v1/webhook_endpoints",
            "/v1/webhook_endpoints",
            {"url": "https://b.example", "enabled_events[]": "price.updated"},
        ),
        ("post", "/v1/webhook_endpoints/{webhook_endpoint}", "/v1/webhook_endpoints/we_1", {"disabled": "true"}),
        ("delete", "/v1/webhook_endpoints/{webhook_endpoint}", "/v1/webhook_endpoints/we_1", {}),
        ("delete", "/v1/customers/{customer}", "/v1/customers/cus_2", {}),
        ("get", "/v1/customers/{customer}", "/v1/customers/cus_gone", {"expand[]": "discount.source.coupon"}),
    ],
)
def test_answers_fit_the_description(kit: Kit, method: str, template: str, path: str, params: dict[str, str]) -> None:
    """Every answer has the fields, types and values the description gives it; lists are not empty."""
    reply = ask(kit, method, path, params)
    assert reply.status_code == 200, reply.text
    assert complaints(answer_schema(method, template), reply.json()) == []
    assert reply.json().get("data", "no list") != []


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("get", "/v1/customers/none", 404), ("get", "/v1/customers?limit=0", 400), ("post", "/v1/nothing", 404)],
)
def test_errors_fit_the_description(kit: Kit, method: str, path: str, status: int) -> None:
    """Refusals have the error shape."""
    reply = ask(kit, method, path)
    assert reply.status_code == status
    assert complaints("/components/schemas/error", reply.json()) == []


def test_a_missing_required_field_would_be_noticed(kit: Kit) -> None:
    """The check itself bites: a customer without its creation time is refused by the schema."""
    body = ask(kit, "get", "/v1/customers/cus_1").json()
    del body["created"]
    assert complaints("/components/schemas/customer", body) != []
