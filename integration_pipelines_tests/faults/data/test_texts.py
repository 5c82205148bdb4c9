"""Texts that some program somewhere cannot hold: written, read back and compared as what they are, on both databases; or told and kept out."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from integration_pipelines.gate.judge import ExpectationGate
from integration_pipelines.ports.evidence import Run
from integration_pipelines.use_cases.outcome import RunOutcome
from integration_pipelines_tests.kit.bench import CONTRACT, Product, product

ODD = {
    "right to left, overridden": "\u202eeeL",
    "combining marks": "Zoe\u0301\u0323",
    "an emoji of four bytes": "Lee \U0001f9d1\u200d\U0001f680",
    "Arabic": "\u0645\u062d\u0645\u062f",
    "a formula": "=HYPERLINK(1)",
}


@pytest.fixture
def shop(tmp_path: Path, each_database: str) -> Iterator[Product]:
    """A tenant in sync, judged by the contract's own expectations."""
    with product(tmp_path, database_url=each_database) as made:
        real = made.with_ports(gate=ExpectationGate())
        real.first_sync()
        yield real


def named(shop: Product, name: str) -> None:
    """The owner of all companies is called so."""
    shop.crm().objects["crm_owners"]["7"]["last_name"] = name


@pytest.mark.fault("D05")
def test_odd_texts_arrive_and_stay(shop: Product) -> None:
    """Each is written once, found again in the store's diffs as it is, and the next run has nothing to do."""
    for name in ODD.values():
        named(shop, name)
        report = shop.one()
        assert (report.outcome, report.certified) == (RunOutcome.WRITTEN, True)
        shown = shop.billing().objects["billing_customers"]["cus_acme"]["crm_owner_name"]
        resolved = {d["resolved_value"] for d in shop.ports.diffs.load(["t1"], CONTRACT).to_pylist()}
        assert shown in resolved
        assert shop.one().writes == {}


@pytest.mark.fault("D05")
def test_two_ways_to_compose_a_letter_are_one_text(shop: Product) -> None:
    """A partner that shows it composed shows what was written: no write, no echo."""
    named(shop, "Zoe\u0301")
    shop.one()
    for customer in shop.billing().objects["billing_customers"].values():
        customer["crm_owner_name"] = str(customer.get("crm_owner_name") or "").replace("e\u0301", "\u00e9")
    report = shop.one()
    assert (report.outcome, report.writes) == (RunOutcome.IN_SYNC, {})


@pytest.mark.fault("D05")
def test_a_text_with_a_nul_passes_and_is_shown_with_a_mark(shop: Product) -> None:
    """Partners that hold it get it as it is, once; where people read it a mark stands in its place, on both databases."""
    named(shop, "Le\x00e")
    assert shop.one().certified
    assert shop.billing().objects["billing_customers"]["cus_acme"]["crm_owner_name"] == "Ann Le\x00e"
    shown = {
        d["resolved_value"] for d in shop.ports.diffs.load(["t1"], CONTRACT).to_pylist() if d["field"] == "account_owner_name"
    }
    assert "Ann Le\ufffde" in shown
    assert shop.one().writes == {}


@pytest.mark.fault("D05")
@pytest.mark.parametrize("odd", ["a\x00b", "a\ud800b"], ids=["NUL", "half a letter"])
def test_the_store_holds_what_people_read_whatever_is_in_it(shop: Product, odd: str) -> None:
    """A reason that quotes such a text is kept alike by both databases, with the mark for what cannot be stored in its place."""
    at = shop.clock.now()
    run = Run("t1", CONTRACT, "run_odd", "manual", "full", at)
    shop.ports.runs.start([run])
    shop.ports.runs.finish([Run("t1", CONTRACT, "run_odd", "manual", "full", at, at, "failed", reason=odd)])
    (kept,) = shop.ports.runs.of_run("run_odd")
    assert kept.reason == "a\ufffdb"
