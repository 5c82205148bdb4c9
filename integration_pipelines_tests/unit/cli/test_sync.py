"""`sync` as a Dagster run inside the command: what it says next, whatever happened."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from integration_pipelines import wiring
from integration_pipelines.ports.bundle import Connectors
from integration_pipelines_tests.kit.bench import Product, product
from integration_pipelines_tests.unit.cli.conftest import Command

DAGSTER = "telemetry: {enabled: false}\nstorage: {sqlite: {base_dir: data/dagster}}\n"


@pytest.fixture
def installed(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Product]:
    """A tenant whose writes are off, at fake partners that the command's own wiring opens."""
    (home / "dagster.yaml").write_text(DAGSTER, encoding="utf-8")
    monkeypatch.chdir(home)
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    with product(home, enabled=False) as made:
        connectors: Connectors = made.ports.connectors
        monkeypatch.setattr(wiring, "PartnerConnectors", lambda *_: connectors)
        yield made


@pytest.mark.slow
def test_the_way_from_the_first_plan_to_the_proof(command: Command, installed: Product) -> None:
    """Each command names the next one, an alert lasts as long as its reason, and a typing error in a test sync is no success."""
    held = command("sync", "T1")
    assert held.code == 1
    assert "waits for approval" in held.out
    assert "Writes are off. Turn them on: integration-pipelines enable t1" in held.out
    assert not installed.crm().effects
    assert "A plan waits for a person: t1 (crm_billing)" in command("alerts", "list").out
    assert command("plans", "approve", "T1").code == 0
    off = command("sync", "T1")
    assert (off.code, "Writes are off." in off.out) == (0, True)
    assert command("enable", "T1").code == 0
    proved = command("sync", "T1")
    assert proved.code == 0, proved.out
    assert "certified           yes" in proved.out
    assert command("alerts", "list").out == "No alert is open.\n"
    assert "is linked to nothing" in command("sync", "T1", "--record", "nope").err
    assert command("sync", "T1", "--record", "cus_acme").code == 0
    mend(command, installed)


def mend(command: Command, installed: Product) -> None:
    """A record is refused; once it was mended, `quarantine retry` takes it back without waiting for the next read."""
    company = installed.crm().objects["crm_accounts"]["1"]
    company["billing_mrr"] = "about ten"
    assert command("sync", "T1").code == 0
    assert "crm_accounts" in command("quarantine", "list", "T1").out
    stays = command("quarantine", "retry", "T1", "1")
    assert "0 left quarantine, 1 stay" in stays.out
    company |= {"billing_mrr": "10", "customer_segment": "Enterprise"}
    back = command("quarantine", "retry", "T1")
    assert (back.code, "1 left quarantine, 0 stay" in back.out) == (0, True), back.out
    assert installed.billing().objects["billing_customers"]["cus_acme"]["crm_segment"] == "enterprise"
    assert command("quarantine", "retry", "T1").out == "No record is in quarantine.\n"
    assert "Record nope is not in quarantine." in command("quarantine", "retry", "T1", "nope").err
