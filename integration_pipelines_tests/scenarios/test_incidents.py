"""Tickets that are escalated get one incident each, whatever happens on the way; the ticket shows what becomes of it."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from integration_pipelines.errors import ErrorKind, TransientError
from integration_pipelines.ports.partner import RecordWrite
from integration_pipelines.use_cases.alerts import sweep_alerts
from integration_pipelines.use_cases.outcome import RunOutcome, SyncMode
from integration_pipelines_tests.kit.databases import FRESH
from integration_pipelines_tests.kit.escalated_shop import NAME, Desk, desk
from integration_pipelines_tests.kit.fakes import FakeAccount


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Desk]:
    """A desk at which the first plan was approved, with one incident for ticket 1."""
    with desk(tmp_path) as made:
        yield made


def keys(live: Desk) -> list[str]:
    """The keys of all incidents, in order."""
    return sorted(one["incident_key"] for one in live.incidents.values())


@pytest.mark.parametrize("kind", list(FRESH))
def test_an_escalated_ticket_gets_one_incident_and_shows_it(kind: str, tmp_path: Path) -> None:
    """Severity, title and details on the incident; its status and address on the ticket; the run balances and certifies."""
    with desk(tmp_path, database_url=FRESH[kind](tmp_path)) as live:
        live.escalate(7, priority="low")
        report = live.run()
        assert (report.outcome, report.balanced, report.certified) == (RunOutcome.WRITTEN, True, True)
        live.run()
        made = next(one for one in live.incidents.values() if one["incident_key"] == "zendesk:acme:7:1")
        assert (made["severity"], made["title"], made["details"]) == ("3", "#7 Printer on fire", "Ticket: 7")
        assert (live.tickets["7-1"]["incident_status"], live.tickets["7-1"]["incident_url"]) == (
            "incident_triggered",
            made["url"],
        )
        assert live.run().outcome is RunOutcome.IN_SYNC
        assert keys(live) == ["zendesk:acme:1:1", "zendesk:acme:7:1"]


def test_without_a_priority_the_severity_is_two(live: Desk) -> None:
    """The default of the value map."""
    live.escalate(7, priority="")
    live.run()
    assert [one["severity"] for one in live.incidents.values()] == ["1", "2"]


@pytest.mark.fault("D04")
def test_a_priority_that_nobody_knows_makes_a_task_and_no_incident(live: Desk) -> None:
    """It is in quarantine with what to do, and gets its incident once it is corrected."""
    live.escalate(7, priority="fatal")
    live.product.gate.refuse["7-1"] = "in_set"
    live.run()
    assert keys(live) == ["zendesk:acme:1:1"]
    refused = live.product.ports.quarantine.load(["t1"], NAME).to_pylist()
    assert [r["record_id"] for r in refused] == ["7-1"]
    del live.product.gate.refuse["7-1"]
    live.tickets["7-1"]["priority"] = "high"
    live.run()
    assert keys(live) == ["zendesk:acme:1:1", "zendesk:acme:7:1"]


def test_a_ticket_that_is_escalated_again_gets_a_second_incident(live: Desk) -> None:
    """The first one stays as it was, and the ticket shows the second."""
    live.escalate(1, 2)
    live.run()
    live.run()
    assert keys(live) == ["zendesk:acme:1:1", "zendesk:acme:1:2"]
    assert live.tickets["1-2"]["incident_url"] != live.tickets["1-1"]["incident_url"]


def test_a_ticket_that_is_escalated_no_more_gets_none(live: Desk) -> None:
    """It was over before we looked; one that has an incident goes on showing its status."""
    live.escalate(7, is_escalated="false")
    live.tickets["1-1"]["is_escalated"] = "false"
    next(iter(live.incidents.values()))["status"] = "resolved"
    report = live.run()
    assert (keys(live), report.balanced) == (["zendesk:acme:1:1"], True)
    assert live.tickets["1-1"]["incident_status"] == "incident_resolved"


def test_a_responder_s_priority_never_reaches_the_ticket(live: Desk) -> None:
    """Support owns it: the incident gets support's back, and the edit is kept for people."""
    first = next(iter(live.incidents.values()))
    first["severity"] = "3"
    before = dict(live.tickets["1-1"])
    live.run()
    assert (first["severity"], live.tickets["1-1"]) == ("1", before)
    diffs = live.product.ports.diffs.load(["t1"], NAME).to_pylist()
    assert [(d["left_value"], d["kind"]) for d in diffs if d["field"] == "severity"] == [("3", "foreign_edit")]


def test_the_first_plan_waits_and_old_escalations_are_left_alone(tmp_path: Path) -> None:
    """Nothing is made before a person approved it, and never for what was escalated before the installation."""
    with desk(tmp_path, live=False) as fresh:
        fresh.escalate(1, escalated_at="2026-11-20T08:00:00Z")
        assert fresh.run().outcome is RunOutcome.IN_SYNC
        fresh.escalate(2)
        assert (fresh.run().outcome, keys(fresh)) == (RunOutcome.HELD, [])
        fresh.product.approve()
        fresh.run()
        assert keys(fresh) == ["zendesk:acme:2:1"]


@pytest.mark.fault("P01")
def test_a_crash_between_the_create_and_its_answer_makes_no_second_incident(live: Desk) -> None:
    """The next run finds it by its key, links it, and people are told of it."""
    account = live.product.crm()

    def dies(held: FakeAccount, writes: Sequence[RecordWrite]) -> None:
        held.objects["incidents"]["90"] = {f.path: f.after for f in writes[0].fields} | held.born("90")
        held.before_write = lambda *_: None
        raise Killed

    account.before_write = dies
    live.escalate(7)
    with pytest.raises(Killed):
        live.run()
    live.product.clock.sleep(3600)  # the dead run's lease runs out
    live.run()
    live.run()
    assert keys(live) == ["zendesk:acme:1:1", "zendesk:acme:7:1"]
    assert [m.text.splitlines()[0] for m in live.chat.said] == ["New incident, severity 1: #7 Printer on fire"]


class Killed(BaseException):
    """The process is gone."""


@pytest.mark.fault("H08")
def test_an_answer_that_was_lost_makes_no_second_incident(live: Desk) -> None:
    """It is settled by reading, in the same run."""
    live.product.crm().lost_answers = 1
    live.escalate(7)
    report = live.run()
    assert (report.certified, keys(live)) == (True, ["zendesk:acme:1:1", "zendesk:acme:7:1"])


@pytest.mark.fault("H13")
def test_an_incident_that_is_refused_beside_one_that_is_made_waits_for_its_turn(live: Desk) -> None:
    """The other one is made and read again; nothing was written of this one that could be compared."""
    live.product.crm().refuse.add("zendesk:acme:7:1")
    live.product.crm().refuse_as = ErrorKind.TRANSIENT
    live.escalate(7)
    live.escalate(8)
    report = live.run()
    assert (report.outcome, report.certified, report.balanced) == (RunOutcome.WRITTEN, False, True)
    assert keys(live) == ["zendesk:acme:1:1", "zendesk:acme:8:1"]
    live.product.crm().refuse.clear()
    live.product.clock.sleep(3600)
    live.run()
    assert keys(live) == ["zendesk:acme:1:1", "zendesk:acme:7:1", "zendesk:acme:8:1"]


@pytest.mark.fault("H20")
def test_an_incident_that_a_list_left_out_is_found_before_a_second_one_is_made(live: Desk) -> None:
    """The run's books balance, and the next run links what was found."""
    account = live.product.crm()
    account.objects["incidents"]["90"] = {"incident_key": "zendesk:acme:7:1", "title": "#7 Printer on fire", **account.born("90")}
    account.hidden.add("90")
    live.escalate(7)
    report = live.run()
    assert (report.balanced, report.imbalances, keys(live)) == (True, (), ["zendesk:acme:1:1", "zendesk:acme:7:1"])
    account.hidden.clear()
    live.run()
    links = live.product.ports.links.find(["t1"], NAME, records=["7-1"]).to_pylist()
    assert [(link["left_id"], link["state"]) for link in links] == [("90", "live")]


def test_an_incident_system_that_is_down_for_hours_gets_the_incident_once_when_it_is_back(live: Desk) -> None:
    """Tried again later and later, whatever else goes on; one incident in the end, and no alert."""
    live.product.crm().refuse.add("zendesk:acme:7:1")
    live.product.crm().refuse_as = ErrorKind.TRANSIENT
    live.escalate(7)
    live.run()
    for minutes in (1, 5, 1, 10, 60):
        live.product.clock.sleep(60 * minutes)
        live.run()
    [retry] = live.product.ports.retries.load(["t1"], NAME)
    assert (retry.target_id, retry.attempts) == ("zendesk:acme:7:1", 4)
    live.product.crm().refuse.clear()
    live.product.clock.sleep(4 * 3600)
    live.run()
    assert (keys(live), live.product.ports.retries.load(["t1"], NAME)) == (["zendesk:acme:1:1", "zendesk:acme:7:1"], [])


def test_after_a_day_of_failures_people_get_an_alert_with_the_answer(live: Desk) -> None:
    """What kind it was, the partner's words and the id of the request."""
    live.product.crm().refuse.add("zendesk:acme:7:1")
    live.product.crm().refuse_as = ErrorKind.TRANSIENT
    live.escalate(7)
    for hours in (1, 8, 16, 0):
        live.run()
        live.product.clock.sleep(3600 * hours)
    ports = live.product.ports
    sweep_alerts(ports, ports.clock.now())
    [alert] = [a for a in ports.alerting.book.find(["t1"]) if a.finding.kind == "writes_given_up"]
    assert "transient: the partner refuses this record (request req_1)" in alert.finding.text
    assert keys(live) == ["zendesk:acme:1:1"]


def test_a_partner_that_does_not_answer_at_all_fails_that_run_only(live: Desk) -> None:
    """The next run makes the incident."""
    live.product.crm().broken = TransientError("The partner is down.", remedy="Wait.")
    live.escalate(7)
    assert live.run().outcome is RunOutcome.FAILED
    live.product.crm().broken = None
    live.run()
    assert keys(live) == ["zendesk:acme:1:1", "zendesk:acme:7:1"]


def test_a_run_that_only_plans_makes_nothing_and_says_nothing(live: Desk) -> None:
    """It shows the incident that would be made."""
    live.escalate(7)
    report = live.run(mode=SyncMode.PLAN)
    assert report.plan is not None
    assert (report.plan.numbers["creates"], keys(live), live.chat.said) == (1, ["zendesk:acme:1:1"], [])
