"""The incremental export of tickets: in the order of their last change, deleted ones included, without what changed just now."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass

from integration_pipelines.partner_models.base import Json
from integration_pipelines.partner_models.seconds import iso
from integration_pipelines.partner_models.zendesk.refusals import bad_request, too_recent
from integration_pipelines.partner_models.zendesk.store import Store

MOST = 1000
_ONLY_MINUTES = 60.0


@dataclass(frozen=True, slots=True)
class Asked:
    """What an export request says.

    Args:
        start: seconds since 1970 from which on changes are told; not with a cursor.
        cursor: where the page before ended.
        limit: tickets a page.
        include: `users`, `groups`, `organizations`.
    """

    start: str = ""
    cursor: str = ""
    limit: int = MOST
    include: tuple[str, ...] = ()


def export(store: Store, asked: Asked, lag: float) -> Json:
    """One page; `lag` says how many of the last seconds are left out."""
    if not 1 <= asked.limit <= MOST:
        raise bad_request(f"per_page must be between 1 and {MOST}.")
    after = _place(asked.cursor) if asked.cursor else (_start(asked.start, store.now(), lag), -1)
    until = store.now() - lag
    order = sorted((int(at), number) for number, at in store.changed_at.items() if at <= until)
    waiting = [place for place in order if place > after]
    page = waiting[: asked.limit]
    ending = _cursor(page[-1] if page else after)
    tickets = [store.tickets[number] for _, number in page]
    return {
        "tickets": tickets,
        "after_cursor": ending,
        "after_url": f"{store.base}/api/v2/incremental/tickets/cursor.json?cursor={ending}",
        "before_cursor": None,
        "before_url": None,
        "end_of_stream": len(waiting) <= asked.limit,
        **sideloads(store, tickets, asked.include),
    }


def sideloads(store: Store, tickets: Sequence[Json], include: Sequence[str]) -> Json:
    """The people, groups and organisations that these tickets name."""
    found: Json = {}
    for name, held, keys in (
        ("users", store.users, ("requester_id", "assignee_id")),
        ("groups", store.groups, ("group_id",)),
        ("organizations", store.organizations, ("organization_id",)),
    ):
        if name in include:
            wanted = {ticket.get(key) for ticket in tickets for key in keys}
            found[name] = [held[number] for number in sorted(held) if number in wanted]
    return found


def _start(text: str, now: float, lag: float) -> int:
    if not text.isascii() or not text.isdigit():
        raise bad_request("start_time must be a unix time.")
    if int(text) > now - min(lag, _ONLY_MINUTES):
        raise too_recent()
    return int(text)


def _cursor(place: tuple[int, int]) -> str:
    return base64.urlsafe_b64encode(f"{iso(place[0])}|{place[0]}|{place[1]}".encode()).decode()


def _place(cursor: str) -> tuple[int, int]:
    try:
        _, at, number = base64.urlsafe_b64decode(cursor.encode()).decode().split("|")
        return int(at), int(number)
    except (ValueError, binascii.Error):
        raise bad_request("The cursor is not one of this export.") from None
