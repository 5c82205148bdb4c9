"""What PostgreSQL itself keeps apart, whatever a statement of ours forgets."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from integration_pipelines.errors import BugError, ConfigError, IntegrationError
from integration_pipelines.ports.tenants import Tenant
from integration_pipelines.store.engine import EVERYONE, make_engine, reading, writing
from integration_pipelines.store.open import Stores, open_stores
from integration_pipelines.store.row_security import ANALYST, tenant_tables, weaknesses
from integration_pipelines.store.schema import METADATA, RECONCILIATION_DIFFS, TENANTS
from integration_pipelines_tests.kit.databases import admin_url, forget, fresh_postgresql, new_role, postgresql_url
from integration_pipelines_tests.unit.store.conftest import StillClock
from integration_pipelines_tests.unit.store.rows import NOW, diff, diffs

_TABLES = sa.text(
    "SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid "
    "WHERE c.relkind IN ('r', 'p') AND a.attname = 'tenant_id' AND NOT a.attisdropped AND pg_table_is_visible(c.oid)"
)
_COUNT = sa.select(sa.func.count()).select_from(RECONCILIATION_DIFFS)  # no condition: what the application would have to add


@pytest.fixture
def each_database() -> Iterator[str]:
    """The only kind of database that has such policies."""
    url = fresh_postgresql()
    yield url
    forget(url)


@pytest.fixture
def bare(each_database: str) -> Iterator[str]:
    """A database without a table, for the product's role."""
    name = f"{sa.make_url(each_database).database}_bare"
    server = sa.create_engine(postgresql_url(), isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.exec_driver_sql(f'CREATE DATABASE "{name}"')
    server.dispose()
    url = sa.make_url(each_database).set(database=name).render_as_string(hide_password=False)
    yield url
    forget(url)


@pytest.fixture
def filled(stores: Stores) -> Stores:
    """Two tenants, one difference each."""
    for tenant in ("t1", "t2"):
        stores.tenants.add(Tenant(tenant, tenant.upper(), NOW))
    stores.diffs.record(diffs(diff("d1"), diff("d2", tenant_id="t2")), {"t1": "run_1", "t2": "run_1"})
    return stores


@pytest.fixture
def analyst(each_database: str, filled: Stores) -> Iterator[Engine]:
    """Somebody who may read the views of `t1`."""
    new_role("ann", member_of=ANALYST)
    filled.grants.grant("t1", "ann", NOW)
    url = sa.make_url(each_database).set(username="ann")
    engine = make_engine(url.render_as_string(hide_password=False))
    yield engine
    engine.dispose()


def test_every_table_with_tenants_has_a_forced_policy(owner: Engine) -> None:
    """The catalogue says so, of all tables that the code knows and of any other."""
    with reading(owner) as connection:
        found = {name: bool(forced) for name, forced in connection.execute(_TABLES)}
    assert found == dict.fromkeys(tenant_tables(), True)
    assert set(METADATA.tables) - set(found) == set()


@pytest.mark.parametrize(("tenants", "rows"), [((), 0), (("t1",), 1), (("t2", "t1"), 2), (("nobody",), 0), (EVERYONE, 2)])
def test_a_statement_without_its_filter_sees_the_transactions_tenants(
    filled: Stores, tenants: tuple[str, ...], rows: int
) -> None:
    """None said, none seen."""
    with reading(filled.engine, tenants) as connection:
        assert connection.execute(_COUNT).scalar() == rows


def test_a_connection_of_the_pool_forgets_whom_it_worked_for(filled: Stores) -> None:
    """The next transaction on the very same connection begins with no tenant, also after a failure."""
    with reading(filled.engine, EVERYONE) as connection:
        before = connection.execute(sa.text("SELECT pg_backend_pid()")).scalar()
    with pytest.raises(BugError), writing(filled.engine, EVERYONE) as connection:
        connection.execute(sa.text("SELECT nonsense"))
    with filled.engine.connect() as plain:
        assert plain.execute(sa.text("SELECT pg_backend_pid()")).scalar() == before
        assert plain.execute(_COUNT).scalar() == 0


@pytest.mark.parametrize("statement", ["insert", "move", "delete"])
def test_nothing_is_written_for_another_tenant(filled: Stores, statement: str) -> None:
    """A new row is refused, and another tenant's rows are not there to be changed."""
    foreign = {"tenant_id": "t3", "name": "T3", "created_at": NOW}
    statements = {
        "insert": sa.insert(TENANTS).values(**foreign),
        "move": sa.update(RECONCILIATION_DIFFS).where(RECONCILIATION_DIFFS.c.tenant_id == "t1").values(tenant_id="t2"),
        "delete": sa.delete(RECONCILIATION_DIFFS).where(RECONCILIATION_DIFFS.c.tenant_id == "t2"),
    }
    if statement == "delete":
        with writing(filled.engine, ("t1",)) as connection:
            assert connection.execute(statements[statement]).rowcount == 0
        return
    with pytest.raises(BugError), writing(filled.engine, ("t1",)) as connection:
        connection.execute(statements[statement])


@pytest.mark.parametrize("tenants", [("t1,t2",), ("*", "t1")])
def test_no_tenants_id_widens_what_is_seen(filled: Stores, tenants: tuple[str, ...]) -> None:
    """What separates ids or means everybody is not taken for one."""
    with pytest.raises(BugError, match="no tenant's id"), reading(filled.engine, tenants):
        pass


@pytest.mark.parametrize("verb", ["UPDATE audit_log SET actor = 'x'", "DELETE FROM audit_log", "TRUNCATE audit_log"])
def test_the_product_cannot_change_what_was_done(filled: Stores, verb: str) -> None:
    """Acts are added, and that is all."""
    filled.audit.append("t1", "ann", "looked", {}, NOW)
    with pytest.raises(IntegrationError), writing(filled.engine, EVERYONE) as connection:
        connection.exec_driver_sql(verb)


def test_an_analyst_reads_the_views_of_its_tenants(analyst: Engine, filled: Stores) -> None:
    """Whatever it sets for itself; and nothing any more once the grant is taken back."""
    with reading(analyst, EVERYONE) as connection:  # which sets whom it works for, as anybody can
        assert connection.exec_driver_sql("SELECT diff_id FROM open_diffs").scalars().all() == ["d1"]
        assert connection.exec_driver_sql("SELECT DISTINCT tenant_id FROM crm_billing_diffs").scalars().all() == ["t1"]
    filled.grants.revoke("t1", "ann")
    with reading(analyst, EVERYONE) as connection:
        assert connection.exec_driver_sql("SELECT diff_id FROM open_diffs").scalars().all() == []


@pytest.mark.parametrize("table", tenant_tables())
def test_an_analyst_reads_no_table(analyst: Engine, table: str) -> None:
    """Views are all there is for it."""
    with pytest.raises(IntegrationError), reading(analyst, EVERYONE) as connection:
        connection.exec_driver_sql(f'SELECT 1 FROM "{table}"')


def test_a_role_that_no_policy_holds_is_told_of(filled: Stores, owner: Engine) -> None:
    """The server's own role has a weakness with the SQL that ends it; the product's role has none."""
    with reading(filled.engine) as connection:
        assert weaknesses(connection) == []
    with reading(owner) as connection:
        ((what, remedy),) = weaknesses(connection)
    assert "bypasses row-level security" in what
    assert "CREATE ROLE" in remedy


def test_a_role_that_may_make_no_table_is_told_what_is_missing(bare: str) -> None:
    """The setting that names somebody who may."""
    with pytest.raises(ConfigError, match="DATABASE_ADMIN_URL"):
        open_stores(bare, StillClock())


def test_a_fresh_database_is_made_by_one_role_and_used_by_another(bare: str) -> None:
    """The admin URL migrates and hands over what the product needs; the product then opens it without the admin."""
    stores = open_stores(bare, StillClock(), admin_url=admin_url(bare))
    stores.tenants.add(Tenant("t1", "T1", NOW))
    stores.close()
    again = open_stores(bare, StillClock())
    assert [t.tenant_id for t in again.tenants.all()] == ["t1"]
    again.close()
