"""PagerDuty over HTTP: one incident for each key whatever goes wrong, severities as priorities, and reads that nothing slips through."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from integration_pipelines.core.contract import SourceObject
from integration_pipelines.errors import ConfigError, ErrorKind
from integration_pipelines.partner_models.base import FaultKind, Json
from integration_pipelines.partner_models.pagerduty.account import PagerDutyAccount, Plan
from integration_pipelines.partner_models.seconds import iso
from integration_pipelines.partners.pagerduty.client import authorization
from integration_pipelines.ports.partner import Applied, Connector, FieldWrite, RecordWrite, Refused, Unknown, WriteOutcome
from integration_pipelines_tests.contract.bench import TOKEN
from integration_pipelines_tests.contract.benches import Door, full, rows, served
from integration_pipelines_tests.contract.support_benches import PagerDutyBench
from integration_pipelines_tests.kit.stepping_in import SteppingIn
from integration_pipelines_tests.kit.support import incidents

NAME, KEY = "incidents", "zendesk:acme:7:1"
DAY = 86_400


@pytest.fixture(scope="module")
def door() -> Iterator[tuple[Door, str]]:
    """One server for all tests."""
    with served() as opened:
        yield opened


@pytest.fixture
def pager(door: tuple[Door, str]) -> PagerDutyBench:
    """A fresh account."""
    bench = door[0].open("pagerduty", door[1])
    assert isinstance(bench, PagerDutyBench)
    return bench


@pytest.fixture
def connector(pager: PagerDutyBench) -> Iterator[Connector]:
    """Its connector."""
    made = pager.connect()
    yield made
    made.close()


def make(connector: Connector, key: str = KEY, **values: str) -> WriteOutcome:
    """Make one incident under a key."""
    return make_as(connector, incidents(), key, **values)


def make_as(connector: Connector, spec: SourceObject, key: str = KEY, **values: str) -> WriteOutcome:
    """The same for a contract that says more."""
    said = {"incident_key": key, "title": "Cannot sign in", "severity": "1", "details": "Ticket: 7", **values}
    fields = tuple(FieldWrite(path, value) for path, value in said.items())
    return connector.upsert(NAME, spec, "incident_key", [RecordWrite("w1", "k1", key, fields)])[0]


def change(connector: Connector, record_id: str = "Q1", **values: str) -> WriteOutcome:
    """Change one incident."""
    fields = tuple(FieldWrite(path, value) for path, value in values.items())
    return connector.write(NAME, incidents(), [RecordWrite("w1", "k1", record_id, fields)])[0]


def resolve(pager: PagerDutyBench, numbers: Iterable[int]) -> None:
    """People end some of a crowd of incidents."""
    for number in numbers:
        pager.pager.edit("incidents", f"Q1{number:04d}", {"status": "resolved"})


def with_key(pager: PagerDutyBench, key: str = KEY) -> list[Json]:
    """The incidents that have or had a key."""
    return [one for one in pager.pager.state()["incidents"] if one["incident_key"] == key]


def test_an_incident_is_made_with_all_that_it_starts_with(pager: PagerDutyBench, connector: Connector) -> None:
    """On the contract's service, by a user's name, under the key; its id comes back, and it is found by the key."""
    outcome = make(connector)
    (held,) = with_key(pager)
    assert isinstance(outcome, Applied)
    assert outcome.record_id == held["id"]
    assert (held["title"], held["urgency"], held["priority"]["summary"]) == ("Cannot sign in", "high", "P1")
    assert (held["service"]["summary"], held["body"]["details"]) == ("Support escalations", "Ticket: 7")
    (found,) = connector.find(NAME, incidents(), "incident_key", [KEY, "nobody's"]).to_pylist()
    assert (found["record_id"], found["severity"], found["incident_key"]) == (held["id"], "1", KEY)


@pytest.mark.parametrize("status", ["triggered", "acknowledged", "resolved"])
def test_a_key_never_gets_a_second_incident(pager: PagerDutyBench, connector: Connector, status: str) -> None:
    """PagerDuty itself would open a resolved key again; here the one that had it is found, and stays as people left it."""
    first = make(connector)
    (held,) = with_key(pager)
    if status != "triggered":
        pager.pager.edit("incidents", held["id"], {"status": status})
    again = make(connector, title="Other words")
    assert isinstance(first, Applied)
    assert isinstance(again, Applied)
    assert again.record_id == first.record_id
    assert [(one["status"], one["title"]) for one in with_key(pager)] == [(status, "Cannot sign in")]


@pytest.mark.fault("H08", "H10", "H11", "H14")
@pytest.mark.parametrize("kind", [FaultKind.DROPPED_ANSWER, FaultKind.TRUNCATED])
def test_a_lost_answer_is_settled_by_the_key(pager: PagerDutyBench, connector: Connector, kind: FaultKind) -> None:
    """The incident was made: it is found and named, and nothing is sent twice."""
    pager.fault(kind, method="POST")
    outcome = make(connector)
    (held,) = with_key(pager)
    assert isinstance(outcome, Applied)
    assert outcome.record_id == held["id"]


@pytest.mark.fault("H06", "H09")
def test_a_request_that_lands_late_never_makes_two(pager: PagerDutyBench, connector: Connector) -> None:
    """Nobody can say whether it arrives: unknown. When it has, a repeat finds it."""
    pager.fault(FaultKind.LATE_WRITE, method="POST", seconds=0.3)
    assert isinstance(make(connector), Unknown)
    deadline = 200
    while not with_key(pager) and deadline:
        connector.fetch(NAME, incidents(), ["Q1"])
        deadline -= 1
    assert isinstance(make(connector), Applied)
    assert len(with_key(pager)) == 1


def test_somebody_who_is_quicker_with_the_same_key_wins(pager: PagerDutyBench) -> None:
    """Between our look and our request another process makes it: PagerDuty refuses ours, and that one is ours, too."""
    other = pager.connect()
    stepping = SteppingIn(lambda request: request.method == "POST", lambda: make(other))
    slow = pager.dial(replace(pager.line(), transport=stepping))
    outcome = make(slow)
    (held,) = with_key(pager)
    assert isinstance(outcome, Applied)
    assert (outcome.record_id, stepping.met) == (held["id"], 1)
    for connector in (other, slow):
        connector.close()


@pytest.mark.parametrize(
    ("severity", "priority", "urgency"), [("1", "P1", "high"), ("2", "P2", "high"), ("3", "P3", "low"), ("", None, "high")]
)
def test_severity_is_priority_and_urgency(connector: Connector, severity: str, priority: str | None, urgency: str) -> None:
    """Written as both, read by the priority's name; a blank takes the priority away and wakes nobody less."""
    assert isinstance(change(connector, severity=severity), Applied)
    (row,) = connector.fetch(NAME, incidents(), ["Q1"]).to_pylist()
    assert (row["severity"], row["priority_summary"] or None, row["urgency"]) == (severity, priority, urgency)


def test_priorities_of_other_names_are_the_contract_s(pager: PagerDutyBench, connector: Connector) -> None:
    """An account calls them its own way; those that the contract does not name keep their number or name."""
    for name in ("Sev A", "Sev B"):
        pager.pager.insert("priorities", {"name": name})
    spec = incidents(priorities=("Sev A", "Sev B", "Sev C"))
    pager.pager.edit("incidents", "Q2", {"priority": "Sev B"})
    pager.pager.edit("incidents", "Q3", {"priority": "P5"})
    told = {row["record_id"]: row["severity"] for row in connector.fetch(NAME, spec, ["Q1", "Q2", "Q3"]).to_pylist()}
    assert told == {"Q1": "1", "Q2": "2", "Q3": "5"}
    outcome = make_as(connector, spec, severity="3")
    assert isinstance(outcome, Refused)
    assert (outcome.kind, "Sev C" in outcome.text) == (ErrorKind.CONFIG, True)


def test_without_priorities_severity_is_not_compared(pager: PagerDutyBench) -> None:
    """An account that has not switched them on: the column is missing, and a new incident gets the urgency alone."""
    plain = PagerDutyAccount(tenant="acme", account="acme", token=TOKEN, now=pager.pager.now, plan=Plan(priorities=()))
    plain.insert("services", {"id": "PSUPPORT", "name": "Support escalations"})
    pager.account = plain
    connector = pager.connect()
    assert isinstance(make(connector, severity="3"), Applied)
    extraction = connector.extract(NAME, incidents(), None)
    assert [(row["severity"], row["urgency"]) for row in rows(extraction)] == [(None, "low")]
    assert set(extraction.summary.missing_columns) == {"severity", "priority_id", "priority_summary"}
    connector.close()


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ({"title": ""}, ErrorKind.INVALID),
        ({"incident_key": "another"}, ErrorKind.INVALID),
        ({"status": "resolved"}, ErrorKind.INVALID),
        ({"severity": "9"}, ErrorKind.CONFIG),
    ],
)
def test_an_incident_that_cannot_be_made_is_refused(
    pager: PagerDutyBench, connector: Connector, values: dict[str, str], kind: ErrorKind
) -> None:
    """Without a title, under two keys, with a status of its own, or with a severity that nothing stands for."""
    outcome = make(connector, **values)
    assert isinstance(outcome, Refused)
    assert (outcome.kind, with_key(pager)) == (kind, [])


def test_a_key_that_is_too_long_is_refused(connector: Connector) -> None:
    """Cut, it might be another escalation's."""
    assert isinstance(make(connector, "k" * 256), Refused)


@pytest.mark.parametrize(("names", "words"), [(("Nowhere",), "no service"), (("Twice",), "two services"), ((), "option service")])
def test_the_service_must_be_one(pager: PagerDutyBench, connector: Connector, names: tuple[str, ...], words: str) -> None:
    """A name that is nobody's or two services', or none at all: nothing is made anywhere."""
    for _ in range(2):
        pager.pager.insert("services", {"name": "Twice"})
    outcome = make_as(connector, incidents(service=names))
    assert isinstance(outcome, Refused)
    assert (outcome.kind, words in outcome.text, with_key(pager)) == (ErrorKind.CONFIG, True, [])


def test_a_service_is_found_among_hundreds(pager: PagerDutyBench, connector: Connector) -> None:
    """By its whole name, also where others contain it; and by its id."""
    for number in range(230):
        pager.pager.insert("services", {"name": f"Support escalations {number}"})
    pager.pager.insert("services", {"id": "PLAST", "name": "Last"})
    for wanted in ("Support escalations", "PLAST"):
        assert isinstance(make_as(connector, incidents(service=(wanted,)), f"key {wanted}"), Applied)


def test_a_resolved_incident_stays_as_it_is(pager: PagerDutyBench, connector: Connector) -> None:
    """The refusal says why."""
    pager.pager.edit("incidents", "Q1", {"status": "resolved"})
    outcome = change(connector, title="Too late")
    assert isinstance(outcome, Refused)
    assert (outcome.kind, "resolved already" in outcome.text) == (ErrorKind.INVALID, True)


def test_what_was_resolved_comes_with_the_next_incremental_read(pager: PagerDutyBench, connector: Connector) -> None:
    """And what was acknowledged; what nobody touched does not, nor what was resolved long ago."""
    _, mark = full(connector, pager)
    pager.later(DAY)
    pager.pager.edit("incidents", "Q1", {"status": "resolved"})
    pager.pager.edit("incidents", "Q2", {"status": "acknowledged"})
    pager.later(600)
    found = {row["record_id"]: row["status"] for row in rows(connector.extract(NAME, pager.spec, mark))}
    assert found == {"Q1": "resolved", "Q2": "acknowledged"}


@pytest.mark.fault("H20")
@pytest.mark.parametrize("of_one_second", [1, 250])
def test_years_and_crowds_of_incidents_are_read_whole(pager: PagerDutyBench, connector: Connector, of_one_second: int) -> None:
    """Beyond the longest range that can be asked for, and more at one moment than a page holds: each once."""
    start = datetime(2024, 1, 1, tzinfo=UTC).timestamp()
    for number in range(400):
        at = iso(start + number // of_one_second * of_one_second * DAY * 2)
        pager.pager.insert("incidents", {"id": f"Q1{number:04d}", "service_id": "PSUPPORT", "created_at": at, "updated_at": at})
    found = [row["record_id"] for row in full(connector, pager)[0]]
    assert sorted(found) == sorted(pager.held())


@pytest.mark.fault("H20")
def test_incidents_that_end_while_others_are_read_hide_none(pager: PagerDutyBench, connector: Connector) -> None:
    """What is open is resolved behind the first page: nothing that is still to come moves up and is passed over."""
    for number in range(250):
        at = iso(pager.at[0] - DAY + number)
        pager.pager.insert("incidents", {"id": f"Q1{number:04d}", "service_id": "PSUPPORT", "created_at": at, "updated_at": at})
    _, mark = full(connector, pager)
    for number in range(250):
        pager.pager.edit("incidents", f"Q1{number:04d}", {"title": "Changed"})
    stepping = SteppingIn(lambda request: "since" in request.url.params, lambda: resolve(pager, range(90)))
    reading = pager.dial(replace(pager.line(), transport=stepping))
    found = {row["record_id"] for row in rows(reading.extract(NAME, pager.spec, mark))}
    assert found >= {f"Q1{number:04d}" for number in range(250)}
    assert stepping.met > 1
    reading.close()


@pytest.mark.parametrize(
    ("token", "header"),
    [
        ("u+key", "Token token=u+key"),
        ("ops@acme.example/token:u+key", "Token token=u+key"),
        ("pdus+_0XB", "Bearer pdus+_0XB"),
        ("a.b.c", "Bearer a.b.c"),
    ],
)
def test_keys_and_tokens_are_shown_as_pagerduty_wants_them(token: str, header: str) -> None:
    """REST API keys in its own scheme, apps' access tokens as bearers; the address before a key is no part of it."""
    assert authorization(token) == header


def test_an_account_s_key_needs_to_know_who_acts(pager: PagerDutyBench) -> None:
    """Without an address the probe says so; with that of a user incidents are made in that name."""
    account = PagerDutyAccount(tenant="acme", account="acme", token=TOKEN, now=pager.pager.now, plan=Plan(personal=False))
    account.insert("services", {"id": "PSUPPORT", "name": "Support escalations"})
    pager.account = account
    nobody, somebody = pager.connect(), pager.connect(f"{account.email}/token:{TOKEN}")
    probe = nobody.probe()
    assert (probe.ok, "name@example.com/token:KEY" in probe.remedy) == (False, True)
    assert (somebody.probe().ok, type(make(somebody))) == (True, Applied)
    refused = make(nobody, "other")
    assert isinstance(refused, Refused)
    for connector in (nobody, somebody):
        connector.close()


def test_only_incidents_are_served_and_only_by_their_key(connector: Connector) -> None:
    """Anything else is a fault of the contract."""
    with pytest.raises(ConfigError, match="does not serve"):
        connector.fetch(NAME, incidents().model_copy(update={"partner_object": "services"}), [])
    with pytest.raises(ConfigError, match="incident_key"):
        connector.find(NAME, incidents(), "title", [])
