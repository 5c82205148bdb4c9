"""Tenants, their connections and switches, in memory."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from integration_pipelines.errors import AuthError, ConfigError, ConflictError
from integration_pipelines.ports.tenants import Connection, Installation, Tenant, TenantStore
from integration_pipelines.simulation.memory.state import State


class MemoryTenants(TenantStore):
    """One integration, any number of tenants."""

    def __init__(self, state: State) -> None:
        self._state = state

    def add(self, tenant: Tenant) -> None:
        """Once."""
        if tenant.tenant_id in self._state.tenants:
            raise ConflictError(f"There is a tenant {tenant.tenant_id} already.")
        self._state.tenants[tenant.tenant_id] = tenant

    def find(self, name_or_id: str) -> Tenant:
        """By id."""
        if name_or_id not in self._state.tenants:
            raise ConfigError(f"There is no tenant {name_or_id}.")
        return self._state.tenants[name_or_id]

    def all(self) -> list[Tenant]:
        """By id."""
        return [tenant for _, tenant in sorted(self._state.tenants.items())]

    def remove(self, tenant_id: str) -> None:
        """With its installation and connections."""
        self._state.tenants.pop(tenant_id, None)
        self._state.installations.pop(tenant_id, None)
        for kept in (self._state.connections, self._state.options):
            for key in [k for k in kept if k[0] == tenant_id]:
                del kept[key]

    def connect(self, connection: Connection) -> None:
        """Store or replace."""
        self._state.connections[connection.tenant_id, connection.partner] = connection

    def connection(self, tenant_id: str, partner: str) -> Connection:
        """By partner."""
        found = self._state.connections.get((tenant_id, partner))
        if found is None:
            raise AuthError(f"Tenant {tenant_id} is not connected to {partner}.")
        return found

    def connections(self, tenant_id: str) -> list[Connection]:
        """By partner."""
        return [c for (t, _), c in sorted(self._state.connections.items()) if t == tenant_id]

    def accounts(self) -> dict[tuple[str, str], str]:
        """Whose every account is."""
        return {(c.partner, c.account): c.tenant_id for c in self._state.connections.values()}

    def disconnect(self, tenant_id: str, partner: str, at: datetime) -> None:
        """The access ended."""
        known = self._state.connections[tenant_id, partner]
        self._state.connections[tenant_id, partner] = replace(known, ended_at=at)

    def ended_connections(self, tenant_ids: Sequence[str]) -> list[Connection]:
        """Those that ended."""
        wanted = set(tenant_ids)
        return [c for (t, _), c in sorted(self._state.connections.items()) if t in wanted and c.ended_at is not None]

    def options(self, tenant_id: str, partner: str) -> dict[str, tuple[str, ...]]:
        """What the tenant said."""
        return dict(self._state.options.get((tenant_id, partner), {}))

    def set_option(self, tenant_id: str, partner: str, option: str, values: Sequence[str], at: datetime) -> None:
        """Store, replace or forget."""
        del at
        said = self._state.options.setdefault((tenant_id, partner), {})
        said.pop(option, None)
        if values:
            said[option] = tuple(values)

    def install(self, tenant_id: str, integration: str, contract_version: int, at: datetime) -> Installation:
        """Switched off at first; a second call changes the contract version only."""
        known = self._state.installations.get(tenant_id)
        fresh = known or Installation(tenant_id, integration, False, False, False, 1, contract_version, at)
        self._state.installations[tenant_id] = replace(fresh, contract_version=contract_version)
        return self._state.installations[tenant_id]

    def installation(self, tenant_id: str, integration: str) -> Installation:
        """The one there is."""
        found = self._state.installations.get(tenant_id)
        if found is None:
            raise ConfigError(f"Integration {integration} is not installed for tenant {tenant_id}.")
        return found

    def installations(self, tenant_ids: Sequence[str] | None, integration: str | None) -> list[Installation]:
        """By tenant."""
        del integration
        wanted = self._state.installations.keys() if tenant_ids is None else tenant_ids
        return [self._state.installations[t] for t in sorted(wanted) if t in self._state.installations]

    def switch(
        self, tenant_id: str, integration: str, *, enabled: bool | None = None, paused: bool | None = None
    ) -> Installation:
        """At once."""
        known = self.installation(tenant_id, integration)
        changed = replace(
            known, enabled=known.enabled if enabled is None else enabled, paused=known.paused if paused is None else paused
        )
        self._state.installations[tenant_id] = changed
        return changed

    def first_plan_approved(self, tenant_id: str, integration: str) -> None:
        """From now on guards decide."""
        self._state.installations[tenant_id] = replace(self.installation(tenant_id, integration), first_plan_approved=True)
