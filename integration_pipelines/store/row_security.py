"""Whose rows a PostgreSQL role may see and change, kept by the database itself. SQLite has no roles; nothing here concerns it.

Every table with a `tenant_id` has forced row policies, so a statement that forgets its tenant sees nothing of others. Three roles without
login are made, and people's and programs' login roles are made members of one:

- `integration_pipelines_engine`: the product. It sees the tenants that its transaction was opened for (`engine.admit`) and no others; none
  said, none seen. It may not change or delete acts of the audit log.
- `integration_pipelines_views`: owns the views. A view asks the tables as its owner, so that its readers need no right on any table, and
  the policies of this role ask who the reader really is.
- `analyst`: reads the views, of the tenants that `analyst_grants` names for the login role.
"""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from integration_pipelines.errors import ConfigError
from integration_pipelines.store import dialect
from integration_pipelines.store.schema import ANALYST_GRANTS, AUDIT_LOG, METADATA

ENGINE = "integration_pipelines_engine"
VIEWS = "integration_pipelines_views"
ANALYST = "analyst"

_SETTING = f"current_setting('{dialect.TENANTS_SETTING}', true)"
# Sub-selects without reference to the row are worked out once a statement, not once a row.
_ADMITTED = f"tenant_id = ANY ((SELECT string_to_array({_SETTING}, ','))::text[])"
_SYSTEM = f"(SELECT {_SETTING} = '*')"
_WORKS_FOR_ALL_OR_IT = f"({_SYSTEM} OR {_ADMITTED})"
# A reader can set any setting; only the product's is believed.
_IS_ENGINE = f"(SELECT pg_has_role(current_user, '{ENGINE}', 'USAGE'))"
_GRANTED = f"tenant_id = ANY (ARRAY(SELECT g.tenant_id FROM {ANALYST_GRANTS.name} g WHERE g.role_name = current_user))"


def tenant_tables() -> list[str]:
    """Every table that has rows of tenants."""
    return sorted(t.name for t in METADATA.tables.values() if "tenant_id" in t.columns)


def secure(connection: Connection, app_role: str | None) -> None:
    """Make roles, rights and policies what they should be; the tables exist. May be repeated.

    Args:
        connection: of the role that owns the tables, in a transaction.
        app_role: the role that the product works as, if it is another one.
    """
    if dialect.is_sqlite(connection):
        return
    quote = connection.dialect.identifier_preparer.quote_identifier
    for role in (ENGINE, VIEWS, ANALYST):
        _make_role(connection, role)
    owner = str(connection.execute(sa.select(sa.func.current_user())).scalar_one())
    for role, member in ((ENGINE, owner), (VIEWS, owner), (ENGINE, app_role)):
        _join(connection, role, member)
    schema = quote(str(connection.execute(sa.select(sa.func.current_schema())).scalar_one()))
    statements = [
        f"GRANT USAGE ON SCHEMA {schema} TO {ENGINE}, {VIEWS}, {ANALYST}",
        f"GRANT CREATE ON SCHEMA {schema} TO {VIEWS}",  # without which it cannot own a view
        f"GRANT SELECT ON alembic_version TO {ENGINE}",
        *(statement for table in tenant_tables() for statement in _of_table(quote(table), table)),
    ]
    for statement in statements:
        connection.exec_driver_sql(statement)


def open_view(connection: Connection, name: str) -> None:
    """Let the product and analysts read a view; whose rows they get is the policies' business."""
    if dialect.is_sqlite(connection):
        return
    view = connection.dialect.identifier_preparer.quote_identifier(name)
    connection.exec_driver_sql(f"ALTER VIEW {view} OWNER TO {VIEWS}")
    connection.exec_driver_sql(f"GRANT SELECT ON {view} TO {ENGINE}, {ANALYST}")


def _of_table(quoted: str, name: str) -> Iterator[str]:
    changes = "INSERT" if name == AUDIT_LOG.name else "INSERT, UPDATE, DELETE"
    yield f"REVOKE ALL ON {quoted} FROM PUBLIC, {ENGINE}, {VIEWS}, {ANALYST}"
    yield f"GRANT SELECT, {changes} ON {quoted} TO {ENGINE}"
    yield f"GRANT SELECT ON {quoted} TO {VIEWS}"
    yield f"ALTER TABLE {quoted} ENABLE ROW LEVEL SECURITY"
    yield f"ALTER TABLE {quoted} FORCE ROW LEVEL SECURITY"
    for policy in ("product", "reader"):
        yield f"DROP POLICY IF EXISTS {policy} ON {quoted}"
    yield f"CREATE POLICY product ON {quoted} TO {ENGINE} USING ({_WORKS_FOR_ALL_OR_IT}) WITH CHECK ({_WORKS_FOR_ALL_OR_IT})"
    # The grants themselves are asked inside the other tables' policies, so theirs may not ask them again.
    granted = "role_name = current_user" if name == ANALYST_GRANTS.name else _GRANTED
    yield (
        f"CREATE POLICY reader ON {quoted} FOR SELECT TO {VIEWS} USING (({_IS_ENGINE} AND {_WORKS_FOR_ALL_OR_IT}) OR {granted})"
    )


def _make_role(connection: Connection, role: str) -> None:
    """Roles belong to the whole server: another database of it may be making the same one right now."""
    known = sa.text("SELECT 1 FROM pg_roles WHERE rolname = :role")
    if connection.execute(known, {"role": role}).scalar() is None:
        connection.exec_driver_sql(
            f"DO $$ BEGIN CREATE ROLE {role} NOLOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
        )


def _join(connection: Connection, role: str, member: str | None) -> None:
    """Make somebody a member who is none; in a server with several such databases the role may be another owner's."""
    if member is None or connection.execute(sa.select(sa.func.pg_has_role(member, role, "USAGE"))).scalar():
        return
    grant = f"GRANT {role} TO {connection.dialect.identifier_preparer.quote_identifier(member)}"
    try:
        connection.exec_driver_sql(grant)
    except sa.exc.ProgrammingError as error:
        message = f"The database role {member} is to be a member of {role}, and the admin URL's role may not make it one."
        raise ConfigError(
            message, remedy=f"As an administrator run: {grant}; then start again.", detail=type(error.orig).__name__
        ) from None


def weaknesses(connection: Connection) -> list[tuple[str, str]]:
    """What keeps the policies from holding the role of this connection: pairs of what is wrong and the SQL or setting that ends it."""
    if dialect.is_sqlite(connection):
        return []
    row: Any = connection.execute(
        sa.text(
            "SELECT current_user AS role, rolsuper OR rolbypassrls AS bypasses, "
            "(SELECT count(*) FROM pg_class c WHERE c.relname = ANY(:tables) AND c.relkind = 'r' "
            "AND pg_table_is_visible(c.oid) AND NOT (c.relrowsecurity AND c.relforcerowsecurity)) AS unforced, "
            "(SELECT count(*) FROM pg_class c WHERE c.relname = ANY(:tables) AND c.relkind = 'r' "
            "AND pg_table_is_visible(c.oid) AND c.relowner = r.oid) AS owned "
            "FROM pg_roles r WHERE rolname = current_user"
        ),
        {"tables": tenant_tables()},
    ).one()
    role = connection.dialect.identifier_preparer.quote_identifier(row.role)
    found = []
    if row.bypasses or row.owned:
        why = "bypasses row-level security" if row.bypasses else "owns the tables, so it could change the audit log"
        found.append((f"The role {row.role} {why}.", _OWN_ROLE))
    if row.unforced:
        found.append(
            (f"{row.unforced} tables have no forced row policy.", f"Start once with the admin URL; role {role} may not.")
        )
    return found


_OWN_ROLE = (
    f"CREATE ROLE integration_pipelines LOGIN PASSWORD '…'; GRANT {ENGINE} TO integration_pipelines; then use that role in "
    "INTEGRATION_PIPELINES_DATABASE_URL and the present one in INTEGRATION_PIPELINES_DATABASE_ADMIN_URL."
)
