"""How a contract's expectations become frames, and that they read values as the merge does."""

from pathlib import Path

import duckdb
import pytest
import yaml

from integration_pipelines.core.contract import Column, Contract, FieldType, NestedColumn
from integration_pipelines.gate.readings import reading
from integration_pipelines.gate.suites import frames_of
from integration_pipelines_tests.unit.gate.objects import an_object, column, expect, nested

CONTRACTS = Path(__file__).parents[3] / "integration_pipelines/contracts"


def _wanted(columns: dict[str, Column] | dict[str, NestedColumn]) -> int:
    return sum(len(c.expectations) + _wanted(c.fields) for c in columns.values())


@pytest.mark.parametrize("name", sorted(p.name for p in CONTRACTS.glob("*.yaml")))
def test_every_expectation_of_a_shipped_contract_is_asked(name: str) -> None:
    """None is lost on the way from the contract to the frames, at any depth."""
    contract = Contract.model_validate(yaml.safe_load((CONTRACTS / name).read_text()))
    for spec in contract.objects.values():
        numbers = [check.number for frame in frames_of(spec) for check in frame.checks]
        assert numbers == list(range(_wanted(spec.columns)))


def test_frames_hold_only_what_is_judged() -> None:
    """A column or a level without an expectation is in no frame."""
    tiers = nested("list", fields={"up_to": nested("integer", expect("type"))})
    items = column("list", fields={"name": nested("text"), "tiers": tiers})
    frames = frames_of(an_object({"name": column("text"), "items": items}))
    assert [(f.path, list(f.columns)) for f in frames] == [(("items", "tiers"), ["up_to"])]


@pytest.mark.parametrize(
    ("kind", "sql", "texts"),
    [
        (FieldType.DECIMAL, "DECIMAL(38, 12)", ["1e3", ".5", "5.", "+7", "-0", "9" * 26 + "." + "9" * 12, "1.5E-3", "1000E-15"]),
        (FieldType.INTEGER, "HUGEINT", ["0", "-7", "+7", "9" * 38, "-" + "9" * 38]),
        (FieldType.DATE, "DATE", ["0001-01-01", "2024-02-29", "9999-12-31"]),
        (
            FieldType.DATETIME,
            "TIMESTAMPTZ",
            ["2026-01-01T00:00Z", "2026-01-01 23:59:59.123456789+05:30", "2026-01-01T00:00:00-00:00"],
        ),
    ],
)
def test_what_the_gate_reads_the_merge_reads(kind: FieldType, sql: str, texts: list[str]) -> None:
    """A value that passes is never one that the merge's own types cannot hold."""
    assert [reading(kind).word(text) for text in texts] == ["ok"] * len(texts)
    with duckdb.connect() as con:
        for text in texts:
            assert con.execute(f"SELECT TRY_CAST(? AS {sql}) IS NOT NULL", [text]).fetchall() == [(True,)]
