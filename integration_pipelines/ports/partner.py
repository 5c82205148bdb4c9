"""What the engine asks of a partner's product, whichever it is."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import pyarrow as pa

from integration_pipelines.core.contract import PropertySpec, SourceObject
from integration_pipelines.core.history import Coverage, DayTold
from integration_pipelines.core.tables import CHANGES, empty
from integration_pipelines.errors import ConfigError, ErrorKind
from integration_pipelines.ports.history import HistoryRead
from integration_pipelines.ports.lake import Mode, Watermark


@dataclass(frozen=True, slots=True)
class ExtractionSummary:
    """Known only after the last batch: where to go on, what was seen besides the contract, what it cost."""

    watermark: Watermark
    unknown_fields: dict[tuple[str, str], int]  # (name, JSON type) → records that carried it
    missing_columns: tuple[str, ...]  # declared columns the partner's schema does not have at this tenant
    calls: int


class Extraction(ABC):
    """One read under way. Iterate it to the end, then ask for the summary."""

    mode: Mode
    """What is really done: an incremental read whose watermark is past the partner's horizon is full."""
    reason: str
    """Why that mode, in words."""
    schema: pa.Schema

    @abstractmethod
    def __iter__(self) -> Iterator[pa.RecordBatch]:
        """Batches in the observation shape (`OBSERVED_PREFIX` and the contract's columns), a page or more each."""

    @property
    @abstractmethod
    def summary(self) -> ExtractionSummary:
        """Raises BugError before the last batch."""


@dataclass(frozen=True, slots=True)
class FieldWrite:
    """One field of a write: `path` as in the contract's column source; `after` in neutral text, '' clears."""

    path: str
    after: str


@dataclass(frozen=True, slots=True)
class RecordWrite:
    """One record's changed fields and the key under which a repeat is recognised."""

    write_id: str
    idempotency_key: str
    record_id: str
    fields: tuple[FieldWrite, ...]


@dataclass(frozen=True, slots=True)
class Applied:
    """The partner confirmed the write."""

    write_id: str
    request_id: str
    record_id: str = ""  # of a record that was made: its id at the partner


@dataclass(frozen=True, slots=True)
class Refused:
    """The partner refused this record; others are not affected."""

    write_id: str
    kind: ErrorKind
    text: str
    request_id: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """No trustworthy answer; only a read can tell whether it was applied."""

    write_id: str
    text: str


WriteOutcome = Applied | Refused | Unknown


@dataclass(frozen=True, slots=True)
class PreImage:
    """What really stood in a field the moment before one of our writes replaced it, and who had entered it; '' is blank."""

    write_id: str
    path: str
    value: str
    changed_by: str


@dataclass(frozen=True, slots=True)
class Probe:
    """What a connection can do right now."""

    ok: bool
    account: str
    text: str
    remedy: str = ""
    missing_scopes: tuple[str, ...] = ()


class Door(ABC):
    """A tenant's way into its account at a partner, whatever is done there."""

    partner: str

    @abstractmethod
    def probe(self) -> Probe:
        """A cheap call that shows the connection works and to which account it leads."""

    @property
    @abstractmethod
    def calls(self) -> int:
        """Requests sent so far, retries included."""

    @abstractmethod
    def close(self) -> None:
        """Give connections back."""


class Connector(Door):
    """One tenant's connection to one partner. Thread-safe; closes its connections on `close`.

    Every method raises AuthError, RateLimitedError (past the deadline only), TransientError or InvalidError.
    """

    write_batch: int
    """How many records `fetch` and `write` take at once at most."""

    @abstractmethod
    def extract(self, name: str, spec: SourceObject, since: Watermark | None) -> Extraction:
        """Read an object: everything, or what changed since (deleted records arrive with `deleted`)."""

    @abstractmethod
    def fetch(self, name: str, spec: SourceObject, record_ids: Sequence[str]) -> pa.Table:
        """The present state of those records, one row per id asked for; unknown or deleted ones have `deleted` set.

        `record_id` is the id asked for; the column whose source is `id` holds the id that answered (a merge makes them differ).
        """

    def named(self, name: str, spec: SourceObject, ids: Sequence[str]) -> list[str]:
        """The records that are meant by what events name: the ids themselves, unless a partner's events name something else.

        Args:
            name: the object in the contract.
            spec: the object.
            ids: what events named, as the partner's `record_id`s of touched records.
        """
        del name, spec
        return list(dict.fromkeys(ids))

    def of_parents(self, name: str, spec: SourceObject, parent_ids: Sequence[str]) -> pa.Table | None:
        """The present detail records that belong to those main records, in the observation shape.

        None where the partner cannot be asked that way; then they are found one by one.
        """
        del name, spec, parent_ids
        return None

    @abstractmethod
    def write(self, name: str, spec: SourceObject, writes: Sequence[RecordWrite]) -> list[WriteOutcome]:
        """Send changed fields; one outcome per write, in any order. A bad record never spoils its batch."""

    def upsert(self, name: str, spec: SourceObject, unique: str, writes: Sequence[RecordWrite]) -> list[WriteOutcome]:
        """Make the records that hold a unique value, or change the one that does: a repeat never makes a second one.

        Args:
            name: the object in the contract.
            spec: the object.
            unique: path of the unique property; each write's `record_id` is its value.
            writes: what the records start with, the unique property included.

        Raises:
            ConfigError: this partner's records are never created.
        """
        del name, unique, writes
        raise ConfigError(
            f"{self.partner} has no unique properties, so {spec.partner_object} are never created there.",
            remedy="Let the contract report what is missing instead of creating it.",
        )

    def find(self, name: str, spec: SourceObject, unique: str, values: Sequence[str]) -> pa.Table:
        """The present records that hold one of those unique values, in the observation shape; raises ConfigError as `upsert` does."""
        del name, unique, values
        raise ConfigError(
            f"{self.partner} has no unique properties by which {spec.partner_object} could be found.",
            remedy="Let the contract report what is missing instead of creating it.",
        )

    def archive(self, name: str, spec: SourceObject, writes: Sequence[RecordWrite]) -> list[WriteOutcome]:
        """Put records aside where people can bring them back; raises ConfigError where records are never deleted."""
        del name, writes
        raise ConfigError(
            f"{spec.partner_object} are never deleted at {self.partner}.", remedy="Let the contract report what is gone instead."
        )

    def pre_images(self, name: str, spec: SourceObject, writes: Sequence[RecordWrite], since: datetime) -> list[PreImage]:
        """What our writes really replaced, as far as the partner tells; fields that it cannot tell of are left out.

        Where a partner has no conditional write, this is how an edit between our read and our write is found.

        Args:
            name: the object in the contract.
            spec: the object.
            writes: what was written, and confirmed by the partner.
            since: shortly before the first of them was sent.
        """
        del name, spec, writes, since
        return []

    def history(self, name: str, spec: SourceObject, record_ids: Sequence[str], days: Sequence[date]) -> HistoryRead:
        """What changed on those days (UTC), as far as the partner still tells; never a guess.

        Args:
            name: the object in the contract.
            spec: the object; of other fields than its columns nothing is told.
            record_ids: the records known so far; a partner that tells of all records needs none of them.
            days: one or more, in order, none after today; changes between them may be told, too.
        """
        del name, record_ids
        reason = f"{self.partner} keeps no history of {spec.partner_object}"
        return HistoryRead(empty(CHANGES), tuple(DayTold(day, Coverage.NONE, reason) for day in days), source="")

    def forecast(self, writes: int) -> int:
        """Calls that so many record writes will cost: read before, write, look behind, read again, each in batches of `write_batch`."""
        return 4 * -(-writes // self.write_batch)

    @abstractmethod
    def ensure_properties(self, partner_object: str, wanted: dict[str, PropertySpec]) -> tuple[str, ...]:
        """Create what does not exist yet; returns the names created. Partners without a schema create nothing.

        `wanted` names each as the contract's source does behind its first step: `billing_mrr` for `properties.billing_mrr`.
        """
