"""What HubSpot's values mean."""

from datetime import UTC, datetime

import pytest

from integration_pipelines.core.contract import Column, FieldType
from integration_pipelines.partners.hubspot.translate import flattener, milliseconds
from integration_pipelines_tests.unit.partners.hubspot_script import COMPANIES, NOW


def neutral_text(sent: object, kind: FieldType) -> object:
    """What a property of that type reads as."""
    spec = COMPANIES.model_copy(update={"columns": {"x": Column(source="properties.x", type=kind, purpose="tried")}})
    record = {"id": "1", "properties": {"x": sent}}
    return flattener(spec).batch([record], tenant_id="t1", observed_at=NOW).to_pylist()[0]["x"]


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        ("2026-11-23", "2026-11-23"),
        ("2026-11-23T00:00:00Z", "2026-11-23"),
        ("2026-11-23T00:00:00.000+00:00", "2026-11-23"),
        ("1795392000000", "2026-11-23"),
        (1795392000000, "2026-11-23"),
        ("-86400000", "1969-12-31"),
        ("1036800000", "1970-01-13"),
        ("0", "1970-01-01"),
        ("2026-11-23T22:00:00Z", "2026-11-23T22:00:00Z"),
        ("1795392000001", "1795392000001"),
        ("2026-02-30", "2026-02-30"),
        ("next week", "next week"),
        ("", ""),
        (None, ""),
    ],
)
def test_a_date_is_the_same_day_in_every_spelling(sent: object, text: str) -> None:
    """Dates never shift by a zone, and what is no date stays as it is for the gate to refuse."""
    assert neutral_text(sent, FieldType.DATE) == text


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        ("2026-11-23T10:15:30Z", "2026-11-23T10:15:30Z"),
        ("2026-11-23T10:15:30.000Z", "2026-11-23T10:15:30Z"),
        ("2026-11-23T10:15:30.007Z", "2026-11-23T10:15:30.007Z"),
        ("2026-11-23T11:15:30+01:00", "2026-11-23T10:15:30Z"),
        ("1795428930000", "2026-11-23T10:15:30Z"),
        ("1795428930007", "2026-11-23T10:15:30.007Z"),
        ("-1", "1969-12-31T23:59:59.999Z"),
        ("2026-11-23", "2026-11-23T00:00:00Z"),
        ("2026-11-23T10:15:30", "2026-11-23T10:15:30"),
        ("999999999999999", "999999999999999"),
        ("soon", "soon"),
    ],
)
def test_a_time_is_utc_in_every_spelling(sent: object, text: str) -> None:
    """Times become UTC, milliseconds stay only where there are some, and a time without a zone is not guessed at."""
    assert neutral_text(sent, FieldType.DATETIME) == text


@pytest.mark.parametrize(
    ("sent", "text"), [("19.990", "19.990"), ("  x ", "  x "), (True, "true"), (False, "false"), (4711, "4711"), ("TRUE", "TRUE")]
)
def test_other_values_stay_exact(sent: object, text: str) -> None:
    """Numbers, marks and texts keep HubSpot's spelling; canonical form is decided elsewhere."""
    assert neutral_text(sent, FieldType.TEXT) == text


def test_milliseconds_are_exact() -> None:
    """No binary fraction gets between a time and its milliseconds."""
    assert milliseconds(datetime(2026, 11, 23, 10, 15, 30, 7999, tzinfo=UTC)) == 1795428930007
