"""What changed since a moment: the search index names the ids, a read by id says what they are now, the archive names the rest.

The index shows values as old as itself; laid over a fresher observation they would look like an edit back. So nothing but ids is
taken from it. A merge takes both ids away without archiving them; they are told by the survivor, which counts as changed.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from integration_pipelines.partners.hubspot import fetching
from integration_pipelines.partners.hubspot.session import Session
from integration_pipelines.partners.hubspot.translate import milliseconds, moment_of

Record = dict[str, Any]
Page = tuple[list[Record], bool]
"""Records, and whether they are deleted."""


def changes(session: Session, properties: Sequence[str], since: datetime) -> Iterator[Page]:
    """Companies that changed, were merged away or archived since; an id may come twice, then the first one counts."""
    met: set[str] = set()
    for page in session.changed_ids(milliseconds(since)):
        ids = [name for name in dict.fromkeys(page) if name not in met]
        met.update(ids)
        found = fetching.companies(session, ids, properties)
        present = {str(record["id"]): record for record in found.values() if record is not None}
        yield list(present.values()), False
        yield [{"id": name} for name in _gone(found, present)], True
    for archived in session.companies((), archived=True):
        yield [record for record in archived if _archived_at(record) >= since], True


def _gone(found: Mapping[str, Record | None], present: Mapping[str, Record]) -> list[str]:
    """Ids that stand for no company of their own any more."""
    merged = (name for record in present.values() for name in fetching.merged_into(record))
    return [name for name in dict.fromkeys((*found, *merged)) if name not in present]


def _archived_at(record: Record) -> datetime:
    """When a company was archived; one that does not say so counts as archived just now, so that it is never overlooked."""
    moment = moment_of(str(record.get("archivedAt") or record.get("updatedAt") or ""))
    return moment or datetime.max.replace(tzinfo=UTC)
