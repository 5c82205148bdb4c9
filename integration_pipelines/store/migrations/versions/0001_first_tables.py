"""The first tables."""

import sqlalchemy as sa
from alembic import op

from integration_pipelines.store.columns import Utc

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forward only: an older version of the program reads the newer schema."""
    _tenants()
    _lake()
    _diffs()
    _diff_observations()
    _links()
    _quarantine()
    _runs()
    _acts()
    _writing()


def _tenants() -> None:
    op.create_table(
        "tenants",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_key", sa.Text(), nullable=True, comment="case-folded; null once removed, so that the name is free again"),
        sa.Column("created_at", Utc(), nullable=False),
        sa.Column("removed_at", Utc(), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", name="pk_tenants"),
        sa.UniqueConstraint("name_key", name="uq_tenants_name_key"),
    )
    op.create_table(
        "connections",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("partner", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("base_url", sa.Text(), nullable=False),
        sa.Column("sealed_token", sa.LargeBinary(), nullable=False),
        sa.Column("connected_at", Utc(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], name="fk_connections_tenant_id_tenants"),
        sa.PrimaryKeyConstraint("tenant_id", "partner", name="pk_connections"),
        sa.UniqueConstraint("partner", "account", name="uq_connections_partner_account"),
    )
    op.create_table(
        "installations",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("integration", sa.Text(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("paused", sa.Boolean(), nullable=False),
        sa.Column("first_plan_approved", sa.Boolean(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("contract_version", sa.BigInteger(), nullable=False),
        sa.Column("installed_at", Utc(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], name="fk_installations_tenant_id_tenants"),
        sa.PrimaryKeyConstraint("tenant_id", "integration", name="pk_installations"),
    )
    op.create_table(
        "leases",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("integration", sa.Text(), nullable=False),
        sa.Column("token", sa.BigInteger(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=True),
        sa.Column(
            "era", sa.Text(), nullable=False, comment="which clock `expires_ns` is on: a boot of this machine, or the database"
        ),
        sa.Column("expires_ns", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "integration", name="pk_leases"),
    )


def _lake() -> None:
    op.create_table(
        "lake_manifest",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("integration", sa.Text(), nullable=False),
        sa.Column("dataset", sa.Text(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("written_at", Utc(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "integration", "dataset", "sequence", name="pk_lake_manifest"),
        sa.UniqueConstraint("path", name="uq_lake_manifest_path"),
    )
    op.create_table(
        "watermarks",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("integration", sa.Text(), nullable=False),
        sa.Column("dataset", sa.Text(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("taken_at", Utc(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "integration", "dataset", name="pk_watermarks"),
    )


def _diffs() -> None:
    op.create_table(
        "reconciliation_diffs",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("diff_id", sa.Text(), nullable=False),
        sa.Column("integration", sa.Text(), nullable=False),
        sa.Column("contract_version", sa.BigInteger(), nullable=False),
        sa.Column("object", sa.Text(), nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("link_id", sa.Text(), nullable=True),
        sa.Column("left_id", sa.Text(), nullable=True),
        sa.Column("right_id", sa.Text(), nullable=True),
        sa.Column("record_label", sa.Text(), nullable=True),
        sa.Column("owner_role", sa.Text(), nullable=True),
        sa.Column("left_value", sa.Text(), nullable=True),
        sa.Column("right_value", sa.Text(), nullable=True),
        sa.Column("base_value", sa.Text(), nullable=True),
        sa.Column("resolved_value", sa.Text(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("amount_delta_minor", sa.BigInteger(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("rule_id", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("first_seen_at", Utc(), nullable=False),
        sa.Column("last_seen_at", Utc(), nullable=False),
        sa.Column("occurrences", sa.BigInteger(), nullable=False),
        sa.Column("first_run_id", sa.Text(), nullable=False),
        sa.Column("last_run_id", sa.Text(), nullable=False),
        sa.Column("plan_id", sa.Text(), nullable=True),
        sa.Column("write_id", sa.Text(), nullable=True),
        sa.Column("left_observed_at", Utc(), nullable=True),
        sa.Column("right_observed_at", Utc(), nullable=True),
        sa.Column("resolved_at", Utc(), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "diff_id", name="pk_reconciliation_diffs"),
    )
    op.create_index("ix_reconciliation_diffs_tenant_id_right_id", "reconciliation_diffs", ["tenant_id", "right_id"])
    op.create_index(
        "ix_reconciliation_diffs_tenant_id_integration_last_seen_at",
        "reconciliation_diffs",
        ["tenant_id", "integration", "last_seen_at"],
        unique=False,
    )
    op.create_index(
        "ix_reconciliation_diffs_tenant_id_integration_resolved_at",
        "reconciliation_diffs",
        ["tenant_id", "integration", "resolved_at"],
        unique=False,
    )


def _diff_observations() -> None:
    op.create_table(
        "diff_observations",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("diff_id", sa.Text(), nullable=False),
        sa.Column("integration", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("left_value", sa.Text(), nullable=True),
        sa.Column("right_value", sa.Text(), nullable=True),
        sa.Column("resolved_value", sa.Text(), nullable=True),
        sa.Column("seen_at", Utc(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "run_id", "diff_id", name="pk_diff_observations"),
    )
    op.create_index("ix_diff_observations_tenant_id_diff_id", "diff_observations", ["tenant_id", "diff_id"], unique=False)


def _links() -> None:
    op.create_table(
        "identity_links",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("integration", sa.Text(), nullable=False),
        sa.Column("link_id", sa.Text(), nullable=False),
        sa.Column("left_id", sa.Text(), nullable=True),
        sa.Column("right_id", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("match_rule", sa.Text(), nullable=True),
        sa.Column("match_evidence", sa.Text(), nullable=True),
        sa.Column("created_at", Utc(), nullable=False),
        sa.Column("updated_at", Utc(), nullable=False),
        sa.Column("survivor_link_id", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "integration", "link_id", name="pk_identity_links"),
    )
    op.create_index(
        "ix_identity_links_tenant_id_integration_left_id", "identity_links", ["tenant_id", "integration", "left_id"], unique=False
    )
    op.create_index(
        "uq_identity_links_live_right",
        "identity_links",
        ["tenant_id", "integration", "right_id"],
        unique=True,
        sqlite_where=sa.text("state = 'live'"),
        postgresql_where=sa.text("state = 'live'"),
    )


def _quarantine() -> None:
    op.create_table(
        "quarantined_records",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("integration", sa.Text(), nullable=False),
        sa.Column("object", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Text(), nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("expectation", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("remedy", sa.Text(), nullable=False),
        sa.Column("first_seen", Utc(), nullable=False),
        sa.Column("last_seen", Utc(), nullable=False),
        sa.Column("resolved_at", Utc(), nullable=True),
        sa.PrimaryKeyConstraint(
            "tenant_id", "integration", "object", "record_id", "field", "expectation", name="pk_quarantined_records"
        ),
    )
    op.create_index(
        "ix_quarantined_records_tenant_id_integration_resolved_at",
        "quarantined_records",
        ["tenant_id", "integration", "resolved_at"],
        unique=False,
    )
    op.create_table(
        "unknown_fields",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("integration", sa.Text(), nullable=False),
        sa.Column("object", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("first_seen", Utc(), nullable=False),
        sa.Column("last_seen", Utc(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "integration", "object", "name", "type", name="pk_unknown_fields"),
    )


def _runs() -> None:
    op.create_table(
        "sync_runs",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("integration", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("trigger", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("started_at", Utc(), nullable=False),
        sa.Column("finished_at", Utc(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("counts", sa.Text(), nullable=False, comment="JSON: name → whole number"),
        sa.Column("balanced", sa.Boolean(), nullable=True),
        sa.Column("certified", sa.Boolean(), nullable=True),
        sa.Column("error_kind", sa.Text(), nullable=True),
        sa.Column("error_text", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "integration", "run_id", name="pk_sync_runs"),
    )
    op.create_index(
        "ix_sync_runs_tenant_id_integration_started_at", "sync_runs", ["tenant_id", "integration", "started_at"], unique=False
    )
    op.create_table(
        "run_outcomes",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("integration", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("object", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("records", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "integration", "run_id", "object", "outcome", "rule", name="pk_run_outcomes"),
    )
    op.create_table(
        "run_records",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("integration", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("object", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint(
            "tenant_id", "integration", "run_id", "object", "record_id", "outcome", "rule", name="pk_run_records"
        ),
    )
    op.create_table(
        "field_counts",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("integration", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("object", sa.Text(), nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("compared", sa.BigInteger(), nullable=False),
        sa.Column("matched", sa.BigInteger(), nullable=False),
        sa.Column("differing", sa.BigInteger(), nullable=False),
        sa.Column("held", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "integration", "run_id", "object", "field", name="pk_field_counts"),
    )


def _acts() -> None:
    op.create_table(
        "webhook_events",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("partner", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("received_at", Utc(), nullable=False),
        sa.Column("landed_path", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("applied_at", Utc(), nullable=True),
        sa.Column("run_id", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "partner", "event_id", name="pk_webhook_events"),
    )
    op.create_index("ix_webhook_events_outcome_received_at", "webhook_events", ["outcome", "received_at"], unique=False)
    op.create_table(
        "audit_log",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("at", Utc(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False, comment="JSON: name → text"),
        sa.Column("previous_hash", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "seq", name="pk_audit_log"),
    )
    op.create_table(
        "audit_heads",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", name="pk_audit_heads"),
    )


def _writing() -> None:
    op.create_table(
        "write_plans",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("plan_id", sa.Text(), nullable=False),
        sa.Column("integration", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("plan_hash", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("numbers", sa.Text(), nullable=False, comment="JSON: name → whole number"),
        sa.Column("file_path", sa.Text(), nullable=False),
        sa.Column("file_sha256", sa.Text(), nullable=False),
        sa.Column("file_rows", sa.BigInteger(), nullable=False),
        sa.Column("file_bytes", sa.BigInteger(), nullable=False),
        sa.Column("created_at", Utc(), nullable=False),
        sa.Column("decided_at", Utc(), nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "plan_id", name="pk_write_plans"),
        sa.UniqueConstraint("plan_id", name="uq_write_plans_plan_id"),
    )
    op.create_index(
        "ix_write_plans_tenant_id_integration_state", "write_plans", ["tenant_id", "integration", "state"], unique=False
    )
    op.create_table(
        "write_ledger",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("write_id", sa.Text(), nullable=False),
        sa.Column("integration", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("plan_id", sa.Text(), nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("target_id", sa.Text(), nullable=False),
        sa.Column("fields", sa.Text(), nullable=False),
        sa.Column("before_image", sa.Text(), nullable=False),
        sa.Column("after_image", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("error_kind", sa.Text(), nullable=True),
        sa.Column("error_text", sa.Text(), nullable=True),
        sa.Column("created_at", Utc(), nullable=False),
        sa.Column("confirmed_at", Utc(), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "write_id", name="pk_write_ledger"),
        sa.UniqueConstraint("write_id", name="uq_write_ledger_write_id"),
    )
    op.create_index(
        "ix_write_ledger_tenant_id_integration_state", "write_ledger", ["tenant_id", "integration", "state"], unique=False
    )
    op.create_index("ix_write_ledger_tenant_id_plan_id", "write_ledger", ["tenant_id", "plan_id"], unique=False)
    op.create_index("ix_write_ledger_tenant_id_run_id", "write_ledger", ["tenant_id", "run_id"], unique=False)
