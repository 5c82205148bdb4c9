"""What people are told at other products, noted before it is sent; and what a tenant says its partners mean."""

import sqlalchemy as sa
from alembic import op

from integration_pipelines.store.columns import Utc

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Additions only: the version before this one goes on reading and writing."""
    op.create_table(
        "notifications",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("integration", sa.Text(), nullable=False),
        sa.Column("event_key", sa.Text(), nullable=False, comment="the same whenever the same thing is found"),
        sa.Column("notification", sa.Text(), nullable=False, comment="its name in the contract"),
        sa.Column("partner", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False, comment="blank: the one that the tenant says"),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("left_id", sa.Text(), nullable=False),
        sa.Column("right_id", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("asked_at", Utc(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False, comment="waiting, sending, sent or given_up"),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("unclear", sa.BigInteger(), nullable=False, comment="tries of which nobody knows whether they were heard"),
        sa.Column("next_try_at", Utc(), nullable=True, comment="of one that is being sent: when somebody else may take it"),
        sa.Column("sent_at", Utc(), nullable=True),
        sa.Column("error_kind", sa.Text(), nullable=False),
        sa.Column("error_text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "integration", "event_key", name="pk_notifications"),
    )
    op.create_index("ix_notifications_state_next_try_at", "notifications", ["state", "next_try_at"], unique=False)
    op.create_table(
        "partner_options",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("partner", sa.Text(), nullable=False),
        sa.Column("option", sa.Text(), nullable=False),
        sa.Column("values", sa.Text(), nullable=False, comment="JSON: list of texts"),
        sa.Column("set_at", Utc(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], name="fk_partner_options_tenant_id_tenants"),
        sa.PrimaryKeyConstraint("tenant_id", "partner", "option", name="pk_partner_options"),
    )
