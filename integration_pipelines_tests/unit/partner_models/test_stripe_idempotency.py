"""Idempotency keys and request rates of the modelled Stripe account."""

import pytest

from integration_pipelines.partner_models.base import PartnerRefusalError
from integration_pipelines.partner_models.stripe.calls import Answer, Call
from integration_pipelines.partner_models.stripe.limits import RateLimits
from integration_pipelines_tests.kit.stripe_sandbox import stripe_kit

NAME = {"name": "New"}


def test_the_first_answer_is_given_again_though_the_record_moved_on() -> None:
    """A replay shows the answer of then, not the record of now."""
    kit = stripe_kit()
    first = kit.write("customers", "update", "cus_1", "k", **NAME)
    kit.update("customers", "cus_1", name="Newer")
    again = kit.write("customers", "update", "cus_1", "k", **NAME)
    assert (again.body, again.replayed, again.request_id) == (first.body, True, "req_k")
    assert len(kit.account.effects) == 2


@pytest.mark.parametrize(
    ("object_name", "verb", "record_id", "values"),
    [
        ("customers", "update", "cus_1", {"name": "Other"}),
        ("customers", "update", "cus_2", NAME),
        ("customers", "create", "", NAME),
    ],
)
def test_a_key_belongs_to_one_request(object_name: str, verb: str, record_id: str, values: dict[str, str]) -> None:
    """Other parameters or another address under the same key are refused."""
    kit = stripe_kit()
    kit.write("customers", "update", "cus_1", "k", **NAME)
    with pytest.raises(PartnerRefusalError) as caught:
        kit.write(object_name, verb, record_id, "k", **values)
    assert (caught.value.status, caught.value.facts["type"]) == (400, "idempotency_error")


def test_refused_requests_leave_their_key_free() -> None:
    """A validation failure is not remembered."""
    kit = stripe_kit()
    with pytest.raises(PartnerRefusalError):
        kit.write("customers", "update", "cus_1", "k", email="no address")
    assert kit.write("customers", "update", "cus_1", "k", **NAME).replayed is False


def test_keys_are_forgotten_after_a_day() -> None:
    """The same key is a new request after 24 hours."""
    kit = stripe_kit()
    first = kit.write("customers", "create", "", "k", **NAME).body["id"]
    kit.clock.at += 86_399
    assert kit.write("customers", "create", "", "k", **NAME).body["id"] == first
    kit.clock.at += 1
    assert kit.write("customers", "create", "", "k", **NAME).body["id"] != first


def test_a_key_in_flight_blocks_others_but_not_its_own_request() -> None:
    """Until the first request ends, its key answers 409 to everybody else."""
    kit = stripe_kit()
    mine = Call(dict(NAME), "req_mine", "k")
    kit.account.begin("customers", "update", "cus_1", mine)
    with pytest.raises(PartnerRefusalError) as caught:
        kit.write("customers", "update", "cus_1", "k", **NAME)
    assert caught.value.status == 409
    assert kit.account.write("customers", "update", "cus_1", mine).replayed is False
    assert kit.write("customers", "update", "cus_1", "k", **NAME).replayed is True


def test_server_errors_are_remembered() -> None:
    """A request that began and broke gives its 500 again, and is not carried out by a retry."""
    kit = stripe_kit()
    call = Call(dict(NAME), "req_1", "k")
    kit.account.fail("customers", "update", "cus_1", call, Answer(500, {"error": {}}, "req_1"))
    again = kit.write("customers", "update", "cus_1", "k", **NAME)
    assert (again.status, again.replayed, kit.account.effects) == (500, True, [])


@pytest.mark.parametrize("key", ["x" * 256])
def test_keys_have_a_length(key: str) -> None:
    """Keys of more than 255 characters are refused."""
    with pytest.raises(PartnerRefusalError, match="255"):
        stripe_kit().write("customers", "create", "", key)


@pytest.mark.parametrize(
    ("limits", "endpoints", "reason"),
    [
        (RateLimits(account=3), ["a", "b", "c", "d"], "global-rate"),
        (RateLimits(endpoint=2), ["a", "b", "a", "a"], "endpoint-rate"),
        (RateLimits(search=1), ["GET x/search", "GET x/search"], "endpoint-rate"),
    ],
)
def test_rates_name_the_limit_they_meet(limits: RateLimits, endpoints: list[str], reason: str) -> None:
    """The request too many is refused with its reason; the next second is fresh."""
    kit = stripe_kit(rates=limits)
    for endpoint in endpoints[:-1]:
        kit.account.admit(endpoint)
    with pytest.raises(PartnerRefusalError) as caught:
        kit.account.admit(endpoints[-1])
    assert (caught.value.status, caught.value.facts["reason"]) == (429, reason)
    kit.clock.at += 1
    kit.account.admit(endpoints[-1])


def test_no_limits_no_refusals() -> None:
    """Benchmarks switch the limiter off."""
    kit = stripe_kit(rates=None)
    for _ in range(1000):
        kit.account.admit("a")
