"""One writer per tenant and integration, in SQL. The token only ever grows; the ledger checks it before anything is sent."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from integration_pipelines.ports.writing import Lease, Leases
from integration_pipelines.store import dialect
from integration_pipelines.store.engine import writing
from integration_pipelines.store.lease_clock import BootClock, DatabaseClock, LeaseClock
from integration_pipelines.store.schema import LEASES

_L = LEASES.c
_SECOND = 1_000_000_000


class SqlLeases(Leases):
    """Leases on a clock that nobody can set: a jump of the wall clock neither ends nor prolongs one."""

    def __init__(self, engine: Engine, clock: LeaseClock | None = None) -> None:
        self._engine = engine
        self._clock = clock or (BootClock() if dialect.is_sqlite(engine) else DatabaseClock())

    def take(self, tenant_id: str, integration: str, holder: str, seconds: float) -> Lease | None:
        """None if somebody else holds it; the holder itself gets a new token, which fences off its old one."""
        mine = (_L.tenant_id == tenant_id, _L.integration == integration)
        with writing(self._engine) as connection:
            era, now = self._clock.read(connection)
            free = {"tenant_id": tenant_id, "integration": integration, "token": 0, "holder": None, "era": era, "expires_ns": 0}
            connection.execute(dialect.insert(connection, LEASES).on_conflict_do_nothing(), free)
            row = connection.execute(sa.select(LEASES).where(*mine).with_for_update()).one()
            if row.holder not in {None, holder} and row.era == era and row.expires_ns > now:
                return None
            token = int(row.token) + 1
            held: dict[str, Any] = {"token": token, "holder": holder, "era": era, "expires_ns": _end(now, seconds)}
            connection.execute(sa.update(LEASES).where(*mine).values(**held))
        return Lease(tenant_id, integration, token, holder, seconds)

    def renew(self, lease: Lease, seconds: float) -> bool:
        """False if it was lost. One that ran out and that nobody took meanwhile still counts as held."""
        with writing(self._engine) as connection:
            era, now = self._clock.read(connection)
            return _change(connection, lease, {"era": era, "expires_ns": _end(now, seconds)})

    def give_back(self, lease: Lease) -> None:
        """Free it for the next one; one that was lost already stays with whoever has it."""
        with writing(self._engine) as connection:
            _change(connection, lease, {"holder": None, "expires_ns": 0})


def _end(now: int, seconds: float) -> int:
    return now + int(seconds * _SECOND)


def _change(connection: Connection, lease: Lease, values: dict[str, Any]) -> bool:
    mine = (_L.tenant_id == lease.tenant_id, _L.integration == lease.integration)
    held = (_L.token == lease.token, _L.holder == lease.holder)
    return connection.execute(sa.update(LEASES).where(*mine, *held).values(**values)).rowcount == 1
