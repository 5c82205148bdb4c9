"""Tickets and incidents through the heart: no money, no roll-up, no detail rows; one incident an escalation, by its key."""

import pyarrow as pa
import pytest

from integration_pipelines_tests.kit.escalated import Desk, changes, escalation, incident


def writes(desk: Desk) -> dict[tuple[str, str, str], dict[str, str]]:
    """(operation, target, id) → what is written."""
    return {(w["operation"], w["target"], w["target_id"]): changes(w) for w in desk.look().writes.to_pylist()}


def made(desk: Desk) -> dict[str, str]:
    """What the one incident that is planned starts with."""
    [(key, values)] = writes(desk).items()
    assert key[:2] == ("create", "incidents")
    return values


def test_an_escalation_gets_an_incident_under_its_key() -> None:
    """With severity, and with title and details composed of the ticket."""
    desk = Desk([escalation()])
    assert list(writes(desk)) == [("create", "incidents", "zendesk:acme:7:1")]
    assert made(desk) == {
        "incident_key": "zendesk:acme:7:1", "title": "#7 Printer on fire", "details": "Ticket: 7", "severity": "1",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("priority", "severity"), [("low", "3"), ("normal", "2"), ("high", "1"), ("urgent", "1"), ("", "2"), (None, "2")]
)
def test_severity_follows_the_value_map(priority: str | None, severity: str) -> None:
    """A ticket without a priority gets the default, whether the desk says nothing or leaves it out."""
    assert made(Desk([escalation(priority=priority)]))["severity"] == severity


@pytest.mark.fault("D04")
def test_a_priority_that_nobody_knows_makes_no_incident() -> None:
    """The gate refuses it; never is it taken for the default."""
    refused = [{"object": "support_escalations", "record_id": "7-1", "expectation": "in_set"}]
    assert writes(Desk([escalation(priority="fatal")], refused=refused)) == {}


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"is_escalated": "false"}, "create.when"),
        ({"escalated_at": "2026-11-23T08:59:59Z"}, "create.since"),
        ({"escalated_at": ""}, "create.since"),
        ({"escalated_at": "some day"}, "create.since"),
    ],
)
def test_what_is_over_or_older_than_the_installation_gets_none(change: dict[str, str], rule: str) -> None:
    """It is accounted for, and it is no task for anybody."""
    engine = Desk([escalation(**change)]).open()
    result = engine.run()
    found = {r["record_id"]: (r["outcome"], r["rule"]) for r in engine.outcomes(_no_writes()).to_pylist()}
    assert (result.writes.num_rows, result.diffs.num_rows, found["7-1"]) == (0, 0, ("unmatched", rule))


def test_earlier_escalations_and_closed_tickets_are_out_of_scope() -> None:
    """Only the newest escalation of a ticket that can still be changed."""
    desk = Desk([escalation(7, 1, is_current="false"), escalation(7, 2), escalation(8, 1, status="closed")])
    assert list(writes(desk)) == [("create", "incidents", "zendesk:acme:7:2")]


def test_an_incident_that_is_there_already_is_found_by_its_key() -> None:
    """Made just before a crash: it is linked, its status and address go to the ticket, and no second one is made."""
    desk = Desk([escalation()], [incident()])
    url = "https://acme.pagerduty.com/incidents/P1"
    found = writes(desk)
    assert found == {("update", "support_escalations", "7-1"): {"incident_status": "incident_triggered", "incident_url": url}}


def test_the_incident_s_status_goes_to_the_ticket_and_never_back() -> None:
    """What somebody enters in the ticket's field is put back."""
    first = Desk(
        [escalation(incident_status="incident_triggered", incident_url="https://acme.pagerduty.com/incidents/P1")], [incident()]
    )
    settled = first.again(first.look())
    resolved = settled.again(settled.look(), incidents=[incident(status="resolved")])
    assert writes(resolved) == {("update", "support_escalations", "7-1"): {"incident_status": "incident_resolved"}}
    edited = settled.again(
        settled.look(),
        escalations=[escalation(incident_status="incident_resolved", incident_url="https://acme.pagerduty.com/incidents/P1")],
    )
    assert writes(edited) == {("update", "support_escalations", "7-1"): {"incident_status": "incident_triggered"}}


def test_support_alone_says_how_severe_it_is() -> None:
    """A new priority of the ticket goes to the incident; one that a responder gives the incident is put back, and no ticket changes."""
    shown = {"incident_status": "incident_triggered", "incident_url": "https://acme.pagerduty.com/incidents/P1"}
    first = Desk([escalation(**shown)], [incident()])
    settled = first.again(first.look())
    lower = settled.again(settled.look(), escalations=[escalation(priority="low", **shown)])
    assert writes(lower) == {("update", "incidents", "P1"): {"severity": "3"}}
    responder = settled.again(settled.look(), incidents=[incident(severity="3")])
    assert writes(responder) == {("update", "incidents", "P1"): {"severity": "1"}}


def test_a_record_is_balanced_by_what_became_of_its_incident() -> None:
    """The write is named by the key, the record by its id."""
    engine = Desk([escalation()]).open()
    result = engine.run()
    sent = result.writes.select(["tenant_id", "target", "target_id"]).append_column("state", [["failed"]])
    found = {(r["object"], r["record_id"]): r["outcome"] for r in engine.outcomes(sent).to_pylist()}
    assert found == {("support_escalations", "7-1"): "failed"}


def test_only_named_escalations_are_planned_for() -> None:
    """A run for an event touches what the event named."""
    desk = Desk([escalation(7), escalation(8)], only=("8-1",))
    assert list(writes(desk)) == [("create", "incidents", "zendesk:acme:8:1")]


def test_people_are_told_once_of_an_incident_that_we_made() -> None:
    """The message is composed of both sides; the same link is the same news, and an incident that people made is none."""
    desk = Desk([escalation()], [incident()], made=[{"target_id": "zendesk:acme:7:1", "record_id": "P1"}])
    first, second = desk.look().news.to_pylist(), desk.look().news.to_pylist()
    assert first == second
    [row] = first
    assert row["text"].splitlines() == [
        "New incident, severity 1: #7 Printer on fire",
        "Customer: Acme Inc",
        "Incident: https://acme.pagerduty.com/incidents/P1",
        "Ticket: https://acme.zendesk.com/agent/tickets/7",
    ]
    assert desk.again(desk.look()).look().news.num_rows == 0
    assert Desk([escalation()], [incident()]).look().news.num_rows == 0


def test_people_are_told_when_an_incident_is_resolved() -> None:
    """Once for each time that it is; other changes are no news."""
    shown = {"incident_status": "incident_triggered", "incident_url": "https://acme.pagerduty.com/incidents/P1"}
    first = Desk([escalation(**shown)], [incident()])
    settled = first.again(first.look())
    taken = settled.again(settled.look(), incidents=[incident(status="acknowledged")])
    resolved = taken.again(taken.look(), incidents=[incident(status="resolved")])
    assert taken.look().news.num_rows == 0
    assert [r["text"].splitlines()[0] for r in resolved.look().news.to_pylist()] == ["Resolved: #7 Printer on fire"]
    later = resolved.again(resolved.look())
    assert later.look().news.select(["event_key"]) == resolved.look().news.select(["event_key"])


def _no_writes() -> pa.Table:
    return Desk().look().writes.select(["tenant_id", "target", "target_id"]).append_column("state", [[]])
