"""Walking Stripe's lists page by page, without losing records and without going round in circles.

The cursor is the last record's id, so records that appear during the walk do not shift it; one that disappears is replaced by its
neighbour. What the records mean belongs to whoever walks.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, TypeVar

from integration_pipelines.errors import InvalidError, TransientError
from integration_pipelines.partners.http import PartnerHttp, answered_at
from integration_pipelines.partners.observe import Json
from integration_pipelines.partners.stripe.wire import PAGE_SIZE

T = TypeVar("T")
Params = Sequence[tuple[str, str]]
_MOST_STEPS_BACK = 5


class Lists:
    """Lists of one account.

    Args:
        http: the connection.
    """

    def __init__(self, http: PartnerHttp) -> None:
        self._http = http

    def pages(
        self, path: str, params: Params, *, exact: bool = False, on_time: Callable[[datetime], None] | None = None
    ) -> Iterator[list[Json]]:
        """Every page of a list, newest records first; `on_time` gets Stripe's own time of the first answer.

        Raises:
            TransientError: an answer that is no list, or a list that repeats itself.
        """
        last: list[str] = []
        cursors: set[str] = set()
        while True:
            body, records, at = self._page(path, params, last, exact=exact)
            if on_time is not None and at is not None and not cursors:
                on_time(at)
            if records:
                yield records
            if not body.get("has_more"):
                return
            last = [str(record.get("id", "")) for record in records] or last
            if not last or last[-1] in cursors or not records:
                raise _broken("repeats itself")
            cursors.add(last[-1])

    def _page(self, path: str, params: Params, last: list[str], *, exact: bool) -> tuple[Json, list[Json], datetime | None]:
        """The page after `last`; where its last record is gone, the one before it serves as cursor and nothing comes twice."""
        for back in range(1, _MOST_STEPS_BACK + 1):
            cursor = [("starting_after", last[-back])] if last else []
            query = [*params, ("limit", str(PAGE_SIZE)), *cursor]
            try:
                reply = self._http.request("GET", path, params=query, bucket=bucket(path), exact=exact)
            except InvalidError:
                if back >= min(len(last), _MOST_STEPS_BACK):
                    raise
                continue
            body = reply.as_object()
            seen = set(last) if back > 1 else set()
            return body, [record for record in _records(body) if record.get("id") not in seen], answered_at(reply.headers)
        raise _broken("has no place to go on")


def bucket(path: str) -> str:
    """The quota bucket of an address: Stripe counts requests per endpoint."""
    return path.split("/")[2]


def ahead(pages: Iterator[T]) -> Iterator[T]:
    """The same pages, with the next one already being fetched while one is used."""
    done: Any = object()
    with ThreadPoolExecutor(1, thread_name_prefix="read-ahead") as pool:
        waiting = pool.submit(next, pages, done)
        while (page := waiting.result()) is not done:
            waiting = pool.submit(next, pages, done)
            yield page


def _records(body: Json) -> list[Json]:
    data = body.get("data")
    if not isinstance(data, list) or not isinstance(body.get("has_more"), bool) or not all(isinstance(r, dict) for r in data):
        raise _broken("is no list")
    return data


def _broken(how: str) -> TransientError:
    return TransientError(
        f"Stripe answered with a list that {how} (protocol error).",
        remedy="Nothing was taken from it; it is read again by itself.",
        partner="stripe",
    )
