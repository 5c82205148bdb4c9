"""Every table of the store. What people and scripts rely on are the columns of `core.tables`; the rest serves the ports.

Keys start with the tenant, so that no query can join two tenants by accident. Values are text, counts and minor units are big integers,
times are UTC. Views are in `views`; changes to tables come as migrations.
"""

import sqlalchemy as sa

from integration_pipelines.core.tables import DIFFS, IDENTITY_LINKS, LEDGER, QUARANTINE, UNKNOWN_FIELDS
from integration_pipelines.store.columns import Utc, Words, columns_of
from integration_pipelines.store.schema_memory import ALERT_DELIVERIES, ALERTS, HISTORY_DAYS, OVERWRITES, SPELLINGS, WRITE_RETRIES
from integration_pipelines.store.schema_messages import NOTIFICATIONS, PARTNER_OPTIONS
from integration_pipelines.store.schema_parts import METADATA, count, flag, of_tenant, partial_index, text, time
from integration_pipelines.store.schema_webhooks import WEBHOOK_EVENTS, WEBHOOK_SECRETS

__all__ = [
    "ALERTS",
    "ALERT_DELIVERIES",
    "HISTORY_DAYS",
    "METADATA",
    "NOTIFICATIONS",
    "OVERWRITES",
    "PARTNER_OPTIONS",
    "SPELLINGS",
    "WEBHOOK_EVENTS",
    "WEBHOOK_SECRETS",
    "WRITE_RETRIES",
]  # the store's tables, wherever they are

# ── tenants and their switches ─────────────────────────────────────────────────────────────────────────────────────────────────────

TENANTS = sa.Table(
    "tenants",
    METADATA,
    text("tenant_id", key=True),
    text("name"),
    sa.Column("name_key", Words, unique=True, comment="case-folded; null once removed, so that the name is free again"),
    time("created_at"),
    time("removed_at", optional=True),
)

CONNECTIONS = sa.Table(
    "connections",
    METADATA,
    of_tenant(),
    text("partner", key=True),
    text("account"),
    text("base_url"),
    sa.Column("sealed_token", sa.LargeBinary, nullable=False),
    time("connected_at"),
    sa.Column("ended_at", Utc, nullable=True, comment="when the partner took our access away; nothing is asked of it since"),
    sa.UniqueConstraint("partner", "account"),
)

ANALYST_GRANTS = sa.Table(
    "analyst_grants",
    METADATA,
    text("tenant_id", key=True),
    text("role_name", key=True),
    time("granted_at"),
    comment="which tenants a database role may read in the views",
)

INSTALLATIONS = sa.Table(
    "installations",
    METADATA,
    of_tenant(),
    text("integration", key=True),
    flag("enabled"),
    flag("paused"),
    flag("first_plan_approved"),
    count("epoch"),
    count("contract_version"),
    time("installed_at"),
)

# ── the lake's manifest ────────────────────────────────────────────────────────────────────────────────────────────────────────────

LAKE_MANIFEST = sa.Table(
    "lake_manifest",
    METADATA,
    text("tenant_id", key=True),
    text("integration", key=True),
    text("dataset", key=True),
    count("sequence", key=True),
    text("mode"),
    sa.Column("path", Words, nullable=False, unique=True),
    text("sha256"),
    count("rows"),
    count("bytes"),
    text("run_id"),
    time("written_at"),
)

WATERMARKS = sa.Table(
    "watermarks",
    METADATA,
    text("tenant_id", key=True),
    text("integration", key=True),
    text("dataset", key=True),
    text("token"),
    time("taken_at"),
)

# ── evidence: what analysts query ──────────────────────────────────────────────────────────────────────────────────────────────────

_FILLED_DIFFS = {"tenant_id", "diff_id", "integration", "contract_version", "object", "field", "kind", "action", "status"}
_FILLED_DIFFS |= {"first_seen_at", "last_seen_at", "occurrences", "first_run_id", "last_run_id"}

DIFF_IS_OPEN = sa.text("resolved_at IS NULL")

RECONCILIATION_DIFFS = sa.Table(
    "reconciliation_diffs",
    METADATA,
    *columns_of(DIFFS, key=("tenant_id", "diff_id"), optional=set(DIFFS.names) - _FILLED_DIFFS),
    sa.Index(None, "tenant_id", "integration", "resolved_at"),
    sa.Index(None, "tenant_id", "integration", "last_seen_at"),
    # Longer than the ones above, so that a question about few records is answered by these.
    *(
        sa.Index(f"ix_reconciliation_diffs_{side}", "tenant_id", "integration", side, "resolved_at")
        for side in ("left_id", "right_id")
    ),
)

DIFF_OBSERVATIONS = sa.Table(
    "diff_observations",
    METADATA,
    text("tenant_id", key=True),
    text("run_id", key=True),
    text("diff_id", key=True),
    text("integration"),
    text("kind"),
    text("action"),
    text("status"),
    text("left_value", optional=True),
    text("right_value", optional=True),
    text("resolved_value", optional=True),
    time("seen_at"),
    sa.Index(None, "tenant_id", "diff_id"),
)

LINK_IS_LIVE, LINK_IS_OVER = sa.text("state = 'live'"), sa.text("state <> 'live'")

LINKS = sa.Table(
    "identity_links",
    METADATA,
    *columns_of(
        IDENTITY_LINKS,
        key=("tenant_id", "integration", "link_id"),
        optional={"left_id", "right_id", "match_rule", "match_evidence", "survivor_link_id", "decided_by"},
    ),
    # A right-hand record never has two live links, whatever the engine believes.
    partial_index("uq_identity_links_live_right", "tenant_id", "integration", "right_id", unique=True, where=LINK_IS_LIVE),
    partial_index("ix_identity_links_over_right", "tenant_id", "integration", "right_id", where=LINK_IS_OVER),
    sa.Index(None, "tenant_id", "integration", "left_id"),
)

QUARANTINED = sa.Table(
    "quarantined_records",
    METADATA,
    *columns_of(
        QUARANTINE,
        key=("tenant_id", "integration", "object", "record_id", "field", "expectation"),
        optional={"resolved_at"},
    ),
    sa.Index(None, "tenant_id", "integration", "resolved_at"),
    sa.Index(None, "tenant_id", "integration", "record_id"),
)

UNKNOWN = sa.Table(
    "unknown_fields",
    METADATA,
    *columns_of(UNKNOWN_FIELDS, key=("tenant_id", "integration", "object", "name", "type")),
    time("first_seen"),
    time("last_seen"),
)

_HAS_NO_END = sa.text("finished_at IS NULL")

RUNS = sa.Table(
    "sync_runs",
    METADATA,
    text("tenant_id", key=True),
    text("integration", key=True),
    text("run_id", key=True),
    text("trigger"),
    text("scope"),
    time("started_at"),
    time("finished_at", optional=True),
    text("outcome", optional=True),
    sa.Column("counts", Words, nullable=False, comment="JSON: name → whole number"),
    flag("balanced", optional=True),
    flag("certified", optional=True),
    text("error_kind", optional=True),
    text("error_text", optional=True),
    sa.Column("reason", Words, nullable=False, server_default="", comment="why it ended so, in words"),
    flag("read_full", optional=True),
    sa.Index(None, "tenant_id", "integration", "started_at"),
    partial_index("ix_sync_runs_unfinished", "started_at", where=_HAS_NO_END),
)

RUN_OUTCOMES = sa.Table(
    "run_outcomes",
    METADATA,
    text("tenant_id", key=True),
    text("integration", key=True),
    text("run_id", key=True),
    text("object", key=True),
    text("outcome", key=True),
    text("rule", key=True),
    count("records"),
)

RUN_RECORDS = sa.Table(
    "run_records",
    METADATA,
    text("tenant_id", key=True),
    text("integration", key=True),
    text("run_id", key=True),
    text("object", key=True),
    text("record_id", key=True),
    text("outcome", key=True),
    text("rule", key=True),
)

FIELD_COUNTS = sa.Table(
    "field_counts",
    METADATA,
    text("tenant_id", key=True),
    text("integration", key=True),
    text("run_id", key=True),
    text("object", key=True),
    text("field", key=True),
    count("compared"),
    count("matched"),
    count("differing"),
    count("held"),
)

AUDIT_LOG = sa.Table(
    "audit_log",
    METADATA,
    text("tenant_id", key=True),
    count("seq", key=True),
    time("at"),
    text("actor"),
    text("act"),
    sa.Column("facts", Words, nullable=False, comment="JSON: name → text"),
    text("previous_hash"),
    text("hash"),
)

AUDIT_HEADS = sa.Table("audit_heads", METADATA, text("tenant_id", key=True), count("seq"), text("hash"))

# ── writing ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

WRITE_PLANS = sa.Table(
    "write_plans",
    METADATA,
    text("tenant_id", key=True),
    sa.Column("plan_id", Words, primary_key=True, unique=True),
    text("integration"),
    text("run_id"),
    text("plan_hash"),
    text("state"),
    text("reason"),
    sa.Column("numbers", Words, nullable=False, comment="JSON: name → whole number"),
    text("file_path"),
    text("file_sha256"),
    count("file_rows"),
    count("file_bytes"),
    time("created_at"),
    time("decided_at", optional=True),
    text("decided_by", optional=True),
    sa.Column("scope", Words, nullable=False, server_default="full", comment="full, or records: a plan for single records"),
    sa.Index(None, "tenant_id", "integration", "state"),
)

WRITE_IS_OPEN = sa.text("state IN ('sent', 'unknown')")
WRITE_CREATES = sa.text("operation = 'create'")

WRITE_LEDGER = sa.Table(
    "write_ledger",
    METADATA,
    *columns_of(LEDGER, key=("tenant_id", "write_id"), optional={"error_kind", "error_text", "confirmed_at", "record_id"}),
    sa.UniqueConstraint("write_id"),
    sa.Index(None, "tenant_id", "integration", "state"),
    sa.Index(None, "tenant_id", "integration", "created_at"),
    sa.Index(None, "tenant_id", "plan_id"),
    partial_index("ix_write_ledger_open", "created_at", where=WRITE_IS_OPEN),
    # The operation is named again, so that all of them are found by this one, which is the shortest.
    partial_index("ix_write_ledger_creates", "tenant_id", "integration", "operation", "target_id", where=WRITE_CREATES),
    sa.Index(None, "tenant_id", "integration", "target_id"),
    sa.Index(None, "tenant_id", "run_id"),
)

LEASES = sa.Table(
    "leases",
    METADATA,
    text("tenant_id", key=True),
    text("integration", key=True),
    count("token"),
    text("holder", optional=True),
    sa.Column("era", Words, nullable=False, comment="which clock `expires_ns` is on: a boot of this machine, or the database"),
    count("expires_ns"),
)
