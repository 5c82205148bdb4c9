"""HubSpot's lists: the shape of an answer, and walking the pages of a list to its end.

Which list, and what is done with its records, belongs to the caller.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from integration_pipelines.errors import TransientError
from integration_pipelines.partners.http import Reply
from integration_pipelines.partners.hubspot.wire import LIST_PAGE

Record = dict[str, Any]
Get = Callable[[Mapping[str, str]], Reply]
"""Asks for one page with those parameters."""


def pages(get: Get, params: Mapping[str, str]) -> Iterator[list[Record]]:
    """All pages of a list, in HubSpot's order.

    Raises:
        TransientError: an answer without results, or a cursor that was there before.
    """
    cursor: str | None = None
    met: set[str] = set()
    while True:
        reply = get({**params, "limit": str(LIST_PAGE), **({"after": cursor} if cursor else {})})
        yield results_of(reply)
        cursor = next_cursor(reply)
        if cursor is None:
            return
        if cursor in met:
            raise _odd(reply, "HubSpot's list goes round in circles.")
        met.add(cursor)


def results_of(reply: Reply) -> list[Record]:
    """The `results` of a reply.

    Raises:
        TransientError: there are none; an answer of another shape must never look like an empty list.
    """
    results = reply.as_object().get("results")
    if not isinstance(results, list) or not all(isinstance(item, dict) for item in results):
        raise _odd(reply, "HubSpot's answer has no list of results.")
    return results


def next_cursor(reply: Reply) -> str | None:
    """`paging.next.after`, None on the last page.

    Raises:
        TransientError: there is a next page, but not how to get there.
    """
    paging = reply.as_object().get("paging")
    following = paging.get("next") if isinstance(paging, dict) else None
    if following is None:
        return None
    after = following.get("after") if isinstance(following, dict) else None
    if not after:
        raise _odd(reply, "HubSpot's answer names a next page without a way to it.")
    return str(after)


def _odd(reply: Reply, message: str) -> TransientError:
    return TransientError(
        message,
        remedy="The read is tried again; if it goes on, report it to HubSpot's support.",
        partner="hubspot",
        request_id=reply.request_id,
    )
