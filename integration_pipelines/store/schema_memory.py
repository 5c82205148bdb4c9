"""Tables of what the engine remembers beside its evidence: failed writes, replaced edits, alerts, filled days of history."""

import sqlalchemy as sa

from integration_pipelines.store.columns import Utc, Words
from integration_pipelines.store.schema_parts import METADATA, count, partial_index, text, time

WRITE_RETRIES = sa.Table(
    "write_retries",
    METADATA,
    text("tenant_id", key=True),
    text("integration", key=True),
    text("target", key=True),
    text("target_id", key=True),
    sa.Column("fingerprint", Words, nullable=False, comment="of the planned write that failed; another content starts afresh"),
    count("contract_version"),
    count("attempts"),
    time("first_failed_at"),
    time("last_failed_at"),
    sa.Column("next_try_at", Utc, nullable=True, comment="null: not tried again until the record or the contract changes"),
    text("error_kind"),
    text("error_text"),
    text("write_id"),
    text("run_id"),
)

OVERWRITES = sa.Table(
    "overwrites",
    METADATA,
    text("tenant_id", key=True),
    text("write_id", key=True),
    text("field", key=True),
    text("integration"),
    text("run_id"),
    text("target"),
    text("target_id"),
    sa.Column("read_value", Words, nullable=False, comment="what we read before we wrote, in the target's spelling"),
    sa.Column("lost_value", Words, nullable=False, comment="what really stood there when our write arrived"),
    sa.Column("written_value", Words, nullable=False, comment="what we wrote"),
    text("changed_by"),
    time("detected_at"),
    sa.Column("action", Words, nullable=False, comment="kept, restored or held, as the field's rule says"),
    time("restored_at", optional=True),
    sa.Index(None, "tenant_id", "integration", "detected_at"),
    sa.Index(None, "tenant_id", "integration", "target_id"),
)

SPELLINGS = sa.Table(
    "spellings",
    METADATA,
    text("tenant_id", key=True),
    text("integration", key=True),
    text("target", key=True),
    text("target_id", key=True),
    text("field", key=True),
    sa.Column("written", Words, nullable=False, comment="canonical text of what we wrote"),
    sa.Column("shown", Words, nullable=False, comment="canonical text of what the partner showed right after it"),
    time("seen_at"),
)

# ── alerts ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

_ALERT_IS_OPEN = sa.text("closed_at IS NULL")

ALERTS = sa.Table(
    "alerts",
    METADATA,
    text("tenant_id", key=True),
    text("alert_id", key=True),
    text("integration"),
    text("kind"),
    sa.Column("subject", Words, nullable=False, comment="what it is about; one open alert per kind and subject"),
    text("severity"),
    text("title"),
    text("text"),
    text("remedy"),
    text("link"),
    text("run_id", optional=True),
    time("opened_at"),
    time("last_seen_at"),
    count("occurrences"),
    time("closed_at", optional=True),
    sa.Column("told_at", Utc, nullable=False, comment="when a message about it was last asked for"),
    sa.Column("group_id", Words, nullable=True, comment="the alert about many tenants that tells of this one, too"),
    sa.Index(None, "tenant_id", "integration", "closed_at"),
    # However many processes look at once, a condition has one open alert.
    partial_index("uq_alerts_open", "tenant_id", "integration", "kind", "subject", unique=True, where=_ALERT_IS_OPEN),
)

ALERT_DELIVERIES = sa.Table(
    "alert_deliveries",
    METADATA,
    text("tenant_id", key=True),
    text("alert_id", key=True),
    text("sink", key=True),
    sa.Column("event", Words, primary_key=True, comment="opened, reminded or closed"),
    sa.Column("state", Words, nullable=False, comment="waiting, sending, delivered, given_up or dropped"),
    count("attempts"),
    time("asked_at"),
    time("last_tried_at", optional=True),
    time("next_try_at", optional=True),
    text("error_text", optional=True),
    sa.Index(None, "state", "next_try_at"),
)

# ── history ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

HISTORY_DAYS = sa.Table(
    "history_days",
    METADATA,
    text("tenant_id", key=True),
    text("integration", key=True),
    text("object", key=True),
    sa.Column("day", Words, primary_key=True, comment="ISO date, UTC"),
    count("rows"),
    sa.Column("coverage", Words, nullable=False, comment="whole, part or none: what the partner can still tell of that day"),
    text("reason"),
    text("source"),
    text("run_id"),
    time("filled_at"),
)
