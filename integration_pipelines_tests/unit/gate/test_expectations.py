"""What each expectation of a contract lets through and what it refuses."""

import pytest

from integration_pipelines.core.contract import Expectation
from integration_pipelines.gate.judge import ExpectationGate
from integration_pipelines_tests.unit.gate.objects import an_object, column, expect, judge, nested, observed, row

GOOD, REFUSED = True, False


@pytest.mark.parametrize(
    ("kind", "expectation", "value", "fate"),
    [
        ("text", expect("not_blank"), "a", GOOD),
        ("text", expect("not_blank"), "", REFUSED),
        ("text", expect("not_blank"), " \t\xa0", REFUSED),
        ("text", expect("not_blank"), None, REFUSED),
        ("enum", expect("in_set", values=["a", "b"]), "b", GOOD),
        ("enum", expect("in_set", values=["a", "b"]), " b ", GOOD),
        ("enum", expect("in_set", values=["a", "b"]), "B", REFUSED),
        ("enum", expect("in_set", values=["a", "b"]), "", GOOD),
        ("enum", expect("in_set", values=["a", "b"]), None, GOOD),
        ("id", expect("matches", pattern="^[0-9]+$"), "12", GOOD),
        ("id", expect("matches", pattern="^[0-9]+$"), "12a", REFUSED),
        ("id", expect("matches", pattern="^[0-9]+$"), "1\n2", REFUSED),
        ("id", expect("matches", pattern="^[0-9]+$"), "", GOOD),
        ("id", expect("matches", pattern="^[0-9]+$"), None, GOOD),
        ("ids", expect("matches", pattern="^[0-9]+(;[0-9]+)*$"), "1;2", GOOD),
        ("ids", expect("matches", pattern="^[0-9]+(;[0-9]+)*$"), "1;", REFUSED),
        ("text", expect("matches", pattern=r"^(?!x)(\w)\1$"), "ää", GOOD),
        ("text", expect("matches", pattern=r"^(?!x)(\w)\1$"), "xx", REFUSED),
        ("email", expect("matches", pattern=r"^[^@\s]+@[^@\s]+$"), "a\u2003b@c", REFUSED),
        ("text", expect("max_length", maximum="3"), "äöü", GOOD),
        ("text", expect("max_length", maximum="3"), "abcd", REFUSED),
        ("text", expect("max_length", maximum="3"), "", GOOD),
        ("text", expect("max_length", maximum="3"), None, GOOD),
        ("decimal", expect("between", minimum="0", maximum="0.3"), "0.3", GOOD),
        ("decimal", expect("between", minimum="0", maximum="0.3"), "0.300000000001", REFUSED),
        ("decimal", expect("between", minimum="0", maximum="0.3"), "-0.000000000001", REFUSED),
        ("decimal", expect("between", minimum="0"), "99999999999999999999999999", GOOD),
        ("decimal", expect("between", maximum="0"), "1e-12", REFUSED),
        ("decimal", expect("between", minimum="0", maximum="1"), "half", REFUSED),
        ("decimal", expect("between", minimum="0", maximum="1"), "NaN", REFUSED),
        ("decimal", expect("between", minimum="1", maximum="2"), "", GOOD),
        ("decimal", expect("between", minimum="1", maximum="2"), None, GOOD),
        ("integer", expect("between", minimum="1", maximum="9007199254740992"), "9007199254740993", REFUSED),
        ("date", expect("between", minimum="2026-01-01"), "2025-12-31", REFUSED),
        ("datetime", expect("between", maximum="2026-01-01T00:00:00Z"), "2026-01-01T00:30:00+01:00", GOOD),
    ],
)
def test_an_expectation_judges_the_value(kind: str, expectation: Expectation, value: str | None, fate: bool) -> None:
    """Only what an expectation names is refused; blank and missing values are judged by not_blank alone."""
    result = judge(an_object({"field": column(kind, expectation)}), row("r1", field=value), row("r2", field="x"))
    refused = {r["record_id"]: r for r in result.refused.to_pylist()}
    assert ("r1" not in refused) is fate
    if not fate:
        said = {"tenant_id": "t1", "field": "field", "expectation": expectation.expect, "reason": expectation.reason}
        assert refused["r1"] == {"record_id": "r1", "remedy": "Mend it.", **said}
    assert result.verdicts[0].passed


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (
            "decimal",
            ["0", "-1.5", "+.5", "5.", "1E3", "123456789012345678901234.123456789012"],
            ["1,5", "0x1", "1_0", "Infinity"],
        ),
        ("decimal", ["1.10000000000000000"], ["0.0000000000001", "1e26", "1e999", "\u0661", "9" * 101]),
        ("money", ["12.34"], ["12.34 EUR"]),
        ("integer", ["0", "-7", "9" * 38], ["1.0", "1e3", "9" * 39, "--1"]),
        ("date", ["2024-02-29", "0001-01-01"], ["2025-02-29", "2026-1-1", "20260101", "2026-01-01T00:00:00Z", "0000-01-01"]),
        ("datetime", ["2026-01-01T00:00:00Z", "2026-01-01 00:00:00.123456789+05:30", "2026-01-01T00:00-00:00"], []),
        ("datetime", [], ["2026-01-01T00:00:00", "2026-01-01", "2026-01-01T25:00:00Z", "1700000000", "2026-01-01T00:00:00+01"]),
        ("boolean", ["true", "FALSE"], ["yes", "1", "truee"]),
        ("currency", ["eur", "USD", "MIXED"], ["EU", "euro", "E R"]),
        ("ids", ["a", "a;b"], ["a;", ";", "a; b"]),
        ("id", ["cus_1"], ["a b"]),
        ("email", ["a@b"], ["a", "a@b@c", "a b@c"]),
        ("domain", ["a.b"], ["a", "a.b/c", "http://a.b", "x@a.b"]),
        ("text", ["any\nthing ✓"], ["nul\0byte"]),
        ("enum", ["any thing"], ["nul\0byte"]),
    ],
)
def test_a_type_is_its_exact_spelling(kind: str, good: list[str], bad: list[str]) -> None:
    """A value is of its type if the merge will read it without guessing or rounding."""
    spec = an_object({"field": column(kind, expect("type"))})
    values = {f"r{i}": value for i, value in enumerate([*good, *bad, "", None])}
    refused = judge(spec, *[row(name, field=value) for name, value in values.items()]).refused
    assert {values[str(name)] for name in refused.column("record_id").to_pylist()} == set(bad)


def test_unique_holds_within_a_tenant() -> None:
    """All records that share a value are refused; the same value at another tenant and blanks do not count."""
    spec = an_object({"field": column("text", expect("unique"))})
    rows = [row("r1", field="a"), row("r2", field="a"), row("r3", field="b"), row("r4", field=""), row("r5", field="")]
    result = judge(spec, *rows, row("r6", field=None), row("r1", "t2", field="a"), tenants=("t1", "t2"))
    assert [(r["tenant_id"], r["record_id"]) for r in result.refused.to_pylist()] == [("t1", "r1"), ("t1", "r2")]


def test_a_merged_record_is_no_double() -> None:
    """A record that answers under an old id with its survivor's is not a second survivor; the same record twice is."""
    spec = an_object({"id": column("id", expect("unique"), source="id")})
    assert not judge(spec, row("7", id="7"), row("5", id="7")).refused.num_rows
    assert judge(spec, row("7", id="7"), row("7", id="7")).refused.column("record_id").to_pylist() == ["7"]


def test_every_broken_expectation_is_named() -> None:
    """A record with several faults has one row for each, so that it can be repaired in one go."""
    spec = an_object(
        {"a": column("id", expect("not_blank")), "b": column("text", expect("max_length", maximum="1"), expect("type"))}
    )
    refused = judge(spec, row("r1", a="", b="x\0y"), row("r2", a="1", b="x")).refused.to_pylist()
    assert [(r["field"], r["expectation"]) for r in refused] == [("a", "not_blank"), ("b", "max_length"), ("b", "type")]


def test_a_column_that_never_came_is_missing() -> None:
    """A declared column that the partner's schema lacks is judged as missing in every record."""
    spec = an_object({"a": column("id", expect("not_blank")), "b": column("enum", expect("in_set", values=["x"]))})
    result = ExpectationGate().judge("things", spec, observed(an_object({}), row("r1")), ("t1",))
    assert result.refused.column("field").to_pylist() == ["a"]
    assert result.verdicts[0].passed


def test_deleted_records_are_not_judged() -> None:
    """A deleted record has no content; it is neither refused nor counted, and it is no double of another."""
    spec = an_object({"a": column("id", expect("not_blank"), expect("unique"))})
    result = judge(spec, row("r1", deleted=True, a=None), row("r2", deleted=True, a="1"), row("r3", a="1"))
    assert not result.refused.num_rows
    assert (result.verdicts[0].evaluated, result.verdicts[0].expected, result.verdicts[0].passed) == (1, 1, True)


TIERS = nested("list", fields={"up_to": nested("integer", expect("type"))})
ITEMS = column(
    "list",
    expect("not_blank"),
    fields={
        "id": nested("id", expect("not_blank"), expect("unique")),
        "interval": nested("enum", expect("in_set", values=["month"])),
        "tiers": TIERS,
    },
)


@pytest.mark.parametrize(
    ("items", "broken"),
    [
        ([{"id": "1", "interval": "month", "tiers": [{"up_to": "1"}]}], []),
        ([{"id": "1", "interval": "month", "tiers": None}, {"id": "2", "interval": "", "tiers": []}], []),
        ([{"id": "1", "interval": "week"}, {"id": "2", "interval": "day"}], ["items.interval in_set"]),
        ([{"id": "1"}, {"id": "1"}], ["items.id unique"]),
        ([{"id": "1", "tiers": [{"up_to": "1"}, {"up_to": "inf"}]}], ["items.tiers.up_to type"]),
        ([None], ["items.id not_blank"]),
        ([], ["items not_blank"]),
        (None, ["items not_blank"]),
    ],
)
def test_one_bad_nested_row_refuses_its_record(items: object, broken: list[str]) -> None:
    """Items and their tiers are judged row by row, and only the record they belong to is refused, once per field and rule."""
    other = [{"id": "1", "interval": "month", "tiers": [{"up_to": ""}]}]
    result = judge(an_object({"items": ITEMS}), row("r0", items=other), row("r1", items=items), row("r2", items=other))
    refused = result.refused.to_pylist()
    assert [f"{r['field']} {r['expectation']}" for r in refused] == broken
    assert {r["record_id"] for r in refused} <= {"r1"}
    assert result.verdicts[0].quarantined == (1 if broken else 0)
