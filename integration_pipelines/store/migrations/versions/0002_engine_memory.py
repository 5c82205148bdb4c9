"""What the engine remembers besides: retries, overwrites, alerts, filled days of history, epochs of links and why runs ended."""

import sqlalchemy as sa
from alembic import op

from integration_pipelines.store.columns import Utc

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Additions only: the version before this one goes on reading and writing."""
    _grants()
    _alerts()
    _history()
    _writes()
    _evidence()


def _grants() -> None:
    op.create_table(
        "analyst_grants",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("role_name", sa.Text(), nullable=False),
        sa.Column("granted_at", Utc(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "role_name", name="pk_analyst_grants"),
        comment="which tenants a database role may read in the views",
    )


def _alerts() -> None:
    op.create_table(
        "alert_deliveries",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("alert_id", sa.Text(), nullable=False),
        sa.Column("sink", sa.Text(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False, comment="opened, reminded or closed"),
        sa.Column("state", sa.Text(), nullable=False, comment="waiting, sending, delivered, given_up or dropped"),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("asked_at", Utc(), nullable=False),
        sa.Column("last_tried_at", Utc(), nullable=True),
        sa.Column("next_try_at", Utc(), nullable=True),
        sa.Column("error_text", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "alert_id", "sink", "event", name="pk_alert_deliveries"),
    )
    op.create_index("ix_alert_deliveries_state_next_try_at", "alert_deliveries", ["state", "next_try_at"], unique=False)
    op.create_table(
        "alerts",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("alert_id", sa.Text(), nullable=False),
        sa.Column("integration", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False, comment="what it is about; one open alert per kind and subject"),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("remedy", sa.Text(), nullable=False),
        sa.Column("link", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=True),
        sa.Column("opened_at", Utc(), nullable=False),
        sa.Column("last_seen_at", Utc(), nullable=False),
        sa.Column("occurrences", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", Utc(), nullable=True),
        sa.Column("told_at", Utc(), nullable=False, comment="when a message about it was last asked for"),
        sa.Column("group_id", sa.Text(), nullable=True, comment="the alert about many tenants that tells of this one, too"),
        sa.PrimaryKeyConstraint("tenant_id", "alert_id", name="pk_alerts"),
    )
    op.create_index(
        "ix_alerts_tenant_id_integration_closed_at", "alerts", ["tenant_id", "integration", "closed_at"], unique=False
    )
    still_open = sa.text("closed_at IS NULL")
    op.create_index(
        "uq_alerts_open",
        "alerts",
        ["tenant_id", "integration", "kind", "subject"],
        unique=True,
        sqlite_where=still_open,
        postgresql_where=still_open,
    )


def _history() -> None:
    op.create_table(
        "history_days",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("integration", sa.Text(), nullable=False),
        sa.Column("object", sa.Text(), nullable=False),
        sa.Column("day", sa.Text(), nullable=False, comment="ISO date, UTC"),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column(
            "coverage", sa.Text(), nullable=False, comment="whole, part or none: what the partner can still tell of that day"
        ),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("filled_at", Utc(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "integration", "object", "day", name="pk_history_days"),
    )


def _writes() -> None:
    op.create_table(
        "spellings",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("integration", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("target_id", sa.Text(), nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("written", sa.Text(), nullable=False, comment="canonical text of what we wrote"),
        sa.Column("shown", sa.Text(), nullable=False, comment="canonical text of what the partner showed right after it"),
        sa.Column("seen_at", Utc(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "integration", "target", "target_id", "field", name="pk_spellings"),
    )
    op.create_table(
        "overwrites",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("write_id", sa.Text(), nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("integration", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("target_id", sa.Text(), nullable=False),
        sa.Column("read_value", sa.Text(), nullable=False, comment="what we read before we wrote, in the target's spelling"),
        sa.Column("lost_value", sa.Text(), nullable=False, comment="what really stood there when our write arrived"),
        sa.Column("written_value", sa.Text(), nullable=False, comment="what we wrote"),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("detected_at", Utc(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False, comment="kept, restored or held, as the field's rule says"),
        sa.Column("restored_at", Utc(), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "write_id", "field", name="pk_overwrites"),
    )
    op.create_index(
        "ix_overwrites_tenant_id_integration_detected_at", "overwrites", ["tenant_id", "integration", "detected_at"], unique=False
    )
    op.create_table(
        "write_retries",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("integration", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("target_id", sa.Text(), nullable=False),
        sa.Column(
            "fingerprint", sa.Text(), nullable=False, comment="of the planned write that failed; another content starts afresh"
        ),
        sa.Column("contract_version", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("first_failed_at", Utc(), nullable=False),
        sa.Column("last_failed_at", Utc(), nullable=False),
        sa.Column("next_try_at", Utc(), nullable=True, comment="null: not tried again until the record or the contract changes"),
        sa.Column("error_kind", sa.Text(), nullable=False),
        sa.Column("error_text", sa.Text(), nullable=False),
        sa.Column("write_id", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "integration", "target", "target_id", name="pk_write_retries"),
    )
    op.add_column("write_ledger", sa.Column("operation", sa.Text(), nullable=False, server_default="update"))
    op.add_column("write_ledger", sa.Column("record_id", sa.Text(), nullable=True))


def _evidence() -> None:
    op.add_column("identity_links", sa.Column("epoch", sa.BigInteger(), nullable=False, server_default="1"))
    op.add_column("identity_links", sa.Column("decided_by", sa.Text(), nullable=True))
    op.add_column(
        "sync_runs", sa.Column("reason", sa.Text(), server_default="", nullable=False, comment="why it ended so, in words")
    )
    op.add_column("sync_runs", sa.Column("read_full", sa.Boolean(), nullable=True))
    no_end = sa.text("finished_at IS NULL")
    op.create_index(
        "ix_sync_runs_unfinished", "sync_runs", ["started_at"], unique=False, sqlite_where=no_end, postgresql_where=no_end
    )
