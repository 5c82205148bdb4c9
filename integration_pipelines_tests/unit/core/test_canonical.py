"""The canonical form of every field type: what counts as the same value, what never does, and that it is a fixed point."""

import unicodedata
from collections.abc import Sequence
from decimal import Decimal, localcontext
from functools import cache

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from integration_pipelines.core.canonical import canonical, major_from_minor, minor_from_major
from integration_pipelines.core.contract import FieldType
from integration_pipelines.core.sql import Sql
from integration_pipelines_tests.kit.core import connect

Texts = Sequence[str | None]
VALUE_TYPES = [t for t in FieldType if t not in {FieldType.LIST, FieldType.MONEY}]
ASTRONAUT = "Acme \U0001f469\u200d\U0001f680 \u0627\u0644\u0639"
AWKWARD = " \t\u00a0\u2003\u0301\u030c.,;:@-+0159eEwW\u0130\u0131\u00dfJj\u212a\u1e9e\u00e9\x00\U0001f600\u0958"
quick = settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
"""A query costs more than an example, so every example is a whole list of texts."""


@cache
def sql() -> Sql:
    """One connection for all questions."""
    return Sql(connect())


def evaluated(expression: str, first: Texts, second: Texts | None = None) -> list[str | None]:
    """An expression over the columns `raw` and `other`."""
    sql().put(
        "given",
        pa.table({"n": range(len(first)), "raw": pa.array(first, pa.string()), "other": pa.array(second or first, pa.string())}),
    )
    found: list[str | None] = sql().arrow(f"SELECT {expression} AS v FROM given ORDER BY n")["v"].to_pylist()
    return found


def of(kind: FieldType, *raw: str | None) -> list[str | None]:
    """Canonical forms."""
    return evaluated(canonical(kind, "raw"), raw)


@pytest.mark.parametrize(
    ("kind", "same", "canonical_form"),
    [
        (FieldType.TEXT, ["Zo\u00eb", "Zoe\u0308", " Zo\u00eb\t", "\u00a0Zo\u00eb\u3000", "\ufeffZo\u00eb\n"], "Zo\u00eb"),
        (FieldType.TEXT, [ASTRONAUT, f"\u2003{ASTRONAUT} "], ASTRONAUT),
        (FieldType.EMAIL, ["Jo\u00cbl@ACME.com", "joe\u0308l@acme.com ", "JOE\u0308L@acme.COM"], "jo\u00ebl@acme.com"),
        (FieldType.DOMAIN, ["ACME.com", "www.acme.com", "WWW.WWW.Acme.Com", " acme.com"], "acme.com"),
        (FieldType.DOMAIN, ["www.com", "WWW.www.com"], "www.com"),
        (FieldType.CURRENCY, ["usd", "USD", " Usd "], "USD"),
        (FieldType.BOOLEAN, ["true", "TRUE", " True "], "true"),
        (FieldType.INTEGER, ["5", "+5", "005", "5.0", "5.", "0.5e1", " 5 "], "5"),
        (FieldType.INTEGER, ["0", "-0", "+000", "0.00"], "0"),
        (FieldType.INTEGER, ["9" * 38, "+" + "9" * 38], "9" * 38),
        (FieldType.DECIMAL, ["19.99", "19.990", "+19.99", "0019.99", "1.999e1", "1999E-2"], "19.99"),
        (FieldType.DECIMAL, ["1000", "1e3", "1.0E3", "1000.", "1000.000", "10E+2"], "1000"),
        (FieldType.DECIMAL, ["0", "-0", "-0.000", "0e7", ".0"], "0"),
        (FieldType.DECIMAL, ["-0.5", "-.5", "-5E-1", "-00.50"], "-0.5"),
        (FieldType.DECIMAL, ["12345678901.2345671234567", "1.23456789012345671234567E10"], None),
        (FieldType.DECIMAL, ["1.2345678901234567E10", "12345678901.234567"], "12345678901.234567"),
        (FieldType.DATE, ["2024-02-29", "2024-02-29T00:00:00Z", "2024-02-29T23:59:59-12:00",
          " 2024-02-29 00:30:00+14:00"], "2024-02-29"),
        (FieldType.DATETIME, ["2026-11-23T00:30:00Z", "2026-11-23T14:30:00+14:00", "2026-11-22T12:30:00-12:00",
          "2026-11-23 06:00:00+05:30", "2026-11-23T00:30:00.999Z"], "2026-11-23T00:30:00Z"),
        (FieldType.IDS, ["1;22;3", "3;1;22", " 3; 22 ;1;1", ";1;;22;3;"], "1;22;3"),
    ],
)  # fmt: skip
def test_one_value_however_spelled(kind: FieldType, same: list[str], canonical_form: str | None) -> None:
    """Spellings of one value have one canonical form; beyond the precision that can be held each text stays itself."""
    assert of(kind, *same) == ([canonical_form] * len(same) if canonical_form is not None else same)


@pytest.mark.parametrize(
    ("kind", "different"),
    [
        (FieldType.TEXT, ["acme", "Acme", "ac me", "ac  me", "acm\u0435", "\u00e9\x00a", "\u00e9\x00b", "\u00e9"]),
        (FieldType.ID, ["a1", "A1", "01", "1", "1.0", "1e0", "+1", "Zo\u00eb", "Zoe\u0308"]),
        (FieldType.ENUM, ["active", "Active"]),
        (FieldType.EMAIL, ["a@acme.com", "a@www.acme.com", "b@acme.com"]),
        (FieldType.DOMAIN, ["acme.com", "acme.de", "shop.acme.com", "wwwacme.com", "com", "www.com"]),
        (FieldType.INTEGER, ["19", "20", "19.5", "19.6", "0x13", "1_9", "nineteen"]),
        (FieldType.DECIMAL, ["1", "1.000000000001", "1.0000000000001", "1.0000000000002", "1_0", "1,0", "NaN", "inf", "0x1"]),
        (FieldType.DECIMAL, ["9" * 26, "9" * 27, "1e26", "1e27", "1e-12", "1e-13", "1e-40", "0"]),
        (FieldType.DATE, ["2024-02-28", "2024-02-29", "2023-02-29", "epoch", "infinity", "1970-01-01", "0044-03-15 (BC)", "soon"]),
        (FieldType.DATETIME, ["2026-11-23T00:30:00Z", "2026-11-23T00:30:01Z", "2026-11-23T00:30:00+01:00", "epoch", "now", "1970-01-01T00:00:00Z"]),
        (FieldType.IDS, ["1;2", "12", "1", "01;2"]),
        (FieldType.BOOLEAN, ["true", "false", "1", "yes"]),
    ],
)  # fmt: skip
def test_different_values_never_become_one(kind: FieldType, different: list[str]) -> None:
    """Nothing is rounded, guessed or understood more generously than it was meant."""
    found = of(kind, *different)
    assert len(set(found)) == len(different)


@pytest.mark.parametrize("kind", VALUE_TYPES)
def test_missing_is_not_blank_and_blank_is_no_value(kind: FieldType) -> None:
    """Null stays null, whatever is made of blanks alone is blank, and a value that cannot be read keeps its text."""
    assert of(kind, None, "", " ", "\t\n", "\u00a0\u2007\u3000", " ?7? ") == [None, "", "", "", "", "?7?"]


@quick
@given(
    st.lists(
        st.text(st.sampled_from(AWKWARD), max_size=8) | st.text(max_size=8) | st.decimals(allow_nan=False).map(str),
        min_size=40,
        max_size=80,
    )
)
def test_the_canonical_form_is_a_fixed_point_for_every_type(raw: list[str]) -> None:
    """Writing a canonical value and reading it again changes nothing, or two systems would echo for ever."""
    once = [v for kind in VALUE_TYPES for v in of(kind, *raw)]
    per_type = [once[i : i + len(raw)] for i in range(0, len(once), len(raw))]
    assert [v for kind, values in zip(VALUE_TYPES, per_type, strict=True) for v in of(kind, *values)] == once


@quick
@given(st.lists(st.decimals(allow_nan=False, allow_infinity=False), min_size=40, max_size=80))
def test_decimals_agree_with_exact_arithmetic(numbers: list[Decimal]) -> None:
    """A number that twelve places can hold has its shortest exact spelling; every other one keeps its own text."""
    with localcontext(prec=60):
        expected = [
            plain(n) if n.adjusted() < 26 and n == round(n, 12) else str(n) for n in (n for n in numbers if n.adjusted() < 40)
        ]
    assert of(FieldType.DECIMAL, *[str(n) for n in numbers if n.adjusted() < 40]) == expected


def plain(number: Decimal) -> str:
    """Without exponent, sign of zero and needless digits."""
    text = f"{number:f}".rstrip("0").rstrip(".") if "." in f"{number:f}" else f"{number:f}"
    return "0" if text in {"-0", ""} else text


@pytest.mark.fault("D08")
@pytest.mark.parametrize(
    ("currency", "major", "minor", "spelled"),
    [
        ("USD", "1234.5", "123450", "1234.50"),
        ("USD", "-0.05", "-5", "-0.05"),
        ("USD", "1e3", "100000", "1000.00"),
        ("USD", "0", "0", "0.00"),
        ("USD", "-0.00", "0", "0.00"),
        ("EUR", "99999999999999999999999999", "9999999999999999999999999900", "99999999999999999999999999.00"),
        ("JPY", "1000", "1000", "1000"),
        ("JPY", "-7.000", "-7", "-7"),
        ("KWD", "1.234", "1234", "1.234"),
        ("KWD", "-0.001", "-1", "-0.001"),
        ("ISK", "12", "1200", "12.00"),
        ("", "1", "100", "1.00"),
        ("USD", "\u00a07.5\t", "750", "7.50"),
    ],
)
def test_amounts_change_units_exactly_both_ways(currency: str, major: str, minor: str, spelled: str) -> None:
    """Major units become the currency's minor units and come back with all its decimals, sign and size kept."""
    assert evaluated(minor_from_major("raw", "other"), [major], [currency]) == [minor]
    assert evaluated(major_from_minor("raw", "other"), [minor], [currency]) == [spelled]


@pytest.mark.parametrize(
    ("currency", "major"),
    [("USD", "0.005"), ("USD", "19.999"), ("JPY", "0.5"), ("KWD", "0.0001"), ("USD", "1.0000000000001"), ("USD", "9" * 40), ("USD", "ten")],
)  # fmt: skip
def test_what_is_no_amount_of_a_currency_keeps_its_text(currency: str, major: str) -> None:
    """Fractions of a minor unit and amounts beyond measure are not rounded into amounts that they are not."""
    assert evaluated(minor_from_major("raw", "other"), [major], [currency]) == [major]


def test_missing_and_blank_amounts_stay_what_they_are() -> None:
    """No amount is not nothing, and nothing is not zero."""
    assert evaluated(minor_from_major("raw", "other"), [None, "", " \u00a0", "0"], ["USD"] * 4) == [None, "", "", "0"]
    assert evaluated(major_from_minor("raw", "other"), [None, "", "0"], ["USD"] * 3) == [None, "", "0.00"]


@quick
@given(
    st.lists(
        st.tuples(st.integers(-(10**24), 10**24), st.sampled_from(["USD", "JPY", "KWD", "XYZ", ""])), min_size=40, max_size=80
    )
)
def test_every_amount_survives_the_way_there_and_back(amounts: list[tuple[int, str]]) -> None:
    """Minor to major to minor is the same amount in every currency."""
    currencies = [c for _, c in amounts]
    major = evaluated(major_from_minor("raw", "other"), [str(a) for a, _ in amounts], currencies)
    assert evaluated(minor_from_major("raw", "other"), major, currencies) == [str(a) for a, _ in amounts]


def test_composed_text_is_what_unicode_says() -> None:
    """NFC here is NFC everywhere."""
    texts = ["\u212b", "e\u0301\u0323", "\u1100\u1161", "\u0958", "\ufb01"]
    assert of(FieldType.TEXT, *texts) == [unicodedata.normalize("NFC", t) for t in texts]
