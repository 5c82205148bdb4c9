"""A partner's interface over an account, with what goes wrong on the way: the port that every real connector fills.

People come at its moments: before something is read, between our read and our write, before we look behind. What it answers may be late,
lost or stale; what it does to the account is exact, and noted.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

import pyarrow as pa

from integration_pipelines.core.contract import FieldType, PropertySpec, SourceObject
from integration_pipelines.core.tables import TIME
from integration_pipelines.errors import BugError
from integration_pipelines.ports.bundle import Connectors
from integration_pipelines.ports.clock import Clock
from integration_pipelines.ports.lake import Mode, Watermark
from integration_pipelines.ports.messages import Messenger
from integration_pipelines.ports.partner import (
    Connector,
    Door,
    Extraction,
    ExtractionSummary,
    PreImage,
    Probe,
    RecordWrite,
    WriteOutcome,
)
from integration_pipelines.ports.tenants import Connection
from integration_pipelines.simulation.accounts import Account, Record, Side
from integration_pipelines.simulation.life import Life
from integration_pipelines.simulation.line import Sent, answered, arrive, lagging, left_out, reading_fails, writing_fails
from integration_pipelines.simulation.making import Making, holders
from integration_pipelines.simulation.messenger import LifeMessenger
from integration_pipelines.simulation.nursery import Nursery
from integration_pipelines.simulation.process import Process
from integration_pipelines.use_cases.observations import observed_schema

Moment = Callable[[Life, Side, str, Sequence[tuple[str, str]]], None]
"""Called where people may come: life, side, what is about to happen, and which records it is about."""
BATCH = 3


class Shapes:
    """What every connector of a contract needs to know of its objects, worked out once."""

    def __init__(self, nursery: Nursery) -> None:
        self.nursery, contract = nursery, nursery.contract
        self.sides: dict[str, Side] = {contract.roles.left.partner: "left", contract.roles.right.partner: "right"}
        self.blanks: dict[str, Record] = {
            name: {column: [] if how.type is FieldType.LIST else "" for column, how in spec.columns.items()}
            for name, spec in contract.objects.items()
        }
        self._rows = {name: pa.struct(list(observed_schema(spec))) for name, spec in contract.objects.items()}
        self.by_source = {name: {c.source: n for n, c in spec.columns.items()} for name, spec in contract.objects.items()}

    def laid(self, name: str, rows: Sequence[Record]) -> pa.RecordBatch:
        """Observations of an object as Arrow."""
        return pa.RecordBatch.from_struct_array(cast("pa.StructArray", pa.array(rows, self._rows[name])))

    def seen(self, batch: pa.RecordBatch, now: datetime) -> pa.RecordBatch:
        """The same observations, made now."""
        place = batch.schema.get_field_index("observed_at")
        moments = pa.repeat(pa.scalar(now, TIME), batch.num_rows)
        return batch.set_column(place, batch.schema.field(place), moments)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What connectors of one process stand on."""

    shapes: Shapes
    process: Process
    clock: Clock
    moment: Moment
    paused: Callable[[str], bool]
    """Whether somebody paused the writes of a tenant."""


class _Read(Extraction):
    """A read that was carried out."""

    def __init__(self, batch: pa.RecordBatch, summary: ExtractionSummary, mode: Mode) -> None:
        self.mode, self.reason, self.schema = mode, "rehearsed", batch.schema
        self._batch, self._summary = batch, summary

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        yield self._batch

    @property
    def summary(self) -> ExtractionSummary:
        """What it cost."""
        return self._summary


class LifeConnector(Connector):
    """One side of one life, as one process sees it."""

    write_batch = BATCH

    def __init__(self, life: Life, side: Side, around: Surroundings, partner: str) -> None:
        self.partner = partner
        self._life, self._side, self._around = life, side, around
        self._account: Account = life.accounts[side]
        self._calls = 0

    def extract(self, name: str, spec: SourceObject, since: Watermark | None) -> Extraction:
        """Everything, or what changed since; a list may be cut off, leave a record out, name one twice, or be empty for no reason."""
        self._call("read", [(name, "")])
        life, mode = self._life, Mode.FULL if since is None else Mode.DELTA
        reading_fails(life, self._side)
        if since is None:
            ids = left_out(life, sorted(self._account.objects[name]))
            whole = len(ids) == len(self._account.objects[name])
            batch = self._whole(name, spec, ids) if whole else self._batch(name, spec, ids)
        else:
            touched = ((r, at) for (n, r), at in self._account.touched.items() if n == name)
            changed = sorted(r for r, at in touched if at >= int(since.token))
            self._passed_over(name, changed)
            ids = [r for r in changed if not life.strikes("E05")]
            batch = self._batch(name, spec, ids)
        self._looked_at(name, ids)
        self._account.unread -= {where for where in self._account.unread if where[0] == name}
        missing = tuple(c for c in spec.columns if c in self._account.missing[name])
        summary = ExtractionSummary(Watermark(str(life.now + 1), self._around.clock.now()), {}, missing, 1)
        return _Read(batch, summary, mode)

    def fetch(self, name: str, spec: SourceObject, record_ids: Sequence[str]) -> pa.Table:
        """Present state, a row per id asked for; a replica may still show what was before our write."""
        self._call("fetch", [(name, record_id) for record_id in record_ids])
        reading_fails(self._life, self._side)
        self._looked_at(name, record_ids)
        return pa.Table.from_batches([self._batch(name, spec, record_ids, stale=True)])

    def of_parents(self, name: str, spec: SourceObject, parent_ids: Sequence[str]) -> pa.Table:
        """The rows that belong to those records now."""
        self._call("fetch", [(name, "")])
        reading_fails(self._life, self._side)
        mine = sorted(i for i, record in self._account.objects[name].items() if record.get(spec.parent or "") in parent_ids)
        self._looked_at(name, mine)
        return pa.Table.from_batches([self._batch(name, spec, mine)])

    def write(self, name: str, spec: SourceObject, writes: Sequence[RecordWrite]) -> list[WriteOutcome]:
        """Absolute values, record by record."""
        del spec
        return self._sent(name, writes)

    def find(self, name: str, spec: SourceObject, unique: str, values: Sequence[str]) -> pa.Table:
        """The records that hold one of those values now."""
        self._call("fetch", [])
        reading_fails(self._life, self._side)
        column = self._around.shapes.by_source[name][unique]
        ids = sorted({one for value in values for one in holders(self._account, name, column, value)})
        self._looked_at(name, ids)
        return pa.Table.from_batches([self._batch(name, spec, ids)])

    def upsert(self, name: str, spec: SourceObject, unique: str, writes: Sequence[RecordWrite]) -> list[WriteOutcome]:
        """One record for each value: what holds it already is left as it is."""
        del spec
        shapes = self._around.shapes
        return self._sent(name, writes, Making(shapes.nursery, name, shapes.by_source[name][unique]))

    def _sent(self, name: str, writes: Sequence[RecordWrite], making: Making | None = None) -> list[WriteOutcome]:
        if self._around.paused(self._life.tenant):
            self._life.breaks("I9", f"{name} {writes[0].record_id} was about to be written although writes were paused")
        self._call("write", [] if making else [(name, write.record_id) for write in writes])
        writing_fails(self._life, self._side)
        columns = self._around.shapes.by_source[name]
        sent = [Sent(name, write, {columns[f.path]: f.after for f in write.fields}, making) for write in writes]
        told = answered(self._life, self._account, sent, self._around.process.name)
        if self._life.strikes("P16"):
            self._around.process.kill(self._life.tenant, "while a write was under way")
            self._around.process.must_live(self._life.tenant)
        return told

    def pre_images(self, name: str, spec: SourceObject, writes: Sequence[RecordWrite], since: object) -> list[PreImage]:
        """What our writes really replaced."""
        del since
        self._call("look behind", [(name, write.record_id) for write in writes])
        reading_fails(self._life, self._side)
        mine = {write.write_id for write in writes}
        return [
            PreImage(e.write_id, spec.columns[column].source, before or "", e.before[column].by)
            for e in self._account.effects
            if e.write_id in mine and e.object == name
            for column, (before, _) in e.fields.items()
        ]

    def ensure_properties(self, partner_object: str, wanted: dict[str, PropertySpec]) -> tuple[str, ...]:
        """What is missing is made."""
        del partner_object, wanted
        self._call("set up", [])
        made = sorted({column for columns in self._account.missing.values() for column in columns})
        for name, columns in self._account.missing.items():
            self._account.version[name] += len(columns)
            columns.clear()
        return tuple(made)

    def probe(self) -> Probe:
        """Always well."""
        return Probe(ok=True, account=self._life.tenant, text="")

    @property
    def calls(self) -> int:
        """Calls so far."""
        return self._calls

    def close(self) -> None:
        """Nothing to close."""

    def _call(self, what: str, records: Sequence[tuple[str, str]]) -> None:
        self._around.process.must_live(self._life.tenant)
        self._calls += 1
        arrive(self._life, 0.15)
        self._around.moment(self._life, self._side, what, records)

    def _passed_over(self, name: str, told: Sequence[str]) -> None:
        """A read of what changed that begins later than the one before it ended leaves out what changed in between."""
        for record_id in sorted(r for n, r in self._account.unread if n == name and r not in told):
            self._life.breaks("I11", f"{name} {record_id} changed, and the read of what changed begins after that")

    def _looked_at(self, name: str, ids: Sequence[str]) -> None:
        self._account.looked_at.update(dict.fromkeys(((name, i) for i in ids), self._life.now))

    def _whole(self, name: str, spec: SourceObject, ids: Sequence[str]) -> pa.RecordBatch:
        """A whole object; its columns stay the same for as long as nothing of it changes."""
        version = self._account.version[name]
        known = self._account.held.get(name)
        if known is None or known[0] != version:
            known = self._account.held[name] = (version, self._batch(name, spec, ids))
        return self._around.shapes.seen(known[1], self._around.clock.now())

    def _batch(self, name: str, spec: SourceObject, ids: Sequence[str], *, stale: bool = False) -> pa.RecordBatch:
        """What an account says of some records: the common columns and the contract's."""
        held = self._account.objects[name]
        records: list[Record | None] = [held.get(self._account.answers(name, i)) for i in ids]
        if stale and self._account.lagging:
            records = [lagging(self._account, (name, i), record) for i, record in zip(ids, records, strict=True)]
        blank, lacking = self._around.shapes.blanks[name], dict.fromkeys(self._account.missing[name] & spec.columns.keys())
        common = {"tenant_id": self._life.tenant, "observed_at": self._around.clock.now()}
        return self._around.shapes.laid(
            name,
            [
                {**blank, **(record or {}), **lacking, **common, "record_id": i, "deleted": record is None}
                for i, record in zip(ids, records, strict=True)
            ],
        )


class LifeConnectors(Connectors):
    """Every life's connectors, for one process."""

    def __init__(self, lives: Mapping[str, Life], around: Surroundings) -> None:
        self._lives, self._around = lives, around

    def open(self, tenant_id: str, partner: str) -> Connector:
        """To one side of a life."""
        self._around.process.must_live(tenant_id)
        return LifeConnector(self._lives[tenant_id], self._around.shapes.sides[partner], self._around, partner)

    def open_with(self, connection: Connection) -> Door:
        """Nobody connects anything here."""
        raise BugError(f"A rehearsal connects nothing, and {connection.tenant_id} was to be.")

    def messenger(self, tenant_id: str, partner: str) -> Messenger:
        """To the people of a life."""
        return LifeMessenger(self._lives[tenant_id], self._around.process, partner)
