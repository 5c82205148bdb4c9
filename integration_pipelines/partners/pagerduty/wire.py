"""How PagerDuty is spoken to: paths, limits, and the catalogue of what an incident tells and takes.

An incident is made under a key of ours (`incident_key`) on one service and never under a key that an incident has or had: one that was
resolved stays resolved. Which service that is, and which priorities stand for severities 1, 2, 3, the contract says in the object's options:

    service: [Support escalations]       name or id; incidents of other services are not read
    priorities: [P1, P2, P3]             names of the account's priorities, the most severe first

Facts only. What a value means is `translate`.
"""

from integration_pipelines.partners.http import Bucket

INCIDENTS = "incidents"
OPEN = ("triggered", "acknowledged")
RESOLVED = "resolved"
DEFAULT_PRIORITIES = ("P1", "P2", "P3")
LOW_FROM = 3
"""From this severity on an incident's urgency is low: nobody is woken."""

PAGE = 100
MOST_RESULTS = 10_000
"""Offset and limit together go no further (developer.pagerduty.com, Pagination)."""
LONGEST_RANGE_DAYS = 179
"""`since` and `until` may be six months apart."""
LONGEST_KEY = 255

ACCEPT = "application/vnd.pagerduty+json;version=2"
DEFAULT = "default"
BUCKETS = {DEFAULT: Bucket(per_second=12.0, burst=30)}
"""Below PagerDuty's own figure of 960 requests a minute and key, since other apps may share it."""

ME = "/users/me"
INCIDENT_LIST = "/incidents"
INCIDENT = "/incidents/{}"
PRIORITIES = "/priorities"
SERVICES = "/services"

_READABLE = frozenset(
    {
        "id", "incident_number", "incident_key", "title", "status", "urgency", "severity", "html_url", "created_at", "updated_at",
        "resolved_at", "details", "service.id", "service.summary", "priority.id", "priority.summary", "escalation_policy.id",
        "escalation_policy.summary", "assignee",
    }
)  # fmt: skip
"""`severity` is 1, 2 or 3 by the priority's name; `assignee` the first person it is assigned to; `details` what it was made with."""
TOP_LEVEL = frozenset(
    {
        "id", "type", "summary", "self", "html_url", "incident_number", "title", "description", "created_at", "updated_at",
        "resolved_at", "status", "incident_key", "service", "assignments", "assigned_via", "last_status_change_at",
        "last_status_change_by", "first_trigger_log_entry", "alert_counts", "is_mergeable", "incident_type", "escalation_policy",
        "teams", "impacted_services", "pending_actions", "acknowledgements", "basic_alert_grouping", "alert_grouping", "priority",
        "resolve_reason", "incidents_responders", "responder_requests", "subscriber_requests", "urgency", "body",
        "conference_bridge", "occurrence", "external_references",
    }
)  # fmt: skip
"""What an incident is known to have."""
_WRITABLE = frozenset({"title", "status", "urgency", "severity"})
_SETTABLE = frozenset({"title", "urgency", "severity", "incident_key", "details"})
_OPTIONS: dict[str, frozenset[str]] = {"service": frozenset(), "priorities": frozenset()}


def knows(partner_object: str, path: str, nested: tuple[str, ...] = ()) -> bool:
    """Whether a column's source can exist at PagerDuty."""
    return partner_object == INCIDENTS and not nested and path in _READABLE


def writable(partner_object: str, path: str) -> bool:
    """Whether we may write that path of an incident that exists; `severity` sets its priority and urgency."""
    return partner_object == INCIDENTS and path in _WRITABLE


def settable(partner_object: str, path: str) -> bool:
    """Whether a new incident may start with a value there; `incident_key` and `details` are said once and for all."""
    return partner_object == INCIDENTS and path in _SETTABLE


def identifying(partner_object: str, path: str) -> bool:
    """Whether a value there belongs to one record for good: the id, and the key, since we never use one again."""
    return partner_object == INCIDENTS and path in {"id", "incident_key"}


def creatable(partner_object: str, path: str) -> bool:
    """Whether a field there can be made at set-up: none."""
    del partner_object, path
    return False


def option(partner_object: str, name: str) -> frozenset[str] | None:
    """What an option of an object may say; empty if anything, None if there is no such option."""
    return _OPTIONS.get(name) if partner_object == INCIDENTS else None
