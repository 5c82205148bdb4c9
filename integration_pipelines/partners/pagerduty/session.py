"""One tenant's conversation with PagerDuty: lists, single incidents, and what of the account they stand on. No meaning of answers."""

import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from integration_pipelines.errors import ConfigError, InvalidError, TransientError
from integration_pipelines.partners.http import PartnerHttp, Reply, answered_at
from integration_pipelines.partners.pagerduty import wire

Json = dict[str, Any]
Params = Sequence[tuple[str, str]]

_NOT_FOUND = 404
_NEVER = datetime.max.replace(tzinfo=UTC)
_ID = re.compile(r"[A-Z0-9]{2,40}")
_BODY = ("include[]", "body")


class Session:
    """Lists, incidents, services, priorities and the sender. Thread-safe.

    Args:
        http: the connection.
        sender: whom the token names as the one who acts, '' if PagerDuty knows it.
    """

    def __init__(self, http: PartnerHttp, sender: str) -> None:
        self.http = http
        self._given_sender = sender
        self._lock = threading.RLock()
        self._services: dict[str, str] = {}
        self._priorities: tuple[Mapping[str, str] | None] | None = None
        self._sender = ""

    def sender(self) -> str:
        """The e-mail address for `From`.

        Raises:
            ConfigError: the token is an account's, and nobody said who acts with it.
        """
        with self._lock:
            self._sender = self._sender or self._given_sender or self._own_address()
            return self._sender

    def services(self, wanted: Sequence[str]) -> list[str]:
        """The ids of services named by name or id.

        Raises:
            ConfigError: there is no such service, or two of that name.
        """
        with self._lock:
            return [self._services.setdefault(name, self._services.get(name) or self._service(name)) for name in wanted]

    def priorities(self, *, fresh: bool = False) -> Mapping[str, str] | None:
        """Name → id; None if the account has not switched priorities on."""
        with self._lock:
            if self._priorities is None or fresh:
                reply = self.http.request("GET", wire.PRIORITIES, exact=False, accept=frozenset({_NOT_FOUND}))
                told = None if reply.status == _NOT_FOUND else listed(reply, "priorities")
                self._priorities = (None if told is None else {str(one.get("name")): one["id"] for one in told},)
            return self._priorities[0]

    def incident(self, name: str) -> Json | None:
        """One incident by its id; None if there is none."""
        if not _ID.fullmatch(name):
            return None
        reply = self.http.request("GET", wire.INCIDENT, ids=(name,), params=[_BODY], exact=False, accept=frozenset({_NOT_FOUND}))
        if reply.status == _NOT_FOUND:
            return None
        found = reply.as_object().get("incident")
        if not isinstance(found, dict):
            raise odd(reply, "no incident")
        return found if found.get("id") == name else None  # a number is taken for an id, too, and leads to another incident

    def by_key(self, key: str, services: Sequence[str]) -> list[Json]:
        """The incidents that have or had a key, in every status, the newest first."""
        query = [("incident_key", key), ("date_range", "all"), ("sort_by", "created_at:desc"), *_of(services)]
        return [one for one in self._page(query, 0)[0] if one.get("incident_key") == key]

    def all(self, filters: Params, until: datetime, on_time: Callable[[datetime], None]) -> Iterator[list[Json]]:
        """Pages of incidents by the time they were made, oldest first; incidents may come twice. `on_time` gets PagerDuty's clock.

        Only the first page is of all times; every other one is a query of its own that starts where the last one ended. So nothing
        that changes on the way shifts what is still to come, and no list grows beyond what can be asked for.
        """
        query = [*filters, ("sort_by", "created_at:asc")]
        page, more = self._page([*query, ("date_range", "all")], 0, on_time)
        yield page
        since, offset = _last(page, until) if more else until, 0
        while since < until:
            end = min(since + timedelta(days=wire.LONGEST_RANGE_DAYS), until)
            page, more = self._page([*query, ("since", spell(since)), ("until", spell(end))], offset)
            yield page
            if not more:
                since, offset = end, 0
            elif (last := _last(page, since)) > since:
                since, offset = last, 0
            else:  # a whole page of one second: go on behind it
                offset += wire.PAGE
                if offset + wire.PAGE > wire.MOST_RESULTS:
                    raise odd(None, "ten thousand incidents of one second")

    def resolved_since(self, services: Sequence[str], since: datetime) -> Iterator[list[Json]]:
        """Pages of incidents that were resolved since, the newest first; incidents may come twice."""
        query = [("statuses[]", wire.RESOLVED), ("date_range", "all"), ("sort_by", "resolved_at:desc"), *_of(services)]
        for offset in range(0, wire.MOST_RESULTS, wire.PAGE):
            page, more = self._page(query, offset)
            yield page
            if not more or not page or moment(page[-1].get("resolved_at")) < since:
                return
        raise TransientError(
            "PagerDuty has resolved more incidents since the last read than it lists.",
            remedy="Read the tenant again in full.",
            partner="pagerduty",
        )

    def _page(self, query: Params, offset: int, on_time: Callable[[datetime], None] | None = None) -> tuple[list[Json], bool]:
        params = [*query, _BODY, ("limit", str(wire.PAGE)), ("offset", str(offset))]
        reply = self.http.request("GET", wire.INCIDENT_LIST, params=params, exact=False)
        at = answered_at(reply.headers)
        if on_time is not None and at is not None:
            on_time(at)
        more = reply.as_object().get("more")
        if not isinstance(more, bool):
            raise odd(reply, "a list that does not say whether it goes on")
        return listed(reply, "incidents"), more

    def _service(self, wanted: str) -> str:
        found: list[Json] = []
        for offset in range(0, wire.MOST_RESULTS, wire.PAGE):
            params = [("limit", str(wire.PAGE)), ("offset", str(offset)), *([] if _ID.fullmatch(wanted) else [("query", wanted)])]
            reply = self.http.request("GET", wire.SERVICES, params=params, exact=False)
            found += [one for one in listed(reply, "services") if wanted in {one["id"], one.get("name")}]
            if reply.as_object().get("more") is not True:
                break
        if len(found) == 1:
            return str(found[0]["id"])
        what = "two services" if found else "no service"
        raise ConfigError(
            f"PagerDuty has {what} of the name {wanted}.",
            remedy=f"Make one service {wanted} in PagerDuty, or name another one in the contract's option service.",
            partner="pagerduty",
        )

    def _own_address(self) -> str:
        try:
            user = self.http.request("GET", wire.ME, exact=False).as_object().get("user")
        except InvalidError:
            user = None
        address = user.get("email") if isinstance(user, dict) else None
        if not isinstance(address, str) or not address:
            raise ConfigError(
                "PagerDuty does not know who acts with this token.",
                remedy="Connect with the address of a user before it: name@example.com/token:KEY.",
                partner="pagerduty",
            )
        return address


def of_services(services: Sequence[str]) -> Params:
    """The filter for incidents of these services; none filters nothing."""
    return _of(services)


def listed(reply: Reply, name: str) -> list[Json]:
    """The records of a reply; an answer of another shape must never look like an empty list."""
    found = reply.as_object().get(name)
    if not isinstance(found, list) or not all(isinstance(one, dict) and isinstance(one.get("id"), str) for one in found):
        raise odd(reply, f"no list of {name}")
    return found


def odd(reply: Reply | None, what: str) -> TransientError:
    """The error for an answer that cannot be."""
    return TransientError(
        f"PagerDuty answered with {what} (protocol error).",
        remedy="Nothing was taken from it; it is read again by itself.",
        partner="pagerduty",
        request_id="" if reply is None else reply.request_id,
    )


def spell(at: datetime) -> str:
    """An aware time as PagerDuty takes it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def moment(text: object) -> datetime:
    """A time as PagerDuty writes it; what is none counts as now and later, so that it is never overlooked."""
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return _NEVER
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _last(page: list[Json], default: datetime) -> datetime:
    """When the last incident of a page was made; `default` for an empty one."""
    last = moment(page[-1].get("created_at")) if page else default
    if last == _NEVER:
        raise odd(None, "an incident that does not say when it was made")
    return last


def _of(services: Sequence[str]) -> Params:
    return [("service_ids[]", one) for one in services]
