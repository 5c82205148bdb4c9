"""Files of accepted events: one directory a tenant, names made by us, whole or not there. Which events count is said by `inbox`."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime


class LandingZone(ABC):
    """Append-only files, each written once."""

    @abstractmethod
    def land(self, lines: Mapping[str, Sequence[bytes]], at: datetime) -> dict[str, str]:
        """Make one file per tenant durable, all or none, and return its path by tenant, relative to the zone.

        Args:
            lines: per tenant the lines of its file, without their ends.
            at: when; files of one day lie together.

        Raises:
            TransientError: no room, or the place does not answer; nothing counts, and what was written is taken away again.
            BugError: that is no tenant's id.
            NotDurableError: the disk did not confirm what it was given; nothing more may be believed of it.
        """

    @abstractmethod
    def read(self, path: str) -> list[bytes]:
        """The lines of a file.

        Raises:
            InvalidError: it is not there, not a file of ours, or not what was written.
        """

    @abstractmethod
    def remove(self, paths: Collection[str]) -> None:
        """Take those files away; one that is gone already is no fault."""

    @abstractmethod
    def sweep(self, before: datetime, kept: Collection[str], tenants: Collection[str]) -> int:
        """Remove what a crash or a removed tenant left, and return how many files went.

        Args:
            before: of days before that, what is not among `kept` goes, half-written files too.
            kept: paths that something names.
            tenants: directories of others go whole.
        """
