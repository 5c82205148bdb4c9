"""Tenants, connections and installations in SQL."""

import difflib
import json
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection as Db
from sqlalchemy.engine import Engine

from integration_pipelines.errors import AuthError, BugError, ConfigError, ConflictError
from integration_pipelines.ports.clock import Clock
from integration_pipelines.ports.tenants import Connection, Installation, Tenant, TenantStore
from integration_pipelines.store import dialect
from integration_pipelines.store.bulk import upsert
from integration_pipelines.store.engine import EVERYONE, reading, scope, writing
from integration_pipelines.store.schema import ANALYST_GRANTS, CONNECTIONS, INSTALLATIONS, PARTNER_OPTIONS, TENANTS

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_T, _C, _I, _O = TENANTS.c, CONNECTIONS.c, INSTALLATIONS.c, PARTNER_OPTIONS.c
_TENANT = [_T[f.name] for f in fields(Tenant)]


class SqlTenantStore(TenantStore):
    """A removed tenant's id stays taken for ever, its name becomes free."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    def add(self, tenant: Tenant) -> None:
        """Raises ConflictError if a tenant of that name (case-folded) or id exists."""
        if not _ID.fullmatch(tenant.tenant_id):
            raise BugError("A tenant's id must be made of letters, digits, '_' and '-', at most 64.")
        key = _folded(tenant.name)
        if not key:
            raise ConfigError("A tenant needs a name.", remedy="Give it one that people recognise.")
        with writing(self._engine, EVERYONE) as db:
            dialect.serialise(db, "tenants")
            taken = sa.select(_T.tenant_id).where((_T.name_key == key) | (_T.tenant_id == tenant.tenant_id))
            if db.execute(taken).first() is not None:
                remedy = "Choose another name, or use the tenant that has it."
                raise ConflictError("A tenant of that name or id exists already.", remedy=remedy)
            db.execute(TENANTS.insert(), asdict(tenant) | {"name": tenant.name.strip(), "name_key": key})

    def find(self, name_or_id: str) -> Tenant:
        """Raises ConfigError, naming the nearest tenants, if there is none."""
        key = _folded(name_or_id)
        named = sa.select(*_TENANT).where(_T.removed_at.is_(None), (_T.tenant_id == name_or_id) | (_T.name_key == key))
        with reading(self._engine, EVERYONE) as db:
            row = db.execute(named.order_by(_T.tenant_id).limit(1)).first()
        if row is not None:
            return Tenant(*row)
        known = self.all()
        names = {_folded(t.name): t.name for t in known} | {t.tenant_id.casefold(): t.tenant_id for t in known}
        near = [names[n] for n in difflib.get_close_matches(key, names, n=3, cutoff=0.5)]
        hint = f"Did you mean {', '.join(near)}?" if near else "List them with `integration-pipelines tenant list`."
        raise ConfigError(f"There is no tenant {name_or_id.strip()[:80]!r}.", remedy=hint)

    def all(self) -> list[Tenant]:
        """Ordered by id."""
        with reading(self._engine, EVERYONE) as db:
            rows = db.execute(sa.select(*_TENANT).where(_T.removed_at.is_(None)).order_by(_T.tenant_id))
            return [Tenant(*row) for row in rows]

    def remove(self, tenant_id: str) -> None:
        """Forget connections, options and installations, keep what was written as evidence; the id is never used again."""
        with writing(self._engine, (tenant_id,)) as db:
            _must_exist(db, tenant_id)
            db.execute(sa.delete(CONNECTIONS).where(_C.tenant_id == tenant_id))
            db.execute(sa.delete(PARTNER_OPTIONS).where(_O.tenant_id == tenant_id))
            db.execute(sa.delete(INSTALLATIONS).where(_I.tenant_id == tenant_id))
            db.execute(sa.delete(ANALYST_GRANTS).where(ANALYST_GRANTS.c.tenant_id == tenant_id))
            gone = {"removed_at": self._clock.now(), "name_key": None}
            db.execute(sa.update(TENANTS).where(_T.tenant_id == tenant_id).values(**gone))

    def connect(self, connection: Connection) -> None:
        """Store or replace. Raises ConflictError if the account is connected to another tenant or differs from the one stored."""
        with writing(self._engine, EVERYONE) as db:
            dialect.serialise(db, "connections")
            _must_exist(db, connection.tenant_id)
            account = sa.select(_C.tenant_id).where(_C.partner == connection.partner, _C.account == connection.account)
            if db.execute(account.where(_C.tenant_id != connection.tenant_id)).first() is not None:
                raise ConflictError(
                    f"This {connection.partner} account is connected to another tenant.",
                    remedy="Connect a different account, or remove the other tenant's connection first.",
                )
            stored = sa.select(_C.account).where(_C.tenant_id == connection.tenant_id, _C.partner == connection.partner)
            if db.execute(stored).scalar() not in {None, connection.account}:
                raise ConflictError(
                    f"Tenant {connection.tenant_id} is connected to a different {connection.partner} account.",
                    remedy="Sign in with the account that is connected, or add a new tenant for the other one.",
                )
            upsert(db, CONNECTIONS, [asdict(connection)])

    def connection(self, tenant_id: str, partner: str) -> Connection:
        """Raises AuthError with the remedy if the tenant never connected."""
        for connection in self.connections(tenant_id):
            if connection.partner == partner:
                return connection
        raise AuthError(
            f"Tenant {tenant_id} is not connected to {partner}.",
            remedy=f"Connect it with `integration-pipelines tenant connect {tenant_id} {partner}`.",
            partner=partner,
        )

    def connections(self, tenant_id: str) -> list[Connection]:
        """All of a tenant's connections, by partner."""
        with reading(self._engine, (tenant_id,)) as db:
            rows = db.execute(sa.select(CONNECTIONS).where(_C.tenant_id == tenant_id).order_by(_C.partner))
            return [Connection(**row) for row in rows.mappings()]

    def accounts(self) -> dict[tuple[str, str], str]:
        """Whose every connected account is: (partner, account) → tenant."""
        with reading(self._engine, EVERYONE) as db:
            return {(r.partner, r.account): r.tenant_id for r in db.execute(sa.select(_C.partner, _C.account, _C.tenant_id))}

    def disconnect(self, tenant_id: str, partner: str, at: datetime) -> None:
        """The partner took our access away; connecting again ends that."""
        mine = (_C.tenant_id == tenant_id, _C.partner == partner)
        with writing(self._engine, (tenant_id,)) as db:
            db.execute(sa.update(CONNECTIONS).where(*mine).values(ended_at=at))

    def ended_connections(self, tenant_ids: Sequence[str]) -> list[Connection]:
        """Those of these tenants that partners ended, by tenant and partner."""
        query = sa.select(CONNECTIONS).where(_C.tenant_id.in_(tenant_ids), _C.ended_at.is_not(None))
        with reading(self._engine, tenant_ids) as db:
            rows = db.execute(query.order_by(_C.tenant_id, _C.partner))
            return [Connection(**row) for row in rows.mappings()]

    def options(self, tenant_id: str, partner: str) -> dict[str, tuple[str, ...]]:
        """By option."""
        mine = (_O.tenant_id == tenant_id, _O.partner == partner)
        with reading(self._engine, (tenant_id,)) as db:
            rows = db.execute(sa.select(_O.option, _O["values"]).where(*mine).order_by(_O.option))
            return {option: tuple(json.loads(values)) for option, values in rows}

    def set_option(self, tenant_id: str, partner: str, option: str, values: Sequence[str], at: datetime) -> None:
        """In one transaction."""
        key = {"tenant_id": tenant_id, "partner": partner, "option": option}
        with writing(self._engine, (tenant_id,)) as db:
            _must_exist(db, tenant_id)
            if values:
                upsert(db, PARTNER_OPTIONS, [key | {"values": json.dumps(list(values), ensure_ascii=False), "set_at": at}])
            else:
                mine = (_O.tenant_id == tenant_id, _O.partner == partner, _O.option == option)
                db.execute(sa.delete(PARTNER_OPTIONS).where(*mine))

    def install(self, tenant_id: str, integration: str, contract_version: int, at: datetime) -> Installation:
        """Switched off and unpaused; a second call changes nothing but the contract version."""
        fresh = Installation(tenant_id, integration, False, False, False, 1, contract_version, at)
        with writing(self._engine, (tenant_id,)) as db:
            _must_exist(db, tenant_id)
            kept = [f.name for f in fields(Installation) if f.name != "contract_version"]
            upsert(db, INSTALLATIONS, [asdict(fresh)], keep=kept)
            return _installation(db, tenant_id, integration)

    def installation(self, tenant_id: str, integration: str) -> Installation:
        """Raises ConfigError if the integration is not installed there."""
        with reading(self._engine, (tenant_id,)) as db:
            return _installation(db, tenant_id, integration)

    def installations(self, tenant_ids: Sequence[str] | None, integration: str | None) -> list[Installation]:
        """All that match, by tenant and integration; None matches everything."""
        query = sa.select(INSTALLATIONS).order_by(_I.tenant_id, _I.integration)
        if tenant_ids is not None:
            query = query.where(_I.tenant_id.in_(tenant_ids))
        if integration is not None:
            query = query.where(_I.integration == integration)
        with reading(self._engine, scope(tenant_ids)) as db:
            return [Installation(**row) for row in db.execute(query).mappings()]

    def switch(
        self, tenant_id: str, integration: str, *, enabled: bool | None = None, paused: bool | None = None
    ) -> Installation:
        """Turn writes on or off; takes effect before the next request of any process."""
        wanted = {"enabled": enabled, "paused": paused}
        return self._change(tenant_id, integration, {k: v for k, v in wanted.items() if v is not None})

    def first_plan_approved(self, tenant_id: str, integration: str) -> None:
        """From now on guards decide, not a person."""
        self._change(tenant_id, integration, {"first_plan_approved": True})

    def _change(self, tenant_id: str, integration: str, values: dict[str, bool]) -> Installation:
        mine = (_I.tenant_id == tenant_id, _I.integration == integration)
        with writing(self._engine, (tenant_id,)) as db:
            if values:
                db.execute(sa.update(INSTALLATIONS).where(*mine).values(**values))
            return _installation(db, tenant_id, integration)


def _folded(name: str) -> str:
    """Names that look alike are alike: compatibility forms, letter case and outer blanks do not count."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold()).strip()


def _must_exist(db: Db, tenant_id: str) -> None:
    row: Any = db.execute(sa.select(_T.tenant_id).where(_T.tenant_id == tenant_id, _T.removed_at.is_(None))).first()
    if row is None:
        raise ConfigError(f"There is no tenant {tenant_id}.", remedy="List them with `integration-pipelines tenant list`.")


def _installation(db: Db, tenant_id: str, integration: str) -> Installation:
    query = sa.select(INSTALLATIONS).where(_I.tenant_id == tenant_id, _I.integration == integration)
    row = db.execute(query).mappings().first()
    if row is None:
        raise ConfigError(
            f"Integration {integration} is not installed for tenant {tenant_id}.",
            remedy=f"Install it with `integration-pipelines tenant connect {tenant_id}`.",
        )
    return Installation(**row)
