"""What an alert is. What is found wrong is `alert_words`, what follows from it `alert_changes`; who is told, and how, the alerting room's."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

EVERYBODY = "*"
"""The tenant of an alert that tells of many tenants at once."""


class AlertKind(StrEnum):
    """What sort of thing is wrong."""

    RUN_FAILED = "run_failed"
    NEEDS_RECONNECT = "needs_reconnect"
    CHECK_FAILED = "check_failed"
    STALE = "stale"
    PLAN_HELD = "plan_held"
    WRITES_GIVEN_UP = "writes_given_up"
    MESSAGES_GIVEN_UP = "messages_given_up"
    OUR_MISTAKE = "our_mistake"
    JOB_FAILED = "job_failed"
    TEST = "test"


class Severity(StrEnum):
    """How much it matters; PagerDuty's words."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"


RANK = {severity: rank for rank, severity in enumerate(Severity)}


class AlertEvent(StrEnum):
    """Why people are told."""

    OPENED = "opened"
    REMINDED = "reminded"
    CLOSED = "closed"


Key = tuple[str, str, AlertKind, str]
Sort = tuple[str, AlertKind]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong now, in words for people. No text in it ever holds a customer's data."""

    tenant_id: str
    integration: str
    kind: AlertKind
    subject: str  # what of that kind: one open alert per tenant, integration, kind and subject
    severity: Severity
    title: str
    text: str
    remedy: str
    link: str
    run_id: str | None = None  # the run that shows it

    @property
    def key(self) -> Key:
        """What makes two findings the same alert."""
        return self.tenant_id, self.integration, self.kind, self.subject

    @property
    def is_of_many(self) -> bool:
        """Whether it stands for the same trouble at many tenants."""
        return self.tenant_id == EVERYBODY and not self.subject

    @property
    def sort(self) -> Sort:
        """What findings of many tenants are told together by."""
        return self.integration, self.kind


@dataclass(frozen=True, slots=True)
class Alert:
    """A finding since it was first made. `occurrences` counts the runs that showed it; of a group, the tenants last told of."""

    alert_id: str
    finding: Finding
    opened_at: datetime
    last_seen_at: datetime
    occurrences: int
    told_at: datetime
    closed_at: datetime | None = None
    group_id: str | None = None  # the alert about many tenants that tells of this one


@dataclass(frozen=True, slots=True)
class Changes:
    """What to do. `seen` alerts are stored anew; those `reminded` are among them. Grouped alerts are not told by themselves."""

    opened: tuple[Alert, ...] = ()
    seen: tuple[Alert, ...] = ()
    reminded: tuple[Alert, ...] = ()
    closed: tuple[Alert, ...] = ()


@dataclass(frozen=True, slots=True)
class Rules:
    """When several tenants are told of as one, and when people are reminded."""

    group_above: int
    remind_after: timedelta
