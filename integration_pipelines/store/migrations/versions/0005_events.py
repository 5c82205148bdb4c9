"""What events need: when a partner ended a connection, and indexes by which a few records are found without reading all."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from integration_pipelines.store.columns import Utc

revision = "0005"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Additions only: the version before this one goes on reading and writing."""
    ended: sa.Column[Any] = sa.Column(
        "ended_at", Utc(), nullable=True, comment="when the partner took our access away; nothing is asked of it since"
    )
    op.add_column("connections", ended)
    over, open_, made = sa.text("state <> 'live'"), sa.text("resolved_at IS NULL"), sa.text("operation = 'create'")
    _index("ix_identity_links_over_right", "identity_links", ["tenant_id", "integration", "right_id"], over)
    _index("ix_reconciliation_diffs_open_left", "reconciliation_diffs", ["tenant_id", "left_id"], open_)
    _index("ix_write_ledger_creates", "write_ledger", ["tenant_id", "integration", "target_id"], made)
    _index("ix_write_ledger_open", "write_ledger", ["created_at"], sa.text("state IN ('sent', 'unknown')"))
    created_at = ["tenant_id", "integration", "created_at"]
    op.create_index("ix_write_ledger_tenant_id_integration_created_at", "write_ledger", created_at, unique=False)


def _index(name: str, table: str, columns: list[str], of: sa.TextClause) -> None:
    op.create_index(name, table, columns, unique=False, sqlite_where=of, postgresql_where=of)
