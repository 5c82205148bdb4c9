"""Stripe's official SDK works against the modelled account unchanged, over real HTTP."""

from collections.abc import Callable, Iterator
from decimal import Decimal

import pytest
import stripe

from integration_pipelines.partner_models.base import Fault, FaultKind
from integration_pipelines.partner_models.stripe.limits import RateLimits
from integration_pipelines_tests.kit.stripe_sandbox import TOKEN, Kit, served, stripe_kit

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")  # the SDK leaves its HTTP session to the collector


@pytest.fixture(scope="module")
def server() -> Iterator[Kit]:
    """One server for all tests."""
    with served(stripe_kit()) as running:
        yield running


@pytest.fixture
def kit(server: Kit) -> Kit:
    """A fresh account behind the server."""
    fresh = stripe_kit()
    server.account, server.clock = fresh.account, fresh.clock
    server.faults.clear()
    return server


def client(kit: Kit, token: str = TOKEN) -> stripe.StripeClient:
    """The SDK as its users make it, without pauses between its tries."""
    return stripe.StripeClient(token, base_addresses={"api": kit.url}, max_network_retries=0)


def test_auto_paging_visits_every_customer_once(kit: Kit) -> None:
    """Pages of any size add up to all records, newest first."""
    for number in range(25):
        kit.account.insert("customers", {"id": f"cus_p{number:02d}", "created": 1_710_000_000 + number})
    seen = [customer.id for customer in client(kit).v1.customers.list({"limit": 7}).auto_paging_iter()]
    assert seen == [f"cus_p{number:02d}" for number in reversed(range(25))] + ["cus_2", "cus_1"]


def test_customer_life(kit: Kit) -> None:
    """A customer is made, changed, read and deleted; its id keeps answering."""
    customers = client(kit).v1.customers
    made = customers.create({"name": "Äpfel & Söhne", "email": "a@b.example", "metadata": {"k": "v"}})
    assert customers.update(made.id, {"metadata": {"k": "", "m": "n"}}).to_dict()["metadata"] == {"m": "n"}
    assert customers.retrieve(made.id).name == "Äpfel & Söhne"
    assert customers.delete(made.id).deleted is True
    assert customers.retrieve(made.id).deleted is True


def test_subscription_with_discounts_expands(kit: Kit) -> None:
    """Items, prices as exact decimals, and discounts with their coupons come back as the SDK's own types."""
    subscriptions = client(kit).v1.subscriptions
    made = subscriptions.create(
        {"customer": "cus_1", "items": [{"price": "price_year", "quantity": 3}], "discounts": [{"coupon": "TEN"}]}
    )
    read = subscriptions.retrieve(made.id, {"expand": ["customer", "discounts.source.coupon", "items.data.price.tiers"]})
    discount = read.discounts[0]
    assert isinstance(discount, stripe.Discount)
    assert isinstance(discount.source.coupon, stripe.Coupon)
    assert discount.source.coupon.percent_off == 10
    assert isinstance(read.customer, stripe.Customer)
    assert read["items"]["data"][0]["price"]["unit_amount_decimal"] == Decimal("120000.5")


def test_subscription_pauses_resumes_and_ends(kit: Kit) -> None:
    """The life of a subscription, seen in its status and its events."""
    subscriptions = client(kit).v1.subscriptions
    made = subscriptions.create({"customer": "cus_1", "items": [{"price": "price_month"}]})
    statuses = [made.status, subscriptions.pause(made.id).status, subscriptions.resume(made.id).status]
    statuses.append(subscriptions.cancel(made.id).status)
    assert statuses == ["active", "paused", "active", "canceled"]
    assert [kind.rpartition(".")[2] for kind in kit.events()] == ["created", "paused", "resumed", "deleted"]


def test_search_pages_by_cursor(kit: Kit) -> None:
    """Search results page by an opaque cursor."""
    customers = client(kit).v1.customers
    page = customers.search({"query": "email:'1@a.example' OR email:'2@a.example'", "limit": 1})
    assert page.has_more
    assert [customer.id for customer in page.auto_paging_iter()] == ["cus_2", "cus_1"]


def test_events_name_the_request_that_caused_them(kit: Kit) -> None:
    """An own write is recognised by the idempotency key in its event."""
    client(kit).v1.customers.update("cus_1", {"name": "New"}, {"idempotency_key": "ip:acme:1"})
    event = client(kit).v1.events.list({"types": ["customer.updated"]}).data[0]
    assert event.request is not None
    assert event.request.idempotency_key == "ip:acme:1"
    assert event.to_dict()["data"]["previous_attributes"] == {"name": "No 1"}


def test_same_key_replays_the_first_answer(kit: Kit) -> None:
    """A retry changes nothing and says that it was replayed."""
    customers = client(kit).v1.customers
    first = customers.create({"name": "Once"}, {"idempotency_key": "k1"})
    again = customers.create({"name": "Once"}, {"idempotency_key": "k1"})
    assert again.id == first.id
    assert again.last_response is not None
    assert again.last_response.headers["Idempotent-Replayed"] == "true"
    with pytest.raises(stripe.IdempotencyError):
        customers.create({"name": "Other"}, {"idempotency_key": "k1"})


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault(FaultKind.RATE_LIMITED), stripe.RateLimitError),
        (Fault(FaultKind.SERVER_ERROR, params={"status": 503}), stripe.APIError),
        (Fault(FaultKind.TOKEN_REVOKED), stripe.AuthenticationError),
        (Fault(FaultKind.SCOPE_REMOVED, params={"scope": "customer_write"}), stripe.PermissionError),
        (Fault(FaultKind.DROPPED_ANSWER), stripe.APIConnectionError),
        (Fault(FaultKind.TIMEOUT, params={"seconds": 0.05}), stripe.APIConnectionError),
        (Fault(FaultKind.NOT_JSON), stripe.APIError),
        (Fault(FaultKind.TRUNCATED), stripe.APIError),
    ],
    ids=lambda value: value.kind if isinstance(value, Fault) else "",
)
def test_faults_become_the_sdks_errors(kit: Kit, fault: Fault, error: type[stripe.StripeError]) -> None:
    """Every fault of the line or the key reaches the SDK as the error it has for it."""
    kit.faults.add(fault)
    with pytest.raises(error):
        client(kit).v1.customers.update("cus_1", {"name": "New"})
    assert fault.fired == 1


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda c: c.v1.customers.retrieve("cus_none"), stripe.InvalidRequestError),
        (lambda c: c.v1.customers.list({"limit": 101}), stripe.InvalidRequestError),
        (lambda c: c.v1.customers.update("cus_1", {"colour": "red"}), stripe.InvalidRequestError),
        (lambda c: c.v1.invoices.list(), stripe.InvalidRequestError),
        (lambda c: c.v1.customers.retrieve("cus_1", options={"stripe_version": "2020-01-01"}), stripe.InvalidRequestError),
        (lambda c: c.v1.customers.retrieve("cus_1", options={"stripe_account": "acct_other"}), stripe.PermissionError),
    ],
    ids=["missing", "limit", "unknown parameter", "unknown address", "version", "foreign account"],
)
def test_refusals_become_the_sdks_errors(
    kit: Kit, call: Callable[[stripe.StripeClient], object], error: type[stripe.StripeError]
) -> None:
    """What Stripe refuses is refused with a request id and in its own words."""
    with pytest.raises(error) as caught:
        call(client(kit))
    assert caught.value.request_id
    assert caught.value.user_message


def test_unknown_key_is_refused(kit: Kit) -> None:
    """A key that belongs to nobody opens nothing, and is not repeated in the message."""
    with pytest.raises(stripe.AuthenticationError) as caught:
        client(kit, "sk_live_wrong").v1.accounts.retrieve_current()
    assert "wrong" not in str(caught.value)


def test_rate_limit_says_which_and_not_when() -> None:
    """Beyond an endpoint's rate comes 429 with its reason and without Retry-After."""
    with served(stripe_kit(rates=RateLimits(endpoint=2))) as kit:
        customers = client(kit).v1.customers
        customers.list()
        customers.list()
        with pytest.raises(stripe.RateLimitError) as caught:
            customers.list()
    headers = {name.lower(): value for name, value in dict(caught.value.headers or {}).items()}
    assert headers["stripe-rate-limited-reason"] == "endpoint-rate"
    assert "retry-after" not in headers


def test_late_write_is_in_flight_then_lands_once(kit: Kit) -> None:
    """A write answered 504 blocks its key until it lands; then the key gives its answer and there is one effect."""
    kit.faults.add(Fault(FaultKind.LATE_WRITE, params={"seconds": 0.3}))
    customers = client(kit).v1.customers
    with pytest.raises(stripe.APIError):
        customers.update("cus_1", {"name": "Late"}, {"idempotency_key": "late"})
    with pytest.raises(stripe.APIError) as caught:
        customers.update("cus_1", {"name": "Late"}, {"idempotency_key": "late"})
    assert caught.value.http_status == 409
    settled = stripe.StripeClient(TOKEN, base_addresses={"api": kit.url}, max_network_retries=5)
    answer = settled.v1.customers.update("cus_1", {"name": "Late"}, {"idempotency_key": "late"})
    assert answer.name == "Late"
    assert len(kit.account.effects) == 1


def test_server_error_is_what_its_key_gives_again(kit: Kit) -> None:
    """A 500 is remembered under its key, so a retry gets the same 500 and nothing was written."""
    kit.faults.add(Fault(FaultKind.SERVER_ERROR, method="POST", params={"status": 500}))
    for replayed in (None, "true"):
        with pytest.raises(stripe.APIError) as caught:
            client(kit).v1.customers.update("cus_1", {"name": "New"}, {"idempotency_key": "five"})
        headers = {name.lower(): value for name, value in dict(caught.value.headers or {}).items()}
        assert headers.get("idempotent-replayed") == replayed
    assert kit.account.effects == []
