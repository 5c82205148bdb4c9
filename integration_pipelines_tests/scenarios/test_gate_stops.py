"""What stops a tenant as a whole, before anything is written: vanished records, a changed schema, a verdict about something else."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from integration_pipelines.core.contract import Contract, SourceObject
from integration_pipelines.gate.judge import ExpectationGate
from integration_pipelines.ports.gate import GateResult
from integration_pipelines.use_cases.fetch import NEVER_READ
from integration_pipelines.use_cases.health import health
from integration_pipelines.use_cases.outcome import RunOutcome, SyncMode, TenantReport
from integration_pipelines.use_cases.sync import sync
from integration_pipelines.use_cases.vanished import accept_missing
from integration_pipelines_tests.kit.bench import Product, product, small_accounts
from integration_pipelines_tests.kit.core import crm_billing
from integration_pipelines_tests.kit.fakes import OpenGate


def strict(missing_floor: int = 1) -> Contract:
    """The packaged contract with next to no floor, so that a small tenant shows the limit."""
    contract = crm_billing()
    return contract.model_copy(update={"guards": contract.guards.model_copy(update={"missing_floor": missing_floor})})


@pytest.fixture
def shop(tmp_path: Path, each_database: str) -> Iterator[Product]:
    """Two tenants in sync."""
    with product(tmp_path, {"t1": small_accounts(), "t2": small_accounts()}, database_url=each_database) as lenient:
        made = replace(lenient, contract=strict())
        made.run("t1", "t2")
        made.approve("t1")
        made.approve("t2")
        made.run("t1", "t2")
        yield made


def effects(shop: Product) -> int:
    """How many writes the first tenant's partners received."""
    return len(shop.crm().effects) + len(shop.billing().effects)


def lose(shop: Product, count: int) -> None:
    """So many subscriptions of the first tenant are not listed any more."""
    held = shop.billing().objects["billing_subscriptions"]
    for key in sorted(held)[:count]:
        del held[key]


@pytest.mark.fault("D21", "D30")
def test_too_many_vanished_records_stop_their_tenant_alone(shop: Product) -> None:
    """One may go, two may not; nothing is blanked, the neighbour goes on, and the next read is held against the same earlier one."""
    before = effects(shop)
    lose(shop, 2)
    report = shop.run("t1", "t2")
    stopped = report.tenant("t1")
    assert (stopped.outcome, report.tenant("t2").outcome) == (RunOutcome.FAILED, RunOutcome.IN_SYNC)
    assert "2 of 3 billing_subscriptions that the last full read had are gone, the limit is 1 (20 %)" in stopped.reason
    assert (shop.one("t1").outcome, effects(shop)) == (RunOutcome.FAILED, before)


@pytest.mark.fault("D30")
def test_an_empty_read_stops_its_tenant_however_small_it_is(shop: Product) -> None:
    """Three subscriptions are less than the limit of what may be gone; none at all is a hiccup, and not a value is cleared for it."""
    before = effects(shop)
    lenient = replace(shop, contract=strict(missing_floor=10))
    lose(shop, 3)
    report = lenient.one("t1")
    assert (report.outcome, effects(shop)) == (RunOutcome.FAILED, before)
    assert "none of the 3 billing_subscriptions that the last full read had is left" in report.reason


@pytest.mark.fault("H20")
def test_a_subscription_that_a_list_left_out_goes_on_counting(shop: Product) -> None:
    """Its page moved while it was read: asked for by id it answers, and the company's amount stays what it is."""
    before = effects(shop)
    shop.billing().hidden.add("sub_acme")
    report = shop.one("t1")
    assert (report.outcome, report.balanced, effects(shop)) == (RunOutcome.IN_SYNC, True, before)
    assert ("billing_subscriptions", "sub_acme") in shop.billing().fetched


def test_within_the_limit_a_vanished_record_is_an_ordinary_change(shop: Product) -> None:
    """One cancelled subscription less is what it says."""
    lose(shop, 1)
    assert shop.one("t1").outcome is RunOutcome.WRITTEN


def test_a_person_may_say_that_they_are_really_gone(shop: Product) -> None:
    """The next full read counts, once, and who said so is on record."""
    lose(shop, 2)
    shop.one("t1")
    accept_missing("t1", shop.contract, actor="ann", ports=shop.ports)
    assert shop.one("t1").outcome is RunOutcome.WRITTEN
    lose(shop, 1)
    assert shop.one("t1").outcome is RunOutcome.FAILED
    assert shop.ports.audit.verify("t1")[1] == []


@pytest.mark.fault("D28", "D02")
def test_a_column_that_is_gone_suspends_only_what_rests_on_it(shop: Product) -> None:
    """Its field is missing, not blank: nothing is cleared, people are told, and all other fields go on."""
    shop.crm().missing_columns = {"customer_segment"}
    shop.crm().objects["crm_accounts"]["1"]["owner_id"] = ""
    report = shop.one("t1")
    assert (report.outcome, report.certified) == (RunOutcome.WRITTEN, True)
    assert "crm_accounts has no usable column customer_segment any more: Customer segment not compared" in report.reason
    changed = [sorted(values) for name, _, values, _ in shop.billing().effects[-1:] if name == "billing_customers"]
    assert changed == [["crm_owner_email", "crm_owner_id", "crm_owner_name"]]
    assert ("column_exists", "customer_segment", 1) in told(report)
    assert shop.ports.runs.last(["t1"], "crm_billing")[0].reason == report.reason
    (seen,) = health("t1", ports=shop.ports)
    assert (seen.status, "customer_segment" in seen.what_to_do) == ("attention", True)


def told(report: TenantReport) -> set[tuple[str, str, int]]:
    """The checks about the companies that found something."""
    return {(c.expectation, c.field, c.unexpected) for c in report.verdicts["crm_accounts"].checks if c.unexpected}


@pytest.mark.fault("D28")
def test_a_column_that_comes_back_is_compared_again(shop: Product) -> None:
    """Nobody has to do anything."""
    shop.crm().missing_columns = {"customer_segment"}
    shop.one("t1")
    shop.crm().missing_columns = set()
    shop.crm().objects["crm_accounts"]["1"]["customer_segment"] = "Enterprise"
    report = shop.one("t1")
    assert (report.reason, shop.billing().effects[-1][2]) == ("", {"crm_segment": "enterprise"})


class Lying(OpenGate):
    """Passes what it did not look at."""

    def judge(
        self, name: str, spec: SourceObject, observed: pa.Table, tenants: tuple[str, ...], *, few: bool = False
    ) -> GateResult:
        """One record less than there are."""
        result = super().judge(name, spec, observed, tenants, few=few)
        return GateResult(tuple(replace(v, evaluated=v.evaluated - 1) for v in result.verdicts), result.refused)


def test_a_verdict_over_fewer_records_than_there_are_stops_the_push(shop: Product) -> None:
    """Passed or not: evaluated must be what was expected."""
    shop.crm().objects["crm_accounts"]["1"]["owner_id"] = ""
    before = effects(shop)
    report = shop.with_ports(gate=Lying()).one("t1")
    assert (report.outcome, effects(shop)) == (RunOutcome.FAILED, before)
    assert "covers 3 of 4 records" in report.reason


def test_a_verdict_about_other_files_stops_the_push(shop: Product, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the plan comes from must be what was judged, file by file."""
    shop.crm().objects["crm_accounts"]["1"]["owner_id"] = ""
    before = effects(shop)
    monkeypatch.setattr("integration_pipelines.use_cases.judge.file_digests", lambda _: {"t1": "of another read"})
    report = shop.one("t1")
    assert (report.outcome, effects(shop)) == (RunOutcome.FAILED, before)
    assert "is about other files" in report.reason


@pytest.mark.fault("D03")
def test_a_record_that_becomes_good_leaves_quarantine_by_itself(shop: Product) -> None:
    """The bad record waits, the rest goes on; once mended it is written like any other."""
    shop.gate.refuse["1"] = "owner_id"
    shop.crm().objects["crm_accounts"]["1"]["owner_id"] = ""
    assert shop.one("t1").outcomes["quarantined"] == 1
    assert [r["record_id"] for r in shop.ports.quarantine.load(["t1"], "crm_billing").to_pylist()] == ["1"]
    shop.gate.refuse.clear()
    report = shop.one("t1")
    assert (report.outcome, report.certified) == (RunOutcome.WRITTEN, True)
    assert shop.ports.quarantine.load(["t1"], "crm_billing").num_rows == 0


@pytest.mark.fault("D30")
def test_a_first_list_that_came_empty_is_no_beginning(tmp_path: Path, each_database: str) -> None:
    """The gate stops the tenant; an event is held, and the next run, though it asks for changes only, reads everything."""
    with product(tmp_path, database_url=each_database) as made:
        shop = made.with_ports(gate=ExpectationGate())
        companies, shop.crm().objects["crm_accounts"] = shop.crm().objects["crm_accounts"], {}
        assert shop.one().outcome is RunOutcome.FAILED
        shop.crm().objects["crm_accounts"] = companies
        touched = {"t1": {"crm_accounts": ["1"]}}
        event = sync(
            ["t1"], shop.contract, ports=shop.ports, mode=SyncMode.APPLY, run_id="run_e", trigger="event", touched=touched
        )
        assert (event.tenant("t1").outcome, event.tenant("t1").reason) == (RunOutcome.HELD, NEVER_READ)
        report = sync(["t1"], shop.contract, ports=shop.ports, mode=SyncMode.APPLY, run_id="run_2", full=False).tenant("t1")
        assert report.reads["crm_accounts"].rows == len(companies)
        assert report.balanced
