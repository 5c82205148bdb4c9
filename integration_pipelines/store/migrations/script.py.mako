"""${message}"""

import sqlalchemy as sa
from alembic import op

from integration_pipelines.store.columns import Utc
${imports if imports else ""}
revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forward only: an older version of the program reads the newer schema."""
    ${upgrades if upgrades else "pass"}
