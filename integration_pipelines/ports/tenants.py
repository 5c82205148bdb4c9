"""Tenants, their connections, and the switches that decide whether anything may be written."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Tenant:
    """A customer of the company that runs this product. `tenant_id` is made by us: `[A-Za-z0-9_-]` only."""

    tenant_id: str
    name: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Connection:
    """A tenant's way into one partner account. `sealed_token` opens only through the vault."""

    tenant_id: str
    partner: str
    account: str
    base_url: str
    sealed_token: bytes
    connected_at: datetime
    ended_at: datetime | None = None  # when the partner took our access away; nothing is asked of it since


@dataclass(frozen=True, slots=True)
class Installation:
    """One integration at one tenant. Writes happen only when `enabled` and not `paused`; `epoch` counts re-installations."""

    tenant_id: str
    integration: str
    enabled: bool
    paused: bool
    first_plan_approved: bool
    epoch: int
    contract_version: int
    installed_at: datetime


class Grants(ABC):
    """Which tenants a database role of an analyst may read, and what keeps the database from holding tenants apart."""

    @abstractmethod
    def weaknesses(self) -> list[tuple[str, str]]:
        """Pairs of what is wrong and what ends it; none where the database does its part or cannot."""

    @abstractmethod
    def grant(self, tenant_id: str, role: str, at: datetime) -> None:
        """Let the role read that tenant in the views. Raises ConfigError where the store knows no roles."""

    @abstractmethod
    def revoke(self, tenant_id: str, role: str) -> None:
        """Take it back; it is no fault if there was nothing. Raises ConfigError where the store knows no roles."""


class TenantStore(ABC):
    """Tenants, connections and installations."""

    @abstractmethod
    def add(self, tenant: Tenant) -> None:
        """Raises ConflictError if a tenant of that name (case-folded) or id exists."""

    @abstractmethod
    def find(self, name_or_id: str) -> Tenant:
        """Raises ConfigError, naming the nearest tenants, if there is none."""

    @abstractmethod
    def all(self) -> list[Tenant]:
        """Ordered by id."""

    @abstractmethod
    def remove(self, tenant_id: str) -> None:
        """Forget connections, options and installations, keep what was written as evidence; the id is never used again."""

    @abstractmethod
    def connect(self, connection: Connection) -> None:
        """Store or replace. Raises ConflictError if the account is connected to another tenant or differs from the one stored."""

    @abstractmethod
    def connection(self, tenant_id: str, partner: str) -> Connection:
        """Raises AuthError with the remedy if the tenant never connected."""

    @abstractmethod
    def connections(self, tenant_id: str) -> list[Connection]:
        """All of a tenant's connections, by partner."""

    @abstractmethod
    def accounts(self) -> dict[tuple[str, str], str]:
        """Whose every connected account is: (partner, account) → tenant."""

    @abstractmethod
    def disconnect(self, tenant_id: str, partner: str, at: datetime) -> None:
        """The partner took our access away; the connection is kept, so that whose account it is stays known."""

    @abstractmethod
    def ended_connections(self, tenant_ids: Sequence[str]) -> list[Connection]:
        """Those of these tenants that partners ended, by tenant and partner."""

    @abstractmethod
    def options(self, tenant_id: str, partner: str) -> dict[str, tuple[str, ...]]:
        """What the tenant says that a partner's connector is to mean; it goes before what a contract says."""

    @abstractmethod
    def set_option(self, tenant_id: str, partner: str, option: str, values: Sequence[str], at: datetime) -> None:
        """Store or replace; no values at all forget what was said."""

    @abstractmethod
    def install(self, tenant_id: str, integration: str, contract_version: int, at: datetime) -> Installation:
        """Switched off and unpaused; a second call changes nothing but the contract version."""

    @abstractmethod
    def installation(self, tenant_id: str, integration: str) -> Installation:
        """Raises ConfigError if the integration is not installed there."""

    @abstractmethod
    def installations(self, tenant_ids: Sequence[str] | None, integration: str | None) -> list[Installation]:
        """All that match; None matches everything."""

    @abstractmethod
    def switch(
        self, tenant_id: str, integration: str, *, enabled: bool | None = None, paused: bool | None = None
    ) -> Installation:
        """Turn writes on or off; takes effect before the next request of any process."""

    @abstractmethod
    def first_plan_approved(self, tenant_id: str, integration: str) -> None:
        """From now on guards decide, not a person."""
