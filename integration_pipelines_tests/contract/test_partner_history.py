"""What the connectors tell of the past, against the modelled accounts over real HTTP: everything the partner knows, and its limits."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

import pytest

from integration_pipelines.core.history import Coverage, DayTold, canonical_changes
from integration_pipelines.core.sql import Sql
from integration_pipelines.core.writes import KEY_PREFIX
from integration_pipelines.errors import AuthError, IntegrationError, TransientError
from integration_pipelines.partner_models.base import FaultKind
from integration_pipelines.ports.history import HistoryRead
from integration_pipelines.ports.partner import Applied, Connector, FieldWrite, RecordWrite
from integration_pipelines_tests.contract.bench import Bench
from integration_pipelines_tests.contract.benches import Door, HubSpotBench, StripeBench, served
from integration_pipelines_tests.kit.core import connect

DAY = 86_400.0
Changes = list[tuple[str, str, str | None, str | None]]


@pytest.fixture(scope="module")
def door() -> Iterator[tuple[Door, str]]:
    """One server for all tests."""
    with served() as opened:
        yield opened


def opened(door: tuple[Door, str], partner: str) -> Iterator[tuple[Any, Connector]]:
    """A fresh account and its connector."""
    bench = door[0].open(partner, door[1])
    bench.later(DAY / 2)
    connector = bench.connect()
    yield bench, connector
    connector.close()


@pytest.fixture(params=["hubspot", "stripe"])
def either(request: pytest.FixtureRequest, door: tuple[Door, str]) -> Iterator[tuple[Bench, Connector]]:
    """Each partner."""
    yield from opened(door, request.param)


@pytest.fixture
def stripe(door: tuple[Door, str]) -> Iterator[tuple[StripeBench, Connector]]:
    """Stripe."""
    yield from opened(door, "stripe")


@pytest.fixture
def hubspot(door: tuple[Door, str]) -> Iterator[tuple[HubSpotBench, Connector]]:
    """HubSpot."""
    yield from opened(door, "hubspot")


def today(bench: Bench) -> date:
    """The day it is at the partner."""
    return datetime.fromtimestamp(bench.at[0], tz=UTC).date()


def read(bench: Bench, connector: Connector, back: int = 0, name: str = "", ids: tuple[str, ...] = ()) -> HistoryRead:
    """The history of the last days and today."""
    days = [today(bench) - timedelta(days=n) for n in range(back, -1, -1)]
    chosen = name or bench.words.main
    return connector.history(chosen, bench.objects[chosen], ids or sorted(bench.held()), days)


def changes(found: HistoryRead, record: str, *fields: str) -> Changes:
    """Changes of a record, oldest first: day, field, old, new."""
    rows = sorted(found.changes.to_pylist(), key=lambda r: (r["changed_at"], r["field"]))
    mine = [r for r in rows if r["record_id"] == record and (not fields or r["field"] in fields)]
    return [(r["changed_at"].date().isoformat(), r["field"], r["old_value"], r["new_value"]) for r in mine]


def test_edits_are_told_with_old_new_time_and_source(either: tuple[Bench, Connector]) -> None:
    """A person's edits of two days come as two changes of the contract's column, and where that was read."""
    bench, connector = either
    record, words = min(bench.held()), bench.words
    before = bench.held()[record]
    old = str(before.get("properties", before).get(words.edited))
    first = today(bench)
    bench.account.edit(words.held_as, record, {words.edited: "One"})
    bench.later(DAY)
    bench.account.edit(words.held_as, record, {words.edited: "Two"})
    bench.later(60)
    found = read(bench, connector, 1)
    assert changes(found, record, words.edited_column) == [
        (first.isoformat(), words.edited_column, old, "One"),
        (today(bench).isoformat(), words.edited_column, "One", "Two"),
    ]
    assert all(row["source"] and row["actor"] for row in found.changes.to_pylist())


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_edit_is_told_once_as_it_was(either: tuple[Bench, Connector], seed: int) -> None:
    """Against all that people and we did in two weeks, as the account itself noted it: nothing missing, nothing doubled, nothing else."""
    bench, connector = either
    rng, words = Random(seed), bench.words
    bench.account.effects.clear()
    for number in range(60):
        record = rng.choice(sorted(bench.held()))
        if rng.random() < 0.7:
            bench.account.edit(words.held_as, record, {words.edited: rng.choice(["", "A", "B", f"Name {number}"])})
        else:
            write = RecordWrite(
                f"w{number}", f"{KEY_PREFIX}:{number}", record, (FieldWrite(words.written, rng.choice(["EUR", "USD", ""])),)
            )
            assert isinstance(connector.write(words.main, bench.spec, [write])[0], Applied)
        bench.later(rng.uniform(1, DAY / 2))
    expected = sorted(noted(bench, words.edited, words.edited_column) + noted(bench, words.written, words.written_column))
    found = read(bench, connector, 20)
    rows = canonical_changes(Sql(connect()), bench.spec, found.changes).to_pylist()
    columns = {words.edited_column, words.written_column}
    assert (
        sorted((r["day"], r["record_id"], r["field"], r["old_value"], r["new_value"]) for r in rows if r["field"] in columns)
        == expected
    )
    assert len(expected) > 30


def noted(bench: Bench, path: str, column: str) -> list[tuple[str, str, str, str, str]]:
    """The changes of one field as the account's own notes have them: day, record, column, before, after."""
    name, found = path.removeprefix("properties."), []
    for effect in bench.account.effects:
        old, new = (str(values.get(name) or "") for values in (effect.before, effect.after))
        if old != new:
            day = datetime.fromtimestamp(effect.at, tz=UTC).date().isoformat()
            found.append((day, effect.id, column, old, new))
    return found


def test_nothing_but_declared_columns_is_told(either: tuple[Bench, Connector]) -> None:
    """A field that the contract does not read leaves no trace, neither name nor value."""
    bench, connector = either
    record = min(bench.held())
    unread = "phone" if bench.words.main == "billing_customers" else "about_us"
    bench.account.edit(bench.words.held_as, record, {unread: "canary"})
    found = read(bench, connector)
    assert "canary" not in str(found.changes.to_pylist())
    assert {row["field"] for row in found.changes.to_pylist()} <= {*bench.spec.columns, "*"}


def test_a_day_that_is_over_is_told_whole_and_today_in_part(either: tuple[Bench, Connector]) -> None:
    """Each day asked for has its coverage."""
    bench, connector = either
    found = read(bench, connector, 1)
    yesterday = today(bench) - timedelta(days=1)
    assert found.days == (
        DayTold(yesterday, Coverage.WHOLE),
        DayTold(today(bench), Coverage.PART, "the day is not over yet"),
    )


def test_a_new_record_is_told_with_what_it_began_with(either: tuple[Bench, Connector]) -> None:
    """One change says that it was made, and every filled column says from blank to what."""
    bench, connector = either
    if isinstance(bench, HubSpotBench):
        record = str(bench.hubspot.create_company({"properties": {"name": "New", "domain": "new.example"}})["id"])
    else:
        assert isinstance(bench, StripeBench)
        record = str(bench.kit.create("customers", name="New")["id"])
    told = changes(read(bench, connector, ids=(record,)), record, "*", "name")
    day = today(bench).isoformat()
    assert told == [(day, "*", None, "created"), (day, "name", "", "New")]


def test_our_own_writes_are_told_apart(either: tuple[Bench, Connector]) -> None:
    """A change that this product made has another actor than one a person made."""
    bench, connector = either
    record = min(bench.held())
    bench.account.edit(bench.words.held_as, record, {bench.words.edited: "By hand"})
    bench.later(60)
    write = RecordWrite("w1", f"{KEY_PREFIX}:w1", record, (FieldWrite(bench.words.written, "EUR"),))
    assert isinstance(connector.write(bench.words.main, bench.spec, [write])[0], Applied)
    rows = read(bench, connector).changes.to_pylist()
    actors = {row["field"]: row["actor"] for row in rows if row["record_id"] == record}
    assert actors[bench.words.written_column] != actors[bench.words.edited_column]


@pytest.mark.parametrize(
    ("kind", "times", "error"),
    [
        (FaultKind.NOT_JSON, -1, TransientError), (FaultKind.SERVER_ERROR, -1, TransientError), (FaultKind.TRUNCATED, -1, TransientError),
        (FaultKind.TOKEN_REVOKED, -1, AuthError), (FaultKind.RATE_LIMITED, 1, None), (FaultKind.SERVER_ERROR, 1, None),
    ],
)  # fmt: skip
def test_a_broken_answer_is_never_a_quiet_past(
    either: tuple[Bench, Connector], kind: FaultKind, times: int, error: type[IntegrationError] | None
) -> None:
    """What passes is asked again and comes whole; what stays is raised, never taken for days on which nothing changed."""
    bench, connector = either
    record = min(bench.held())
    bench.account.edit(bench.words.held_as, record, {bench.words.edited: "Changed"})
    place = "/v1/events" if isinstance(bench, StripeBench) else "/batch/read"
    bench.fault(kind, path=place, times=times)
    if error is not None:
        with pytest.raises(error) as caught:
            read(bench, connector)
        assert caught.value.remedy
        return
    assert changes(read(bench, connector), record, bench.words.edited_column)[0][3] == "Changed"


def test_stripe_tells_nothing_from_before_its_events(stripe: tuple[StripeBench, Connector]) -> None:
    """Thirty days back is told in part, what is older not at all; each with the reason."""
    bench, connector = stripe
    bench.account.edit("customers", "cus_1", {"name": "Forgotten"})
    bench.later(31 * DAY)
    found = read(bench, connector, 31)
    told = [day.coverage for day in found.days]
    assert told == [Coverage.NONE, Coverage.PART, *[Coverage.WHOLE] * 29, Coverage.PART]
    assert {found.days[0].reason, found.days[1].reason} == {"Stripe keeps events for 30 days"}
    assert changes(found, "cus_1") == []


def test_a_removed_metadata_key_was_there_and_is_blank(stripe: tuple[StripeBench, Connector]) -> None:
    """Stripe tells metadata by key; a key that was not there before was blank."""
    bench, connector = stripe
    bench.account.edit("customers", "cus_3", {"metadata": {"crm_segment": ""}})
    bench.later(60)
    bench.account.edit("customers", "cus_1", {"metadata": {"crm_segment": "SMB"}})
    found = read(bench, connector)
    day = today(bench).isoformat()
    assert changes(found, "cus_3", "crm_segment") == [(day, "crm_segment", "crm_segment 1", "")]
    assert changes(found, "cus_1", "crm_segment") == [(day, "crm_segment", "", "SMB")]


def test_the_end_of_a_subscription_is_told_without_a_guess(stripe: tuple[StripeBench, Connector]) -> None:
    """Its last event does not say what the status was before: old is missing, not blank."""
    bench, connector = stripe
    made = bench.kit.create("subscriptions", customer="cus_1", items=[{"price": "price_month"}])
    bench.later(60)
    bench.kit.write("subscriptions", "delete", made["id"])
    told = changes(read(bench, connector, name="billing_subscriptions"), made["id"], "*", "status")
    day = today(bench).isoformat()
    assert told == [
        (day, "*", None, "created"),
        (day, "status", "", "active"),
        (day, "*", None, "ended"),
        (day, "status", None, "canceled"),
    ]


def test_a_change_of_items_is_told_as_lists(stripe: tuple[StripeBench, Connector]) -> None:
    """Nested rows come as the JSON of their declared columns, before and after."""
    bench, connector = stripe
    made = bench.kit.create("subscriptions", customer="cus_1", items=[{"price": "price_month"}])
    bench.later(60)
    item = made["items"]["data"][0]["id"]
    bench.kit.update("subscriptions", made["id"], items=[{"id": item, "quantity": 7}])
    told = changes(read(bench, connector, name="billing_subscriptions"), made["id"], "items")
    old, new = told[-1][2:]
    assert old is not None
    assert new is not None
    assert ('"quantity":"1"' in old, '"quantity":"7"' in new, "metadata" in new) == (True, True, False)


def test_hubspot_keeps_twenty_versions(hubspot: tuple[HubSpotBench, Connector]) -> None:
    """Days that a property's oldest told version may hide are told in part; the first told value has no known predecessor."""
    bench, connector = hubspot
    for number in range(25):
        bench.account.edit("companies", "101", {"name": f"Name {number}"})
        bench.later(DAY / 12)
    found = read(bench, connector, 2, ids=("101",))
    named = changes(found, "101", "name")
    assert (len(named), named[0][2], named[0][3], named[1][2]) == (20, None, "Name 5", "Name 5")
    assert [day.coverage for day in found.days] == [Coverage.PART, Coverage.WHOLE, Coverage.PART]
    assert "HubSpot keeps 20 versions" in found.days[0].reason


def test_values_are_spelled_as_a_read_spells_them(hubspot: tuple[HubSpotBench, Connector]) -> None:
    """A time in milliseconds, a value that is no text, and text that is no proper Unicode: the newest version says what a fetch says."""
    bench, connector = hubspot
    odd = {
        "billing_synced_at": "1795435200000",
        "billing_mrr": 12.5,
        "name": "\ud800 Acme",
        "billing_renewal_date": "1795392000000",
    }
    bench.hubspot.insert("companies", {"id": "104", "properties": odd, "createdAt": f"{today(bench)}T09:00:00Z"})
    rows = read(bench, connector, ids=("104",)).changes.to_pylist()
    (fetched,) = connector.fetch("crm_accounts", bench.spec, ["104"]).to_pylist()
    assert {r["field"]: r["new_value"] for r in rows if r["field"] in odd} == {name: fetched[name] for name in odd}
    assert fetched["billing_synced_at"] == "2026-11-23T12:00:00Z"


def test_archived_companies_keep_their_history(hubspot: tuple[HubSpotBench, Connector]) -> None:
    """What happened to them before, and that they were archived."""
    bench, connector = hubspot
    bench.account.edit("companies", "101", {"name": "Last"})
    bench.later(60)
    bench.remove("101")
    day = today(bench).isoformat()
    assert changes(read(bench, connector, ids=("101",)), "101", "name", "*") == [
        (day, "name", "No 1", "Last"),
        (day, "*", None, "archived"),
    ]


def test_a_merge_limits_the_days_before_it(hubspot: tuple[HubSpotBench, Connector]) -> None:
    """One that was merged away answers as its survivor: until then its own past is not told, later days do not miss it."""
    bench, connector = hubspot
    bench.hubspot.merge_companies({"primaryObjectId": "101", "objectIdToMerge": "102"})
    bench.later(2 * DAY)
    found = read(bench, connector, 2, ids=("101", "102", "103"))
    assert [day.coverage for day in found.days] == [Coverage.PART, Coverage.WHOLE, Coverage.PART]
    assert "2 known records were merged into others" in found.days[0].reason


def test_a_company_deleted_for_good_limits_every_day(hubspot: tuple[HubSpotBench, Connector]) -> None:
    """Nobody can say on which days it changed."""
    bench, connector = hubspot
    found = read(bench, connector, 1, ids=("101", "999"))
    assert found.days[0] == DayTold(found.days[0].day, Coverage.PART, "1 known records were deleted for good")


def test_properties_that_do_not_exist_are_counted(hubspot: tuple[HubSpotBench, Connector]) -> None:
    """A declared property that somebody archived took its past along."""
    bench, connector = hubspot
    bench.account.edit("properties", "customer_segment", {"archived": True})
    found = read(bench, connector, 1)
    assert found.days[0].reason == "1 declared properties do not exist at the account"


def test_more_companies_than_one_request_takes(hubspot: tuple[HubSpotBench, Connector]) -> None:
    """HubSpot gives at most 50 with history; all are asked for, each once."""
    bench, connector = hubspot
    ids = tuple(str(bench.hubspot.create_company({"properties": {"name": f"N{n}"}})["id"]) for n in range(120))
    found = read(bench, connector, ids=ids)
    made = [row["record_id"] for row in found.changes.to_pylist() if row["field"] == "*"]
    assert sorted(made) == sorted(ids)
    assert connector.calls == 1 + 3


def test_owners_have_no_history(hubspot: tuple[HubSpotBench, Connector]) -> None:
    """Coverage none, with the reason."""
    bench, connector = hubspot
    found = read(bench, connector, name="crm_owners", ids=("7",))
    assert (found.days[0].coverage, found.days[0].reason) == (Coverage.NONE, "hubspot keeps no history of owners")
    assert found.changes.num_rows == 0
