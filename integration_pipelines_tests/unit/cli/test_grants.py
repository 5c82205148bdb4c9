"""`tenant grant` and `revoke`, and what `doctor` says of the database's role."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from integration_pipelines_tests.kit.databases import admin_url
from integration_pipelines_tests.unit.cli.conftest import Command


@pytest.fixture
def database(home: Path, postgresql_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The commands work on PostgreSQL as the product's own role."""
    del home
    monkeypatch.setenv("INTEGRATION_PIPELINES_DATABASE_URL", postgresql_url)
    return postgresql_url


def test_an_analysts_role_is_granted_a_tenant_and_loses_it(command: Command, database: str) -> None:
    """Both acts are on record with who did them."""
    command("tenant", "add", "Acme")
    granted = command("tenant", "grant", "Acme", "--to", "ann")
    assert granted.code == 0, granted.err
    engine = sa.create_engine(admin_url(database))
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT role_name FROM analyst_grants").scalars().all() == ["ann"]
    assert command("tenant", "revoke", "Acme", "--to", "ann").code == 0
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM analyst_grants").scalar() == 0
        acts = connection.exec_driver_sql("SELECT act FROM audit_log ORDER BY seq DESC LIMIT 2").scalars().all()
    engine.dispose()
    assert acts == ["tenant_revoked", "tenant_granted"]


def test_a_name_that_no_role_has_is_refused(command: Command, database: str) -> None:
    """With what to do instead; nothing is granted."""
    del database
    command("tenant", "add", "Acme")
    said = command("tenant", "grant", "Acme", "--to", "a b;")
    assert (said.code, "no name of a database role" in said.err) == (1, True)


@pytest.mark.usefixtures("home")
def test_a_file_cannot_be_granted_by_tenant(command: Command) -> None:
    """SQLite has no roles, and the command says so instead of promising what nothing keeps."""
    command("tenant", "add", "Acme")
    said = command("tenant", "grant", "Acme", "--to", "ann")
    assert (said.code, "PostgreSQL" in said.err) == (1, True)


@pytest.mark.parametrize("bypassing", [False, True])
def test_doctor_tells_of_a_role_that_no_policy_holds(
    command: Command, database: str, monkeypatch: pytest.MonkeyPatch, bypassing: bool
) -> None:
    """With the SQL that ends it; of the product's own role there is nothing to tell."""
    if bypassing:
        monkeypatch.setenv("INTEGRATION_PIPELINES_DATABASE_URL", admin_url(database))
    said = command("doctor", "--json")
    assert ("bypasses row-level security" in said.out, "CREATE ROLE" in said.out) == (bypassing, bypassing)
