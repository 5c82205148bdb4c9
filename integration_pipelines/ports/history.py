"""The past: what a partner tells of it, and the days of it that are kept."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import pyarrow as pa

from integration_pipelines.core.history import Coverage, DayTold


@dataclass(frozen=True, slots=True)
class HistoryRead:
    """What a partner tells of some days of an object."""

    changes: pa.Table  # CHANGES: by the contract's columns, in neutral text
    days: tuple[DayTold, ...]  # one for every day asked for
    source: str  # where it was read, for people
    of_known_records: bool = False  # only of the records that were named; others may have changed, too


@dataclass(frozen=True, slots=True)
class HistoryDay:
    """One day of an object at a tenant, as it was filled last."""

    tenant_id: str
    integration: str
    object: str
    day: date
    rows: int
    coverage: Coverage
    reason: str
    source: str
    run_id: str
    filled_at: datetime


class History(ABC):
    """Which days of history were filled, and what can be told of them. The changes themselves are in the lake."""

    @abstractmethod
    def record(self, days: Sequence[HistoryDay]) -> None:
        """Insert or replace by tenant, integration, object and day, in one transaction."""

    @abstractmethod
    def forget(self, tenant_ids: Sequence[str], integration: str, before: date) -> None:
        """Remove the days before that day, in one transaction."""

    @abstractmethod
    def load(
        self,
        tenant_ids: Sequence[str],
        integration: str,
        *,
        objects: Sequence[str] = (),
        first: date | None = None,
        last: date | None = None,
    ) -> list[HistoryDay]:
        """Days filled so far, ordered by tenant, object and day; an empty filter lets all through."""
