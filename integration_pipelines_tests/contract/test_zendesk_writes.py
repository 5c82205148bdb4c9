"""Writing to a ticket over HTTP: custom fields and tags as safe updates, the note once, and nothing that was not seen replaced."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from integration_pipelines.core.contract import PropertySpec
from integration_pipelines.errors import ConfigError, ErrorKind
from integration_pipelines.partner_models.base import FaultKind, Json
from integration_pipelines.ports.partner import Applied, Connector, FieldWrite, RecordWrite, Refused, Unknown, WriteOutcome
from integration_pipelines_tests.contract.benches import Door, served
from integration_pipelines_tests.contract.support_benches import ZendeskBench
from integration_pipelines_tests.kit.stepping_in import SteppingIn
from integration_pipelines_tests.kit.support import escalations

URL = "https://acme.pagerduty.com/incidents/Q1"
WANTED = PropertySpec(label="Incident URL", description="Where the incident is.", field_type="text", wire_type="text")


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


def write(connector: Connector, record_id: str = "101-1", **values: str) -> WriteOutcome:
    """Write fields (`fields_x`, `tagged_x`) of one escalation."""
    fields = tuple(FieldWrite(name.replace("_", ".", 1), value) for name, value in values.items())
    return connector.write("escalations", escalations(), [RecordWrite("w1", "k1", record_id, fields)])[0]


def held(desk: ZendeskBench, number: int = 101) -> Json:
    """A ticket as the desk holds it, its custom fields by number."""
    found = next(one for one in desk.desk.state()["tickets"] if one["id"] == number)
    return {**found, "custom_fields": {one["id"]: one["value"] for one in found["custom_fields"]}}


def somebody_saves(desk: ZendeskBench) -> None:
    """A person changes the subject, some seconds later than everything before."""
    desk.later(2)
    desk.desk.edit("tickets", "101", {"subject": f"Edited at {desk.at[0]}"})


def notes(desk: ZendeskBench, number: int = 101) -> list[Json]:
    """The comments on a ticket, oldest first."""
    audits = [one for one in desk.desk.state()["audits"] if one["ticket_id"] == number]
    return [event for audit in audits for event in audit["events"] if event["type"] == "Comment"]


def test_fields_and_tags_go_in_one_update(desk: ZendeskBench, connector: Connector) -> None:
    """Other tags of the ticket stay; a tag with our prefix is replaced, and taken away by a blank."""
    assert isinstance(write(connector, "103-1", fields_incident_status="triggered", tagged_incident="triggered"), Applied)
    assert (held(desk, 103)["custom_fields"][3], held(desk, 103)["tags"]) == ("triggered", ["incident_triggered"])
    desk.later(5)
    desk.desk.edit("tickets", "103", {"tags": ["incident_triggered", "web"]})
    assert isinstance(write(connector, "103-1", tagged_incident=""), Applied)
    assert held(desk, 103)["tags"] == ["web"]
    assert len(desk.effects()) == 2


def test_the_link_is_noted_once(desk: ZendeskBench, connector: Connector) -> None:
    """An internal note comes with the update that sets the link; what does not change the link adds none."""
    for _ in range(2):
        assert isinstance(write(connector, fields_incident_url=URL, fields_incident_status="triggered"), Applied)
    assert isinstance(write(connector, fields_incident_status="resolved"), Applied)
    assert [(note["body"], note["public"]) for note in notes(desk)] == [(f"Incident url: {URL}", False)]


@pytest.mark.fault("H23")
def test_an_edit_of_the_very_field_after_we_looked_is_never_replaced(desk: ZendeskBench, connector: Connector) -> None:
    """The desk refuses the update (409), the ticket is read again, says something else there, and stays as the person left it."""
    connector.fetch("escalations", escalations(), ["101-1"])
    desk.later(5)
    desk.desk.edit("tickets", "101", {"custom_fields.3": "set by hand"})
    outcome = write(connector, fields_incident_status="resolved")
    assert isinstance(outcome, Refused)
    assert outcome.kind is ErrorKind.CONFLICT
    assert held(desk)["custom_fields"][3] == "set by hand"


@pytest.mark.fault("H23")
def test_an_edit_of_something_else_is_kept_and_the_write_goes_on(desk: ZendeskBench, connector: Connector) -> None:
    """Read again, with the new stamp: both changes stand."""
    connector.fetch("escalations", escalations(), ["101-1"])
    desk.later(5)
    desk.desk.edit("tickets", "101", {"subject": "Other words", "status": "pending"})
    assert isinstance(write(connector, fields_incident_status="triggered"), Applied)
    assert (held(desk)["subject"], held(desk)["custom_fields"][3]) == ("Other words", "triggered")


@pytest.mark.fault("H23")
def test_a_ticket_that_never_comes_to_rest_is_given_up(desk: ZendeskBench) -> None:
    """Somebody saves between every look and every update: three tries, then a conflict for the next plan; nothing is forced."""
    restless = SteppingIn(lambda request: request.method == "PUT", lambda: somebody_saves(desk), times=99)
    connector = desk.dial(replace(desk.line(), transport=restless))
    outcome = write(connector, fields_incident_status="triggered")
    assert isinstance(outcome, Refused)
    assert (outcome.kind, restless.met) == (ErrorKind.CONFLICT, 3)
    assert held(desk)["custom_fields"][3] is None
    connector.close()


def test_the_newer_escalation_has_the_fields(desk: ZendeskBench, connector: Connector) -> None:
    """A write that was planned for an earlier escalation of the ticket is refused, and so is one for an escalation that never was."""
    desk.desk.edit("tickets", "103", {"priority": "urgent"})
    earlier, never = write(connector, "103-1", fields_incident_status="x"), write(connector, "103-3", fields_incident_status="x")
    assert isinstance(earlier, Refused)
    assert isinstance(never, Refused)
    assert (earlier.kind, never.kind) == (ErrorKind.CONFLICT, ErrorKind.INVALID)
    assert desk.effects() == []


@pytest.mark.parametrize(
    ("record_id", "values"),
    [
        ("101-1", {"subject": "x"}),
        ("101-1", {"fields_unheard_of": "x"}),
        ("101-1", {"tagged_incident": "Not A Tag"}),
        ("101-1", {}),
        ("101", {"fields_incident_status": "x"}),
        ("999-1", {"fields_incident_status": "x"}),
    ],
)
def test_what_cannot_be_written_is_refused_alone(
    desk: ZendeskBench, connector: Connector, record_id: str, values: dict[str, str]
) -> None:
    """Fields of the ticket, fields that are not there, what is no tag, nothing at all, and records that are not there."""
    outcome = write(connector, record_id, **values)
    assert isinstance(outcome, Refused)
    assert outcome.kind is ErrorKind.INVALID
    assert desk.effects() == []


def test_a_closed_ticket_is_refused_with_the_reason(desk: ZendeskBench, connector: Connector) -> None:
    """Nobody can change it any more; what was sent is not repeated in the reason."""
    desk.desk.edit("tickets", "101", {"status": "closed"})
    outcome = write(connector, fields_incident_status="never to be seen")
    assert isinstance(outcome, Refused)
    assert "RecordInvalid in status" in outcome.text
    assert "never to be seen" not in outcome.text


@pytest.mark.fault("H08", "H10")
@pytest.mark.parametrize("kind", [FaultKind.DROPPED_ANSWER, FaultKind.TRUNCATED, FaultKind.NOT_JSON])
def test_a_lost_answer_is_settled_by_reading_and_notes_nothing_twice(
    desk: ZendeskBench, connector: Connector, kind: FaultKind
) -> None:
    """The update was carried out: the ticket shows it, so it is applied, with one note."""
    desk.fault(kind, method="PUT")
    outcome = write(connector, fields_incident_url=URL)
    if kind is FaultKind.NOT_JSON:  # not carried out, and nobody can know that yet
        assert isinstance(outcome, Unknown)
        assert isinstance(write(connector, fields_incident_url=URL), Applied)
    else:
        assert isinstance(outcome, Applied)
    assert len(notes(desk)) == 1


def test_missing_fields_are_made_and_found_by_their_titles(desk: ZendeskBench, connector: Connector) -> None:
    """Once; a second set-up makes nothing, and a write finds the field."""
    wanted = {"fields.incident_owner": WANTED.model_copy(update={"label": "Incident owner"}), "fields.sev": WANTED}
    assert connector.ensure_properties("escalations", wanted) == ("incident_owner", "sev")
    assert connector.ensure_properties("escalations", wanted) == ()
    assert connector.ensure_properties("escalations", {name.removeprefix("fields."): spec for name, spec in wanted.items()}) == ()
    assert connector.ensure_properties("escalations", {"on_call": WANTED}) == ("on_call",)
    assert {one["title"] for one in desk.desk.state()["ticket_fields"] if one["removable"]} >= {"Incident owner", "Sev"}
    assert isinstance(write(connector, fields_incident_owner="Ann", fields_sev="1"), Applied)


def test_options_that_a_drop_down_lacks_are_added(desk: ZendeskBench, connector: Connector) -> None:
    """Those that people made stay."""
    options = [{"name": "By hand", "value": "by_hand"}]
    desk.desk.insert("ticket_fields", {"id": 60, "title": "Sev", "type": "tagger", "custom_field_options": options})
    spec = WANTED.model_copy(update={"wire_type": "tagger", "options": ("one", "two")})
    assert connector.ensure_properties("escalations", {"fields.sev": spec}) == ()
    (field,) = [one for one in desk.desk.state()["ticket_fields"] if one["id"] == 60]
    assert [one["value"] for one in field["custom_field_options"]] == ["by_hand", "one", "two"]


@pytest.mark.parametrize(
    ("planted", "complaint"),
    [({"title": "Incident URL"}, "two active ticket fields"), ({"title": "Sev", "type": "integer"}, "with the type integer")],
)
def test_a_field_that_cannot_be_ours_stops_the_set_up(
    desk: ZendeskBench, connector: Connector, planted: dict[str, str], complaint: str
) -> None:
    """Two of one title, or one of another type: a person decides, and nothing is made."""
    desk.desk.insert("ticket_fields", {"id": 60, **planted})
    with pytest.raises(ConfigError, match=complaint):
        connector.ensure_properties("escalations", {"fields.incident_url": WANTED, "fields.sev": WANTED})
    assert desk.effects() == []
