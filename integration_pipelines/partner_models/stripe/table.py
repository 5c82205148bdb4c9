"""One kind of record in order of creation: paging by id, equality indexes, and what a search index would have seen.

Records are replaced, never changed in place, so a reader may keep one without copying it. What the records mean belongs
to the other modules.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from integration_pipelines.partner_models.base import Json

Key = tuple[int, int, str]  # created, order of arrival, id
_KEPT_VERSIONS = 8


class _Ordered:
    """Sorted keys; arrivals in order cost nothing, the others are sorted in before the next read."""

    __slots__ = ("_keys", "_sorted")

    def __init__(self) -> None:
        self._keys: list[Key] = []
        self._sorted = True

    def add(self, key: Key) -> None:
        self._sorted = self._sorted and (not self._keys or self._keys[-1] < key)
        self._keys.append(key)

    def remove(self, key: Key) -> None:
        keys = self.view()
        position = bisect_left(keys, key)
        if position < len(keys) and keys[position] == key:
            del keys[position]

    def view(self) -> list[Key]:
        if not self._sorted:
            self._keys.sort()
            self._sorted = True
        return self._keys


@dataclass(frozen=True, slots=True)
class Slice:
    """Which part of a table a list reads.

    Args:
        limit: how many records at most.
        after: continue behind this id; `before`: end in front of it.
        where: an indexed field and its value.
        created: lower bound (inclusive) and upper bound (exclusive) of the creation time.
    """

    limit: int
    after: str | None = None
    before: str | None = None
    where: tuple[str, Any] | None = None
    created: tuple[float, float] = (float("-inf"), float("inf"))


class Table:
    """All records of one kind; `newest_first` is the order of its lists."""

    def __init__(self, name: str, *, indexes: tuple[str, ...] = (), newest_first: bool = True) -> None:
        self.name = name
        self.records: dict[str, Json] = {}
        self.revision = 0
        """Moves with every change."""
        self._direction = 1 if newest_first else -1
        self._order = _Ordered()
        self._keys: dict[str, Key] = {}
        self._indexes: dict[str, dict[Any, _Ordered]] = {field: {} for field in indexes}
        self._written: dict[str, float] = {}
        self._past: dict[str, list[tuple[float, Json]]] = {}
        self._arrivals = 0

    def get(self, record_id: str) -> Json | None:
        """The record of that id."""
        return self.records.get(record_id)

    def put(self, record: Json, at: float) -> None:
        """Insert or replace a record; `at` is when the world could first see it."""
        self.revision += 1
        record_id = record["id"]
        old = self.records.get(record_id)
        if old is not None:
            self._past.setdefault(record_id, []).append((self._written[record_id], old))
            del self._past[record_id][:-_KEPT_VERSIONS]
        key = self._key(record_id, record)
        if self._keys.get(record_id) != key:
            if record_id in self._keys:
                self._order.remove(self._keys[record_id])
            self._order.add(key)
        for field, values in self._indexes.items():
            self._reindex(values, old, record, field, key)
        self._keys[record_id] = key
        self.records[record_id] = record
        self._written[record_id] = at

    def drop(self, record_id: str) -> None:
        """Forget a record, as if it had never been."""
        self.revision += 1
        old = self.records.pop(record_id)
        key = self._keys.pop(record_id)
        self._order.remove(key)
        for field, values in self._indexes.items():
            values[_indexed(old.get(field))].remove(key)
        self._written.pop(record_id)
        self._past.pop(record_id, None)

    def all(self) -> Iterator[Json]:
        """Every record, in the order of lists."""
        return (self.records[key[2]] for key in reversed(self._order.view()))

    def matching(self, field: str, value: object) -> list[Json]:
        """The records whose indexed field has that value, in the order of lists."""
        found = self._indexes[field].get(_indexed(value))
        return [] if found is None else [self.records[key[2]] for key in reversed(found.view())]

    def knows(self, record_id: str) -> bool:
        """Whether an id can be a cursor."""
        return record_id in self._keys

    def page(self, part: Slice, keep: Callable[[Json], bool] | None = None) -> tuple[list[Json], bool]:
        """The records of a slice that `keep` accepts, in the order of lists, and whether there are more."""
        keys = self._keys_of(part)
        low, high = 0, len(keys)
        if self._direction == 1:
            low = bisect_left(keys, (part.created[0], 0, "")) if part.created[0] != float("-inf") else 0
            high = bisect_left(keys, (part.created[1], 0, "")) if part.created[1] != float("inf") else high
        if part.before is not None:
            rising = range(max(low, bisect_right(keys, self._keys[part.before])), high)
            found = self._walk(keys, rising, part.limit, keep)
            return found[: part.limit][::-1], len(found) > part.limit
        if part.after is not None:
            high = min(high, bisect_left(keys, self._keys[part.after]))
        found = self._walk(keys, range(high - 1, low - 1, -1), part.limit, keep)
        return found[: part.limit], len(found) > part.limit

    def as_of(self, record: Json, at: float) -> Json | None:
        """What this record said at a time; None if it was not there yet."""
        record_id = record["id"]
        if self._written[record_id] <= at:
            return record
        return next((old for written, old in reversed(self._past.get(record_id, [])) if written <= at), None)

    def _walk(self, keys: list[Key], positions: range, limit: int, keep: Callable[[Json], bool] | None) -> list[Json]:
        """One record more than the limit, so that the caller knows whether there are more."""
        records = self.records
        if keep is None:
            return [records[keys[position][2]] for position in positions[: limit + 1]]
        found: list[Json] = []
        for position in positions:
            record = records[keys[position][2]]
            if keep(record):
                found.append(record)
                if len(found) > limit:
                    break
        return found

    def _keys_of(self, part: Slice) -> list[Key]:
        if part.where is None:
            return self._order.view()
        found = self._indexes[part.where[0]].get(_indexed(part.where[1]))
        return [] if found is None else found.view()

    def _key(self, record_id: str, record: Json) -> Key:
        created = record.get("created")
        moment = created if isinstance(created, int) else 0
        known = self._keys.get(record_id)
        if known is not None and (known[0] == self._direction * moment or "created" not in record):
            return known
        self._arrivals += 1
        return (self._direction * moment, self._direction * self._arrivals, record_id)

    def _reindex(self, values: dict[Any, _Ordered], old: Json | None, new: Json, field: str, key: Key) -> None:
        before = None if old is None else _indexed(old.get(field))
        after = _indexed(new.get(field))
        same_place = old is not None and before == after and self._keys[new["id"]] == key
        if same_place:
            return
        if old is not None:
            values[before].remove(self._keys[new["id"]])
        values.setdefault(after, _Ordered()).add(key)


def _indexed(value: object) -> object:
    """Malformed seeds may hold anything; only what can be compared is indexed."""
    return value if isinstance(value, str | int | float | None) else repr(value)
