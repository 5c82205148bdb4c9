"""One run per tenant and integration, in SQL. The token only ever grows; the ledger checks it before anything is sent."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from integration_pipelines.errors import TransientError
from integration_pipelines.logs import logger
from integration_pipelines.ports.writing import Lease, Leases
from integration_pipelines.store import dialect
from integration_pipelines.store.engine import reading, writing
from integration_pipelines.store.lease_clock import BootClock, DatabaseClock, LeaseClock
from integration_pipelines.store.schema import LEASES

_L = LEASES.c
_SECOND = 1_000_000_000
_BEATS = 3
"""Renewals within one term: two may fail before a lease is in danger."""


class SqlLeases(Leases):
    """Leases on a clock that nobody can set: a jump of the wall clock neither ends nor prolongs one."""

    def __init__(self, engine: Engine, clock: LeaseClock | None = None) -> None:
        self._engine = engine
        self._clock = clock or (BootClock() if dialect.is_sqlite(engine) else DatabaseClock())

    def take_all(self, tenant_ids: Sequence[str], integration: str, holder: str, seconds: float) -> list[Lease]:
        """Those that are free; the holder itself gets a new token, which fences off its old one."""
        wanted = sorted(set(tenant_ids))  # always in one order, so that two batches never wait for each other in a circle
        if not wanted:
            return []
        with writing(self._engine, wanted) as connection:
            era, now = self._clock.read(connection)
            common = {"integration": integration, "token": 0, "holder": None, "era": era, "expires_ns": 0}
            new = dialect.insert(connection, LEASES).on_conflict_do_nothing()
            connection.execute(new, [{"tenant_id": tenant, **common} for tenant in wanted])
            mine = (_L.tenant_id.in_(wanted), _L.integration == integration)
            rows = connection.execute(sa.select(LEASES).where(*mine).order_by(_L.tenant_id).with_for_update()).all()
            free = [r for r in rows if r.holder in {None, holder} or r.era != era or r.expires_ns <= now]
            held = {"new_holder": holder, "new_era": era, "new_end": _end(now, seconds)}
            _take(connection, [{"of_tenant": r.tenant_id, "of_integration": integration, **held} for r in free])
        return [Lease(r.tenant_id, integration, int(r.token) + 1, holder, seconds) for r in free]

    def renew_all(self, leases: Sequence[Lease], seconds: float) -> list[Lease]:
        """Those still held. One that ran out and that nobody took meanwhile still counts as held."""
        with writing(self._engine, {lease.tenant_id for lease in leases}) as connection:
            era, now = self._clock.read(connection)
            ordered = sorted(leases, key=lambda lease: lease.tenant_id)
            return [lease for lease in ordered if _change(connection, lease, {"era": era, "expires_ns": _end(now, seconds)})]

    def held(self, tenant_ids: Sequence[str], integration: str) -> set[str]:
        """Those of the tenants that a run works on now."""
        with reading(self._engine, tenant_ids) as connection:
            era, now = self._clock.read(connection)
            mine = (_L.tenant_id.in_(tenant_ids), _L.integration == integration)
            taken = (_L.holder.is_not(None), _L.era == era, _L.expires_ns > now)
            return {str(tenant) for tenant in connection.scalars(sa.select(_L.tenant_id).where(*mine, *taken))}

    def give_back_all(self, leases: Sequence[Lease]) -> None:
        """Free them for the next one; one that was lost already stays with whoever has it."""
        with writing(self._engine, {lease.tenant_id for lease in leases}) as connection:
            for lease in sorted(leases, key=lambda lease: lease.tenant_id):
                _change(connection, lease, {"holder": None, "expires_ns": 0})

    @contextmanager
    def keep_alive(self, leases: Sequence[Lease], seconds: float) -> Iterator[None]:
        """Renew in a thread; a store that does not answer for a moment costs one beat, not the lease."""
        if not leases:
            yield
            return
        over = threading.Event()

        def beat() -> None:
            while not over.wait(seconds / _BEATS):
                try:
                    self.renew_all(leases, seconds)
                except TransientError as error:
                    logger(__name__).warning("leases_not_renewed", reason=error.message)

        thread = threading.Thread(target=beat, name="leases", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


def _end(now: int, seconds: float) -> int:
    return now + int(seconds * _SECOND)


def _take(connection: Connection, rows: list[dict[str, Any]]) -> None:
    if rows:
        mine = (_L.tenant_id == sa.bindparam("of_tenant"), _L.integration == sa.bindparam("of_integration"))
        values = {"token": _L.token + 1, "holder": sa.bindparam("new_holder"), "era": sa.bindparam("new_era")}
        connection.execute(sa.update(LEASES).where(*mine).values(**values, expires_ns=sa.bindparam("new_end")), rows)


def _change(connection: Connection, lease: Lease, values: dict[str, Any]) -> bool:
    mine = (_L.tenant_id == lease.tenant_id, _L.integration == lease.integration)
    held = (_L.token == lease.token, _L.holder == lease.holder)
    return connection.execute(sa.update(LEASES).where(*mine, *held).values(**values)).rowcount == 1
