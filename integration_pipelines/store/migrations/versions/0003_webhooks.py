"""Webhooks: an event is kept per integration that reads what it names, with its times; and the secrets that partners sign with."""

import sqlalchemy as sa
from alembic import op

from integration_pipelines.store.columns import Utc

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """No version before this one wrote an event or read one, so their table is made anew."""
    op.drop_table("webhook_events")
    _events()
    _secrets()


def _events() -> None:
    op.create_table(
        "webhook_events",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("partner", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("integration", sa.Text(), nullable=False, comment="blank: none of the tenant's reads what the event names"),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False, comment="records, wide, gap or uninstall: what it asks for"),
        sa.Column("records", sa.Text(), nullable=False, comment="JSON: [[partner object, id], …]"),
        sa.Column("occurred_at", Utc(), nullable=True, comment="as the partner says"),
        sa.Column("received_at", Utc(), nullable=False),
        sa.Column("landed_path", sa.Text(), nullable=False, comment="relative to the landing zone"),
        sa.Column("landed_at", Utc(), nullable=False),
        sa.Column("seen_at", Utc(), nullable=True, comment="when the sensor first saw it wait"),
        sa.Column("started_at", Utc(), nullable=True, comment="when the run that took it last began with it"),
        sa.Column("written_at", Utc(), nullable=True, comment="when the partner acknowledged the last write for its records"),
        sa.Column("outcome", sa.Text(), nullable=False, comment="waiting, applied, equal, echo, held, ignored or quarantined"),
        sa.Column("applied_at", Utc(), nullable=True, comment="when a run said what became of it"),
        sa.Column("run_id", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column(
            "echo_key",
            sa.Text(),
            nullable=False,
            comment="idempotency key of the request that caused it, where the partner tells it",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "partner", "event_id", "integration", name="pk_webhook_events"),
    )
    waits = sa.text("outcome = 'waiting'")
    op.create_index(
        "ix_webhook_events_waiting",
        "webhook_events",
        ["tenant_id", "integration", "received_at", "seen_at", "outcome"],
        unique=False,
        sqlite_where=waits,
        postgresql_where=waits,
    )
    op.create_index("ix_webhook_events_landed_at", "webhook_events", ["landed_at"], unique=False)


def _secrets() -> None:
    op.create_table(
        "webhook_secrets",
        sa.Column("tenant_id", sa.Text(), nullable=False, comment="`app`: of an app whose one address serves all tenants"),
        sa.Column("partner", sa.Text(), nullable=False),
        sa.Column("secret_id", sa.Text(), nullable=False),
        sa.Column("scheme", sa.Text(), nullable=False, comment="partner: its own signature; standard: Standard Webhooks"),
        sa.Column("sealed_secret", sa.LargeBinary(), nullable=False),
        sa.Column("added_at", Utc(), nullable=False),
        sa.Column("retires_at", Utc(), nullable=True, comment="what is signed with it is refused from then on"),
        sa.PrimaryKeyConstraint("tenant_id", "partner", "secret_id", name="pk_webhook_secrets"),
    )
