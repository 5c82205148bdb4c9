"""The HubSpot connector against the modelled account over real HTTP: merges, laggards, crowds, and records that spoil a batch."""

import time
from collections.abc import Iterator
from typing import cast

import pytest

from integration_pipelines.errors import AuthError, ConfigError, ErrorKind
from integration_pipelines.partner_models.base import FaultKind
from integration_pipelines.ports.lake import Mode, Watermark
from integration_pipelines.ports.partner import Applied, Connector, FieldWrite, RecordWrite, Refused, Unknown, WriteOutcome
from integration_pipelines_tests.contract.bench import Row
from integration_pipelines_tests.contract.benches import Door, HubSpotBench, full, rows, send, served
from integration_pipelines_tests.kit.core import crm_billing

CREATED = {f.left.column: f.left.create for f in crm_billing().fields.values() if f.left.column and f.left.create}


@pytest.fixture(scope="module")
def door() -> Iterator[tuple[Door, str]]:
    """One server for all tests."""
    with served() as opened:
        yield opened


@pytest.fixture
def bench(door: tuple[Door, str]) -> HubSpotBench:
    """A fresh account."""
    opened, address = door
    return cast("HubSpotBench", opened.open("hubspot", address))


@pytest.fixture
def connector(bench: HubSpotBench) -> Iterator[Connector]:
    """Its connector."""
    made = bench.connect()
    yield made
    made.close()


def changed(connector: Connector, bench: HubSpotBench, mark: Watermark) -> tuple[dict[str, Row], Watermark]:
    """An incremental read: rows by id, and where the next one starts."""
    extraction = connector.extract("crm_accounts", bench.spec, mark)
    found = rows(extraction)
    assert extraction.mode is Mode.DELTA
    assert len(found) == len({row["record_id"] for row in found})
    return {row["record_id"]: row for row in found}, extraction.summary.watermark


def company(bench: HubSpotBench, record_id: str, updated: str = "2026-01-01T00:00:00Z", **properties: str) -> None:
    """Plant a company."""
    when = {"createdAt": "2024-01-01T00:00:00Z", "updatedAt": updated}
    bench.hubspot.insert("companies", {"id": record_id, "properties": properties, **when})


def test_a_merge_is_told_by_both_ways_of_reading(bench: HubSpotBench, connector: Connector) -> None:
    """A new id appears, both old ones go; fetched by an old id the survivor answers under it."""
    _, mark = full(connector, bench)
    bench.later(600)
    survivor = str(bench.hubspot.merge("companies", "101", "102")["id"])
    bench.later(600)
    found, _ = changed(connector, bench, mark)
    assert {name: row["deleted"] for name, row in found.items()} == {survivor: False, "101": True, "102": True}
    assert found[survivor]["merged_ids"] == "101;102"
    fetched = connector.fetch("crm_accounts", bench.spec, ["102", survivor]).to_pylist()
    assert [(row["record_id"], row["id"], row["deleted"]) for row in fetched] == [
        ("102", survivor, False),
        (survivor, survivor, False),
    ]


def test_a_chain_of_merges_leads_to_the_last_survivor(bench: HubSpotBench, connector: Connector) -> None:
    """All ids there ever were answer with it."""
    middle = str(bench.hubspot.merge("companies", "101", "102")["id"])
    last = str(bench.hubspot.merge("companies", middle, "103")["id"])
    fetched = connector.fetch("crm_accounts", bench.spec, ["101", "102", "103", middle]).to_pylist()
    assert {row["id"] for row in fetched} == {last}


def test_a_change_that_the_index_has_not_seen_is_found_later(bench: HubSpotBench, connector: Connector) -> None:
    """The index stands still while somebody edits; the next read after it has caught up brings the edit."""
    _, mark = full(connector, bench)
    bench.later(600)
    bench.hubspot.freeze_search(120)
    bench.hubspot.edit("companies", "101", {"name": "Unseen"})
    unseen, mark = changed(connector, bench, mark)
    assert "101" not in unseen
    bench.later(130)
    seen, _ = changed(connector, bench, mark)
    assert seen["101"]["name"] == "Unseen"


def test_old_values_in_the_index_do_not_come_back(bench: HubSpotBench, connector: Connector) -> None:
    """An index that lags shows the value before the last; what is read is the last."""
    _, mark = full(connector, bench)
    bench.later(600)
    bench.hubspot.edit("companies", "101", {"name": "First"})
    bench.later(60)
    bench.hubspot.freeze_search(120)
    bench.hubspot.edit("companies", "101", {"name": "Second"})
    found, _ = changed(connector, bench, mark)
    assert found["101"]["name"] == "Second"


def test_an_import_at_one_moment_is_read_to_its_end(bench: HubSpotBench, connector: Connector) -> None:
    """More companies than a search ever shows share one millisecond: none is lost and the walk ends."""
    _, mark = full(connector, bench)
    bench.later(600)
    for number in range(10_050):
        company(bench, str(200_000 + number), updated="2026-11-23T00:05:00.123Z", name=f"No {number}")
    company(bench, "500000", updated="2026-11-23T00:05:00.124Z", name="The one after")
    bench.later(60)
    found, _ = changed(connector, bench, mark)
    assert len(found) == 10_051
    assert found["500000"]["name"] == "The one after"


def test_an_archived_company_that_comes_back_is_alive_again(bench: HubSpotBench, connector: Connector) -> None:
    """Deleted in one read, present in the next."""
    _, mark = full(connector, bench)
    bench.later(600)
    bench.hubspot.edit("companies", "101", {"archived": True})
    bench.later(600)
    gone, mark = changed(connector, bench, mark)
    bench.hubspot.edit("companies", "101", {"archived": False})
    bench.later(600)
    back, _ = changed(connector, bench, mark)
    assert (gone["101"]["deleted"], back["101"]["deleted"], back["101"]["name"]) == (True, False, "No 1")


def test_a_property_that_an_admin_removed_is_missing_not_blank(bench: HubSpotBench, connector: Connector) -> None:
    """Null and named, so that nothing is blanked on the other side."""
    bench.hubspot.edit("properties", "customer_segment", {"archived": True})
    extraction = connector.extract("crm_accounts", bench.spec, None)
    assert {row["customer_segment"] for row in rows(extraction)} == {None}
    assert extraction.summary.missing_columns == ("customer_segment",)


def test_owners_come_with_those_who_left(bench: HubSpotBench, connector: Connector) -> None:
    """So that an owner id on a company can be explained."""
    found = rows(connector.extract("crm_owners", bench.objects["crm_owners"], None))
    assert [(row["record_id"], row["email"], row["archived"]) for row in found] == [
        ("7", "ann@crm.example", "false"),
        ("8", "gone@crm.example", "true"),
    ]


def test_one_bad_option_among_many_is_refused_alone(bench: HubSpotBench, connector: Connector) -> None:
    """HubSpot refuses the batch; ninety-nine go through, and what was applied is applied once."""
    for number in range(1000, 1100):
        company(bench, str(number))
    writes = [_write(str(n), billing_subscription_status="nonsense" if n == 1042 else "active") for n in range(1000, 1100)]
    outcomes = _sent(connector, bench, writes)
    refused = outcomes.pop("w_1042")
    assert isinstance(refused, Refused)
    assert "INVALID_OPTION, property billing_subscription_status" in refused.text
    assert "nonsense" not in refused.text
    assert {type(outcome) for outcome in outcomes.values()} == {Applied}
    assert len(bench.effects()) == 99


def test_a_value_that_must_be_unique_is_a_conflict_of_one_record(bench: HubSpotBench, connector: Connector) -> None:
    """The holder keeps it, the other is refused, the third is not touched by their quarrel."""
    bench.hubspot.insert("properties", {"name": "stripe_customer_id", "type": "string", "hasUniqueValue": True})
    company(bench, "900", stripe_customer_id="cus_9")
    writes = [_write("101", stripe_customer_id="cus_9"), _write("900", name="Holder"), _write("102", stripe_customer_id="cus_2")]
    outcomes = _sent(connector, bench, writes)
    assert isinstance(refused := outcomes["w_101"], Refused)
    assert refused.kind is ErrorKind.CONFLICT
    assert {type(outcomes[name]) for name in ("w_900", "w_102")} == {Applied}


def test_a_write_that_lands_late_is_unknown_and_not_sent_again(bench: HubSpotBench, connector: Connector) -> None:
    """A gateway's timeout says nothing about the write behind it."""
    bench.fault(FaultKind.LATE_WRITE, method="POST", path="/batch/update", seconds=0.05)
    assert isinstance(send(connector, bench, [("101", "EUR")])["101"], Unknown)
    deadline = time.monotonic() + 5
    while not bench.effects() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(bench.effects()) == 1


def test_writing_under_a_merged_id_reaches_the_survivor(bench: HubSpotBench, connector: Connector) -> None:
    """HubSpot redirects it, and the answer is recognised although its id is another."""
    survivor = str(bench.hubspot.merge("companies", "101", "102")["id"])
    assert isinstance(send(connector, bench, [("101", "EUR")])["101"], Applied)
    assert bench.held()[survivor]["properties"]["billing_mrr_currency"] == "EUR"


def test_the_contracts_properties_are_made_once(bench: HubSpotBench, connector: Connector) -> None:
    """In an account without them all are created as the contract says; a second time nothing happens."""
    for name in CREATED:
        bench.hubspot.edit("properties", name, {"archived": True})
        del bench.hubspot._books.schema.by_name[name]
    wanted = {f"properties.{name}": spec for name, spec in CREATED.items()}
    assert connector.ensure_properties("companies", wanted) == tuple(sorted(CREATED))
    made = {one["name"]: one for one in bench.account.state()["properties"]}
    assert made["billing_mrr"]["numberDisplayHint"] == "currency"
    assert made["stripe_customer_id"]["hasUniqueValue"] is True
    assert made["billing_renewal_date"]["groupName"] == "billing_sync"
    assert connector.ensure_properties("companies", wanted) == ()


def test_an_option_that_an_admin_removed_is_put_back(bench: HubSpotBench, connector: Connector) -> None:
    """Beside the options that are there; nothing counts as created."""
    name = "billing_subscription_status"
    bench.hubspot.edit("properties", name, {"options": [{"label": "Ours", "value": "ours"}, {"label": "On", "value": "active"}]})
    assert connector.ensure_properties("companies", {name: CREATED[name]}) == ()
    values = [option["value"] for option in bench.hubspot.get_property(name)["options"]]
    assert values[:2] == ["ours", "active"]
    assert set(values) == {"ours", *CREATED[name].options}


def test_a_property_of_another_type_stops_the_set_up(bench: HubSpotBench, connector: Connector) -> None:
    """With its name, both types and what to do."""
    bench.hubspot.insert("properties", {"name": "billing_mrr", "type": "string"})
    with pytest.raises(ConfigError, match="billing_mrr exists in HubSpot with the type string, but number is needed"):
        connector.ensure_properties("companies", {"billing_mrr": CREATED["billing_mrr"]})


def test_a_scope_that_was_taken_away_is_named(bench: HubSpotBench, connector: Connector) -> None:
    """By the probe and by whoever needs it."""
    bench.fault(FaultKind.SCOPE_REMOVED, times=-1, scope="crm.objects.owners.read")
    assert connector.probe().missing_scopes == ("crm.objects.owners.read",)
    with pytest.raises(AuthError, match=r"crm\.objects\.owners\.read"):
        rows(connector.extract("crm_owners", bench.objects["crm_owners"], None))


def _write(record_id: str, **values: str) -> RecordWrite:
    fields = tuple(FieldWrite(f"properties.{name}", value) for name, value in values.items())
    return RecordWrite(f"w_{record_id}", f"key:{record_id}", record_id, fields)


def _sent(connector: Connector, bench: HubSpotBench, writes: list[RecordWrite]) -> dict[str, WriteOutcome]:
    return {outcome.write_id: outcome for outcome in connector.write("crm_accounts", bench.spec, writes)}
