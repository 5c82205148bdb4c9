"""Fill days of history: ask the partners what changed, keep one file for each day of an object, and say how much could be told.

What is kept is evidence for people and is never merged. What a backfill finds flows into the reconciliation in `records`; reading
what is kept is `history_kept`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

from integration_pipelines.core.contract import Contract, ObjectKind
from integration_pipelines.core.history import (
    ONE_DAY,
    Coverage,
    DayTold,
    canonical_changes,
    start_of_day,
    tells_less,
    united,
    window,
)
from integration_pipelines.core.sql import Sql
from integration_pipelines.core.tables import HISTORY, TIME
from integration_pipelines.errors import ConfigError
from integration_pipelines.ports.bundle import Ports
from integration_pipelines.ports.history import HistoryDay, HistoryRead
from integration_pipelines.ports.lake import Mode, NewEntry
from integration_pipelines.use_cases.history_kept import history_dataset, kept_day
from integration_pipelines.use_cases.observations import TALLY_ROWS, dataset, tally_of, texts

SIDES: tuple[Literal["left", "right"], Literal["left", "right"]] = ("left", "right")
ENDED = ["merged", "tombstone"]
"""Links whose record is gone; one that ended before the days asked for has nothing to tell of them."""
Tell = Callable[[str, int, int], None]
"""Told what is under way, how many steps are done, and of how many."""


@dataclass(frozen=True, slots=True)
class Clipped:
    """The days of a request that lie in the window; `note` says what was left out, '' if nothing was."""

    first: date
    last: date
    note: str


@dataclass(frozen=True, slots=True)
class Backfilled:
    """What one tenant's backfill filled, and which records it found changed (object → ids)."""

    tenant_id: str
    days: tuple[HistoryDay, ...]
    touched: Mapping[str, tuple[str, ...]]
    calls: int
    kept: tuple[HistoryDay, ...] = ()  # days that were told better before, and stay as they were


def history_objects(contract: Contract) -> list[str]:
    """The objects that have a history: those whose records a sync is about, not those that translate a value."""
    return [name for name, spec in contract.objects.items() if spec.kind is not ObjectKind.LOOKUP]


def clip(contract: Contract, first: date, last: date, *, ports: Ports) -> Clipped:
    """A range of days, cut to the contract's rolling window.

    Raises:
        ConfigError: the range ends before it begins, or no day of it is in the window.
    """
    if last < first:
        raise ConfigError(f"{last} is before {first}.", remedy="Name the earlier day first.")
    days = contract.boundaries.history_days
    begins, ends = window(ports.clock.now(), days)
    remedy = f"Choose days from {begins} to {ends}."
    if last < begins:
        raise ConfigError(
            f"The days from {first} to {last} are older than the {days} days of history that {contract.contract} keeps.",
            remedy=remedy,
        )
    if first > ends:
        raise ConfigError(f"The days from {first} to {last} have not come yet.", remedy=remedy)
    cut = [f"{first} to {begins - ONE_DAY} (older than {days} days)"] if first < begins else []
    cut += [f"{ends + ONE_DAY} to {last} (not come yet)"] if last > ends else []
    note = f"Left out: {' and '.join(cut)}." if cut else ""
    return Clipped(max(first, begins), min(last, ends), note)


def backfill(
    tenant_id: str,
    contract: Contract,
    days: Sequence[date],
    *,
    ports: Ports,
    run_id: str,
    objects: Sequence[str] = (),
    tell: Tell = lambda *_: None,
) -> Backfilled:
    """Fill those days of a tenant's history; filling a day again replaces it, and never by less than was known.

    Args:
        tenant_id: whose.
        contract: the integration.
        days: days of the window, in any order.
        ports: the outside.
        run_id: the run that fills them.
        objects: some of `history_objects`; by default all.
        tell: called as objects are read.

    Raises:
        ConfigError: a day is outside the window.
        IntegrationError: a partner does not answer; days of objects that were read before stay filled.
    """
    wanted = sorted(set(days))
    outside = clip(contract, wanted[0], wanted[-1], ports=ports).note
    if outside:
        raise ConfigError(f"Some days are outside the window. {outside}", remedy="Leave them out.")
    chosen = [name for name in history_objects(contract) if name in (objects or history_objects(contract))]
    filler = _Filler(tenant_id, contract, wanted, run_id, ports)
    for place, name in enumerate(chosen):
        tell(name, place, len(chosen))
        filler.fill(name)
    tell("", len(chosen), len(chosen))
    return Backfilled(tenant_id, tuple(filler.filled), filler.touched, filler.calls, tuple(filler.kept))


class _Filler:
    """Fills one tenant's days, object by object."""

    def __init__(self, tenant_id: str, contract: Contract, days: Sequence[date], run_id: str, ports: Ports) -> None:
        self._tenant, self._contract, self._days, self._run, self._ports = tenant_id, contract, days, run_id, ports
        self.filled: list[HistoryDay] = []
        self.kept: list[HistoryDay] = []
        self.touched: dict[str, tuple[str, ...]] = {}
        self.calls = 0

    def fill(self, name: str) -> None:
        """Read an object's history, write the files of its days, then make them count."""
        read = self._read(name)
        days = self._limited(name, read)
        changes = self._changes(name, read, days)
        known = self._known(name)
        entries: list[NewEntry] = []
        filled: list[HistoryDay] = []
        for day in days:
            before = known.get(day.day)
            if before is not None and tells_less(day.coverage, before.coverage):
                self.kept.append(before)  # what was known once is not forgotten because the partner forgets it
                continue
            rows = self._merged(name, day, changes[day.day], before)
            filled.append(self._filled(name, day, rows.num_rows, read.source))
            if rows.num_rows or (before is not None and before.rows):
                entries.append(self._entry(name, day.day, rows))
        self._ports.manifest.append(entries, self._ports.clock.now())
        self._ports.history.record(filled)
        self.filled += filled
        ids = {record_id for day in changes.values() for record_id in texts(day, "record_id")}
        self.touched[name] = tuple(sorted(ids))

    def _read(self, name: str) -> HistoryRead:
        spec = self._contract.objects[name]
        partner = self._contract.role(self._contract.side_of(spec.role)).partner
        connector = self._ports.connectors.open(self._tenant, partner)
        try:
            return connector.history(name, spec, self._records(name), self._days)
        finally:
            self.calls += connector.calls
            connector.close()

    def _records(self, name: str) -> list[str]:
        """Every id known so far: those of the last reads, and those of links, whose records may be gone since."""
        integration = self._contract.contract
        seen = dataset(self._ports, [self._tenant], integration, tally_of(name), TALLY_ROWS).rows().read_all()
        ids = set(texts(seen, "record_id"))
        for side in SIDES:
            if name == self._contract.main_object(side):
                links = self._ports.links.load([self._tenant], integration)
                lately = pc.field("updated_at") >= pa.scalar(start_of_day(self._days[0]), TIME)
                linked = links.filter(~pc.field("state").isin(ENDED) | lately)
                ids.update(str(i) for i in linked[f"{side}_id"].to_pylist() if i)
        return sorted(ids)

    def _limited(self, name: str, read: HistoryRead) -> list[DayTold]:
        """Of days after the last read, a partner that tells of known records only cannot tell all."""
        if not read.of_known_records:
            return list(read.days)
        mark = self._ports.manifest.watermark(self._tenant, self._contract.contract, name)
        if mark is None:
            return [d.at_most(Coverage.NONE, "no records are known yet: sync this tenant first") for d in read.days]
        reason = "records made since the last read are not known yet: sync this tenant first"
        return [d.at_most(Coverage.PART, reason) if mark.taken_at < start_of_day(d.day) + ONE_DAY else d for d in read.days]

    def _changes(self, name: str, read: HistoryRead, days: Sequence[DayTold]) -> dict[date, pa.Table]:
        """The changes of each day in the kept shape."""
        con = self._ports.duck()
        try:
            found = canonical_changes(Sql(con), self._contract.objects[name], read.changes)
        finally:
            con.close()
        parts: dict[date, pa.Table] = {}
        for day in days:
            mine = found.filter(pc.field("day") == day.day.isoformat())
            constants = {
                "tenant_id": self._tenant, "integration": self._contract.contract, "object": name, "coverage": day.coverage.value,
            }  # fmt: skip
            for column, value in constants.items():
                mine = mine.append_column(column, pa.repeat(pa.scalar(value, pa.string()), mine.num_rows))
            parts[day.day] = mine.select(HISTORY.names).cast(HISTORY)
        return parts

    def _known(self, name: str) -> dict[date, HistoryDay]:
        found = self._ports.history.load(
            [self._tenant], self._contract.contract, objects=[name], first=self._days[0], last=self._days[-1]
        )
        return {day.day: day for day in found}

    def _merged(self, name: str, day: DayTold, found: pa.Table, before: HistoryDay | None) -> pa.Table:
        """A day told whole replaces what was kept; one told in part adds to it."""
        if before is None or not before.rows or day.coverage is Coverage.WHOLE:
            return found
        kept = kept_day(self._ports, self._tenant, self._contract.contract, name, day.day)
        con = self._ports.duck()
        try:
            return united(Sql(con), kept, found)
        finally:
            con.close()

    def _filled(self, name: str, day: DayTold, rows: int, source: str) -> HistoryDay:
        return HistoryDay(
            self._tenant, self._contract.contract, name, day.day, rows, day.coverage, day.reason, source, self._run,
            self._ports.clock.now(),
        )  # fmt: skip

    def _entry(self, name: str, day: date, rows: pa.Table) -> NewEntry:
        integration = self._contract.contract
        folder = f"{integration}-{name}-history"
        file = self._ports.lake.write(tenant_id=self._tenant, dataset=folder, schema=HISTORY, batches=rows.to_batches())
        return NewEntry(self._tenant, integration, history_dataset(name, day), Mode.FULL, file, self._run)
