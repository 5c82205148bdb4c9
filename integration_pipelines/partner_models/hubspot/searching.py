"""Searching companies: an index that learns of writes with a lag, may stand still, and never shows more than 10,000."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from integration_pipelines.partner_models.base import Json
from integration_pipelines.partner_models.hubspot.batches import names
from integration_pipelines.partner_models.hubspot.filters import Test, compiled, getter, token_test
from integration_pipelines.partner_models.hubspot.reading import in_use
from integration_pipelines.partner_models.hubspot.records import Company, view_of
from integration_pipelines.partner_models.hubspot.refusals import invalid
from integration_pipelines.partner_models.hubspot.store import Companies
from integration_pipelines.partner_models.hubspot.writing import Books

MOST = 200
MOST_RESULTS = 10_000
LONGEST_QUERY = 3000
_DEFAULT_LIMIT = 10
_DESCENDING = "DESCENDING"

Row = tuple[Company, Mapping[str, Any]]


@dataclass(slots=True)
class SearchIndex:
    """How far behind the index is: `lag` seconds always, and from `frozen_at` until `frozen_until` it stands still."""

    lag: float
    frozen_at: float = 0.0
    frozen_until: float = 0.0

    def freeze(self, now: float, seconds: float) -> None:
        """Stand still from now on; freezing again only lengthens it."""
        if now >= self.frozen_until:
            self.frozen_at = now
        self.frozen_until = max(self.frozen_until, now + seconds)

    def horizon(self, now: float) -> float:
        """The moment the index shows."""
        return (self.frozen_at if now < self.frozen_until else now) - self.lag

    def rows(self, companies: Companies, now: float) -> Iterator[Row]:
        """Every company as the index has it, those included that went away without its noticing yet."""
        horizon = self.horizon(now)
        oldest = now - self.lag
        if now >= self.frozen_until and companies.departed and (companies.departed[0].gone_at or 0.0) <= oldest:
            companies.departed = [one for one in companies.departed if (one.gone_at or 0.0) > oldest]
        for shelf in (companies.departed, companies.live.walk()):
            for company in shelf:
                past = company.as_of(horizon)
                if past is not None:
                    yield company, past


def search(books: Books, index: SearchIndex, body: Mapping[str, Any]) -> Json:
    """One page of results with the total.

    Raises:
        PartnerRefusalError: 400 for a filter, a sort or a page that HubSpot does not take.
    """
    limit, start = _slice(body)
    matches = _test(books, body)
    found = [row for row in index.rows(books.companies, books.now()) if matches(*row)]
    _sort(books, body, found)
    view = in_use(books, view_of(names(body, "properties")))
    chosen = found[start : start + limit]
    results = [company.shown(view, None if past is company.values else past) for company, past in chosen]
    page: Json = {"total": len(found), "results": results}
    if len(found) > start + limit:
        page["paging"] = {"next": {"after": str(start + limit)}}
    return page


def _slice(body: Mapping[str, Any]) -> tuple[int, int]:
    limit, after = body.get("limit", _DEFAULT_LIMIT), body.get("after") or "0"
    if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= MOST:
        raise invalid(f"limit must be between 1 and {MOST}.")
    text = str(after)
    if not (text.isascii() and text.isdigit()) or len(text) > len(str(MOST_RESULTS)):
        raise invalid("The paging cursor is not one of this search.")
    if int(text) + limit > MOST_RESULTS:
        raise invalid(f"A search shows {MOST_RESULTS} results at most; narrow it by filters.")
    return limit, int(text)


def _test(books: Books, body: Mapping[str, Any]) -> Test:
    matches = compiled(books.schema.find, body.get("filterGroups"))
    query = body.get("query")
    if not query:
        return matches
    if not isinstance(query, str) or len(query) > LONGEST_QUERY:
        raise invalid(f"query must be a text of {LONGEST_QUERY} characters at most.")
    words = token_test(query)
    return lambda company, values: words(company, values) and matches(company, values)


def _sort(books: Books, body: Mapping[str, Any], rows: list[Row]) -> None:
    """By the one sort asked for, else oldest id first; equals by id, blanks last."""
    rows.sort(key=lambda row: row[0].number)
    sorts = body.get("sorts") or []
    if not sorts:
        return
    if not isinstance(sorts, list) or len(sorts) > 1:
        raise invalid("A search takes one sort.")
    one = sorts[0]
    if isinstance(one, str):
        one = {"propertyName": one.removeprefix("-"), "direction": _DESCENDING if one.startswith("-") else "ASCENDING"}
    if not isinstance(one, dict) or not isinstance(one.get("propertyName"), str):
        raise invalid("Invalid input JSON: a sort needs a propertyName.")
    get = getter(books.schema.find, one["propertyName"])
    keyed = [(get(*row), row) for row in rows]
    known = [pair for pair in keyed if pair[0] is not None]
    known.sort(key=lambda pair: pair[0], reverse=one.get("direction") == _DESCENDING)
    rows[:] = [row for _, row in known] + [row for key, row in keyed if key is None]
