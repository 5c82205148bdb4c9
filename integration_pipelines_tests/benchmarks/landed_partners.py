"""Partners that take no time: what they hold was made beforehand as Arrow, and a write is a note in memory.

For benchmarks of whole runs; how partners really behave is `partner_models`.
"""

from collections.abc import Iterator, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from integration_pipelines.core.contract import PropertySpec, SourceObject
from integration_pipelines.core.tables import TEXT
from integration_pipelines.errors import ConfigError
from integration_pipelines.ports.bundle import Connectors
from integration_pipelines.ports.lake import Mode, Watermark
from integration_pipelines.ports.messages import Messenger
from integration_pipelines.ports.partner import (
    Applied,
    Connector,
    Extraction,
    ExtractionSummary,
    Probe,
    RecordWrite,
    WriteOutcome,
)
from integration_pipelines.ports.tenants import Connection
from integration_pipelines_tests.benchmarks.reconcile_world import NOW

Held = Mapping[tuple[str, str], pa.Table]
"""(tenant, object) → what the partner holds of it."""
Written = dict[tuple[str, str, str], dict[str, str]]
"""(tenant, object, id) → column → value that was written."""


class _Whole(Extraction):
    def __init__(self, rows: pa.Table) -> None:
        self.mode, self.reason, self.schema = Mode.FULL, "asked for", rows.schema
        self._rows = rows

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        yield from self._rows.to_batches()

    @property
    def summary(self) -> ExtractionSummary:
        """One call for everything."""
        return ExtractionSummary(Watermark("{}", NOW), {}, (), 1)


class LandedConnector(Connector):
    """One tenant at one partner."""

    write_batch = 100

    def __init__(self, partner: str, tenant_id: str, held: Held, written: Written) -> None:
        self.partner = partner
        self._tenant, self._held, self._written, self._calls = tenant_id, held, written, 0

    def extract(self, name: str, spec: SourceObject, since: Watermark | None) -> Extraction:
        """Everything."""
        del spec, since
        self._calls += 1
        return _Whole(self._held[self._tenant, name])

    def fetch(self, name: str, spec: SourceObject, record_ids: Sequence[str]) -> pa.Table:
        """Those records, with what was written to them."""
        del spec
        self._calls += 1
        held = self._held[self._tenant, name]
        rows = held.filter(pc.is_in(held["record_id"], value_set=pa.array(record_ids, TEXT))).to_pylist()
        return pa.Table.from_pylist([r | self._written.get((self._tenant, name, r["record_id"]), {}) for r in rows], held.schema)

    def write(self, name: str, spec: SourceObject, writes: Sequence[RecordWrite]) -> list[WriteOutcome]:
        """Note every value."""
        self._calls += 1
        columns = {column.source: own for own, column in spec.columns.items()}
        for write in writes:
            values = self._written.setdefault((self._tenant, name, write.record_id), {})
            values.update({columns[f.path]: f.after for f in write.fields})
        return [Applied(write.write_id, "req_1") for write in writes]

    def ensure_properties(self, partner_object: str, wanted: dict[str, PropertySpec]) -> tuple[str, ...]:
        """All are there."""
        del partner_object, wanted
        return ()

    def probe(self) -> Probe:
        """Always well."""
        return Probe(ok=True, account=self._tenant, text="")

    @property
    def calls(self) -> int:
        """Calls so far."""
        return self._calls

    def close(self) -> None:
        """Nothing to close."""


class LandedConnectors(Connectors):
    """All tenants' partners."""

    def __init__(self, held: Held) -> None:
        self._held, self._written = held, Written()

    def open(self, tenant_id: str, partner: str) -> Connector:
        """A connector to what was made."""
        return LandedConnector(partner, tenant_id, self._held, self._written)

    def open_with(self, connection: Connection) -> Connector:
        """The same, by connection."""
        return self.open(connection.tenant_id, connection.partner)

    def messenger(self, tenant_id: str, partner: str) -> Messenger:
        """Nobody is told anything here."""
        raise ConfigError(f"{partner} of {tenant_id} takes no messages.")
