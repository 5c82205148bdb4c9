"""Which tenants the database roles of analysts may read, in SQL. What a grant opens is decided by the policies in `row_security`."""

import re
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from integration_pipelines.errors import ConfigError
from integration_pipelines.ports.tenants import Grants
from integration_pipelines.store import dialect
from integration_pipelines.store.bulk import upsert
from integration_pipelines.store.engine import reading, writing
from integration_pipelines.store.row_security import weaknesses
from integration_pipelines.store.schema import ANALYST_GRANTS

_G = ANALYST_GRANTS.c
_ROLE = re.compile(r"[A-Za-z_][A-Za-z0-9_$-]{0,62}")  # what a login role is called; 63 is PostgreSQL's limit


class SqlGrants(Grants):
    """Grants of all tenants."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def weaknesses(self) -> list[tuple[str, str]]:
        """Of the role that this store works as."""
        with reading(self._engine) as connection:
            return weaknesses(connection)

    def grant(self, tenant_id: str, role: str, at: datetime) -> None:
        """Let the role read that tenant in the views; when it was first granted stays."""
        self._must_know_roles(role)
        with writing(self._engine, (tenant_id,)) as connection:
            row = {"tenant_id": tenant_id, "role_name": role, "granted_at": at}
            upsert(connection, ANALYST_GRANTS, [row], keep=("granted_at",))

    def revoke(self, tenant_id: str, role: str) -> None:
        """Take it back."""
        self._must_know_roles(role)
        with writing(self._engine, (tenant_id,)) as connection:
            connection.execute(sa.delete(ANALYST_GRANTS).where(_G.tenant_id == tenant_id, _G.role_name == role))

    def _must_know_roles(self, role: str) -> None:
        if dialect.is_sqlite(self._engine):
            raise ConfigError(
                "This store is a file, and whoever reads a file reads all of it.",
                remedy="Use PostgreSQL to let analysts read single tenants; see the store's README.",
            )
        if not _ROLE.fullmatch(role):
            raise ConfigError(
                f"{role[:80]!r} is no name of a database role.", remedy="Name the role that the analyst signs in as."
            )
