"""What a run did, per tenant: the values that use cases hand to Dagster, the command line and tests."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

import pyarrow as pa

from integration_pipelines.core.guards import PlanNumbers
from integration_pipelines.errors import BugError, ErrorKind, IntegrationError
from integration_pipelines.ports.gate import Verdict
from integration_pipelines.ports.lake import Mode
from integration_pipelines.ports.retries import Retry
from integration_pipelines.ports.writing import Lease, StoredPlan
from integration_pipelines.use_cases.closure import Closure


class SyncMode(StrEnum):
    """`plan` shows what would be written; `apply` writes it if switches, approvals and guards allow."""

    PLAN = "plan"
    APPLY = "apply"


class RunOutcome(StrEnum):
    """How a tenant's run ended."""

    IN_SYNC = "in_sync"
    WRITTEN = "written"
    PLANNED = "planned"
    HELD = "held"
    PAUSED = "paused"
    SKIPPED = "skipped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Read:
    """One object's extract for one tenant."""

    mode: Mode
    reason: str
    rows: int
    calls: int
    unknown_fields: int
    missing_columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a tenant's run stopped: kind, text and remedy are for people and hold no secret."""

    kind: ErrorKind
    text: str
    remedy: str
    request_id: str = ""


@dataclass(slots=True)
class TenantReport:
    """What happened to one tenant, stage by stage; grows while the run goes on."""

    tenant_id: str
    run_id: str
    outcome: RunOutcome | None = None
    reason: str = ""
    too_many: bool = False  # records that decide about each other; another look at everything is needed
    must_read_full: bool = False  # the partner's schema changed, so what was read before says nothing about the new columns
    reads: dict[str, Read] = field(default_factory=dict)
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    judged: dict[str, str] = field(default_factory=dict)  # object → digest of the files that its verdict is about
    moved: tuple[tuple[str, str], ...] = ()  # (target, id) of planned records that changed meanwhile and were left alone
    waits: frozenset[str] = frozenset()  # plans that this run leaves standing
    calls_before_plan: int = 0
    read_anew: str = ""  # why something was read in full though only what changed was asked for
    suspended: str = ""  # which fields are not compared because the partner's schema changed, for people
    counts: dict[str, int] = field(default_factory=dict)
    numbers: PlanNumbers | None = None
    plan: StoredPlan | None = None
    writes: dict[str, int] = field(default_factory=dict)  # write state → how many
    outcomes: dict[str, int] = field(default_factory=dict)  # record outcome → how many
    imbalances: tuple[str, ...] = ()
    balanced: bool | None = None
    certified: bool | None = None
    calls: int = 0
    fault: Fault | None = None
    waiting: frozenset[tuple[str, str]] = frozenset()  # (target, id) of planned writes that failed before and are not due yet
    failed_before: tuple[Retry, ...] = ()
    mains: Mapping[tuple[str, str], frozenset[tuple[str, str]]] = field(default_factory=dict)
    """(object, id) of every touched record → (main object, id) of those that it is, belongs to, or is looked up by."""
    acknowledged: dict[tuple[str, str], datetime] = field(
        default_factory=dict
    )  # (target, id) → when the partner confirmed a write
    again: tuple[Mapping[str, Any], ...] = ()  # ledger rows that an interrupted run left open, proven absent
    settled: frozenset[str] = frozenset()  # writes of earlier runs that were found carried out, and what they replaced looked up
    lease: Lease | None = None  # the right to work on this tenant; none if another run has it

    @property
    def alive(self) -> bool:
        """Whether later stages still work on this tenant."""
        return self.fault is None and self.outcome is None

    def fail(self, error: IntegrationError) -> None:
        """Stop this tenant; the others go on. What was proved until then is no certificate of a run that failed."""
        self.fault = Fault(error.kind, error.message, error.remedy, error.request_id)
        self.certified = None
        self.outcome = RunOutcome.FAILED
        self.reason = error.message


@dataclass(slots=True)
class BatchReport:
    """All tenants of one run, and the tables that later stages and metadata need."""

    integration: str
    mode: SyncMode
    scope: str
    tenants: dict[str, TenantReport]
    trigger: str = "manual"
    closure: Closure | None = None  # the records that this run looks at; None: all
    found: pa.Table | None = None  # OUTCOMES: what became of every record that was looked at
    pairs: pa.Table | None = None  # tenant_id, left_id, right_id of every link that counted
    kept: tuple[str, ...] = ()  # the tenants of whom this run keeps what it found: those it still held after looking
    diffs: pa.Table | None = None
    writes: pa.Table | None = None

    def alive(self) -> list[TenantReport]:
        """Tenants that are still under way, ordered by id."""
        return [r for _, r in sorted(self.tenants.items()) if r.alive]

    def tenant(self, tenant_id: str) -> TenantReport:
        """One tenant's report."""
        report = self.tenants.get(tenant_id)
        if report is None:
            raise BugError(f"Tenant {tenant_id} is not part of this run.", remedy="Report this.")
        return report
