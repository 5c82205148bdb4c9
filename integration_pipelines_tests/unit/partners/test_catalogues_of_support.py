"""What the linter is told of Zendesk and PagerDuty: which paths exist, which may be written, and which options there are."""

import pytest

from integration_pipelines.partners.zendesk.wire import parts_of
from integration_pipelines.wiring import MESSENGERS, PARTNERS, catalogues


def test_every_partner_has_a_catalogue() -> None:
    """The linter knows each partner that a contract may name."""
    assert set(catalogues()) == {*PARTNERS, *MESSENGERS}


@pytest.mark.parametrize(
    ("partner", "partner_object", "path", "known", "writable"),
    [
        ("zendesk", "escalations", "ticket_id", True, False),
        ("zendesk", "escalations", "fields.incident_url", True, True),
        ("zendesk", "escalations", "tagged.incident_status", True, True),
        ("zendesk", "escalations", "fields.Incident URL", False, False),
        ("zendesk", "escalations", "fields.", False, False),
        ("zendesk", "tickets", "subject", False, False),
        ("pagerduty", "incidents", "severity", True, True),
        ("pagerduty", "incidents", "incident_key", True, False),
        ("pagerduty", "incidents", "severity.name", False, False),
    ],
)
def test_paths_are_known_and_writable(partner: str, partner_object: str, path: str, known: bool, writable: bool) -> None:
    """A misspelt path is no path; what a partner or another side owns is not written."""
    found = catalogues()[partner]
    assert (found.knows(partner_object, path), found.writable(partner_object, path)) == (known, writable)


@pytest.mark.parametrize(
    ("record_id", "parts"),
    [
        ("123-2", (123, 2)),
        ("123", None),
        ("0123-1", None),
        ("123-0", None),
        ("123-1-1", None),
        ("१२३-1", None),
        ("-1", None),
        (f"{10**19}-1", None),
    ],
)
def test_an_escalation_s_id_has_one_spelling(record_id: str, parts: tuple[int, int] | None) -> None:
    """Ticket and seq, both from 1; anything else names no escalation."""
    assert parts_of(record_id) == parts
