"""Fakes of the partner and gate ports: whole state through the constructor, writes recorded, faults by name. The store is never faked."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from integration_pipelines.core.contract import FieldType, PropertySpec, SourceObject
from integration_pipelines.core.tables import TEXT
from integration_pipelines.errors import ConfigError, ErrorKind, IntegrationError, TransientError
from integration_pipelines.ports.bundle import Connectors
from integration_pipelines.ports.clock import Clock, Ids
from integration_pipelines.ports.gate import Gate, GateResult, Verdict
from integration_pipelines.ports.lake import Mode, Watermark
from integration_pipelines.ports.messages import Message, Messenger
from integration_pipelines.ports.partner import (
    Applied,
    Connector,
    Extraction,
    ExtractionSummary,
    PreImage,
    Probe,
    RecordWrite,
    Refused,
    Unknown,
    WriteOutcome,
)
from integration_pipelines.ports.tenants import Connection
from integration_pipelines.use_cases.observations import observed_schema

Record = dict[str, Any]


class FakeClock(Clock):
    """Stands still until it is told to sleep."""

    def __init__(self, start: datetime | None = None) -> None:
        self.moment = start or datetime(2026, 11, 23, 12, tzinfo=UTC)

    def now(self) -> datetime:
        """The moment; each look moves it a millisecond, so that things have an order."""
        self.moment += timedelta(milliseconds=1)
        return self.moment

    def monotonic(self) -> float:
        """Seconds of the same clock."""
        return self.moment.timestamp()

    def sleep(self, seconds: float) -> None:
        """Move on without waiting."""
        self.moment += timedelta(seconds=seconds)


class FakeIds(Ids):
    """Counts."""

    def __init__(self) -> None:
        self.count = 0

    def new(self, prefix: str) -> str:
        """`prefix_000001` and so on."""
        self.count += 1
        return f"{prefix}_{self.count:06d}"


@dataclass
class FakeAccount:
    """One partner account: object → id → columns of the contract. `before_*` may change it or raise, as people and networks do."""

    objects: dict[str, dict[str, Record]]
    effects: list[tuple[str, str, dict[str, str], str]] = field(default_factory=list)
    replaced: dict[str, dict[str, str]] = field(default_factory=dict)  # write id → path → what really stood there
    missing_columns: set[str] = field(default_factory=set)
    before_write: Callable[["FakeAccount", Sequence[RecordWrite]], None] = lambda *_: None
    before_fetch: Callable[[], None] = lambda: None
    lost_answers: int = 0
    delayed: int = 0  # so many writes get no answer and are carried out only by `arrive`
    under_way: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    stale_reads: int = 0  # so many fetches after a write still show what was before it
    before_image: dict[tuple[str, str], Record] = field(default_factory=dict)
    spell: Callable[[str, str], str] = lambda _column, value: value  # how this partner keeps a value of a column
    refuse: set[str] = field(default_factory=set)
    refuse_as: ErrorKind = ErrorKind.INVALID
    broken: IntegrationError | None = None
    hidden: set[str] = field(default_factory=set)  # not in a list, and there when asked for by id
    merged_into: dict[str, str] = field(default_factory=dict)  # id → the record that answers for it now
    fetched: list[tuple[str, str]] = field(default_factory=list)  # what was asked for by id
    reads: Mode = Mode.FULL  # what a list is said to be
    unknown: dict[str, dict[tuple[str, str], int]] = field(
        default_factory=dict
    )  # object → fields that no contract names → records
    born: Callable[[str], Record] = lambda _id: {}  # what a new record says beside what it was made with

    def arrive(self) -> None:
        """What was under way is carried out now."""
        for name, record_id, values in self.under_way:
            self.objects[name][record_id] |= values
        self.under_way.clear()


class _FakeExtraction(Extraction):
    def __init__(self, schema: pa.Schema, rows: list[Record], summary: ExtractionSummary, mode: Mode) -> None:
        self.mode, self.reason, self.schema = mode, "asked for", schema
        self._rows, self._summary = rows, summary

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        yield from pa.Table.from_pylist(self._rows, self.schema).to_batches()

    @property
    def summary(self) -> ExtractionSummary:
        """What it cost: nothing."""
        return self._summary


class FakeConnector(Connector):
    """Reads and writes a FakeAccount."""

    write_batch = 2

    def __init__(self, partner: str, tenant_id: str, account: FakeAccount, clock: Clock) -> None:
        self.partner = partner
        self._tenant, self._account, self._clock, self._calls = tenant_id, account, clock, 0

    def extract(self, name: str, spec: SourceObject, since: Watermark | None) -> Extraction:
        """Everything, always."""
        del since
        self._call()
        rows = [self._row(name, spec, key) for key in sorted(self._account.objects.get(name, {}).keys() - self._account.hidden)]
        missing = tuple(c for c in spec.columns if c in self._account.missing_columns)
        summary = ExtractionSummary(Watermark("{}", self._clock.now()), self._account.unknown.get(name, {}), missing, 1)
        return _FakeExtraction(observed_schema(spec), rows, summary, self._account.reads)

    def fetch(self, name: str, spec: SourceObject, record_ids: Sequence[str]) -> pa.Table:
        """Present state, row by id asked for."""
        self._call()
        self._account.before_fetch()
        self._account.fetched += [(name, key) for key in record_ids]
        known = self._account.before_image
        if self._account.stale_reads > 0 and any((name, key) in known for key in record_ids):
            self._account.stale_reads -= 1
            return pa.Table.from_pylist(
                [self._row(name, spec, key) | known.get((name, key), {}) for key in record_ids], observed_schema(spec)
            )
        return pa.Table.from_pylist([self._row(name, spec, key) for key in record_ids], observed_schema(spec))

    def of_parents(self, name: str, spec: SourceObject, parent_ids: Sequence[str]) -> pa.Table | None:
        """All parts of those records."""
        self._call()
        rows = [self._row(name, spec, key) for key in sorted(self._account.objects.get(name, {}))]
        mine = [row for row in rows if row[str(spec.parent)] in set(parent_ids)]
        self._account.fetched += [(name, row["record_id"]) for row in mine]
        return pa.Table.from_pylist(mine, observed_schema(spec))

    def write(self, name: str, spec: SourceObject, writes: Sequence[RecordWrite]) -> list[WriteOutcome]:
        """Absolute values, recorded as effects."""
        self._call()
        self._account.before_write(self._account, writes)
        columns = {c.source: n for n, c in spec.columns.items()}
        outcomes: list[WriteOutcome] = []
        for write in writes:
            if write.record_id in self._account.refuse:
                outcomes.append(Refused(write.write_id, self._account.refuse_as, "the partner refuses this record", "req_1"))
                continue
            values = {columns[f.path]: self._account.spell(columns[f.path], f.after) for f in write.fields}
            held = self._account.objects[name][write.record_id]
            if self._account.delayed > 0:
                self._account.delayed -= 1
                self._account.under_way.append((name, write.record_id, values))
                outcomes.append(Unknown(write.write_id, "no answer yet"))
                continue
            self._account.before_image[name, write.record_id] = dict(held)
            self._account.replaced[write.write_id] = {f.path: held.get(columns[f.path]) or "" for f in write.fields}
            self._account.objects[name][write.record_id] |= values
            self._account.effects.append((name, write.record_id, values, write.idempotency_key))
            if self._account.lost_answers > 0:
                self._account.lost_answers -= 1
                outcomes.append(Unknown(write.write_id, "the answer was lost"))
            else:
                outcomes.append(Applied(write.write_id, "req_1"))
        return outcomes

    def upsert(self, name: str, spec: SourceObject, unique: str, writes: Sequence[RecordWrite]) -> list[WriteOutcome]:
        """By a unique column: its holder is changed, or a record is made under the next number."""
        self._call()
        self._account.before_write(self._account, writes)
        columns, held = {c.source: n for n, c in spec.columns.items()}, self._account.objects[name]
        outcomes: list[WriteOutcome] = []
        for write in writes:
            if write.record_id in self._account.refuse:
                outcomes.append(Refused(write.write_id, self._account.refuse_as, "the partner refuses this record", "req_1"))
                continue
            holder = next((k for k, r in held.items() if r.get(columns[unique]) == write.record_id), None)
            record_id = holder or str(max(map(int, held), default=0) + 1)
            values = {columns[f.path]: f.after for f in write.fields}
            held[record_id] = held.get(record_id, self._account.born(record_id)) | values
            self._account.effects.append((name, record_id, values, write.idempotency_key))
            lost = self._account.lost_answers > 0
            self._account.lost_answers -= lost
            outcomes.append(Unknown(write.write_id, "lost") if lost else Applied(write.write_id, "req_1", record_id))
        return outcomes

    def find(self, name: str, spec: SourceObject, unique: str, values: Sequence[str]) -> pa.Table:
        """The holders of those values."""
        self._call()
        column = next(n for n, c in spec.columns.items() if c.source == unique)
        keys = [k for k, r in self._account.objects[name].items() if r.get(column) in set(values)]
        return pa.Table.from_pylist([self._row(name, spec, key) for key in keys], observed_schema(spec))

    def archive(self, name: str, spec: SourceObject, writes: Sequence[RecordWrite]) -> list[WriteOutcome]:
        """They are gone."""
        del spec
        self._call()
        for write in writes:
            self._account.objects[name].pop(write.record_id, None)
            self._account.effects.append((name, write.record_id, {}, write.idempotency_key))
        return [Applied(write.write_id, "req_1") for write in writes]

    def pre_images(self, name: str, spec: SourceObject, writes: Sequence[RecordWrite], since: datetime) -> list[PreImage]:
        """What stood there when the write arrived."""
        del name, spec, since
        self._call()
        told = self._account.replaced
        return [PreImage(w.write_id, p, v, "a person") for w in writes for p, v in told.get(w.write_id, {}).items()]

    def ensure_properties(self, partner_object: str, wanted: dict[str, PropertySpec]) -> tuple[str, ...]:
        """Properties are columns here."""
        del partner_object, wanted
        self._call()
        made = tuple(sorted(self._account.missing_columns))
        self._account.missing_columns.clear()
        return made

    def probe(self) -> Probe:
        """Well, unless the account is broken."""
        try:
            self._call()
        except IntegrationError as error:
            return Probe(ok=False, account="", text=error.message)
        return Probe(ok=True, account=f"{self.partner}-{self._tenant}", text="")

    @property
    def calls(self) -> int:
        """Calls so far."""
        return self._calls

    def close(self) -> None:
        """Nothing to close."""

    def _call(self) -> None:
        self._calls += 1
        if self._account.broken is not None:
            raise self._account.broken

    def _row(self, name: str, spec: SourceObject, key: str) -> Record:
        answers = key
        while answers in self._account.merged_into:
            answers = self._account.merged_into[answers]
        found = self._account.objects.get(name, {}).get(answers)
        blank: Record = {n: [] if c.type is FieldType.LIST else "" for n, c in spec.columns.items()}
        gone = dict.fromkeys(self._account.missing_columns & set(spec.columns))
        common = {"tenant_id": self._tenant, "record_id": key, "observed_at": self._clock.now(), "deleted": found is None}
        return common | blank | {"id": answers} | (found or {}) | gone


@dataclass
class FakeMessenger(Messenger):
    """Remembers what it was told to say; `answers` are given first, one a message, and what is said without an answer is said all the same."""

    said: list[Message] = field(default_factory=list)
    answers: list[Refused | Unknown | IntegrationError] = field(default_factory=list)
    partner: str = "slack"
    calls: int = 0

    def send(self, message: Message) -> WriteOutcome:
        """Say it, unless told otherwise."""
        self.calls += 1
        answer = self.answers.pop(0) if self.answers else Applied(message.message_id, "req_m")
        if isinstance(answer, IntegrationError):
            raise answer
        if not isinstance(answer, Refused):
            self.said.append(message)
        return answer

    def probe(self) -> Probe:
        """Always well."""
        return Probe(ok=True, account="chat", text="")

    def close(self) -> None:
        """Nothing to close."""


class FakeConnectors(Connectors):
    """(tenant, partner) → account."""

    def __init__(self, accounts: Mapping[tuple[str, str], FakeAccount], clock: Clock) -> None:
        self.accounts = dict(accounts)
        self.messengers: dict[tuple[str, str], FakeMessenger] = {}
        self._clock = clock

    def open(self, tenant_id: str, partner: str) -> Connector:
        """A connector to the account."""
        return FakeConnector(partner, tenant_id, self.accounts[tenant_id, partner], self._clock)

    def open_with(self, connection: Connection) -> Connector:
        """The same, by connection."""
        return self.open(connection.tenant_id, connection.partner)

    def messenger(self, tenant_id: str, partner: str) -> Messenger:
        """The tenant's, if it has one."""
        if (tenant_id, partner) not in self.messengers:
            raise ConfigError(f"{partner} of {tenant_id} takes no messages.")
        return self.messengers[tenant_id, partner]


class OpenGate(Gate):
    """Lets everything through but the ids it is told to refuse, and breaks for objects it is told to break for."""

    def __init__(self, refuse: Mapping[str, str] | None = None, broken: str = "") -> None:
        self.refuse = dict(refuse or {})
        self.broken = broken

    def warm_up(self) -> None:
        """Nothing to load."""

    def judge(
        self, name: str, spec: SourceObject, observed: pa.Table, tenants: tuple[str, ...], *, few: bool = False
    ) -> GateResult:
        """One verdict a tenant, of some records as of all."""
        del few
        del spec
        if name == self.broken:
            raise TransientError("the suite raised")
        rows = [r for r in observed.select(["tenant_id", "record_id"]).to_pylist() if r["record_id"] in self.refuse]
        refused = [
            r | {"field": self.refuse[r["record_id"]], "expectation": "planted", "reason": "It is bad.", "remedy": "Mend it."}
            for r in rows
        ]
        schema = pa.schema([(c, TEXT) for c in ("tenant_id", "record_id", "field", "expectation", "reason", "remedy")])
        counts = {t: sum(1 for x in observed["tenant_id"].to_pylist() if x == t) for t in tenants}
        bad = {t: len({r["record_id"] for r in rows if r["tenant_id"] == t}) for t in tenants}
        verdicts = tuple(Verdict(t, name, "hash", counts[t], counts[t], bad[t], True, "", ()) for t in tenants)
        return GateResult(verdicts, pa.Table.from_pylist(refused, schema))
