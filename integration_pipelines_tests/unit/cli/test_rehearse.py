"""`rehearse`: what somebody sees who tries a contract before it touches anybody's records."""

import json
from pathlib import Path

import pytest

from integration_pipelines.core.contract import Contract, Side
from integration_pipelines.simulation import shrink
from integration_pipelines.simulation.catalogue import FAULTS
from integration_pipelines.simulation.promises import PROMISES
from integration_pipelines_tests.proof.worlds import SHARED, world
from integration_pipelines_tests.unit.cli.conftest import Command


@pytest.fixture
def small(tmp_path: Path) -> str:
    """The file of a contract of a few fields."""
    return written(tmp_path, world("small"))


def written(folder: Path, contract: Contract) -> str:
    """A contract as a file; JSON is YAML."""
    path = folder / f"{contract.contract}.yaml"
    path.write_text(contract.model_dump_json(exclude_defaults=True), encoding="utf-8")
    return str(path)


def going_round(contract: Contract) -> Contract:
    """Two fields, each of which writes what the other one reads, and never the same."""
    forth = contract.fields[SHARED].model_copy(update={"on_foreign_edit": "restore"})
    turned = {"enterprise": "a", "mid_market": "b", "small_business": "c", "startup": "d"}
    back = forth.model_copy(
        update={
            "label": "Segment back", "owner": "billing", "values": tuple(turned.values()), "right": Side(column="crm_segment", map=turned),
            "left": Side(column="customer_segment", map={"SMB": "a", "Enterprise": "b", "Startup": "c", "Mid-Market": "d"}),
        }
    )  # fmt: skip
    return contract.model_copy(update={"fields": {**contract.fields, SHARED: forth, "segment_back": back}})


def test_a_contract_that_keeps_its_promises(command: Command, small: str) -> None:
    """For programs: what was tried, how often, that it held; and exit 0."""
    said = command("rehearse", small, "--seeds", "1", "--processes", "1", "--json")
    told = json.loads(said.out)
    assert (said.code, told["held"], told["broken"], told["refused"], told["story"]) == (0, True, [], [], None)
    assert (told["lives"], told["reproduced"], told["seeds"]) == (2, 1, {"first": 0, "last": 0, "count": 1})
    assert set(told["faults"]) >= set(FAULTS)
    assert sum(told["ends"].values()) > 0


def test_one_life_told_again(command: Command, small: str) -> None:
    """All of it, if nothing is wrong with it."""
    said = command("rehearse", small, "--seed", "4", "--faults", "none")
    assert said.code == 0
    assert "a run ends: " in said.out
    assert "from here on nothing goes wrong any more" in said.out
    assert said.out.rstrip().endswith("Every promise was kept.")


def test_a_contract_that_goes_round_in_circles_is_explained(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The linter refuses it; the rehearsal shows what it leads to, which fields undo each other, and exits 1."""
    monkeypatch.setattr(shrink, "MOST_ROUNDS", 0)  # the whole life will do
    file = written(tmp_path, going_round(world("small")))
    said = command("rehearse", file, "--from", "1", "--seeds", "1", "--faults", "none", "--processes", "1")
    assert said.code == 1
    assert "error: fields.customer_segment.left: It reads what segment_back writes" in said.out
    assert f"Broken is I1: {PROMISES['I1']}" in said.out
    assert "The field customer_segment wrote crm_segment of billing_customers" in said.out
    assert "Live it again: integration-pipelines rehearse" in said.out


def test_a_fault_that_nobody_knows_is_refused(command: Command, small: str) -> None:
    """With those that there are."""
    said = command("rehearse", small, "--faults", "H08,X99")
    assert said.code == 1
    assert "X99" in said.err
    assert "H08" in said.err
    assert said.out == ""


def test_what_is_not_rehearsed_is_said(command: Command, tmp_path: Path) -> None:
    """Beside what a program reads: records that are archived because theirs is gone."""
    contract = world("incidents")
    matching = contract.matching.model_copy(update={"gone_right": "archive"})
    file = written(tmp_path, contract.model_copy(update={"matching": matching}))
    said = command("rehearse", file, "--seeds", "1", "--faults", "none", "--processes", "1", "--json")
    assert json.loads(said.out)["held"] is True
    assert said.err.startswith("Not rehearsed is that a record we made is archived")
