"""People are told of an incident once, whatever becomes of the chat; and nothing that is written ever waits for it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from integration_pipelines.errors import AuthError, ErrorKind
from integration_pipelines.ports.messages import Message, NoteState
from integration_pipelines.ports.partner import Refused, Unknown
from integration_pipelines.use_cases.alerts import sweep_alerts
from integration_pipelines.use_cases.health import health
from integration_pipelines.use_cases.outcome import RunOutcome
from integration_pipelines.use_cases.tell import say_again, tell_due
from integration_pipelines_tests.kit.databases import FRESH
from integration_pipelines_tests.kit.escalated_shop import NAME, Desk, desk

DOWN = Refused("m", ErrorKind.TRANSIENT, "slack answered 503", "req_9")


@pytest.fixture(params=list(FRESH))
def live(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    """A desk that is live, on either database."""
    with desk(tmp_path, database_url=FRESH[request.param](tmp_path)) as made:
        yield made


def states(live: Desk) -> list[NoteState]:
    """What became of the messages about ticket 7, oldest first."""
    return [n.state for n in reversed(live.product.ports.outbox.find(["t1"])) if n.right_id == "7-1"]


def later(live: Desk, hours: float) -> None:
    """Let time pass, and look whether something is due."""
    live.product.clock.sleep(3600 * hours)
    tell_due(None, ports=live.product.ports)


def test_one_message_an_incident_and_one_when_it_is_resolved(live: Desk) -> None:
    """With severity, customer and both addresses, into the channel that the tenant said."""
    live.product.ports.tenants.set_option("t1", "slack", "channel", ["#incidents"], live.product.clock.now())
    live.escalate(7)
    live.run()
    live.run()
    [message] = live.chat.said
    assert message.channel == "#incidents"
    assert message.text.splitlines()[:2] == ["New incident, severity 1: #7 Printer on fire", "Customer: Acme Inc"]
    made = next(one for one in live.incidents.values() if one["incident_key"] == "zendesk:acme:7:1")
    made["status"] = "resolved"
    live.run()
    live.run()
    assert [m.text.splitlines()[0] for m in live.chat.said] == [message.text.splitlines()[0], "Resolved: #7 Printer on fire"]


def test_a_chat_that_is_down_stops_nothing_and_hears_of_it_later(live: Desk) -> None:
    """The incident is made and the run certified; the message is tried again until it goes through."""
    live.chat.answers = [DOWN, DOWN]
    live.escalate(7)
    report = live.run()
    assert (report.outcome, report.certified, states(live)) == (RunOutcome.WRITTEN, True, [NoteState.WAITING])
    later(live, 0.01)
    later(live, 0.1)
    assert (states(live), len(live.chat.said)) == ([NoteState.SENT], 1)


def test_after_a_day_without_the_chat_people_get_an_alert_with_the_answer(live: Desk) -> None:
    """Then a person mends it and lets the message go out after all; the alert ends."""
    ports = live.product.ports
    live.chat.answers = [DOWN] * 4
    live.escalate(7)
    live.run()
    for hours in (1, 8, 16):
        later(live, hours)
    sweep_alerts(ports, ports.clock.now())
    [alert] = [a for a in ports.alerting.book.find(["t1"]) if a.finding.kind == "messages_given_up"]
    assert "transient: slack answered 503 (request req_9)" in alert.finding.text
    assert health("t1", ports=ports)[0].failing_messages == 1
    assert say_again("t1", ports=ports) == 1
    later(live, 0)
    sweep_alerts(ports, ports.clock.now())
    assert (states(live), [a for a in ports.alerting.book.find(["t1"]) if a.finding.kind == "messages_given_up"]) == (
        [NoteState.SENT],
        [],
    )


USELESS = Refused("m", ErrorKind.INVALID, "no_text", "")


@pytest.mark.parametrize(("answer", "state"), [(USELESS, NoteState.GIVEN_UP), (AuthError("Slack says no."), NoteState.WAITING)])
def test_only_what_may_help_is_tried_again(live: Desk, answer: Refused | AuthError, state: NoteState) -> None:
    """A message that the chat would refuse again is given up at once; a connection can be mended."""
    live.chat.answers = [answer]
    live.escalate(7)
    live.run()
    assert states(live) == [state]


@pytest.mark.fault("H08")
def test_a_message_without_an_answer_is_said_again_no_more_often_than_the_contract_says(live: Desk) -> None:
    """Once; then nobody is told a third time, and people hear that nobody knows."""
    live.chat.answers = [Unknown("m", "no answer"), Unknown("m", "no answer")]
    live.escalate(7)
    live.run()
    for hours in (1, 1, 1):
        later(live, hours)
    assert (len(live.chat.said), states(live)) == (2, [NoteState.GIVEN_UP])


@pytest.mark.fault("P01")
def test_a_message_whose_sender_died_is_said_again_after_its_claim_ends(live: Desk) -> None:
    """Whether the first try was heard nobody knows, so it counts as one without an answer."""
    live.chat.answers = [DOWN]
    live.escalate(7)
    live.run()
    ports = live.product.ports
    live.product.clock.sleep(60)
    now = ports.clock.now()
    [claimed] = ports.outbox.claim([("t1", NAME)], now, now + timedelta(minutes=2), 10)
    later(live, 0)
    assert (claimed.state, live.chat.said) == (NoteState.WAITING, [])
    later(live, 0.1)
    [note] = ports.outbox.find(["t1"], states=(NoteState.SENT,), limit=1)
    assert (note.right_id, note.unclear, len(live.chat.said)) == ("7-1", 1, 1)


class Killed(BaseException):
    """The process is gone."""


@pytest.mark.fault("P01")
def test_senders_that_die_one_after_another_say_it_no_more_often_than_the_contract_says(
    live: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of them may have been heard; after the second one nobody tries again."""
    heard: list[Message] = []

    def said_and_died(message: Message) -> None:
        heard.append(message)
        raise Killed

    monkeypatch.setattr(live.chat, "send", said_and_died)
    live.escalate(7)
    with pytest.raises(Killed):
        live.run()
    with pytest.raises(Killed):
        later(live, 0.1)
    later(live, 0.1)
    later(live, 1)
    assert (len(heard), states(live)) == (2, [NoteState.GIVEN_UP])


def test_nobody_is_told_while_writes_are_paused_or_by_a_tenant_without_the_chat(live: Desk) -> None:
    """What waits goes out when writes go on; a tenant that never connected the chat has nothing to tell there."""
    live.chat.answers = [DOWN]
    live.escalate(7)
    live.run()
    ports = live.product.ports
    ports.tenants.switch("t1", NAME, paused=True)
    later(live, 1)
    assert live.chat.said == []
    ports.tenants.switch("t1", NAME, paused=False)
    later(live, 1)
    assert len(live.chat.said) == 1


def test_a_message_that_the_contract_no_longer_asks_for_is_not_sent(live: Desk) -> None:
    """It says why."""
    live.chat.answers = [DOWN]
    live.escalate(7)
    live.run()
    quiet = live.product.contract.model_copy(update={"notifications": live.product.contract.notifications[1:]})
    live.product.clock.sleep(3600)
    tell_due(None, ports=replace(live.product.ports, contracts={NAME: quiet}))
    assert (states(live), live.chat.said) == ([NoteState.GIVEN_UP], [])
