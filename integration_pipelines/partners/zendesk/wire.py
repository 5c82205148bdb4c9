"""How Zendesk is spoken to: paths, limits, and the catalogue of what an escalation tells and takes.

Zendesk has no escalation; it is ours: each time a ticket goes from not escalated to escalated, as its audits tell, one begins. Its id is
`<ticket>-<seq>`, counted from 1, so that a ticket that is escalated again later is another record. What counts as escalated the contract
says in the object's options:

    escalated_priorities: [urgent]       a priority (low, normal, high, urgent)
    escalated_tags: [escalated]          one of these tags, such as the one that an SLA automation adds
    escalated_groups: [Tier 3]           a group, by its name or id
    note_fields: [incident_url]          custom fields whose new value is also left on the ticket as an internal note

Another rule counts anew, and so does another subdomain: both change which escalation an id or a key means.

Facts only. What a value means is `translate`, what an audit means is `escalating`.
"""

import re

from integration_pipelines.partners.http import Bucket

ESCALATIONS = "escalations"
PRIORITIES = ("low", "normal", "high", "urgent")

EXPORT_PAGE = 1000
SHOW_MANY = 100
AUDITS_PAGE = 100
EXPORT_LAG_SECONDS = 60
"""The export leaves out the last minute (developer.zendesk.com, Using the Incremental Export API)."""

DEFAULT, EXPORT = "default", "export"
BUCKETS = {DEFAULT: Bucket(per_second=2.5, burst=40), EXPORT: Bucket(per_second=8 / 60, burst=2)}
"""Burst and rate together stay below Zendesk's own figures, since other apps call too: the smallest plan has 200 requests a minute, and
exports 10 a minute for all."""

ME = "/api/v2/users/me.json"
EXPORT_TICKETS = "/api/v2/incremental/tickets/cursor.json"
MANY_TICKETS = "/api/v2/tickets/show_many.json"
TICKET = "/api/v2/tickets/{}.json"
AUDITS = "/api/v2/tickets/{}/audits.json"
FIELDS = "/api/v2/ticket_fields.json"
FIELD = "/api/v2/ticket_fields/{}.json"
GROUPS = "/api/v2/groups.json"
SIDELOADS = "users,groups,organizations"

_ID = re.compile(r"([1-9][0-9]{0,18})-([1-9][0-9]{0,5})")
_OF_THE_ESCALATION = frozenset(
    {"id", "ticket_id", "seq", "is_current", "is_escalated", "dedup_key", "escalated_at", "ended_at", "headline", "details"}
)
"""What we say of an escalation: whether it is its ticket's newest and still lasts, a line that names it, a text to begin an incident with."""
_OF_THE_TICKET = frozenset(
    {
        "subject", "priority", "status", "type", "tags", "external_id", "ticket_url", "created_at", "updated_at", "requester_id",
        "assignee_id", "organization_id", "group_id", "customer", "requester.name", "requester.email", "assignee.name",
        "organization.name", "group.name",
    }
)  # fmt: skip
"""What the ticket says; `customer` is the organisation's name, or the requester's where there is none."""
_NAME = re.compile(r"[a-z0-9][a-z0-9_]{0,99}")
_OPEN = ("fields", "tagged")

_OPTIONS: dict[str, frozenset[str]] = {
    "escalated_priorities": frozenset(PRIORITIES),
    "escalated_tags": frozenset(),
    "escalated_groups": frozenset(),
    "note_fields": frozenset(),
}


def knows(partner_object: str, path: str, nested: tuple[str, ...] = ()) -> bool:
    """Whether a column's source can exist at Zendesk.

    Args:
        partner_object: `escalations`.
        path: a name of an escalation or its ticket; `fields.incident_url` is the custom ticket field whose title is "Incident URL",
            `tagged.incident_status` what follows `incident_status_` in the tag that begins so. Both are the newest escalation's: of
            earlier ones they are missing.
        nested: there are no lists.
    """
    if partner_object != ESCALATIONS or nested:
        return False
    return path in _OF_THE_ESCALATION or path in _OF_THE_TICKET or open_name(path) is not None


def writable(partner_object: str, path: str) -> bool:
    """Whether we may write that path: custom fields and tags with a prefix of their own, of the ticket of the newest escalation."""
    return partner_object == ESCALATIONS and open_name(path) is not None


def settable(partner_object: str, path: str) -> bool:
    """Whether a new record may start with a value there: escalations are never made by us."""
    del partner_object, path
    return False


def identifying(partner_object: str, path: str) -> bool:
    """Whether a value there belongs to one record for good: the id and the key that is made of account, ticket and seq."""
    return partner_object == ESCALATIONS and path in {"id", "dedup_key"}


def creatable(partner_object: str, path: str) -> bool:
    """Whether a field there can be made at set-up: custom ticket fields."""
    return partner_object == ESCALATIONS and (open_name(path) or ("", ""))[0] == "fields"


def option(partner_object: str, name: str) -> frozenset[str] | None:
    """What an option of an object may say; empty if anything, None if there is no such option."""
    return _OPTIONS.get(name) if partner_object == ESCALATIONS else None


def open_name(path: str) -> tuple[str, str] | None:
    """(`fields` or `tagged`, name) of such a path; None for any other."""
    place, _, name = path.partition(".")
    return (place, name) if place in _OPEN and _NAME.fullmatch(name) else None


def parts_of(record_id: str) -> tuple[int, int] | None:
    """Ticket and seq of an escalation's id; None if it is none."""
    found = _ID.fullmatch(record_id)
    return None if found is None else (int(found[1]), int(found[2]))
