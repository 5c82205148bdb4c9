"""A partner's account as it really is: every record, every value that ever stood in a field and who put it there.

The engine sees an account through a connector only. Nothing here fails, lags or forgets; what does is `connector`.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Record = dict[str, Any]
Side = Literal["left", "right"]
By = Literal["start", "person", "engine", "partner"]
Place = tuple[str, str, str]
"""Object, record, column."""


@dataclass(frozen=True, slots=True)
class Change:
    """A value that came to stand in a field: when in the life, who put it there, and by which write of ours."""

    at: int
    value: Any
    by: By
    write_id: str = ""


@dataclass(frozen=True, slots=True)
class Effect:
    """A write of ours that was carried out: column → what really stood there and what stands there now."""

    at: int
    side: Side
    object: str
    record_id: str
    write_id: str
    key: str
    fields: Mapping[str, tuple[Any, Any]]
    before: Mapping[str, Change]  # column → who had put the replaced value there
    run_id: str = ""
    late: bool = False
    made: bool = False

    @property
    def changed(self) -> bool:
        """Whether anything is otherwise than before."""
        return self.made or any(one != other for one, other in self.fields.values())


@dataclass
class Account:
    """One tenant's account at one partner."""

    side: Side
    objects: dict[str, dict[str, Record]]
    gone: dict[tuple[str, str], Record] = field(default_factory=dict)
    past: dict[Place, list[Change]] = field(default_factory=dict)
    merged_into: dict[tuple[str, str], str] = field(default_factory=dict)
    effects: list[Effect] = field(default_factory=list)
    keys: dict[str, Mapping[str, str]] = field(default_factory=dict)  # idempotency key → what was written, while it is remembered
    remembers: bool = False  # whether this partner knows a repeat by its key
    lagging: dict[tuple[str, str], tuple[Record, int]] = field(
        default_factory=dict
    )  # what a replica shows, and for how many reads
    missing: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))  # object → columns its schema lacks
    touched: dict[tuple[str, str], int] = field(default_factory=dict)  # (object, record) → when it changed last
    untold: list[tuple[str, str, str]] = field(default_factory=list)  # object, record and our key, of changes no webhook told yet
    unread: set[tuple[str, str]] = field(default_factory=set)  # object and record of changes that no list told yet
    looked_at: dict[tuple[str, str], int] = field(default_factory=dict)  # object and record → when it was read last
    held: dict[str, tuple[int, Any]] = field(default_factory=dict)  # object → version and what a connector made of it
    version: dict[str, int] = field(default_factory=lambda: defaultdict(int))  # object → how often anything of it changed

    def put(
        self, at: int, where: tuple[str, str], values: Mapping[str, Any], by: By, ours: tuple[str, str] = ("", "")
    ) -> dict[str, Change]:
        """Enter values into a record; returns per column what stood there and who had put it there. `ours`: our write's id and its key."""
        record = self.objects[where[0]][where[1]]
        replaced = {}
        for column, value in values.items():
            known = self.past.setdefault((*where, column), [Change(0, record.get(column, ""), "start")])
            replaced[column] = known[-1]
            if record.get(column, "") != value:
                record[column] = value
                known.append(Change(at, value, by, ours[0]))
        self._touch(at, where, ours[1])
        return replaced

    def last(self, where: tuple[str, str], column: str) -> Change:
        """Who put the present value of a field there."""
        known = self.past.get((*where, column))
        return known[-1] if known else Change(0, self.objects[where[0]].get(where[1], {}).get(column, ""), "start")

    def stood(self, where: tuple[str, str], column: str) -> list[Any]:
        """Every value that a field ever held."""
        known = self.past.get((*where, column))
        if known:
            return [change.value for change in known]
        record = self.objects[where[0]].get(where[1]) or self.gone.get(where) or {}
        return [record.get(column, "")]

    def make(self, at: int, where: tuple[str, str], record: Record, by: By) -> None:
        """A new record."""
        self.objects[where[0]][where[1]] = record
        self.gone.pop(where, None)
        for column, value in record.items():
            self.past.setdefault((*where, column), []).append(Change(at, value, by))
        self._touch(at, where)

    def remove(self, at: int, where: tuple[str, str]) -> None:
        """It is gone, and may come back."""
        self.gone[where] = self.objects[where[0]].pop(where[1])
        self._touch(at, where)

    def restore(self, at: int, where: tuple[str, str]) -> None:
        """It is back as it was."""
        self.objects[where[0]][where[1]] = self.gone.pop(where)
        self._touch(at, where)

    def _touch(self, at: int, where: tuple[str, str], key: str = "") -> None:
        self.untold.append((*where, key))
        self.unread.add(where)
        self.touched[where] = at
        self.version[where[0]] += 1

    def answers(self, name: str, record_id: str) -> str:
        """The record that answers under an id now: after a merge the survivor."""
        seen = {record_id}
        while (name, record_id) in self.merged_into:
            record_id = self.merged_into[name, record_id]
            if record_id in seen:
                break
            seen.add(record_id)
        return record_id
