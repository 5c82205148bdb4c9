"""Bad records with the real gate: they wait with a reason and a remedy, the rest goes on, and they come back by themselves once mended."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from integration_pipelines.core.contract import Contract
from integration_pipelines.gate.judge import ExpectationGate
from integration_pipelines_tests.kit.bench import CONTRACT, Product, product
from integration_pipelines_tests.kit.core import crm_billing


@pytest.fixture
def shop(tmp_path: Path, each_database: str) -> Iterator[Product]:
    """A tenant in sync, judged by the contract's own expectations."""
    with product(tmp_path, database_url=each_database) as made:
        real = made.with_ports(gate=ExpectationGate())
        real.first_sync()
        yield real


def quarantined(shop: Product) -> dict[str, tuple[str, str]]:
    """Record → field and whether there is a remedy."""
    rows = shop.ports.quarantine.load(["t1"], CONTRACT).to_pylist()
    assert all(r["reason"] and r["remedy"] for r in rows)
    return {r["record_id"]: (r["field"], r["expectation"]) for r in rows}


@pytest.mark.fault("D04")
def test_a_status_that_nobody_knows_is_a_task_and_never_a_default(shop: Product) -> None:
    """The CRM keeps what it says; the other customers go on."""
    shop.billing().objects["billing_subscriptions"]["sub_acme"]["status"] = "hibernating"
    shop.billing().objects["billing_subscriptions"]["sub_bolt"]["status"] = "past_due"
    report = shop.one()
    assert (report.balanced, report.outcomes["quarantined"]) == (True, 1)
    assert quarantined(shop) == {"sub_acme": ("status", "in_set")}
    shown = {k: r.get("billing_subscription_status") for k, r in shop.crm().objects["crm_accounts"].items()}
    assert (shown["1"], shown["2"]) == ("active", "past_due")


@pytest.mark.fault("D04")
def test_a_repaired_mapping_admits_what_it_healed(shop: Product) -> None:
    """A new segment waits until the contract knows it; the next run then writes it, and nobody touches the record."""
    shop.crm().objects["crm_accounts"]["1"]["customer_segment"] = "Partner"
    shop.one()
    assert quarantined(shop) == {"1": ("customer_segment", "in_set")}
    assert shop.billing().objects["billing_customers"]["cus_acme"]["crm_segment"] == "small_business"
    report = replace(shop, contract=repaired()).one()
    assert (report.certified, quarantined(shop)) == (True, {})
    assert shop.billing().objects["billing_customers"]["cus_acme"]["crm_segment"] == "partner"


def repaired() -> Contract:
    """The packaged contract, with the new segment."""
    data = crm_billing().model_dump()
    rule = data["objects"]["crm_accounts"]["columns"]["customer_segment"]["expectations"][0]
    rule["values"] = (*rule["values"], "Partner")
    field = data["fields"]["customer_segment"]
    field["values"] = (*field["values"], "partner")
    field["left"]["map"]["Partner"] = "partner"
    return Contract.model_validate(data | {"version": 2})


@pytest.mark.fault("D03")
def test_a_wrong_type_keeps_its_own_record_out_and_no_other(shop: Product) -> None:
    """Someone typed words into the amount; the record waits, its neighbour is written."""
    shop.crm().objects["crm_accounts"]["1"]["billing_mrr"] = "about ten"
    shop.crm().objects["crm_accounts"]["2"]["customer_segment"] = "Enterprise"
    report = shop.one()
    assert (report.balanced, quarantined(shop)) == (True, {"1": ("billing_mrr", "type")})
    assert shop.billing().objects["billing_customers"]["cus_bolt"]["crm_segment"] == "enterprise"
    shop.crm().objects["crm_accounts"]["1"]["billing_mrr"] = "10"
    assert (shop.one().certified, quarantined(shop)) == (True, {})


@pytest.mark.fault("D02")
@pytest.mark.parametrize(("says", "becomes"), [(None, "small_business"), ("", "")])
def test_missing_and_blank_mean_different_things(shop: Product, says: str | None, becomes: str) -> None:
    """What the partner did not send changes nothing; what it sent as blank is blank on the other side too."""
    shop.crm().objects["crm_accounts"]["1"]["customer_segment"] = says
    shop.one()
    assert shop.billing().objects["billing_customers"]["cus_acme"]["crm_segment"] == becomes
