"""Bringing a store's tables up to date. What changes is in `migrations/versions`; a store is never taken back."""

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DBAPIError

from integration_pipelines.errors import ConfigError
from integration_pipelines.store import dialect
from integration_pipelines.store.engine import EVERYONE, writing
from integration_pipelines.store.revision import is_current
from integration_pipelines.store.row_security import secure
from integration_pipelines.store.views import create_views

if TYPE_CHECKING:
    from alembic.config import Config


def upgrade(engine: Engine, app_role: str | None = None) -> None:
    """Create or update all tables, their row policies and views; does nothing if they are current, and waits for another process.

    Args:
        engine: of a role that may create tables.
        app_role: the role that the product itself works as, if it is another one; it gets the engine's rights.

    Raises:
        ConfigError: the store was made by a newer version of this program.
    """
    if not is_current(engine):
        with writing(engine, EVERYONE) as connection:
            dialect.serialise(connection, "migrations")
            _migrate(connection)
            secure(connection, app_role)
    create_views(engine)


def alembic_config(connection: Connection) -> "Config":
    """Alembic's settings for a connection; there is no file of them."""
    from alembic.config import Config  # noqa: PLC0415 - a store that is up to date never needs Alembic

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _migrate(connection: Connection) -> None:
    from alembic import command  # noqa: PLC0415 - as above
    from alembic.util import CommandError  # noqa: PLC0415 - as above

    try:
        command.upgrade(alembic_config(connection), "head")
    except CommandError as error:
        if isinstance(error.__cause__, DBAPIError):
            raise error.__cause__ from None
        raise ConfigError(
            "The store was made by a newer version of this program.",
            remedy="Install that version; going back would lose what it wrote.",
            detail=str(error),
        ) from error
