"""What the store may forget, so that it does not grow for ever. Which ages count is the use case's business; Dagster's own storage is not here."""

from abc import ABC, abstractmethod
from datetime import datetime


class Pruning(ABC):
    """Forgets in small transactions, so that nobody waits for it; a call that dies half-way is finished by the next one."""

    @abstractmethod
    def forget_runs(self, before: datetime) -> dict[str, int]:
        """Remove what runs that began before that day noted of single records and fields; returns rows removed by table.

        Per table, tenant and integration the newest run that has rows keeps them, whatever its age. Runs themselves stay.
        """

    @abstractmethod
    def forget_files(self, before: datetime, limit: int) -> list[str]:
        """Let files below their dataset's newest full file, written before that, count no more; returns the paths of up to `limit`."""

    @abstractmethod
    def plan_files(self, before: datetime) -> set[str]:
        """Paths of the files of plans that were made before that and that nobody can decide or apply any more."""
