"""Walking HubSpot's search index: nothing lost, nothing endless."""

from typing import Any

import pytest

from integration_pipelines.errors import TransientError
from integration_pipelines.partners.hubspot import changes
from integration_pipelines.partners.hubspot.changes import MODIFIED, OBJECT_ID, Record, changed_since

Row = tuple[int, int]  # id, milliseconds of the last change
PAGE = 4


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages of four make the traps small."""
    monkeypatch.setattr(changes, "SEARCH_PAGE", PAGE)


class Index:
    """HubSpot's index over rows: filters, one sort, pages; `on_query` may change the rows between two queries."""

    def __init__(self, rows: list[Row]) -> None:
        self.rows = rows
        self.queries = 0

    def on_query(self) -> None:
        """Nothing happens meanwhile."""

    def __call__(self, body: Record) -> tuple[list[Record], bool]:
        """One search."""
        self.queries += 1
        self.on_query()
        assert "after" not in body
        found = [row for row in self.rows if all(_passes(row, test) for test in body["filterGroups"][0]["filters"])]
        by_id = body["sorts"][0]["propertyName"] == OBJECT_ID
        found.sort(key=lambda row: row[0] if by_id else row[1])
        page = found[: body["limit"]]
        return [_record(row) for row in page], len(found) > len(page)


def _passes(row: Row, test: Record) -> bool:
    value = row[0] if test["propertyName"] == OBJECT_ID else row[1]
    wanted = int(test["value"])
    return {"GTE": value >= wanted, "GT": value > wanted, "LT": value < wanted}[test["operator"]]


def _record(row: Row) -> Record:
    return {"id": str(row[0]), "properties": {MODIFIED: str(row[1])}}


def ids(index: Index, start: int = 0) -> set[int]:
    """All ids the walk meets."""
    return {int(record["id"]) for page in changed_since(index, start) for record in page}


@pytest.mark.parametrize(
    "times",
    [
        [],
        [5],
        list(range(30)),
        [7] * 30,
        [1, 2, 3] + [4] * 11 + [5] * 4 + list(range(6, 20)),
        [4] * PAGE,
        [4] * (PAGE + 1),
        [1] + [4] * PAGE,
        [4] * PAGE + [9],
        [1, 1, 1, 2, 2, 2, 2, 2, 3],
    ],
)
def test_every_changed_record_is_met(times: list[int]) -> None:
    """Whatever shares a moment with whatever, and wherever a page ends."""
    index = Index([(1000 - number, at) for number, at in enumerate(times)])
    assert ids(index) == {row[0] for row in index.rows}
    assert index.queries <= 2 * len(times) + 2


def test_records_before_the_start_are_left_out() -> None:
    """The start itself counts: a cursor that excludes it would lose records that share its moment."""
    assert ids(Index([(1, 9), (2, 10), (3, 11)]), 10) == {2, 3}


def test_a_record_that_changes_meanwhile_hides_no_other() -> None:
    """A record that jumps to the end of the list must not make the next page skip its neighbour."""

    class Moving(Index):
        def on_query(self) -> None:
            if self.queries <= 3:
                self.rows[self.queries - 1] = (self.rows[self.queries - 1][0], 100 + self.queries)

    index = Moving([(number, number) for number in range(1, 20)])
    assert ids(index) == set(range(1, 20))


def _stuck(body: Record) -> tuple[list[Record], bool]:
    del body
    return [_record((1, 0))] * PAGE, True


def _nothing_but_more(body: Record) -> tuple[list[Record], bool]:
    del body
    return [], True


def _timeless(body: Record) -> tuple[list[Record], bool]:
    del body
    return [{"id": "1", "properties": {MODIFIED: None}}], True


@pytest.mark.parametrize("search", [_stuck, _nothing_but_more, _timeless])
def test_an_index_that_never_ends_is_a_fault(search: Any) -> None:  # noqa: ANN401 - any search will do
    """A walk that makes no headway stops with a reason instead of going on for ever."""
    with pytest.raises(TransientError, match="HubSpot's search"):
        for _ in changed_since(search, 0):
            pass
