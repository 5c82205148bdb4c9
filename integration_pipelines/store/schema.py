"""Every table of the store. What people and scripts rely on are the columns of `core.tables`; the rest serves the ports.

Keys start with the tenant, so that no query can join two tenants by accident. Values are text, counts and minor units are big integers,
times are UTC. Views are in `views`; changes to tables come as migrations.
"""

import sqlalchemy as sa

from integration_pipelines.core.tables import DIFFS, IDENTITY_LINKS, LEDGER, QUARANTINE, UNKNOWN_FIELDS
from integration_pipelines.store.columns import Utc, columns_of

METADATA = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _text(name: str, *, key: bool = False, optional: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, primary_key=key, nullable=optional)


def _count(name: str, *, key: bool = False, optional: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, primary_key=key, nullable=optional, autoincrement=False)


def _time(name: str, *, optional: bool = False) -> sa.Column[object]:
    return sa.Column(name, Utc, nullable=optional)


def _flag(name: str, *, optional: bool = False) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean, nullable=optional)


def _of_tenant() -> sa.Column[str]:
    return sa.Column("tenant_id", sa.Text, sa.ForeignKey("tenants.tenant_id"), primary_key=True)


# ── tenants and their switches ─────────────────────────────────────────────────────────────────────────────────────────────────────

TENANTS = sa.Table(
    "tenants",
    METADATA,
    _text("tenant_id", key=True),
    _text("name"),
    sa.Column("name_key", sa.Text, unique=True, comment="case-folded; null once removed, so that the name is free again"),
    _time("created_at"),
    _time("removed_at", optional=True),
)

CONNECTIONS = sa.Table(
    "connections",
    METADATA,
    _of_tenant(),
    _text("partner", key=True),
    _text("account"),
    _text("base_url"),
    sa.Column("sealed_token", sa.LargeBinary, nullable=False),
    _time("connected_at"),
    sa.UniqueConstraint("partner", "account"),
)

INSTALLATIONS = sa.Table(
    "installations",
    METADATA,
    _of_tenant(),
    _text("integration", key=True),
    _flag("enabled"),
    _flag("paused"),
    _flag("first_plan_approved"),
    _count("epoch"),
    _count("contract_version"),
    _time("installed_at"),
)

# ── the lake's manifest ────────────────────────────────────────────────────────────────────────────────────────────────────────────

LAKE_MANIFEST = sa.Table(
    "lake_manifest",
    METADATA,
    _text("tenant_id", key=True),
    _text("integration", key=True),
    _text("dataset", key=True),
    _count("sequence", key=True),
    _text("mode"),
    sa.Column("path", sa.Text, nullable=False, unique=True),
    _text("sha256"),
    _count("rows"),
    _count("bytes"),
    _text("run_id"),
    _time("written_at"),
)

WATERMARKS = sa.Table(
    "watermarks",
    METADATA,
    _text("tenant_id", key=True),
    _text("integration", key=True),
    _text("dataset", key=True),
    _text("token"),
    _time("taken_at"),
)

# ── evidence: what analysts query ──────────────────────────────────────────────────────────────────────────────────────────────────

_FILLED_DIFFS = {"tenant_id", "diff_id", "integration", "contract_version", "object", "field", "kind", "action", "status"}
_FILLED_DIFFS |= {"first_seen_at", "last_seen_at", "occurrences", "first_run_id", "last_run_id"}

RECONCILIATION_DIFFS = sa.Table(
    "reconciliation_diffs",
    METADATA,
    *columns_of(DIFFS, key=("tenant_id", "diff_id"), optional=set(DIFFS.names) - _FILLED_DIFFS),
    sa.Index(None, "tenant_id", "integration", "resolved_at"),
    sa.Index(None, "tenant_id", "integration", "last_seen_at"),
)

DIFF_OBSERVATIONS = sa.Table(
    "diff_observations",
    METADATA,
    _text("tenant_id", key=True),
    _text("run_id", key=True),
    _text("diff_id", key=True),
    _text("integration"),
    _text("kind"),
    _text("action"),
    _text("status"),
    _text("left_value", optional=True),
    _text("right_value", optional=True),
    _text("resolved_value", optional=True),
    _time("seen_at"),
    sa.Index(None, "tenant_id", "diff_id"),
)

_LINK_IS_LIVE = sa.text("state = 'live'")

LINKS = sa.Table(
    "identity_links",
    METADATA,
    *columns_of(
        IDENTITY_LINKS,
        key=("tenant_id", "integration", "link_id"),
        optional={"left_id", "right_id", "match_rule", "match_evidence", "survivor_link_id", "decided_by"},
    ),
    # A right-hand record never has two live links, whatever the engine believes.
    sa.Index(
        "uq_identity_links_live_right",
        "tenant_id",
        "integration",
        "right_id",
        unique=True,
        sqlite_where=_LINK_IS_LIVE,
        postgresql_where=_LINK_IS_LIVE,
    ),
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
)

UNKNOWN = sa.Table(
    "unknown_fields",
    METADATA,
    *columns_of(UNKNOWN_FIELDS, key=("tenant_id", "integration", "object", "name", "type")),
    _time("first_seen"),
    _time("last_seen"),
)

RUNS = sa.Table(
    "sync_runs",
    METADATA,
    _text("tenant_id", key=True),
    _text("integration", key=True),
    _text("run_id", key=True),
    _text("trigger"),
    _text("scope"),
    _time("started_at"),
    _time("finished_at", optional=True),
    _text("outcome", optional=True),
    sa.Column("counts", sa.Text, nullable=False, comment="JSON: name → whole number"),
    _flag("balanced", optional=True),
    _flag("certified", optional=True),
    _text("error_kind", optional=True),
    _text("error_text", optional=True),
    sa.Column("reason", sa.Text, nullable=False, server_default="", comment="why it ended so, in words"),
    sa.Index(None, "tenant_id", "integration", "started_at"),
)

RUN_OUTCOMES = sa.Table(
    "run_outcomes",
    METADATA,
    _text("tenant_id", key=True),
    _text("integration", key=True),
    _text("run_id", key=True),
    _text("object", key=True),
    _text("outcome", key=True),
    _text("rule", key=True),
    _count("records"),
)

RUN_RECORDS = sa.Table(
    "run_records",
    METADATA,
    _text("tenant_id", key=True),
    _text("integration", key=True),
    _text("run_id", key=True),
    _text("object", key=True),
    _text("record_id", key=True),
    _text("outcome", key=True),
    _text("rule", key=True),
)

FIELD_COUNTS = sa.Table(
    "field_counts",
    METADATA,
    _text("tenant_id", key=True),
    _text("integration", key=True),
    _text("run_id", key=True),
    _text("object", key=True),
    _text("field", key=True),
    _count("compared"),
    _count("matched"),
    _count("differing"),
    _count("held"),
)

WEBHOOK_EVENTS = sa.Table(
    "webhook_events",
    METADATA,
    _text("tenant_id", key=True),
    _text("partner", key=True),
    _text("event_id", key=True),
    _text("type"),
    _time("received_at"),
    _text("landed_path"),
    _text("outcome", optional=True),
    _time("applied_at", optional=True),
    _text("run_id", optional=True),
    sa.Index(None, "outcome", "received_at"),
)

AUDIT_LOG = sa.Table(
    "audit_log",
    METADATA,
    _text("tenant_id", key=True),
    _count("seq", key=True),
    _time("at"),
    _text("actor"),
    _text("act"),
    sa.Column("facts", sa.Text, nullable=False, comment="JSON: name → text"),
    _text("previous_hash"),
    _text("hash"),
)

AUDIT_HEADS = sa.Table("audit_heads", METADATA, _text("tenant_id", key=True), _count("seq"), _text("hash"))

# ── writing ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

WRITE_PLANS = sa.Table(
    "write_plans",
    METADATA,
    _text("tenant_id", key=True),
    sa.Column("plan_id", sa.Text, primary_key=True, unique=True),
    _text("integration"),
    _text("run_id"),
    _text("plan_hash"),
    _text("state"),
    _text("reason"),
    sa.Column("numbers", sa.Text, nullable=False, comment="JSON: name → whole number"),
    _text("file_path"),
    _text("file_sha256"),
    _count("file_rows"),
    _count("file_bytes"),
    _time("created_at"),
    _time("decided_at", optional=True),
    _text("decided_by", optional=True),
    sa.Index(None, "tenant_id", "integration", "state"),
)

WRITE_LEDGER = sa.Table(
    "write_ledger",
    METADATA,
    *columns_of(LEDGER, key=("tenant_id", "write_id"), optional={"error_kind", "error_text", "confirmed_at"}),
    sa.UniqueConstraint("write_id"),
    sa.Index(None, "tenant_id", "integration", "state"),
    sa.Index(None, "tenant_id", "plan_id"),
    sa.Index(None, "tenant_id", "run_id"),
)

LEASES = sa.Table(
    "leases",
    METADATA,
    _text("tenant_id", key=True),
    _text("integration", key=True),
    _count("token"),
    _text("holder", optional=True),
    sa.Column("era", sa.Text, nullable=False, comment="which clock `expires_ns` is on: a boot of this machine, or the database"),
    _count("expires_ns"),
)

WRITE_RETRIES = sa.Table(
    "write_retries",
    METADATA,
    _text("tenant_id", key=True),
    _text("integration", key=True),
    _text("target", key=True),
    _text("target_id", key=True),
    sa.Column("fingerprint", sa.Text, nullable=False, comment="of the planned write that failed; another content starts afresh"),
    _count("contract_version"),
    _count("attempts"),
    _time("first_failed_at"),
    _time("last_failed_at"),
    sa.Column("next_try_at", Utc, nullable=True, comment="null: not tried again until the record or the contract changes"),
    _text("error_kind"),
    _text("error_text"),
    _text("write_id"),
    _text("run_id"),
)

OVERWRITES = sa.Table(
    "overwrites",
    METADATA,
    _text("tenant_id", key=True),
    _text("write_id", key=True),
    _text("field", key=True),
    _text("integration"),
    _text("run_id"),
    _text("target"),
    _text("target_id"),
    sa.Column("read_value", sa.Text, nullable=False, comment="what we read before we wrote, in the target's spelling"),
    sa.Column("lost_value", sa.Text, nullable=False, comment="what really stood there when our write arrived"),
    sa.Column("written_value", sa.Text, nullable=False, comment="what we wrote"),
    _text("changed_by"),
    _time("detected_at"),
    sa.Column("action", sa.Text, nullable=False, comment="kept, restored or held, as the field's rule says"),
    _time("restored_at", optional=True),
    sa.Index(None, "tenant_id", "integration", "detected_at"),
)

# ── alerts ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

ALERTS = sa.Table(
    "alerts",
    METADATA,
    _text("tenant_id", key=True),
    _text("alert_id", key=True),
    _text("integration"),
    _text("kind"),
    sa.Column("subject", sa.Text, nullable=False, comment="what it is about; one open alert per kind and subject"),
    _text("severity"),
    _text("title"),
    _text("text"),
    _text("remedy"),
    _text("link"),
    _text("run_id", optional=True),
    _time("opened_at"),
    _time("last_seen_at"),
    _count("occurrences"),
    _time("closed_at", optional=True),
    sa.Index(None, "tenant_id", "integration", "closed_at"),
)

ALERT_DELIVERIES = sa.Table(
    "alert_deliveries",
    METADATA,
    _text("tenant_id", key=True),
    _text("alert_id", key=True),
    _text("sink", key=True),
    sa.Column("event", sa.Text, primary_key=True, comment="opened, reminded or closed"),
    _text("state"),
    _count("attempts"),
    _time("last_tried_at", optional=True),
    _time("next_try_at", optional=True),
    _text("error_text", optional=True),
    sa.Index(None, "state", "next_try_at"),
)

# ── history ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

HISTORY_DAYS = sa.Table(
    "history_days",
    METADATA,
    _text("tenant_id", key=True),
    _text("integration", key=True),
    _text("object", key=True),
    sa.Column("day", sa.Text, primary_key=True, comment="ISO date, UTC"),
    _count("rows"),
    sa.Column("coverage", sa.Text, nullable=False, comment="whole, part or none: what the partner can still tell of that day"),
    _text("reason"),
    _text("source"),
    _text("run_id"),
    _time("filled_at"),
)
