"""Companies made, found and archived through the connector against the modelled account over real HTTP."""

from collections.abc import Iterator
from typing import cast

import pytest

from integration_pipelines.errors import ConfigError, ErrorKind
from integration_pipelines.ports.partner import Applied, Connector, FieldWrite, RecordWrite, Refused, WriteOutcome
from integration_pipelines_tests.contract.benches import Door, HubSpotBench, served
from integration_pipelines_tests.kit.core import crm_billing

UNIQUE = "properties.stripe_customer_id"


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


def making(customer: str, **values: str) -> RecordWrite:
    """A company for a customer."""
    fields = {"stripe_customer_id": customer, **values}
    return RecordWrite(
        f"write_{customer}", f"key_{customer}", customer, tuple(FieldWrite(f"properties.{n}", v) for n, v in fields.items())
    )


def make(connector: Connector, bench: HubSpotBench, *writes: RecordWrite) -> dict[str, WriteOutcome]:
    """Outcomes by customer."""
    outcomes = connector.upsert("crm_accounts", bench.spec, UNIQUE, writes)
    return {o.write_id.removeprefix("write_"): o for o in outcomes}


def test_a_record_is_made_once_however_often_it_is_sent(bench: HubSpotBench, connector: Connector) -> None:
    """The answer names its id; the same value again is the same company, and a read by the value finds it."""
    first = make(connector, bench, making("cus_one", name="One"))["cus_one"]
    again = make(connector, bench, making("cus_one", name="One"))["cus_one"]
    assert isinstance(first, Applied)
    assert isinstance(again, Applied)
    assert first.record_id == again.record_id != ""
    found = connector.find("crm_accounts", bench.spec, UNIQUE, ["cus_one", "cus_none"]).to_pylist()
    assert [(r["record_id"], r["stripe_customer_id"], r["name"]) for r in found] == [(first.record_id, "cus_one", "One")]


@pytest.mark.fault("H13")
def test_a_bad_record_does_not_keep_the_others_from_being_made(bench: HubSpotBench, connector: Connector) -> None:
    """Each record has an outcome of its own, with the id of its company or the reason of its refusal."""
    good = [making(f"cus_{n}", name=f"Company {n}") for n in range(9)]
    bad = making("cus_bad", billing_mrr="no number")
    outcomes = make(connector, bench, *good[:4], bad, *good[4:])
    ids = {o.record_id for o in outcomes.values() if isinstance(o, Applied)}
    assert (len(ids), "" in ids) == (9, False)
    refused = outcomes["cus_bad"]
    assert isinstance(refused, Refused)
    assert (refused.kind, "no number" in refused.text) == (ErrorKind.INVALID, False)
    made = connector.find("crm_accounts", bench.spec, UNIQUE, [w.record_id for w in (*good, bad)])
    assert made.num_rows == 9


def test_an_archived_record_is_found_no_more_and_archiving_again_is_no_fault(bench: HubSpotBench, connector: Connector) -> None:
    """Who is not there is passed over, and nobody else is touched."""
    outcomes = make(connector, bench, making("cus_one", name="One"), making("cus_2", name="Two"))
    one = outcomes["cus_one"]
    assert isinstance(one, Applied)
    gone = RecordWrite("write_1", "key_1", one.record_id, ())
    for _ in range(2):
        assert [type(o) for o in connector.archive("crm_accounts", bench.spec, [gone])] == [Applied]
    left = connector.find("crm_accounts", bench.spec, UNIQUE, ["cus_one", "cus_2"]).to_pylist()
    assert [r["stripe_customer_id"] for r in left] == ["cus_2"]


def test_billing_never_creates_nor_deletes(door: tuple[Door, str]) -> None:
    """No door of the billing connector makes or removes a customer."""
    opened, address = door
    stripe = opened.open("stripe", address).connect()
    spec = crm_billing().objects["billing_customers"]
    for act in (
        lambda: stripe.upsert("billing_customers", spec, "metadata.key", [making("cus_one")]),
        lambda: stripe.find("billing_customers", spec, "metadata.key", ["cus_one"]),
        lambda: stripe.archive("billing_customers", spec, [making("cus_one")]),
    ):
        with pytest.raises(ConfigError):
            act()
    stripe.close()
