"""The audit chain."""

import threading

import pytest
from sqlalchemy.engine import Engine

from integration_pipelines.store.engine import writing
from integration_pipelines.store.open import Stores, stores_of
from integration_pipelines_tests.unit.store.conftest import StillClock
from integration_pipelines_tests.unit.store.rows import NOW

TAMPERINGS = {
    "changed actor": "UPDATE audit_log SET actor = 'somebody else' WHERE seq = 2 AND tenant_id = 't1'",
    "changed facts": "UPDATE audit_log SET facts = '{}' WHERE seq = 2 AND tenant_id = 't1'",
    "changed time": "UPDATE audit_log SET at = '2020-01-01 00:00:00.000000Z' WHERE seq = 2 AND tenant_id = 't1'",
    "removed": "DELETE FROM audit_log WHERE seq = 2 AND tenant_id = 't1'",
    "removed first": "DELETE FROM audit_log WHERE seq = 1 AND tenant_id = 't1'",
    "removed last": "DELETE FROM audit_log WHERE seq = 4 AND tenant_id = 't1'",
    "removed all": "DELETE FROM audit_log WHERE tenant_id = 't1'",
    "moved": "UPDATE audit_log SET seq = CASE seq WHEN 2 THEN -3 WHEN 3 THEN -2 END WHERE seq IN (2, 3) AND tenant_id = 't1'",
    "given to another tenant": "UPDATE audit_log SET tenant_id = 't3' WHERE tenant_id = 't1'",
}


@pytest.fixture
def acted(stores: Stores) -> Stores:
    """Four acts of one tenant and one of another."""
    for i in range(4):
        stores.audit.append("t1", "ada@example.com", "plan_approved", {"plan_id": f"plan_{i}", "why": "ünïcode"}, NOW)
    stores.audit.append("t2", "system", "installed", {}, NOW)
    return stores


def test_an_untouched_chain_holds(acted: Stores) -> None:
    """Every act is checked, per tenant or all together."""
    assert acted.audit.verify() == (5, [])
    assert acted.audit.verify("t1") == (4, [])
    assert acted.audit.verify("nobody") == (0, [])


@pytest.mark.parametrize("what", TAMPERINGS)
def test_tampering_is_found(acted: Stores, owner: Engine, what: str) -> None:
    """A change, a removal, a move: each is told, and the other tenant's chain is not blamed."""
    with writing(owner) as connection:
        connection.exec_driver_sql(TAMPERINGS[what])
        connection.exec_driver_sql("UPDATE audit_log SET seq = -seq WHERE seq < 0")
    _, breaks = acted.audit.verify()
    assert breaks
    assert not any("t2" in line for line in breaks)


def test_acts_at_the_same_time_make_one_chain(engine: Engine) -> None:
    """However many append at once, nothing is lost and nothing forks."""

    def append() -> None:
        audit = stores_of(engine, StillClock()).audit
        for _ in range(15):
            audit.append("t1", "system", "looked", {}, NOW)

    threads = [threading.Thread(target=append) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert stores_of(engine, StillClock()).audit.verify() == (60, [])
