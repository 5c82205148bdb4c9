"""What the sandbox's desk and pager deliver is what Zendesk and PagerDuty deliver: over real HTTP, judged by our signature modules."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from integration_pipelines.errors import AuthError
from integration_pipelines.partner_models.base import Json
from integration_pipelines.partners.http import Line
from integration_pipelines.partners.pagerduty import signature as pagerduty
from integration_pipelines.partners.pagerduty.events import PagerDutyWebhooks
from integration_pipelines.partners.zendesk import signature as zendesk
from integration_pipelines.partners.zendesk.client import ZendeskConnector
from integration_pipelines.partners.zendesk.events import ZendeskWebhooks
from integration_pipelines.ports.inbox import TouchedRecord
from integration_pipelines.ports.webhooks import RawDelivery
from integration_pipelines_tests.kit.hooked_sandbox import SECRETS, Hooked, hooked, hooked_sandbox
from integration_pipelines_tests.kit.listening import Heard, Listener, listening
from integration_pipelines_tests.kit.partner_fakes import OpenQuota, VirtualClock
from integration_pipelines_tests.kit.support import escalations, escalations_of


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Hooked]:
    """One sandbox for all tests."""
    with hooked_sandbox() as running:
        yield running


@pytest.fixture
def desk_hook(sandbox: Hooked) -> Iterator[Listener]:
    """Hears every desk."""
    with hooked(sandbox, "zendesk") as listener:
        yield listener


@pytest.fixture
def pager_hook(sandbox: Hooked) -> Iterator[Listener]:
    """Hears every pager."""
    with hooked(sandbox, "pagerduty") as listener:
        yield listener


def ticket(sandbox: Hooked) -> str:
    """A ticket that can be edited."""
    return str(
        next(one["id"] for one in sandbox.desk.state()["tickets"] if one["status"] == "open" and one["priority"] != "urgent")
    )


def incident(sandbox: Hooked) -> str:
    """A new incident's id."""
    body = {"type": "incident", "title": "T", "service": {"id": "PSUPPORT", "type": "service_reference"}}
    return str(sandbox.pager.create_incident({"incident": body}, "")["incident"]["id"])


def signed_by_zendesk(heard: Heard, secret: str = SECRETS["zendesk"]) -> bool:
    """Whether our module takes it, and not when one byte is added."""
    stamp, given, now = (
        heard.headers[zendesk.TIMESTAMP_HEADER.lower()],
        heard.headers[zendesk.SIGNATURE_HEADER.lower()],
        datetime.now(UTC),
    )
    with pytest.raises(AuthError):
        zendesk.verify(heard.body + b" ", stamp, given, secrets=[secret], now=now)
    return abs((now - zendesk.verify(heard.body, stamp, given, secrets=[secret], now=now)).seconds) < 60


def test_a_ticket_s_changes_are_told_one_by_one(sandbox: Hooked, desk_hook: Listener) -> None:
    """Each attribute is an event of its own, signed, naming the ticket; the account is told by number."""
    number = ticket(sandbox)
    sandbox.desk.edit("tickets", number, {"priority": "urgent", "tags": ["vip"]})
    heard = desk_hook.until(2)
    assert all(signed_by_zendesk(one) for one in heard)
    assert {(e["type"], e["subject"], e["account_id"]) for e in desk_hook.events} == {
        ("zen:event-type:ticket.priority_changed", f"zen:ticket:{number}", sandbox.desk.store.account_id),
        ("zen:event-type:ticket.tags_changed", f"zen:ticket:{number}", sandbox.desk.store.account_id),
    }
    assert len({one.headers["x-zendesk-webhook-invocation-id"] for one in heard}) == 2


def test_a_trigger_says_what_the_admin_wrote(sandbox: Hooked, desk_hook: Listener) -> None:
    """Any JSON with the ticket's values in it, when the priority becomes urgent, beside the events; signed like them."""
    trigger: Json = {
        "when": {"priority": "urgent"},
        "body": {"ticket_id": "{{ticket.id}}", "note": "P={{ ticket.priority }}: {{ticket.title}}"},
    }
    sandbox.desk.insert("triggers", trigger)
    number = ticket(sandbox)
    sandbox.desk.edit("tickets", number, {"priority": "high", "subject": "Zoë"})
    sandbox.desk.edit("tickets", number, {"priority": "urgent"})
    desk_hook.wait(lambda heard: any("ticket_id" in event for event in heard.events))
    (said,) = [one for one in desk_hook.heard if b"ticket_id" in one.body]
    assert signed_by_zendesk(said)
    assert said.events == [{"ticket_id": number, "note": "P=urgent: Zoë"}]
    sandbox.desk.store.triggers.clear()


def test_an_incident_s_life_is_told_in_v3_events(sandbox: Hooked, pager_hook: Listener) -> None:
    """Triggered, acknowledged, a note, resolved: each signed, each naming the incident; the note is told as a note of it."""
    name = incident(sandbox)
    for fields in ({"status": "acknowledged"}, {"note": "On it"}, {"status": "resolved"}):
        sandbox.pager.edit("incidents", name, fields)
    heard = pager_hook.until(4)
    for one in heard:
        pagerduty.verify(one.body, one.headers["x-pagerduty-signature"], secrets=[SECRETS["pagerduty"]])
    told = {e["event"]["event_type"]: e["event"]["data"] for e in pager_hook.events}
    assert set(told) == {"incident.triggered", "incident.acknowledged", "incident.annotated", "incident.resolved"}
    assert {data.get("incident", data)["id"] for data in told.values()} == {name}


@pytest.mark.fault("E09")
def test_a_replaced_secret_of_pagerduty_signs_along(sandbox: Hooked, pager_hook: Listener) -> None:
    """Both open it for a day."""
    body = {"partner": "pagerduty", "account": "*", "url": pager_hook.url, "secret": "new"}
    assert sandbox.control.post("/webhooks", json=body).status_code == 200
    incident(sandbox)
    (heard,) = pager_hook.until(1)
    for secret in ("new", SECRETS["pagerduty"]):
        pagerduty.verify(heard.body, heard.headers["x-pagerduty-signature"], secrets=[secret])


@pytest.mark.parametrize(("partner", "tries"), [("zendesk", 4), ("pagerduty", 11)])
def test_a_refused_delivery_comes_again_so_often(sandbox: Hooked, partner: str, tries: int) -> None:
    """With the same event and the same id; then it is given up."""
    with hooked(sandbox, partner) as listener:
        listener.answers = [500] * 50
        before = sandbox.settled().get("given_up", 0)
        if partner == "zendesk":
            sandbox.desk.edit("tickets", ticket(sandbox), {"subject": f"Try {tries}"})
        else:
            incident(sandbox)
        listener.until(tries)
        assert sandbox.settled()["given_up"] == before + 1
        assert len({event.get("id") or event["event"]["id"] for event in listener.events}) == 1
        assert len(listener.heard) == tries


def delivered(heard: Heard) -> RawDelivery:
    """A delivery as the receiver hands it on."""
    return RawDelivery(
        "POST", heard.url, {name.lower(): value for name, value in heard.headers.items()}, heard.body, datetime.now(UTC)
    )


def test_what_is_delivered_leads_to_the_escalations_of_the_ticket(sandbox: Hooked, desk_hook: Listener) -> None:
    """Event or trigger: genuine, understood as one ticket, and by asking the desk as that ticket's escalations."""
    sandbox.desk.insert("triggers", {"when": {"priority": "urgent"}, "body": {"ticket_id": "{{ticket.id}}"}})
    number = ticket(sandbox)
    sandbox.desk.edit("tickets", number, {"priority": "urgent"})
    source = ZendeskWebhooks()
    for heard in desk_hook.until(2):
        source.verify(delivered(heard), [SECRETS["zendesk"]], datetime.now(UTC))
        (event,) = source.read(delivered(heard), heard.events[0])
        assert (event.records, event.ignored, event.quarantined) == ((TouchedRecord("escalations", number),), "", "")
    line = Line(
        tenant_id="t1",
        base_url=f"{sandbox.base}/zendesk",
        token=lambda: sandbox.desk.token,
        quota=OpenQuota(),
        clock=VirtualClock(),
    )
    connector = ZendeskConnector(line)
    expected = [name for name, told in escalations_of(sandbox.desk.state()).items() if str(told["ticket_id"]) == number]
    assert connector.named("e", escalations(), [record.record_id for record in event.records]) == expected != []
    connector.close()
    sandbox.desk.store.triggers.clear()


def test_what_is_delivered_names_the_incident(sandbox: Hooked, pager_hook: Listener) -> None:
    """Also where the event is about a note of it."""
    name = incident(sandbox)
    sandbox.pager.edit("incidents", name, {"note": "On it"})
    source = PagerDutyWebhooks()
    for heard in pager_hook.until(2):
        source.verify(delivered(heard), [SECRETS["pagerduty"]], datetime.now(UTC))
        (event,) = source.read(delivered(heard), heard.events[0])
        assert event.records == (TouchedRecord("incidents", name),)


def test_one_account_can_be_heard_alone(sandbox: Hooked) -> None:
    """An endpoint that is registered at one desk hears nothing of the other; an address that is none is refused."""
    with listening() as listener:
        sandbox.control.delete("/webhooks")
        mine = {"partner": "zendesk", "account": sandbox.desk.account, "url": listener.url, "secret": "s"}
        assert [one["account"] for one in sandbox.control.post("/webhooks", json=mine).json()] == [sandbox.desk.account]
        other = next(a for a in sandbox.world.accounts if a.partner == "zendesk" and a.account != sandbox.desk.account)
        open_there = next(str(one["id"]) for one in other.state()["tickets"] if one["status"] == "open")
        other.edit("tickets", open_there, {"subject": "Elsewhere"})
        sandbox.desk.edit("tickets", ticket(sandbox), {"subject": "Here"})
        listener.until(1)
        sandbox.settled()
        assert [event["account_id"] for event in listener.events] == [sandbox.desk.store.account_id]
        assert sandbox.control.post("/webhooks", json=mine | {"url": "nowhere"}).status_code == 400
        assert sandbox.control.delete("/webhooks").json()["removed"] == 1
