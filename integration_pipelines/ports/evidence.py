"""What a run leaves behind for people: links, diffs, quarantine, unknown fields, runs and the audit chain.

Bulk methods take and give Arrow tables in the shapes of `core.tables`, for a batch of tenants at once.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import pyarrow as pa


class Links(ABC):
    """The identity links: which records on both sides are the same customer."""

    @abstractmethod
    def load(self, tenant_ids: Sequence[str], integration: str) -> pa.Table:
        """Every link of those tenants in every state (`IDENTITY_LINKS`), ordered by tenant and link id."""

    def batches(self, tenant_ids: Sequence[str], integration: str) -> pa.RecordBatchReader:
        """The same links in no order, some at a time, so that they need not be held whole.

        Of live ones `match_evidence` and `decided_by`, by which nothing is decided, may be null; `save` leaves what is null as it was.
        """
        return self.load(tenant_ids, integration).to_reader()

    @abstractmethod
    def find(
        self, tenant_ids: Sequence[str], integration: str, *, states: Sequence[str] = (), records: Sequence[str] = ()
    ) -> pa.Table:
        """A few of them (`IDENTITY_LINKS`), ordered by tenant and link id; an empty filter lets all through.

        `states`: in one of those; `records`: with one of those ids as left or right record, or as link.
        """

    @abstractmethod
    def live_counts(self, tenant_ids: Sequence[str], integration: str) -> dict[str, int]:
        """How many live links each of those tenants has; tenants without any are left out."""

    @abstractmethod
    def save(self, links: pa.Table, *, decided: bool = False) -> None:
        """Insert new links and update known ones by `link_id`, in one transaction.

        Unless these are a person's decisions (`decided`), what a person decided later than a link's `updated_at` stays as it is.

        Raises:
            ConflictError: a right-hand record would have two live links; nothing was saved.
        """


class Diffs(ABC):
    """Reconciliation diffs, one row from first sight until resolved, and their history per run."""

    @abstractmethod
    def unresolved(self, tenant_ids: Sequence[str], integration: str, records: Sequence[str] | None = None) -> pa.Table:
        """Rows (`DIFFS`) whose `resolved_at` is null; with `records`, those that have one of these ids as left or right record."""

    @abstractmethod
    def record(self, diffs: pa.Table, run_ids: dict[str, str]) -> None:
        """Insert or update by `diff_id`, and note each row under its tenant's run for `diff_history`; one transaction."""

    @abstractmethod
    def load(
        self, tenant_ids: Sequence[str], integration: str, *, since: datetime | None = None, fields: Sequence[str] = ()
    ) -> pa.Table:
        """Rows (`DIFFS`) last seen since then, newest first."""

    @abstractmethod
    def of_records(self, tenant_id: str, integration: str, left_ids: Sequence[str], right_ids: Sequence[str]) -> pa.Table:
        """Rows (`DIFFS`) of any time about those records, newest first."""


class Quarantine(ABC):
    """Records the gate refused."""

    @abstractmethod
    def replace(
        self, refused: pa.Table, tenant_ids: Sequence[str], integration: str, objects: Sequence[str] | pa.Table, at: datetime
    ) -> None:
        """The present truth for those tenants and objects: new rows are added, seen again updated, the rest resolved at `at`.

        `refused`: tenant_id, object, record_id, field, expectation, reason, remedy.
        `objects`: the objects' names, or a table of the only records that it is the truth about (tenant_id, object, record_id).
        """

    @abstractmethod
    def load(self, tenant_ids: Sequence[str], integration: str, *, include_resolved: bool = False) -> pa.Table:
        """Rows (`QUARANTINE`)."""

    @abstractmethod
    def of_records(self, tenant_id: str, integration: str, records: Sequence[str]) -> pa.Table:
        """Rows (`QUARANTINE`) that are not resolved of records with those ids, whatever their object."""


class UnknownFields(ABC):
    """Partner fields no contract knows."""

    @abstractmethod
    def record(self, rows: pa.Table, at: datetime) -> None:
        """`UNKNOWN_FIELDS` rows; counts replace the earlier ones of the same name and type."""

    @abstractmethod
    def load(self, tenant_ids: Sequence[str], integration: str) -> pa.Table:
        """`UNKNOWN_FIELDS` rows."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run for one tenant. `counts` has whole numbers by name; `outcome` is None while it runs."""

    tenant_id: str
    integration: str
    run_id: str
    trigger: str  # schedule, event, manual, backfill
    scope: str  # full, records
    started_at: datetime
    finished_at: datetime | None = None
    outcome: str | None = None  # in_sync, written, planned, held, failed, paused
    counts: dict[str, int] = field(default_factory=dict)
    balanced: bool | None = None
    certified: bool | None = None
    error_kind: str | None = None
    error_text: str | None = None
    reason: str = ""  # why it ended so, in words
    read_full: bool | None = None  # whether every object was read in full


class Runs(ABC):
    """The log of runs, and each run's balance."""

    @abstractmethod
    def start(self, runs: Sequence[Run]) -> None:
        """Note that they began."""

    @abstractmethod
    def finish(self, runs: Sequence[Run]) -> None:
        """Note how they ended."""

    @abstractmethod
    def last(self, tenant_ids: Sequence[str] | None, integration: str, limit: int = 1) -> list[Run]:
        """Per tenant the newest runs, newest first."""

    @abstractmethod
    def since(self, tenant_ids: Sequence[str], integration: str, trigger: str, since: datetime) -> list[Run]:
        """Runs of those tenants that were so triggered and started since then, by tenant, newest first."""

    @abstractmethod
    def of_run(self, run_id: str) -> list[Run]:
        """The run as each of its tenants saw it, ordered by tenant."""

    @abstractmethod
    def save_outcomes(self, outcomes: pa.Table, integration: str, run_ids: dict[str, str]) -> None:
        """Counts per tenant, object, outcome and rule of that run, and every record that is not `in_sync` (`OUTCOMES`)."""

    @abstractmethod
    def save_field_counts(self, counts: pa.Table, integration: str, run_ids: dict[str, str]) -> None:
        """Per tenant, object and field of that run: compared, matched, differing, held (columns of those names)."""

    @abstractmethod
    def outcomes(self, tenant_id: str, integration: str, run_id: str) -> pa.Table:
        """`tenant_id, object, outcome, rule, records` of that run."""


class Audit(ABC):
    """Acts by people and by the system, hash-chained per tenant."""

    @abstractmethod
    def append(self, tenant_id: str, actor: str, act: str, facts: dict[str, str], at: datetime) -> None:
        """Add one act; `facts` never hold customer data."""

    @abstractmethod
    def verify(self, tenant_id: str | None = None) -> tuple[int, list[str]]:
        """How many acts were checked, and one line per break of a chain."""
