"""Which revision of its tables a store has; how it gets the newest is `migrate`."""

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from integration_pipelines.store.engine import reading

HEAD = "0008"
"""The newest revision, so that a store which has it is opened without loading Alembic."""


def is_current(engine: Engine) -> bool:
    """Whether its tables are of the newest revision."""
    with reading(engine) as connection:
        return _revision(connection) == HEAD


def _revision(connection: Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
    return found
