"""What the stored rows of one object at one tenant say under its keys (see `kin`): every row, older ones of a record, too.

Of many rows it is found by Arrow, of few by plain sets: there every call of Arrow's would cost more than to look at all of them.
"""

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from integration_pipelines.core.kin import Key, Kinship, Texts, loose, loose_text
from integration_pipelines.core.tables import TEXT

FEW_ROWS = 500


class Said(ABC):
    """What rows say; made by `said`.

    Args:
        kinship: whose keys.
        name: the object.
        rows: with at least the object's columns of the kinship.
    """

    def __init__(self, kinship: Kinship, name: str, rows: pa.Table) -> None:
        self._kinship, self._name, self._rows = kinship, name, rows
        self._keys = kinship.keys[name]

    def joined_by(self, rows: pa.Table) -> "Said":
        """With more rows."""
        return said(self._kinship, self._name, pa.concat_tables([self._rows, rows.select(self._rows.column_names)]))

    @abstractmethod
    def present(self, ids: Iterable[str]) -> set[str]:
        """Those of the ids that there are rows of."""

    @abstractmethod
    def column(self, column: str, ids: Iterable[str]) -> set[tuple[str, str]]:
        """(id, value): what those records say, or said, in a column; blanks left out."""

    @abstractmethod
    def naming(self, column: str, values: Iterable[str]) -> set[tuple[str, str]]:
        """(id, value): the records that hold, or held, one of those values in a column."""

    @abstractmethod
    def says(self, ids: Iterable[str]) -> dict[str, set[str]]:
        """Key name → what those records say under it; nothing if there are no rows of them."""

    @abstractmethod
    def saying(self, wanted: Mapping[str, set[str]]) -> set[str]:
        """The records that say one of those values under a key of that name."""


def said(kinship: Kinship, name: str, rows: pa.Table, *, few: int = FEW_ROWS) -> Said:
    """What rows of an object say, found in the way that is quickest for so many."""
    return SaidByFew(kinship, name, rows) if rows.num_rows <= few else SaidByMany(kinship, name, rows)


class SaidByFew(Said):
    """Some hundred rows at most."""

    def __init__(self, kinship: Kinship, name: str, rows: pa.Table) -> None:
        super().__init__(kinship, name, rows)
        self._held: dict[str, list[str | None]] = {}
        self._of: dict[str, list[int]] | None = None
        self._sayings: dict[str, tuple[list[set[str]], dict[str, set[str]]]] = {}

    def present(self, ids: Iterable[str]) -> set[str]:
        """Those of the ids that there are rows of."""
        return self._places().keys() & set(ids)

    def column(self, column: str, ids: Iterable[str]) -> set[tuple[str, str]]:
        """(id, value): what those records say, or said, in a column; blanks left out."""
        places = self._places()
        mine = [(one, place) for one in ids for place in places.get(one, ())]
        values = self._column(column) if mine else []
        return {(one, value) for one, place in mine if (value := values[place])}

    def naming(self, column: str, values: Iterable[str]) -> set[tuple[str, str]]:
        """(id, value): the records that hold, or held, one of those values in a column."""
        wanted = set(values)
        rows = zip(self._column("record_id"), self._column(column), strict=True) if wanted else ()
        return {(str(one), value) for one, value in rows if value and value in wanted}

    def says(self, ids: Iterable[str]) -> dict[str, set[str]]:
        """Key name → what those records say under it; nothing if there are no rows of them."""
        known = self._places()
        places = [place for one in ids for place in known.get(one, ())]
        names = dict.fromkeys(key.name for key in self._keys) if places else {}
        return {name: set().union(*(self._under(name)[0][place] for place in places)) for name in names}

    def saying(self, wanted: Mapping[str, set[str]]) -> set[str]:
        """The records that say one of those values under a key of that name."""
        found: set[str] = set()
        for name in dict.fromkeys(key.name for key in self._keys):
            if wanted.get(name):
                by_value = self._under(name)[1]
                found.update(*(by_value[value] for value in by_value.keys() & wanted[name]))
        return found

    def _under(self, name: str) -> tuple[list[set[str]], dict[str, set[str]]]:
        """What each row says under the keys of a name, and who says what."""
        known = self._sayings.get(name)
        if known is None:
            rows: list[set[str]] = [set() for _ in range(self._rows.num_rows)]
            by_value: dict[str, set[str]] = defaultdict(set)
            for key in (k for k in self._keys if k.name == name):
                for mine, one, value in zip(rows, self._column("record_id"), self._column(key.column), strict=True):
                    spoken = loose_text(key, value) if value else ()
                    mine.update(spoken)
                    for word in spoken:
                        by_value[word].add(str(one))
            known = self._sayings[name] = (rows, by_value)
        return known

    def _places(self) -> dict[str, list[int]]:
        if self._of is None:
            self._of = defaultdict(list)
            for place, one in enumerate(self._column("record_id")):
                self._of[str(one)].append(place)
        return self._of

    def _column(self, column: str) -> list[str | None]:
        if column not in self._held:
            self._held[column] = self._rows[column].to_pylist()
        return self._held[column]


class SaidByMany(Said):
    """However many rows."""

    def __init__(self, kinship: Kinship, name: str, rows: pa.Table) -> None:
        super().__init__(kinship, name, rows.combine_chunks())
        self._ids = _array(self._rows["record_id"])
        self._formed: dict[Key, tuple[Texts, Texts]] = {}

    def present(self, ids: Iterable[str]) -> set[str]:
        """Those of the ids that there are rows of."""
        return _values(self._ids.filter(pc.is_in(self._ids, value_set=_set(ids))))

    def column(self, column: str, ids: Iterable[str]) -> set[tuple[str, str]]:
        """(id, value): what those records say, or said, in a column; blanks left out."""
        return set(self._pairs(column, pc.is_in(self._ids, value_set=_set(ids))))

    def naming(self, column: str, values: Iterable[str]) -> set[tuple[str, str]]:
        """(id, value): the records that hold, or held, one of those values in a column."""
        return set(self._pairs(column, pc.is_in(_array(self._rows[column]), value_set=_set(values))))

    def _pairs(self, column: str, chosen: Texts) -> Iterator[tuple[str, str]]:
        ids, values = self._ids.filter(chosen).to_pylist(), _array(self._rows[column]).filter(chosen).to_pylist()
        return ((str(one), str(value)) for one, value in zip(ids, values, strict=True) if value)

    def says(self, ids: Iterable[str]) -> dict[str, set[str]]:
        """Key name → what those records say under it; nothing if there are no rows of them."""
        mine = pc.is_in(self._ids, value_set=_set(ids))
        found: dict[str, set[str]] = {}
        if not pc.any(mine, min_count=0).as_py():
            return found
        chosen = pc.indices_nonzero(mine).cast(pa.int64())
        rows = self._rows.take(chosen)
        for key in self._keys:
            found.setdefault(key.name, set()).update(_values(loose(key, _array(rows[key.column]))[1]))
        return found

    def saying(self, wanted: Mapping[str, set[str]]) -> set[str]:
        """The records that say one of those values under a key of that name."""
        found: set[str] = set()
        for key in self._keys:
            values = wanted.get(key.name)
            if values:
                if key not in self._formed:
                    self._formed[key] = loose(key, _array(self._rows[key.column]))
                places, spoken = self._formed[key]
                found |= _values(self._ids.take(places.filter(pc.is_in(spoken, value_set=_set(values)))))
        return found


def _array(column: "pa.ChunkedArray[Any]") -> Texts:
    """A column in one piece."""
    whole: Any = pa.concat_arrays([pa.array([], TEXT), *column.chunks])
    found: Texts = whole
    return found


def _set(values: Iterable[str]) -> Texts:
    return pa.array(sorted(values), TEXT)


def _values(array: Texts) -> set[str]:
    return {str(value) for value in array.drop_null().unique().to_pylist()}
