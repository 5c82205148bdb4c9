"""Tickets and incidents over real HTTP: sandbox, connectors, gate, store and packaged contract as in production."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration_pipelines.partner_models.seeds.support import SERVICE
from integration_pipelines.sandbox.world import World
from integration_pipelines.use_cases.approve import approve_nothing
from integration_pipelines.use_cases.outcome import RunOutcome, SyncMode, TenantReport
from integration_pipelines.use_cases.packs import install_pack
from integration_pipelines.use_cases.sync import sync
from integration_pipelines.wiring import packaged_packs
from integration_pipelines_tests.kit.shop import Json, Shop, open_shop

TENANT, NAME = "tenant-1", "support_incidents"
CHANNEL = "#support-escalations"


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Shop]:
    """A tenant with the pack, its first plan of nothing approved, and its ticket fields made."""
    world = World(tenants=1, customers=5, seed=3, now=time.time(), search_lag=0.0, rate_limits=False, tickets=12)
    with open_shop(tmp_path, world, integration=NAME) as shop:
        tenant = shop.tenants[TENANT]
        given = {"service": [SERVICE], "channel": [CHANNEL]}
        install_pack(tenant, packaged_packs()["support_escalation"], given, actor="tester", ports=shop.ports)
        assert run(shop).outcome is RunOutcome.IN_SYNC  # what was escalated before is left alone
        approve_nothing(tenant, shop.ports.contracts[NAME], actor="tester", ports=shop.ports)
        run(shop)
        time.sleep(1.1)  # the desk's times are whole seconds, and the next change is a later one
        yield shop


def run(shop: Shop) -> TenantReport:
    """One full run."""
    return shop.run().tenant(shop.tenants[TENANT])


def calm(shop: Shop) -> list[Json]:
    """Tickets that can be changed and are not escalated."""
    tickets = shop.state(TENANT, "zendesk")["tickets"]
    return [t for t in tickets if t["status"] == "open" and t["priority"] != "urgent" and "escalated" not in t["tags"]]


def incidents(shop: Shop, ticket: int) -> list[Json]:
    """The incidents that were made for a ticket."""
    held = shop.state(TENANT, "pagerduty")["incidents"]
    return [i for i in held if str(i["incident_key"]).split(":")[2:3] == [str(ticket)]]


def shown(shop: Shop, ticket: int) -> dict[str, str]:
    """What a ticket shows of its incident: title of the field → value."""
    state = shop.state(TENANT, "zendesk")
    titles = {f["id"]: f["title"] for f in state["ticket_fields"]}
    found = next(t for t in state["tickets"] if t["id"] == ticket)
    return {titles[f["id"]]: f["value"] for f in found["custom_fields"] if f["value"]}


def said(shop: Shop) -> list[str]:
    """What was said in the chat, first lines only."""
    return [m["text"].splitlines()[0] for m in shop.state(TENANT, "slack")["messages"]]


def test_a_ticket_from_its_escalation_to_the_end_of_its_incident(live: Shop) -> None:
    """One incident with severity, link and customer; its status on the ticket; two messages; and then nothing more is written."""
    ticket = calm(live)[0]["id"]
    live.edit(TENANT, "zendesk", "tickets", str(ticket), {"priority": "urgent"})
    report = run(live)
    assert (report.outcome, report.balanced, report.certified) == (RunOutcome.WRITTEN, True, True)
    run(live)
    [made] = incidents(live, ticket)
    assert (made["priority"]["summary"], made["urgency"], made["status"]) == ("P1", "high", "triggered")
    assert f"/agent/tickets/{ticket}" in made["body"]["details"]
    assert "Customer: " in made["body"]["details"]
    assert shown(live, ticket) == {"Incident status": "incident_triggered", "Incident URL": made["html_url"]}
    live.edit(TENANT, "pagerduty", "incidents", made["id"], {"status": "resolved"})
    run(live)
    assert shown(live, ticket)["Incident status"] == "incident_resolved"
    assert [line.partition(":")[0] for line in said(live)] == ["New incident, severity 1", "Resolved"]
    before = [
        len(live.effects(TENANT, p, o)) for p, o in (("zendesk", "tickets"), ("pagerduty", "incidents"), ("slack", "messages"))
    ]
    last = run(live)
    assert (last.outcome, last.certified) == (RunOutcome.IN_SYNC, True)
    assert before == [
        len(live.effects(TENANT, p, o)) for p, o in (("zendesk", "tickets"), ("pagerduty", "incidents"), ("slack", "messages"))
    ]


def test_a_second_escalation_is_a_second_incident_and_calming_down_is_none(live: Shop) -> None:
    """By tag and without a priority: severity 2, by the default of the value map."""
    first, second = calm(live)[:2]
    tagged = {"tags": [*first["tags"], "escalated"], "priority": None}
    live.edit(TENANT, "zendesk", "tickets", str(first["id"]), tagged)
    live.edit(TENANT, "zendesk", "tickets", str(second["id"]), {"priority": "urgent"})
    live.edit(TENANT, "zendesk", "tickets", str(second["id"]), {"priority": "low"})
    run(live)
    run(live)
    assert [i["priority"]["summary"] for i in incidents(live, first["id"])] == ["P2"]
    assert incidents(live, second["id"]) == []
    live.edit(TENANT, "zendesk", "tickets", str(first["id"]), {"tags": first["tags"]})
    run(live)
    assert len(incidents(live, first["id"])) == 1
    live.edit(TENANT, "zendesk", "tickets", str(first["id"]), tagged)
    run(live)
    run(live)
    one, two = incidents(live, first["id"])
    assert shown(live, first["id"])["Incident URL"] == two["html_url"] != one["html_url"]


def test_a_responder_s_priority_is_put_back_and_never_reaches_the_ticket(live: Shop) -> None:
    """Support owns the severity."""
    ticket = calm(live)[0]["id"]
    live.edit(TENANT, "zendesk", "tickets", str(ticket), {"priority": "urgent"})
    run(live)
    run(live)
    [made] = incidents(live, ticket)
    live.edit(TENANT, "pagerduty", "incidents", made["id"], {"priority": "P3"})
    run(live)
    [after] = incidents(live, ticket)
    held = next(t for t in live.state(TENANT, "zendesk")["tickets"] if t["id"] == ticket)
    assert (after["priority"]["summary"], held["priority"]) == ("P1", "urgent")


def heard(shop: Shop, name: str, *ids: str) -> TenantReport:
    """A run for events that named those records of an object."""
    tenant = shop.tenants[TENANT]
    report = sync(
        [tenant], shop.ports.contracts[NAME], ports=shop.ports, mode=SyncMode.APPLY, run_id=shop.ports.ids.new("run"), trigger="event",
        touched={tenant: {name: ids}},
    )  # fmt: skip
    return report.tenant(tenant)


@pytest.mark.fault("E01", "E02")
def test_events_make_one_incident_however_often_and_in_whatever_order_they_come(live: Shop) -> None:
    """They name the ticket or the incident, and what is there counts: one incident, one message, and the status on the ticket."""
    ticket = str(calm(live)[0]["id"])
    live.edit(TENANT, "zendesk", "tickets", ticket, {"priority": "urgent"})
    assert heard(live, "support_escalations", ticket).outcome is RunOutcome.WRITTEN
    for _ in range(2):
        heard(live, "support_escalations", ticket)
    [made] = incidents(live, int(ticket))
    live.edit(TENANT, "pagerduty", "incidents", made["id"], {"status": "acknowledged"})
    live.edit(TENANT, "pagerduty", "incidents", made["id"], {"status": "resolved"})
    heard(live, "incidents", made["id"])
    heard(live, "support_escalations", ticket)
    heard(live, "incidents", made["id"])
    assert len(incidents(live, int(ticket))) == 1
    assert shown(live, int(ticket)) == {"Incident status": "incident_resolved", "Incident URL": made["html_url"]}
    assert [line.partition(":")[0] for line in said(live)] == ["New incident, severity 1", "Resolved"]
    assert run(live).outcome is RunOutcome.IN_SYNC
