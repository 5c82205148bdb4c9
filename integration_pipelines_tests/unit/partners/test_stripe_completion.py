"""Answers the sandbox cannot give: deleted coupons, lists that go in circles, answers about somebody else."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from integration_pipelines.core.contract import SourceObject
from integration_pipelines.errors import TransientError
from integration_pipelines.partners.stripe.client import StripeConnector
from integration_pipelines.ports.partner import FieldWrite, RecordWrite, Unknown
from integration_pipelines_tests.kit.core import crm_billing
from integration_pipelines_tests.kit.partner_fakes import OpenQuota, VirtualClock

Answer = Callable[[httpx.Request], Any]
CUSTOMERS = crm_billing().objects["billing_customers"]
SUBSCRIPTIONS = crm_billing().objects["billing_subscriptions"]
TERMS = {"id": "GONE", "percent_off": 33.3, "duration": "forever", "applies_to": {"products": ["prod_1"]}}


def connector(answer: Answer) -> StripeConnector:
    """A connector whose partner answers so; None is 404."""

    def reply(request: httpx.Request) -> httpx.Response:
        body = answer(request)
        return (
            httpx.Response(404, json={"error": {"code": "resource_missing"}}) if body is None else httpx.Response(200, json=body)
        )

    return StripeConnector(
        tenant_id="t1", base_url="https://api.stripe.com", token=lambda: "t", quota=OpenQuota(), clock=VirtualClock(),
        transport=httpx.MockTransport(reply),
    )  # fmt: skip


def listing(*records: dict[str, Any], more: bool = False) -> dict[str, Any]:
    """A list page."""
    return {"object": "list", "data": list(records), "has_more": more}


def discount(coupon: object) -> dict[str, Any]:
    """A discount as Stripe shows it."""
    return {"id": "di_1", "object": "discount", "end": None, "source": {"type": "coupon", "coupon": coupon}}


def rows(answer: Answer, spec: SourceObject) -> list[dict[str, Any]]:
    """A full read."""
    made = connector(answer)
    found = [row for batch in made.extract("x", spec, None) for row in batch.to_pylist()]
    made.close()
    return found


def test_a_deleted_coupons_terms_come_with_its_customer() -> None:
    """Stripe keeps a discount after its coupon is deleted; its exact terms are read where one more level can be expanded."""

    def answer(request: httpx.Request) -> Any:  # noqa: ANN401 - JSON
        if request.url.path == "/v1/customers":
            return listing({"id": "cus_1", "discount": discount("GONE")})
        expanded = request.url.params.get("expand[]") == "discount.source.coupon.applies_to"
        return {"id": "cus_1", "discount": discount(TERMS)} if expanded else None

    found = rows(answer, CUSTOMERS)[0]["discounts"]
    assert [(d["percent_off"], d["products"]) for d in found] == [("33.3", "prod_1")]


def test_a_deleted_coupons_terms_come_with_its_item() -> None:
    """The same one level deeper."""
    item = {"id": "si_1", "price": {"id": "price_1"}, "discounts": [discount("GONE")]}
    subscription = {"id": "sub_1", "items": listing(item), "discounts": []}

    def answer(request: httpx.Request) -> Any:  # noqa: ANN401 - JSON
        answers = {
            "/v1/subscriptions": listing(subscription), "/v1/subscriptions/sub_1": subscription,
            "/v1/subscription_items/si_1": {**item, "discounts": [discount(TERMS)]},
        }  # fmt: skip
        return answers.get(request.url.path)

    assert rows(answer, SUBSCRIPTIONS)[0]["items"][0]["discounts"][0]["percent_off"] == "33.3"


@pytest.mark.parametrize(
    "page",
    [listing({"id": "cus_1"}, more=True), listing(more=True), {"object": "list"}, {"data": [1], "has_more": False},
     {"data": [], "has_more": "no"}, {"error": {}}, []],
)  # fmt: skip
def test_a_broken_list_is_an_error_and_never_an_end(page: object) -> None:
    """Going in circles, saying there is more of nothing, or being no list at all."""
    with pytest.raises(TransientError):
        rows(lambda _: page, CUSTOMERS)


@pytest.mark.parametrize("body", [{"id": "cus_2"}, {}, []])
def test_a_write_answered_about_somebody_else_is_unknown(body: object) -> None:
    """Only the record written is proof."""
    made = connector(lambda _: body)
    write = RecordWrite("w1", "k1", "cus_1", (FieldWrite("metadata.a", "1"),))
    assert isinstance(made.write("x", CUSTOMERS, [write])[0], Unknown)
    made.close()
