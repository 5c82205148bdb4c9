"""Reading HubSpot: what counts as a record, as blank, as missing, as deleted and as the place to go on from."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from integration_pipelines.errors import BugError, ConfigError, TransientError
from integration_pipelines.ports.lake import Mode, Watermark
from integration_pipelines.ports.partner import Extraction
from integration_pipelines_tests.unit.partners.hubspot_script import (
    COMPANIES,
    NOW,
    OWNERS,
    SCHEMA,
    Answer,
    Body,
    Script,
    company,
    page,
)

LIST = "/crm/objects/2026-03/companies"
SEARCH = f"{LIST}/search"
READ = f"{LIST}/batch/read"
HOUR = timedelta(hours=1)
PROPERTIES = "/crm/properties/2026-03/companies"


def rows(extraction: Extraction) -> list[dict[str, Any]]:
    """Everything that was read."""
    return [row for batch in extraction for row in batch.to_pylist()]


def mark(age: timedelta, token: str | None = None) -> Watermark:
    """A watermark so old."""
    taken_at = NOW - age
    return Watermark(token or taken_at.isoformat(timespec="seconds").replace("+00:00", "Z"), taken_at)


def test_missing_blank_and_value_are_three_things() -> None:
    """A property that the answer lacks is null, null and '' are blank, and dates and times are spelt one way."""
    records = (
        company(1, name="Acme", billing_renewal_date="1795392000000", billing_synced_at="1795428930000"),
        company(2, name=None, billing_renewal_date=""),
    )
    first, second = rows(Script().on("GET", LIST, page(*records)).connector().extract("crm_accounts", COMPANIES, None))
    assert (first["name"], first["renewal"], first["synced_at"]) == ("Acme", "2026-11-23", "2026-11-23T10:15:30Z")
    assert (second["name"], second["renewal"], second["synced_at"]) == ("", "", None)
    assert (first["tenant_id"], first["record_id"], first["deleted"]) == ("t1", "1", False)


def test_a_property_the_tenant_does_not_have_is_not_asked_for() -> None:
    """Asked for, HubSpot would answer null, which would look like a blank; the column is null and named in the summary."""
    script = Script().on("GET", PROPERTIES, {"results": [{"name": "name", "type": "string"}]}).on("GET", LIST, page(company(1)))
    extraction = script.connector().extract("crm_accounts", COMPANIES, None)
    (row,) = rows(extraction)
    assert row["renewal"] is None
    assert extraction.summary.missing_columns == ("renewal", "synced_at")
    assert script.requests[-1].url.params["properties"] == "name"


@pytest.mark.fault("H20")
def test_a_full_read_walks_all_pages_and_keeps_each_record_once() -> None:
    """Pages may overlap when records move; an id comes once, the cursor travels on."""
    script = Script().on("GET", LIST, page(company(1), company(2), after="2"), page(company(2), company(3)))
    extraction = script.connector().extract("crm_accounts", COMPANIES, None)
    assert [row["record_id"] for row in rows(extraction)] == ["1", "2", "3"]
    assert (extraction.mode, extraction.reason) == (Mode.FULL, "This object was never read before.")
    assert script.requests[-1].url.params["after"] == "2"
    assert extraction.summary.calls == 3


def _html(request: httpx.Request) -> httpx.Response:
    del request
    return httpx.Response(200, html="<html></html>")


def _half(request: httpx.Request) -> httpx.Response:
    del request
    return httpx.Response(200, content=b'{"results": [', headers={"content-type": "application/json"})


@pytest.mark.parametrize(
    "answer",
    [_html, _half, {}, {"results": None}, {"results": {}}, {"results": [1]}, {"results": [], "paging": {"next": {}}}],
)
def test_an_answer_of_another_shape_is_never_an_empty_list(answer: Answer | Body) -> None:
    """The read fails instead of looking as if all companies were gone, and it has no summary to move a watermark with."""
    extraction = Script().on("GET", LIST, answer).connector().extract("crm_accounts", COMPANIES, None)
    with pytest.raises(TransientError):
        rows(extraction)
    with pytest.raises(BugError):
        _ = extraction.summary


@pytest.mark.fault("H20")
def test_a_list_that_goes_round_in_circles_is_noticed() -> None:
    """A cursor that comes twice ends the read."""
    script = Script().on("GET", LIST, page(company(1), after="1"))
    with pytest.raises(TransientError, match="circles"):
        rows(script.connector().extract("crm_accounts", COMPANIES, None))
    assert len(script.requests) == 3


@pytest.mark.parametrize(
    ("watermark", "reason"),
    [
        (mark(timedelta(days=31)), "The last read is 31 days old; changes are followed for 30 days only."),
        (mark(timedelta(0), "evt_123"), "The stored place of the last read is not one of HubSpot's."),
    ],
)
def test_a_watermark_that_cannot_be_followed_leads_to_a_full_read(watermark: Watermark, reason: str) -> None:
    """Nothing is guessed: the whole list is read and the reason is said."""
    script = Script().on("GET", LIST, page(company(1)))
    extraction = script.connector().extract("crm_accounts", COMPANIES, watermark)
    assert (len(rows(extraction)), extraction.mode, extraction.reason) == (1, Mode.FULL, reason)


def test_an_incremental_read_overlaps_and_brings_archived_companies() -> None:
    """Search starts before the watermark; what was archived since arrives as deleted, what was archived earlier does not."""
    gone = {**company(3, name="Gone"), "archived": True, "archivedAt": "2026-11-23T11:30:00Z"}
    long_gone = {**company(4), "archived": True, "archivedAt": "2026-11-01T00:00:00Z"}
    script = Script().on("POST", SEARCH, page(company(1))).on("POST", READ, page(company(1, name="Acme")))
    extraction = script.on("GET", LIST, page(gone, long_gone)).connector().extract("crm_accounts", COMPANIES, mark(HOUR))
    found = [(row["record_id"], row["deleted"], row["name"]) for row in rows(extraction)]
    assert (extraction.mode, found) == (Mode.DELTA, [("1", False, "Acme"), ("3", True, None)])
    asked = script.bodies(SEARCH)[0]["filterGroups"][0]["filters"][0]
    assert asked == {"propertyName": "hs_lastmodifieddate", "operator": "GTE", "value": "1795431300000"}  # 10:55
    assert script.requests[-1].url.params["archived"] == "true"
    assert ("t1:hubspot:search", 4.0, 4) in script.quota.asked


def test_the_index_names_companies_and_is_not_believed_beyond_that() -> None:
    """It shows old values and companies that are gone; the read by id decides."""
    stale = page(company(1, name="Old name"), company(2, name="Archived meanwhile"))
    fresh = {**page(company(1, name="New name")), "errors": [{"category": "OBJECT_NOT_FOUND", "context": {"ids": ["2"]}}]}
    script = Script().on("POST", SEARCH, stale).on("POST", READ, fresh, status=207).on("GET", LIST, page())
    found = rows(script.connector().extract("crm_accounts", COMPANIES, mark(HOUR)))
    assert [(row["record_id"], row["deleted"], row["name"]) for row in found] == [("1", False, "New name"), ("2", True, None)]


def test_ids_that_were_merged_away_come_as_deleted() -> None:
    """Neither the index nor the archive tells of them; their survivor does."""
    survivor = company(9, name="Survivor", hs_merged_object_ids="1;2")
    script = Script().on("POST", SEARCH, page(company(1), survivor)).on("POST", READ, page(survivor)).on("GET", LIST, page())
    found = rows(script.connector().extract("crm_accounts", COMPANIES, mark(HOUR)))
    assert [(row["record_id"], row["id"], row["deleted"]) for row in found] == [
        ("9", "9", False),
        ("1", "1", True),
        ("2", "2", True),
    ]


def test_the_next_read_starts_before_this_one_began() -> None:
    """The index lags, so the watermark stays five minutes behind."""
    extraction = Script().on("GET", LIST, page(company(1))).connector().extract("crm_accounts", COMPANIES, None)
    rows(extraction)
    assert extraction.summary.watermark == Watermark("2026-11-23T11:55:00Z", NOW)


def test_a_clock_that_is_ahead_of_hubspots_loses_nothing() -> None:
    """The earlier of both clocks counts."""
    behind = httpx.Response(200, json=SCHEMA, headers={"date": "Mon, 23 Nov 2026 11:50:00 GMT"})
    script = Script().on("GET", PROPERTIES, lambda _: behind).on("GET", LIST, page(company(1)))
    extraction = script.connector().extract("crm_accounts", COMPANIES, None)
    rows(extraction)
    assert extraction.summary.watermark.token == "2026-11-23T11:45:00Z"


def test_unasked_fields_are_counted_without_their_values() -> None:
    """Names and types of what HubSpot sends on top are kept, and nothing else."""
    odd = {**company(1, secret_note="do not keep"), "surprise": ["do not keep"]}
    extraction = Script().on("GET", LIST, page(odd, company(2))).connector().extract("crm_accounts", COMPANIES, None)
    found = rows(extraction)
    assert extraction.summary.unknown_fields == {("surprise", "array"): 1, ("properties.secret_note", "string"): 1}
    assert "do not keep" not in repr(found)


def test_owners_are_read_with_those_who_left() -> None:
    """Both lists, in full, whatever the watermark."""

    def answer(request: httpx.Request) -> httpx.Response:
        left = request.url.params["archived"] == "true"
        return httpx.Response(200, json=page({"id": "2" if left else "1", "email": "a@b.example", "archived": left, "userId": 5}))

    extraction = Script().on("GET", "/crm/owners/2026-03", answer).connector().extract("crm_owners", OWNERS, mark(HOUR))
    assert [(row["record_id"], row["archived"], row["deleted"]) for row in rows(extraction)] == [
        ("1", "false", False),
        ("2", "true", False),
    ]
    assert (extraction.mode, extraction.summary.unknown_fields) == (Mode.FULL, {})


def test_an_object_that_is_not_served_is_a_configuration_fault() -> None:
    """The contract's author is told what there is."""
    with pytest.raises(ConfigError, match="does not serve deals"):
        Script().connector().extract("crm_deals", COMPANIES.model_copy(update={"partner_object": "deals"}), None)
