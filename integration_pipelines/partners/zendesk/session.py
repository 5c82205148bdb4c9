"""One tenant's conversation with Zendesk: the requests that reading and writing need, nothing about what their answers are for."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from integration_pipelines.errors import TransientError
from integration_pipelines.partners.http import PartnerHttp, Reply, answered_at
from integration_pipelines.partners.zendesk import wire
from integration_pipelines.partners.zendesk.fields import TicketFields, fields_of

Json = dict[str, Any]

_NOT_FOUND = 404
_MOST_AUDIT_PAGES = 100
"""Ten thousand audits; a ticket with more is read up to there, always the same ones."""


class Sideloads:
    """People, groups and organisations that came along, by kind and number. Not thread-safe."""

    def __init__(self) -> None:
        self._held: dict[str, dict[int, Json]] = {"users": {}, "groups": {}, "organizations": {}}

    def take(self, body: Json) -> None:
        """Keep what one answer brought."""
        for kind, held in self._held.items():
            held.update({int(one["id"]): one for one in _dicts(body.get(kind)) if isinstance(one.get("id"), int)})

    def get(self, kind: str, number: object) -> Json | None:
        """One of them; None if it did not come along."""
        return self._held[kind].get(number) if isinstance(number, int) else None


class Session:
    """Exports, tickets, audits, fields and groups. Thread-safe."""

    def __init__(self, http: PartnerHttp) -> None:
        self.http = http
        self._lock = threading.Lock()
        self._fields: TicketFields | None = None
        self._groups: Mapping[str, str] | None = None

    def fields(self, *, fresh: bool = False) -> TicketFields:
        """The ticket fields at this tenant; `fresh` asks again."""
        with self._lock:
            known = self._fields
        if known is None or fresh:
            known = fields_of(list(self._list(wire.FIELDS, "ticket_fields")))
            with self._lock:
                self._fields = known
        return known

    def groups(self) -> Mapping[str, str]:
        """Groups: name → number."""
        with self._lock:
            known = self._groups
        if known is None:
            known = {str(one.get("name")): str(one.get("id")) for one in self._list(wire.GROUPS, "groups")}
            with self._lock:
                self._groups = known
        return known

    def export(self, start: int, on_time: Callable[[datetime], None], sideloads: Sideloads) -> Iterator[list[Json]]:
        """Pages of the tickets that changed since `start` (seconds since 1970), deleted ones included; `on_time` gets Zendesk's clock.

        Raises:
            TransientError: an answer that is no export, or one that goes round in circles.
        """
        params = {"start_time": str(start)}
        met: set[str] = set()
        while True:
            query = {**params, "per_page": str(wire.EXPORT_PAGE), "include": wire.SIDELOADS}
            reply = self.http.request("GET", wire.EXPORT_TICKETS, params=query, bucket=wire.EXPORT, exact=False)
            body, at = reply.as_object(), answered_at(reply.headers)
            tickets, ended, cursor = _listed(reply, "tickets"), body.get("end_of_stream"), body.get("after_cursor")
            if at is not None and not met:
                on_time(at)
            sideloads.take(body)
            yield tickets
            if ended is True:
                return
            if ended is not False or not isinstance(cursor, str) or cursor in met:
                raise _odd(reply, "an export that does not say how it goes on")
            met.add(cursor)
            params = {"cursor": cursor}

    def tickets(self, numbers: Sequence[int], sideloads: Sideloads) -> dict[int, Json]:
        """Number → ticket, for those that are there."""
        found: dict[int, Json] = {}
        for first in range(0, len(numbers), wire.SHOW_MANY):
            ids = ",".join(map(str, numbers[first : first + wire.SHOW_MANY]))
            reply = self.http.request("GET", wire.MANY_TICKETS, params={"ids": ids, "include": wire.SIDELOADS}, exact=False)
            sideloads.take(reply.as_object())
            found |= {int(one["id"]): one for one in _listed(reply, "tickets")}
        return found

    def ticket(self, number: int) -> Json | None:
        """One ticket as it is now; None if it is gone."""
        reply = self.http.request("GET", wire.TICKET, ids=(str(number),), exact=False, accept=frozenset({_NOT_FOUND}))
        if reply.status == _NOT_FOUND:
            return None
        found = reply.as_object().get("ticket")
        if not isinstance(found, dict) or found.get("id") != number:
            raise _odd(reply, "another ticket than the one asked for")
        return found

    def audits(self, number: int) -> list[Json] | None:
        """All audits of a ticket; None if it is gone."""
        found: list[Json] = []
        params = {"page[size]": str(wire.AUDITS_PAGE)}
        for _ in range(_MOST_AUDIT_PAGES):
            reply = self.http.request(
                "GET", wire.AUDITS, ids=(str(number),), params=params, exact=False, accept=frozenset({_NOT_FOUND})
            )
            if reply.status == _NOT_FOUND:
                return None
            found += _listed(reply, "audits")
            meta = reply.as_object().get("meta")
            after = meta.get("after_cursor") if isinstance(meta, dict) and meta.get("has_more") is True else None
            if after is None or after == params.get("page[after]"):
                break
            params["page[after]"] = str(after)
        return found

    def _list(self, path: str, name: str) -> Iterator[Json]:
        """A list in pages that are counted; Zendesk gives the address of the next one."""
        params: dict[str, str] = {"per_page": "100"}
        page = 1
        while True:
            reply = self.http.request("GET", path, params=params, exact=False)
            yield from _listed(reply, name)
            if not reply.as_object().get("next_page"):
                return
            page += 1
            params = {"per_page": "100", "page": str(page)}


def _listed(reply: Reply, name: str) -> list[Json]:
    """The records of a reply; an answer of another shape must never look like an empty list."""
    found = reply.as_object().get(name)
    if not isinstance(found, list) or not all(isinstance(one, dict) and isinstance(one.get("id"), int) for one in found):
        raise _odd(reply, f"no list of {name}")
    return found


def _dicts(value: object) -> list[Json]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _odd(reply: Reply, what: str) -> TransientError:
    return TransientError(
        f"Zendesk answered with {what} (protocol error).",
        remedy="Nothing was taken from it; it is read again by itself.",
        partner="zendesk",
        request_id=reply.request_id,
    )
