"""What a written value becomes, and what HubSpot refuses."""

from typing import Any

import pytest

from integration_pipelines.partner_models.base import PartnerRefusalError
from integration_pipelines_tests.kit.hubspot_sandbox import hubspot_kit


@pytest.mark.parametrize(
    ("name", "given", "kept"),
    [
        ("billing_mrr", "1200.0", "1200"),
        ("billing_mrr", "0.10", "0.1"),
        ("billing_mrr", "-0.0", "0"),
        ("billing_mrr", "1e3", "1000"),
        ("billing_mrr", 12, "12"),
        ("billing_mrr", 0.1, "0.1"),
        ("billing_mrr", "12345678901234567890.123456789", "12345678901234567890.123456789"),
        ("billing_renewal_date", "2026-12-31", "2026-12-31"),
        ("billing_renewal_date", "1798675200000", "2026-12-31"),
        ("billing_renewal_date", "2026-12-31T00:00:00Z", "2026-12-31"),
        ("billing_synced_at", "2026-11-23T10:00:00.5+01:00", "2026-11-23T09:00:00.500Z"),
        ("billing_synced_at", "1795424400000", "2026-11-23T09:00:00Z"),
        ("customer_segment", "SMB", "SMB"),
        ("regions", "SMB;Enterprise", "SMB;Enterprise"),
        ("hubspot_owner_id", "11", "11"),
        ("is_public", True, "true"),
        ("name", "  as  given \n", "  as  given \n"),
        ("name", "x" * 70_000, "x" * 65_536),
    ],
)
def test_values_are_kept_in_their_canonical_text(name: str, given: object, kept: str) -> None:
    """Numbers lose redundant zeros, dates and times get one spelling, text is kept but for its length."""
    kit = hubspot_kit()
    kit.update("1", **{name: given})
    assert kit.value("1", name) == kept


@pytest.mark.parametrize("blank", ["", None])
def test_a_blank_clears(blank: object) -> None:
    """A cleared value shows as '', one that never was as null."""
    kit = hubspot_kit()
    kit.update("1", name=blank, phone=blank)
    assert (kit.value("1", "name"), kit.value("1", "phone")) == ("", None)


@pytest.mark.parametrize(
    ("name", "given", "code"),
    [
        ("nothing", "x", "PROPERTY_DOESNT_EXIST"),
        ("customer_segment", "smb", "INVALID_OPTION"),
        ("regions", "SMB;Mars", "INVALID_OPTION"),
        ("billing_mrr", "1,200", "INVALID_NUMBER"),
        ("billing_mrr", "NaN", "INVALID_NUMBER"),
        ("billing_mrr", "1e999999999", "INVALID_NUMBER"),
        ("billing_mrr", "١٢", "INVALID_NUMBER"),
        ("billing_renewal_date", "2026-02-30", "INVALID_DATE"),
        ("billing_renewal_date", "2026-12-31T05:00:00Z", "INVALID_DATE"),
        ("billing_renewal_date", "1798675200001", "INVALID_DATE"),
        ("billing_synced_at", "yesterday", "INVALID_DATE"),
        ("billing_synced_at", "2026-11-23T10:00:00", "INVALID_DATE"),
        ("is_public", "perhaps", "INVALID_BOOLEAN"),
        ("hubspot_owner_id", "12", "INVALID_OWNER_ID"),
        ("hs_object_id", "9", "READ_ONLY_VALUE"),
        ("name", ["a"], "INVALID_VALUE"),
    ],
)
def test_values_that_do_not_fit_are_refused(name: str, given: object, code: str) -> None:
    """400 VALIDATION_ERROR names the property and the reason; nothing is written or noted."""
    kit = hubspot_kit()
    before = kit.account.state()
    with pytest.raises(PartnerRefusalError) as caught:
        kit.update("1", **{"phone": "new", name: given})
    assert (caught.value.status, caught.value.code) == (400, "VALIDATION_ERROR")
    facts: dict[str, Any] = caught.value.facts
    assert [(one["code"], one["context"]) for one in facts["errors"]] == [(code, {"propertyName": [name]})]
    assert (kit.account.state(), kit.account.effects) == (before, [])


def test_every_fault_of_a_record_is_named_at_once() -> None:
    """A caller learns of all its bad values from one refusal."""
    with pytest.raises(PartnerRefusalError) as caught:
        hubspot_kit().create(nothing="1", billing_mrr="many", customer_segment="Mars")
    facts: dict[str, Any] = caught.value.facts
    assert len(facts["errors"]) == 3
