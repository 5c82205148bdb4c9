"""Which companies changed since a moment: walking HubSpot's search index without its two traps.

An offset into a list sorted by the time of the last change loses records, because a record that changes meanwhile leaves its
place and all behind it move up; and no search goes beyond 10,000 results. So every page is a query of its own that starts where
the last one ended, and where one moment fills a whole page (imports do that), the records of that moment are walked by id.
Pages overlap: the caller drops ids it has seen. What is done with a record is the caller's matter too.
"""

from collections.abc import Callable, Iterator
from typing import Any

from integration_pipelines.errors import TransientError
from integration_pipelines.partners.hubspot.translate import milliseconds, moment_of
from integration_pipelines.partners.hubspot.wire import SEARCH_PAGE

MODIFIED = "hs_lastmodifieddate"
OBJECT_ID = "hs_object_id"

Record = dict[str, Any]
Search = Callable[[Record], tuple[list[Record], bool]]
"""Sends a search body; returns the page's records and whether the index has more that match."""


def changed_since(search: Search, start: int) -> Iterator[list[Record]]:
    """Pages of all records whose last change is at `start` (milliseconds) or later, oldest first.

    Raises:
        TransientError: the index answers in a way that would never end.
    """
    at = start
    while True:
        page, more = search(_query([_filter(MODIFIED, "GTE", at)], MODIFIED))
        yield page
        if not more:
            return
        last = max((_modified(record) for record in page), default=at)
        if last > at:
            at = last
        else:
            yield from _all_of_moment(search, at)
            at += 1


def _all_of_moment(search: Search, at: int) -> Iterator[list[Record]]:
    """Every record whose last change is at that millisecond, by ascending id."""
    moment = [_filter(MODIFIED, "GTE", at), _filter(MODIFIED, "LT", at + 1)]
    after = 0
    while True:
        page, more = search(_query([*moment, _filter(OBJECT_ID, "GT", after)], OBJECT_ID))
        yield page
        if not more:
            return
        last = max((int(record["id"]) for record in page), default=after)
        if last <= after:
            raise _endless()
        after = last


def _query(filters: list[Record], sort: str) -> Record:
    return {
        "filterGroups": [{"filters": filters}],
        "sorts": [{"propertyName": sort, "direction": "ASCENDING"}],
        "limit": SEARCH_PAGE,
    }


def _filter(name: str, operator: str, value: int) -> Record:
    return {"propertyName": name, "operator": operator, "value": str(value)}


def _modified(record: Record) -> int:
    text = record.get("properties", {}).get(MODIFIED) or record.get("updatedAt")
    moment = moment_of(text) if isinstance(text, str) else None
    if moment is None:
        raise TransientError(
            "HubSpot's search returned a record without the time of its last change.",
            remedy="The read is tried again; if it goes on, read the tenant in full.",
            partner="hubspot",
        )
    return milliseconds(moment)


def _endless() -> TransientError:
    return TransientError(
        "HubSpot's search repeats the same page.",
        remedy="The read is tried again; if it goes on, read the tenant in full.",
        partner="hubspot",
    )
