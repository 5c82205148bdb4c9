"""When a ticket counts as escalated, and which escalation a record is: over HTTP, told by the desk's audits and by nothing else."""

from collections.abc import Iterator

import pytest

from integration_pipelines.core.contract import SourceObject
from integration_pipelines.errors import ConfigError
from integration_pipelines.partner_models.base import Json
from integration_pipelines.ports.partner import Connector
from integration_pipelines_tests.contract.bench import Row
from integration_pipelines_tests.contract.benches import Door, rows, served
from integration_pipelines_tests.contract.support_benches import OLD, ZendeskBench
from integration_pipelines_tests.kit.support import escalations

NAME = "escalations"


@pytest.fixture(scope="module")
def door() -> Iterator[tuple[Door, str]]:
    """One server for all tests."""
    with served() as opened:
        yield opened


@pytest.fixture
def desk(door: tuple[Door, str]) -> ZendeskBench:
    """A fresh desk."""
    bench = door[0].open("zendesk", door[1])
    assert isinstance(bench, ZendeskBench)
    return bench


@pytest.fixture
def connector(desk: ZendeskBench) -> Iterator[Connector]:
    """Its connector."""
    made = desk.connect()
    yield made
    made.close()


def read(connector: Connector, ids: list[str], spec: SourceObject | None = None) -> list[Row]:
    """Those escalations as they are now."""
    found: list[Row] = connector.fetch(NAME, spec or escalations(), ids).to_pylist()
    return found


def ticket(desk: ZendeskBench, *audits: Json, **fields: int | str) -> None:
    """Ticket 300 with a past of its own."""
    told = [{"at": f"2026-02-{day:02d}T00:00:00Z", "changes": changes} for day, changes in enumerate(audits, 1)]
    desk.desk.insert(
        "tickets", {"id": 300, "subject": "Three hundred", "created_at": OLD, "updated_at": OLD, "audits": told, **fields}
    )


def began(connector: Connector, spec: SourceObject | None = None) -> list[str]:
    """When the escalations of ticket 300 began, as far as there are any."""
    ids = connector.named(NAME, spec or escalations(), ["300"])
    return [row["escalated_at"][5:10] for row in read(connector, ids, spec) if not row["deleted"]]


@pytest.mark.parametrize(
    ("audits", "days"),
    [
        ([{"priority": [None, "urgent"]}], ["02-01"]),
        ([{"priority": [None, "low"]}, {"priority": ["low", "urgent"]}], ["02-02"]),
        ([{"priority": [None, "urgent"]}, {"tags": [[], ["escalated"]]}], ["02-01"]),
        ([{"priority": [None, "urgent"]}, {"priority": ["urgent", "low"]}, {"tags": [[], ["escalated"]]}], ["02-01", "02-03"]),
        ([{"priority": [None, "urgent"]}, {"priority": ["urgent", "low"], "group_id": [None, "5"]}], ["02-01"]),
        ([{"group_id": [None, "5"]}, {"group_id": ["5", "20"]}, {"group_id": ["20", "5"]}], ["02-01", "02-03"]),
        ([{"tags": [[], ["escalated"]]}, {"tags": [["escalated"], []]}, {"tags": [[], ["Escalated"]]}], ["02-01"]),
        ([{"status": ["open", "solved"]}], []),
    ],
)
def test_an_escalation_begins_when_the_ticket_becomes_escalated(
    desk: ZendeskBench, connector: Connector, audits: list[Json], days: list[str]
) -> None:
    """By priority, tag or group; while it is escalated for one reason another one adds nothing; what an audit changes counts at once."""
    ticket(desk, *audits)
    assert began(connector) == days


@pytest.mark.parametrize(
    ("option", "count"),
    [
        ({"escalated_priorities": ("urgent", "high")}, 1),
        ({"escalated_priorities": ("urgent",)}, 2),
        ({"escalated_tags": ("vip",)}, 1),
        ({"escalated_groups": ("5",)}, 1),
        ({"escalated_groups": ("Tier 1", "Nobody")}, 0),
    ],
)
def test_the_contract_says_what_counts(
    desk: ZendeskBench, connector: Connector, option: dict[str, tuple[str, ...]], count: int
) -> None:
    """Which priorities, tags and groups, the latter by name or number; a group that does not exist stands for nothing."""
    born = {"priority": [None, "urgent"], "tags": [[], ["vip"]], "group_id": [None, "5"]}
    ticket(desk, born, {"priority": ["urgent", "high"]}, {"priority": ["high", "urgent"]})
    none: dict[str, tuple[str, ...]] = dict.fromkeys(("escalated_priorities", "escalated_tags", "escalated_groups"), ())
    assert len(began(connector, escalations(**none | option))) == count


def test_without_a_rule_nothing_is_read(connector: Connector) -> None:
    """A contract that does not say what escalated means is refused with what to add."""
    none: dict[str, tuple[str, ...]] = dict.fromkeys(("escalated_priorities", "escalated_tags", "escalated_groups"), ())
    with pytest.raises(ConfigError, match="escalated_priorities"):
        connector.fetch(NAME, escalations(**none), ["101-1"])


def test_a_ticket_that_is_escalated_again_is_another_record(desk: ZendeskBench, connector: Connector) -> None:
    """It has its own id and key; the older one is no longer current and says nothing of the ticket's incident fields."""
    desk.desk.edit("tickets", "103", {"priority": "urgent"})
    first, second = read(connector, connector.named(NAME, escalations(), ["103"]))
    assert [(r["record_id"], r["is_current"], r["is_escalated"], r["dedup_key"]) for r in (first, second)] == [
        ("103-1", "false", "false", "zendesk:acme:103:1"),
        ("103-2", "true", "true", "zendesk:acme:103:2"),
    ]
    assert (first["fields_incident_url"], second["fields_incident_url"]) == (None, "incident_url")


def test_reading_again_gives_the_same_ids_whenever_we_looked(desk: ZendeskBench, connector: Connector) -> None:
    """Looking after every step finds what looking once at the end finds: the audits decide, not our visits."""
    seen: list[str] = []
    for priority in ("low", "urgent", "low", "urgent", "high", "urgent"):
        desk.desk.edit("tickets", "104", {"priority": priority})
        desk.later(60)
        seen = connector.named(NAME, escalations(), ["104"])
    late = desk.connect()
    assert seen == late.named(NAME, escalations(), ["104"]) == ["104-1", "104-2", "104-3"]
    late.close()


def test_a_ticket_whose_audits_do_not_tell_counts_from_its_birth(desk: ZendeskBench, connector: Connector) -> None:
    """It was imported as it is: escalated once, since it was made."""
    ticket(desk, {"subject": ["", "Three hundred"]}, priority="urgent")
    assert began(connector) == [OLD[5:10]]


def test_an_event_names_a_ticket_and_means_its_escalations(desk: ZendeskBench, connector: Connector) -> None:
    """Ids of escalations pass; a ticket that never was escalated means none, one that is gone its first."""
    desk.remove("102-1")
    assert connector.named(NAME, escalations(), ["101-1", "101", "102", "103", "104", "x"]) == ["101-1", "103-1", "102-1"]


def test_hundreds_of_tickets_and_audits_are_read_page_by_page(desk: ZendeskBench, connector: Connector) -> None:
    """More tickets than one request names and more audits than one page holds: every escalation is there once."""
    for number in range(1000, 1120):
        desk.desk.insert("tickets", {"id": number, "subject": "x", "priority": "urgent", "created_at": OLD, "updated_at": OLD})
    for _ in range(130):
        for priority in ("low", "urgent"):
            desk.desk.edit("tickets", "1000", {"priority": priority})
    desk.later(600)
    found = [row["record_id"] for row in rows(connector.extract(NAME, escalations(), None))]
    many = [f"{number}-1" for number in range(1000, 1120)]
    assert sorted(found) == sorted({"101-1", "102-1", "103-1", *many, *(f"1000-{seq}" for seq in range(1, 132))})
    assert [row["record_id"] for row in read(connector, many) if row["deleted"]] == []


def test_fields_that_the_desk_does_not_have_are_named(desk: ZendeskBench, connector: Connector) -> None:
    """What rests on them is not compared; blank would look like a value."""
    desk.desk.edit("ticket_fields", "2", {"active": False})
    extraction = connector.extract(NAME, escalations(), None)
    assert {row["fields_incident_url"] for row in rows(extraction)} == {None}
    assert extraction.summary.missing_columns == ("fields_incident_url",)


def test_two_fields_of_one_title_mean_none(desk: ZendeskBench, connector: Connector) -> None:
    """Titles are not unique at Zendesk; nobody's field is read or written by mistake."""
    desk.desk.insert("ticket_fields", {"id": 50, "title": "incident  url"})
    extraction = connector.extract(NAME, escalations(), None)
    rows(extraction)
    assert extraction.summary.missing_columns == ("fields_incident_url",)


def test_names_that_did_not_come_along_are_missing_not_blank(desk: ZendeskBench, connector: Connector) -> None:
    """A requester whom nobody knows any more does not make the customer blank."""
    ticket(desk, {"priority": [None, "urgent"]}, requester_id=4711)
    (row,) = read(connector, ["300-1"])
    assert (row["customer"], row["requester_name"], row["organization_name"]) == (None, None, "")
