"""A tenant's desk, pager and chat, connected through the product: real HTTP, the vault, the shared quota, the connectors by their names."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration_pipelines.core.contract import PropertySpec
from integration_pipelines.errors import AuthError, ConfigError
from integration_pipelines.ports.messages import Message
from integration_pipelines.ports.partner import Applied, FieldWrite, RecordWrite
from integration_pipelines.sandbox.world import World
from integration_pipelines.use_cases.onboard import connect_tenant
from integration_pipelines_tests.contract.benches import rows
from integration_pipelines_tests.kit.shop import Shop, open_shop
from integration_pipelines_tests.kit.support import FIELDS, escalations, escalations_of, incidents

SUPPORT = ("pagerduty", "slack", "zendesk")


def field(title: str) -> PropertySpec:
    """A text field of the desk."""
    return PropertySpec(label=title, description=title, field_type="text", wire_type="text")


def write(record_id: str, values: dict[str, str]) -> RecordWrite:
    """One record's fields."""
    return RecordWrite("w", "k", record_id, tuple(FieldWrite(path, value) for path, value in values.items()))


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """One tenant with forty tickets, connected everywhere."""
    world = World(tenants=1, customers=6, seed=3, now=time.time(), search_lag=0.0, tickets=40)
    folder: Path = tmp_path_factory.mktemp("shop")
    with open_shop(folder, world) as opened:
        yield opened


def test_every_partner_is_connected_and_names_its_account(shop: Shop) -> None:
    """The accounts that the sandbox lists are those that the product stored."""
    connected = {(c.partner, c.account) for c in shop.ports.tenants.connections(shop.tenants["tenant-1"])}
    assert connected == {(a["partner"], a["account"]) for a in shop.accounts}
    assert {partner for partner, _ in connected} > set(SUPPORT)


def test_the_desk_is_read_whole_through_the_product_s_own_limits(shop: Shop) -> None:
    """The real quota and the desk's real limits: every escalation, without one refusal."""
    connector = shop.ports.connectors.open(shop.tenants["tenant-1"], "zendesk")
    found = [row["record_id"] for row in rows(connector.extract("e", escalations(), None))]
    assert sorted(found) == sorted(escalations_of(shop.state("tenant-1", "zendesk")))
    connector.close()


def test_an_escalation_becomes_an_incident_a_note_and_a_message(shop: Shop) -> None:
    """The three doors as the second integration uses them: made once, written back once, said once."""
    tenant_id, connectors = shop.tenants["tenant-1"], shop.ports.connectors
    desk, pager = connectors.open(tenant_id, "zendesk"), connectors.open(tenant_id, "pagerduty")
    chat = connectors.messenger(tenant_id, "slack")
    desk.ensure_properties("escalations", {f"fields.{name}": field(title) for name, title in FIELDS.items()})
    ours = next(
        e for e in escalations_of(shop.state("tenant-1", "zendesk")).values() if e["is_current"] and e["status"] == "open"
    )
    said = {"incident_key": ours["dedup_key"], "title": ours["headline"], "severity": "1", "details": ours["details"]}
    (made,) = pager.upsert("i", incidents(), "incident_key", [write(ours["dedup_key"], said)])
    assert isinstance(made, Applied)
    (incident,) = pager.fetch("i", incidents(), [made.record_id]).to_pylist()
    back = {
        "fields.incident_id": made.record_id,
        "fields.incident_url": incident["html_url"],
        "fields.incident_status": "triggered",
    }
    for _ in range(2):
        assert isinstance(desk.write("e", escalations(), [write(ours["id"], back)])[0], Applied)
    (row,) = desk.fetch("e", escalations(), [ours["id"]]).to_pylist()
    assert (row["fields_incident_id"], row["fields_incident_url"]) == (made.record_id, incident["html_url"])
    assert isinstance(chat.send(Message("m1", "support-escalations", f"Ticket {ours['ticket_id']} was escalated")), Applied)
    audits = [one for one in shop.state("tenant-1", "zendesk")["audits"] if one["ticket_id"] == ours["ticket_id"]]
    assert len([event for audit in audits for event in audit["events"] if event["type"] == "Comment"]) == 1
    assert [one["text"] for one in shop.state("tenant-1", "slack")["messages"]] == [f"Ticket {ours['ticket_id']} was escalated"]
    for door in (desk, pager, chat):
        door.close()


def test_a_chat_holds_no_records_and_a_desk_speaks_to_nobody(shop: Shop) -> None:
    """A contract that mixes them up is told so."""
    tenant_id = shop.tenants["tenant-1"]
    with pytest.raises(ConfigError):
        shop.ports.connectors.open(tenant_id, "slack")
    with pytest.raises(ConfigError):
        shop.ports.connectors.messenger(tenant_id, "zendesk")


@pytest.mark.parametrize("partner", SUPPORT)
def test_a_secret_that_opens_nothing_is_not_kept(shop: Shop, partner: str) -> None:
    """It is tried first, and refused with what to do."""
    account = next(a for a in shop.accounts if a["partner"] == partner)
    token = "xoxb-wrong" if partner == "slack" else "wrong"
    with pytest.raises(AuthError):
        connect_tenant(
            shop.tenants["tenant-1"], partner, token=token, base_url=account["base_url"], actor="tester", ports=shop.ports
        )
