"""Deliveries that are refused, and the faults of webhooks: lost, doubled, late and overtaken, over real HTTP."""

import threading
from collections.abc import Iterator
from itertools import pairwise

import pytest

from integration_pipelines.partner_models.base import Faults
from integration_pipelines.sandbox.webhooks.hubspot import GAPS
from integration_pipelines.sandbox.webhooks.lines import Parcel
from integration_pipelines.sandbox.webhooks.outbound import Outbound
from integration_pipelines.sandbox.webhooks.stripe import LIVE_GAPS, TEST_GAPS, StripeLine
from integration_pipelines_tests.kit.hooked_sandbox import HURRY, SECRETS, Hooked, hooked, hooked_sandbox, told
from integration_pipelines_tests.kit.listening import Listener, listening

PARTNERS = pytest.mark.parametrize("partner", ["stripe", "hubspot"])


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Hooked]:
    """One sandbox for all tests."""
    with hooked_sandbox() as running:
        yield running


@pytest.fixture
def hook(sandbox: Hooked, partner: str) -> Iterator[Listener]:
    """Hears everything of the partner."""
    with hooked(sandbox, partner) as listener:
        yield listener


def names(partner: str, hook: Listener) -> list[str]:
    """The names told of, in the order of arrival."""
    return [told(partner, event) for event in hook.events]


@PARTNERS
def test_a_refused_delivery_comes_again_after_growing_gaps(sandbox: Hooked, hook: Listener, partner: str) -> None:
    """The same event, signed afresh, until it is taken."""
    hook.answers = [500, 404]
    sandbox.change(partner, "Insisted")
    heard = hook.until(3)
    waited = [later.at - earlier.at for earlier, later in pairwise(heard)]
    assert all(seconds >= gap / HURRY for seconds, gap in zip(waited, TEST_GAPS if partner == "stripe" else GAPS, strict=False))
    assert names(partner, hook) == ["Insisted"] * 3
    if partner == "hubspot":
        assert [e["attemptNumber"] for e in hook.events] == [0, 1, 2]
    assert sandbox.settled()["waiting"] == 0


@pytest.mark.parametrize("partner", ["stripe"])
def test_tries_end(sandbox: Hooked, hook: Listener, partner: str) -> None:
    """After the partner's last try the event is given up and stays pending for ever."""
    before = sandbox.settled().get("given_up", 0)
    hook.answers = [503] * 10
    sandbox.change(partner, "Refused for good")
    hook.until(1 + len(TEST_GAPS))
    assert sandbox.settled()["given_up"] == before + 1
    assert sandbox.billing.state()["events"][-1]["pending_webhooks"] == 1


def test_partners_insist_for_as_long_as_they_say() -> None:
    """Stripe about three days on a live account and some hours on a test one, HubSpot ten times within about a day."""
    days = [sum(gaps) / 86_400 for gaps in (LIVE_GAPS, TEST_GAPS, GAPS)]
    assert (days[0] > 2.5, days[1] < 0.5, 0.8 < days[2] < 1.2, len(GAPS)) == (True, True, True, 10)
    assert all(list(gaps) == sorted(gaps) for gaps in (LIVE_GAPS, TEST_GAPS, GAPS))


@pytest.mark.parametrize("partner", ["stripe"])
def test_a_disabled_endpoint_hears_no_more(sandbox: Hooked, hook: Listener, partner: str) -> None:
    """Waiting tries are withdrawn with it."""
    sandbox.fault("webhook_delayed", params={"seconds": 0.3})
    sandbox.change(partner, "Late")
    before = sandbox.world.outbound.counts().get("withdrawn", 0)
    sandbox.control.delete("/webhooks", params={"partner": partner})
    assert sandbox.settled()["withdrawn"] == before + 1
    assert hook.heard == []


@PARTNERS
@pytest.mark.fault("E05")
def test_a_lost_event_is_never_sent(sandbox: Hooked, hook: Listener, partner: str) -> None:
    """The next one is."""
    sandbox.fault("webhook_lost", path="customer" if partner == "stripe" else "company")
    sandbox.change(partner, "Lost", "Heard")
    hook.until(1)
    sandbox.settled()
    assert names(partner, hook) == ["Heard"]


@PARTNERS
def test_a_doubled_event_arrives_as_often_as_the_fault_says(sandbox: Hooked, hook: Listener, partner: str) -> None:
    """The same id every time, each in a request of its own."""
    sandbox.fault("webhook_duplicate", params={"copies": 20})
    sandbox.change(partner, "Doubled")
    heard = hook.until(20)
    sandbox.settled()
    assert names(partner, hook) == ["Doubled"] * 20
    assert len({str(e.get("id", e.get("eventId"))) for one in heard for e in one.events}) == 1


@PARTNERS
def test_a_delayed_event_arrives_late_and_freshly_signed(sandbox: Hooked, hook: Listener, partner: str) -> None:
    """As late as the fault says; others are not held up."""
    sandbox.fault("webhook_delayed", params={"seconds": 1.0})
    sandbox.change(partner, "Late", "On time")
    first, second = hook.until(2)
    assert names(partner, hook) == ["On time", "Late"]
    assert second.at - first.at > 0.1


@PARTNERS
def test_a_reordered_event_arrives_after_one_that_happened_later(sandbox: Hooked, hook: Listener, partner: str) -> None:
    """It waits until a later event was delivered."""
    sandbox.fault("webhook_reordered", params={"seconds": 30})
    sandbox.change(partner, "First", "Second")
    hook.until(2)
    assert names(partner, hook) == ["Second", "First"]


@PARTNERS
def test_a_reordered_event_is_not_held_for_ever(sandbox: Hooked, hook: Listener, partner: str) -> None:
    """Where nothing follows it goes after so many seconds."""
    sandbox.fault("webhook_reordered", params={"seconds": 0.1})
    sandbox.change(partner, "Alone")
    hook.until(1)
    assert names(partner, hook) == ["Alone"]


@PARTNERS
def test_what_became_of_each_delivery_can_be_seen(sandbox: Hooked, hook: Listener, partner: str) -> None:
    """Every request with its address, events, answer and time; a listener that is gone shows as a failure."""
    sandbox.change(partner, "Seen")
    hook.until(1)
    sandbox.settled()
    seen = sandbox.control.get("/deliveries", params={"partner": partner}).json()[-1]
    assert (seen["url"], seen["status"], seen["problem"], len(seen["events"])) == (hook.url, 200, "", 1)


def test_nobody_listens(sandbox: Hooked) -> None:
    """A connection that is refused counts as a failed try."""
    with listening() as gone:
        address = gone.url
    sandbox.register("stripe", address)
    sandbox.change("stripe", "Unheard")
    sandbox.settled()
    seen = sandbox.control.get("/deliveries", params={"partner": "stripe"}).json()[-1]
    sandbox.control.delete("/webhooks")
    assert (seen["status"], seen["problem"], seen["attempt"]) == (0, "ConnectError", len(TEST_GAPS))


def test_the_queue_is_bounded_and_ends_with_the_sandbox(sandbox: Hooked) -> None:
    """What comes beyond its capacity is dropped and counted; no thread stays behind."""
    outbound, made = Outbound(Faults(), capacity=3), sandbox.register("stripe", "http://127.0.0.1:9/")
    line = StripeLine(sandbox.billing, made[0]["id"])
    for number in range(5):
        outbound.send(line, Parcel("acct", "customer.updated", f"evt_{number}", {}))
    assert outbound.counts() == {"dropped": 2, "waiting": 3}
    with outbound.running():
        assert "sandbox-webhooks" in {thread.name for thread in threading.enumerate()}
    sandbox.control.delete("/webhooks")
    assert outbound.counts()["waiting"] == 0
    assert sum(thread.name == "sandbox-webhooks" for thread in threading.enumerate()) == 1  # the module's sandbox


def test_secrets_are_those_that_were_given(sandbox: Hooked) -> None:
    """The control door lists every endpoint with its secret, so that a receiver can be told."""
    for partner in ("stripe", "hubspot"):
        sandbox.register(partner, "http://127.0.0.1:9/")
    listed = sandbox.control.get("/webhooks").json()["endpoints"]
    assert {(one["partner"], one["secret"]) for one in listed} == {(p, SECRETS[p]) for p in ("stripe", "hubspot")}
    assert sandbox.control.delete("/webhooks").json() == {"removed": 3}
    assert sandbox.control.get("/webhooks").json()["endpoints"] == []
