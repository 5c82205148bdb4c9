"""What stands between a decision and a write: plans, the write ledger, bases, and the lease of one writer per tenant."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import pyarrow as pa

from integration_pipelines.core.guards import Written
from integration_pipelines.ports.lake import StoredFile


class PlanState(StrEnum):
    """A plan waits (held), may go (ready, approved), went (applied), or never will (rejected, superseded)."""

    HELD = "held"
    READY = "ready"
    APPROVED = "approved"
    APPLIED = "applied"
    REJECTED = "rejected"
    SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True)
class StoredPlan:
    """A plan's row; its writes are a Parquet file (`PLANNED_WRITES`) that `plan_hash` is taken over.

    `numbers` has writes, updates, blankings, creates, deletes, records, calls_forecast and the guard's limits. `scope` is `full` or, of a
    plan for single records, `records`; such a plan never stands for the whole.
    """

    plan_id: str
    tenant_id: str
    integration: str
    run_id: str
    plan_hash: str
    state: PlanState
    reason: str
    numbers: dict[str, int]
    file: StoredFile
    created_at: datetime
    decided_at: datetime | None = None
    decided_by: str | None = None
    scope: str = "full"


class Plans(ABC):
    """Plans by tenant; immutable but for their state."""

    @abstractmethod
    def save(self, plans: Sequence[StoredPlan]) -> None:
        """Insert; a plan that waits supersedes earlier held or ready ones of the same tenant and integration, in one transaction.

        A plan for single records takes the place of such plans only, a whole one of all.
        """

    @abstractmethod
    def standing(self, tenant_id: str, integration: str) -> list[StoredPlan]:
        """Every plan that is held, ready or approved: whole ones first, newest first."""

    def open(self, tenant_id: str, integration: str) -> StoredPlan | None:
        """The first of those: the newest whole plan, or else the newest for single records."""
        return next(iter(self.standing(tenant_id, integration)), None)

    @abstractmethod
    def find(self, tenant_id: str, plan_id_or_hash: str) -> StoredPlan:
        """By id or a unique beginning of id or hash. Raises ConfigError if none or several."""

    @abstractmethod
    def list(self, tenant_id: str, integration: str | None = None, limit: int = 20) -> list[StoredPlan]:
        """Newest first."""

    @abstractmethod
    def decide(self, plan_id: str, plan_hash: str, state: PlanState, actor: str, at: datetime) -> StoredPlan:
        """Approve, reject or mark applied. Raises ConflictError if the hash differs or the state does not allow it."""


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a write: the new state and, when it did not work, why."""

    write_id: str
    state: str  # see core.writes.WriteState
    error_kind: str | None = None
    error_text: str | None = None
    record_id: str | None = None  # of a create: the id that the partner gave the record


class Ledger(ABC):
    """Every intended write, before it is sent (write-ahead) and after."""

    @abstractmethod
    def intend(self, writes: pa.Table) -> None:
        """Insert `LEDGER` rows in state planned, in one transaction; rows already there (same write_id) are left as they are."""

    @abstractmethod
    def send(self, write_ids: Sequence[str], lease: "Lease") -> None:
        """Planned → sent, attempts + 1, only while the lease's token is the tenant's newest. Raises ConflictError otherwise."""

    @abstractmethod
    def settle(self, results: Sequence[Settled], at: datetime) -> None:
        """Move states along the allowed paths. Raises BugError on any other move."""

    @abstractmethod
    def unsettled(self, tenant_ids: Sequence[str], integration: str) -> pa.Table:
        """`LEDGER` rows in state planned, sent, unknown or applied (not yet confirmed)."""

    @abstractmethod
    def lost_since(self, tenant_ids: Sequence[str], integration: str, since: datetime) -> pa.Table:
        """`LEDGER` rows made since then that were sent and failed in passing: a request that was given up may still arrive."""

    @abstractmethod
    def written_since(self, tenant_ids: Sequence[str], integration: str, since: datetime) -> dict[str, Written]:
        """Per tenant what was sent since then by plans that no person approved; what the guards count on top of a small plan."""

    @abstractmethod
    def written_records(self, tenant_id: str, integration: str, since: datetime) -> set[tuple[str, str]]:
        """(target, id) of the records that were written since then."""

    @abstractmethod
    def unanswered(self, before: datetime) -> list[tuple[str, str]]:
        """(tenant, integration) of all that have a write planned before then that was sent and whose outcome is open, ordered."""

    @abstractmethod
    def created(self, tenant_ids: Sequence[str], integration: str, records: Sequence[str] | None = None) -> pa.Table:
        """Records that we made and the partner named (tenant_id, target, target_id, record_id).

        With `records`, those that were made under one of these unique values.
        """

    @abstractmethod
    def of_plan(self, tenant_id: str, plan_id: str) -> pa.Table:
        """`LEDGER` rows of that plan."""

    @abstractmethod
    def of_records(self, tenant_id: str, integration: str, target_ids: Sequence[str]) -> pa.Table:
        """`LEDGER` rows of any time about those records, newest first."""

    @abstractmethod
    def of_run(self, tenant_id: str, run_id: str) -> pa.Table:
        """`LEDGER` rows of that run."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to write for one tenant; a higher token fences off every lower one."""

    tenant_id: str
    integration: str
    token: int
    holder: str
    expires_in: float


class Leases(ABC):
    """One run per tenant and integration: whoever holds the lease reads, plans and writes, everybody else leaves the tenant alone."""

    @abstractmethod
    def take_all(self, tenant_ids: Sequence[str], integration: str, holder: str, seconds: float) -> list[Lease]:
        """The leases that were free, in one transaction; tenants that somebody else holds are left out."""

    @abstractmethod
    def renew_all(self, leases: Sequence[Lease], seconds: float) -> list[Lease]:
        """Those that are still held, prolonged; one that was lost is left out."""

    @abstractmethod
    def held(self, tenant_ids: Sequence[str], integration: str) -> set[str]:
        """Those of the tenants that a run works on now."""

    @abstractmethod
    def give_back_all(self, leases: Sequence[Lease]) -> None:
        """Free them for the next one; one that was lost already stays with whoever has it."""

    def keep_alive(self, leases: Sequence[Lease], seconds: float) -> AbstractContextManager[None]:
        """Renew them in the background until the block ends, so that a long stage does not lose them."""
        del leases, seconds
        return nullcontext()

    def take(self, tenant_id: str, integration: str, holder: str, seconds: float) -> Lease | None:
        """None if somebody else holds it."""
        return next(iter(self.take_all([tenant_id], integration, holder, seconds)), None)

    def renew(self, lease: Lease, seconds: float) -> bool:
        """False if it was lost."""
        return bool(self.renew_all([lease], seconds))

    def give_back(self, lease: Lease) -> None:
        """Free it for the next one."""
        self.give_back_all([lease])


class Metrics(ABC):
    """Figures per tenant computed from the store, so that no process has to stay up to be asked."""

    @abstractmethod
    def figures(self) -> Mapping[str, list[tuple[dict[str, str], float]]]:
        """Metric name → (labels, value) rows."""
