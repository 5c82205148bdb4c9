"""What the engine remembers of writes that did not go as planned: failures, edits that a write replaced, values shown otherwise than written."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Retry:
    """A record whose write failed. Another content or another contract version starts afresh."""

    tenant_id: str
    integration: str
    target: str
    target_id: str
    fingerprint: str  # of the planned write
    contract_version: int
    attempts: int
    first_failed_at: datetime
    last_failed_at: datetime
    next_try_at: datetime | None  # None: not tried again until the record or the contract changes
    error_kind: str
    error_text: str
    write_id: str
    run_id: str


class Retries(ABC):
    """Failed writes by record."""

    @abstractmethod
    def load(self, tenant_ids: Sequence[str], integration: str) -> list[Retry]:
        """Every record of those tenants whose last write failed, ordered."""

    @abstractmethod
    def due(self, at: datetime) -> list[tuple[str, str]]:
        """(tenant, integration) of all that have a write that may be tried again by then, ordered."""

    @abstractmethod
    def save(self, retries: Sequence[Retry]) -> None:
        """Insert or replace by record."""

    @abstractmethod
    def clear(self, tenant_id: str, integration: str, records: Sequence[tuple[str, str]]) -> None:
        """Forget those (target, target_id): written, or wanted no more."""


@dataclass(frozen=True, slots=True)
class Overwrite:
    """A value that somebody entered between our read and our write, and that our write replaced. Texts are in the target's spelling."""

    tenant_id: str
    integration: str
    run_id: str
    write_id: str
    target: str
    target_id: str
    field: str
    read_value: str
    lost_value: str
    written_value: str
    changed_by: str
    detected_at: datetime
    action: str  # kept, restored or held
    restored_at: datetime | None = None


class Overwrites(ABC):
    """Replaced edits, so that none is lost."""

    @abstractmethod
    def record(self, overwrites: Sequence[Overwrite]) -> None:
        """Insert or replace by write and field."""

    @abstractmethod
    def load(self, tenant_ids: Sequence[str], integration: str, *, since: datetime | None = None) -> list[Overwrite]:
        """Newest first."""

    @abstractmethod
    def of_records(self, tenant_id: str, integration: str, target_ids: Sequence[str]) -> list[Overwrite]:
        """Of any time about those records, newest first."""


class Spellings(ABC):
    """Values that a partner keeps in its own way, by record and field."""

    @abstractmethod
    def load(self, tenant_ids: Sequence[str], integration: str) -> pa.Table:
        """`SPELLINGS` of those tenants, ordered."""

    @abstractmethod
    def save(self, spellings: pa.Table, integration: str, at: datetime) -> None:
        """Insert or replace by record and field (`SPELLINGS`)."""
