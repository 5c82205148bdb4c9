"""One writer per tenant and integration."""

import threading

import pytest
from sqlalchemy.engine import Connection, Engine

from integration_pipelines.ports.writing import Lease
from integration_pipelines.store.lease_clock import BootClock, LeaseClock
from integration_pipelines.store.leases import SqlLeases
from integration_pipelines_tests.unit.store.rows import CRM

SECOND = 1_000_000_000


class SetClock(LeaseClock):
    """Shows what it is set to."""

    def __init__(self) -> None:
        self.era = "boot_1"
        self.ns = 1_000 * SECOND

    def read(self, connection: Connection) -> tuple[str, int]:
        """As set."""
        del connection
        return self.era, self.ns


@pytest.fixture
def lease_clock() -> SetClock:
    """A thousand seconds after a start."""
    return SetClock()


@pytest.fixture
def leases(engine: Engine, lease_clock: SetClock) -> SqlLeases:
    """Leases on that clock."""
    return SqlLeases(engine, lease_clock)


def _token(lease: Lease | None) -> int:
    assert lease is not None
    return lease.token


def test_one_holder_at_a_time(leases: SqlLeases) -> None:
    """The second waits until the first gave it back; other tenants and integrations are not concerned."""
    first = leases.take("t1", CRM, "run_1", 60)
    assert first is not None
    assert leases.take("t1", CRM, "run_2", 60) is None
    assert leases.take("t2", CRM, "run_2", 60) is not None
    assert leases.take("t1", "alerts", "run_2", 60) is not None
    leases.give_back(first)
    assert _token(leases.take("t1", CRM, "run_2", 60)) == first.token + 1


def test_a_lease_runs_out(leases: SqlLeases, lease_clock: SetClock) -> None:
    """After its time another may have it, and then it cannot be renewed or given back any more."""
    first = leases.take("t1", CRM, "run_1", 60)
    assert first is not None
    lease_clock.ns += 61 * SECOND
    second = leases.take("t1", CRM, "run_2", 60)
    assert _token(second) > first.token
    assert not leases.renew(first, 60)
    leases.give_back(first)
    assert leases.take("t1", CRM, "run_3", 60) is None


def test_a_renewed_lease_lasts(leases: SqlLeases, lease_clock: SetClock) -> None:
    """Renewal counts from now; one that ran out unnoticed is still its holder's."""
    lease = leases.take("t1", CRM, "run_1", 60)
    assert lease is not None
    lease_clock.ns += 61 * SECOND
    assert leases.renew(lease, 60)
    lease_clock.ns += 59 * SECOND
    assert leases.take("t1", CRM, "run_2", 60) is None


def test_a_restart_frees_every_lease(leases: SqlLeases, lease_clock: SetClock) -> None:
    """Whoever held one before the machine started anew is gone, however small its clock reads now."""
    first = leases.take("t1", CRM, "run_1", 1_000_000)
    lease_clock.era, lease_clock.ns = "boot_2", 5 * SECOND
    assert _token(leases.take("t1", CRM, "run_2", 60)) > _token(first)


def test_the_holder_itself_gets_a_new_token(leases: SqlLeases) -> None:
    """A second life of the same run fences off the first."""
    first = leases.take("t1", CRM, "run_1", 60)
    again = leases.take("t1", CRM, "run_1", 60)
    assert _token(again) > _token(first)
    assert first is not None
    assert not leases.renew(first, 60)


def test_of_many_one_gets_it(engine: Engine) -> None:
    """However many ask at once."""
    got: list[Lease | None] = []
    threads = [
        threading.Thread(target=lambda i=i: got.append(SqlLeases(engine).take("t1", CRM, f"run_{i}", 60))) for i in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [lease.token for lease in got if lease is not None] == [1]


@pytest.mark.fault("P11")
def test_the_boot_clock_does_not_look_at_the_wall(engine: Engine) -> None:
    """One era per start of the machine, and time within it only grows."""
    with engine.connect() as connection:
        (era, first), (same, second) = BootClock().read(connection), BootClock().read(connection)
    assert era == same
    assert era
    assert second >= first > 0
