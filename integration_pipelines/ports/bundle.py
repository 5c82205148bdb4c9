"""All ports of one process together, so that a use case asks for one thing and a test replaces any of them.

The ports are named here and loaded by those who have them: a command that asks for a few does not pay for all.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import duckdb

    from integration_pipelines.core.contract import Contract
    from integration_pipelines.core.contract_findings import Catalogue
    from integration_pipelines.ports.alerts import Alerting
    from integration_pipelines.ports.clock import Clock, Ids
    from integration_pipelines.ports.evidence import Audit, Diffs, Links, Quarantine, Runs, UnknownFields
    from integration_pipelines.ports.gate import Gate
    from integration_pipelines.ports.history import History
    from integration_pipelines.ports.inbox import Inbox
    from integration_pipelines.ports.lake import Lake, Manifest
    from integration_pipelines.ports.landing import LandingZone
    from integration_pipelines.ports.messages import Messenger, Outbox
    from integration_pipelines.ports.partner import Connector, Door
    from integration_pipelines.ports.pruning import Pruning
    from integration_pipelines.ports.retries import Overwrites, Retries, Spellings
    from integration_pipelines.ports.tenants import Connection, Grants, TenantStore
    from integration_pipelines.ports.vault import Vault
    from integration_pipelines.ports.webhooks import WebhookSecrets
    from integration_pipelines.ports.writing import Leases, Ledger, Metrics, Plans


class Connectors(ABC):
    """Opens a tenant's connection to a partner; secrets leave the vault only here."""

    @abstractmethod
    def open(self, tenant_id: str, partner: str) -> Connector:
        """Raises AuthError if the tenant never connected or its secret does not open, ConfigError if the partner holds no records."""

    @abstractmethod
    def open_with(self, connection: Connection) -> Door:
        """Try a connection that is not stored yet."""

    @abstractmethod
    def messenger(self, tenant_id: str, partner: str) -> Messenger:
        """Raises AuthError as `open` does, ConfigError if nothing is said to people there."""


class Ducks(Protocol):
    """Gives in-process DuckDB connections with their limits set, each with temporary tables that nobody else sees. Close them."""

    def __call__(self, *, few: bool = False) -> duckdb.DuckDBPyConnection:
        """One for tables of any size or, with `few`, for some hundred rows: to think about those takes longer than to read them."""


@dataclass(frozen=True, slots=True)
class Ports:
    """What the use cases speak to."""

    clock: Clock
    ids: Ids
    lake: Lake
    manifest: Manifest
    tenants: TenantStore
    grants: Grants
    links: Links
    diffs: Diffs
    quarantine: Quarantine
    unknown_fields: UnknownFields
    runs: Runs
    audit: Audit
    plans: Plans
    ledger: Ledger
    leases: Leases
    metrics: Metrics
    retries: Retries
    overwrites: Overwrites
    spellings: Spellings
    history: History
    pruning: Pruning
    inbox: Inbox
    webhook_secrets: WebhookSecrets
    landing: LandingZone
    outbox: Outbox
    vault: Vault
    gate: Gate
    connectors: Connectors
    duck: Ducks
    contracts: Mapping[str, Contract]
    catalogues: Callable[[], Mapping[str, Catalogue]]
    """What each partner really has, by its name."""
    alerting: Alerting
    at_once: int = 8
    """How many things may be under way at the same time; 1 does everything in one order, so that it can be had again."""
