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
