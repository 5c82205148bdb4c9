"""One tenant's conversation with HubSpot: the requests that reading needs, nothing about what their answers are for."""

import threading
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from integration_pipelines.partners.http import PartnerHttp, Reply
from integration_pipelines.partners.hubspot import properties
from integration_pipelines.partners.hubspot.changes import MODIFIED, changed_since
from integration_pipelines.partners.hubspot.lists import next_cursor, pages, results_of
from integration_pipelines.partners.hubspot.properties import Schema
from integration_pipelines.partners.hubspot.wire import COMPANIES, SEARCH, Paths

Record = dict[str, Any]


class Session:
    """Lists, searches and single reads. Thread-safe."""

    def __init__(self, http: PartnerHttp, paths: Paths) -> None:
        self.http = http
        self.paths = paths
        self._lock = threading.Lock()
        self._schema: Schema | None = None

    def schema(self, *, fresh: bool) -> Schema:
        """The companies' properties at this tenant; `fresh` asks again."""
        with self._lock:
            known = self._schema
        if known is None or fresh:
            known = properties.read(self.http, self.paths.properties(COMPANIES))
            with self._lock:
                self._schema = known
        return known

    def forget_schema(self) -> None:
        """After properties were created."""
        with self._lock:
            self._schema = None

    def companies(self, wanted: Iterable[str], *, archived: bool) -> Iterator[list[Record]]:
        """Pages of all companies with those properties."""
        params = {"properties": ",".join(wanted), "archived": _flag(archived)}
        return pages(lambda query: self._get(self.paths.companies(), query), params)

    def changed_ids(self, since: int) -> Iterator[list[str]]:
        """Pages of the ids of companies that changed since, as far as the search index knows; pages overlap."""

        def search(body: Record) -> tuple[list[Record], bool]:
            path = f"{self.paths.companies()}/search"
            reply = self.http.request("POST", path, json={**body, "properties": [MODIFIED]}, bucket=SEARCH, exact=False)
            return results_of(reply), next_cursor(reply) is not None

        for page in changed_since(search, since):
            yield [str(record.get("id")) for record in page]

    def owners(self, *, archived: bool) -> Iterator[list[Record]]:
        """Pages of all owners."""
        return pages(lambda query: self._get(self.paths.owners(), query), {"archived": _flag(archived)})

    def _get(self, path: str, params: Mapping[str, str]) -> Reply:
        return self.http.request("GET", path, params=params, exact=False)


def _flag(value: object) -> str:
    return "true" if value else "false"
