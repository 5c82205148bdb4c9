"""Plans say whether they are for a whole tenant or for single records; those of before were taken for whole ones."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """An addition only: the version before this one goes on reading and writing."""
    words = "full, or records: a plan for single records"
    op.add_column("write_plans", sa.Column("scope", sa.Text(), nullable=False, server_default="full", comment=words))
