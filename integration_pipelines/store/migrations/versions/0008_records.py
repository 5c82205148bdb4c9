"""What is kept for people is found by its record, however much there is of a tenant."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Indexes only: the version before this one goes on reading and writing."""
    for side in ("left_id", "right_id"):
        columns = ["tenant_id", "integration", side, "resolved_at"]
        op.create_index(f"ix_reconciliation_diffs_{side}", "reconciliation_diffs", columns, unique=False)
    op.drop_index("ix_reconciliation_diffs_tenant_id_right_id", "reconciliation_diffs")
    op.drop_index("ix_reconciliation_diffs_open_left", "reconciliation_diffs")
    creates, made = "ix_write_ledger_creates", sa.text("operation = 'create'")
    op.drop_index(creates, "write_ledger")
    columns = ["tenant_id", "integration", "operation", "target_id"]
    op.create_index(creates, "write_ledger", columns, unique=False, sqlite_where=made, postgresql_where=made)
    for table, record in (("write_ledger", "target_id"), ("overwrites", "target_id"), ("quarantined_records", "record_id")):
        name = f"ix_{table}_tenant_id_integration_{record}"
        op.create_index(name, table, ["tenant_id", "integration", record], unique=False)
