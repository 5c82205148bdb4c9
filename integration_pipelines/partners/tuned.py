"""A connector whose objects mean what the tenant says: its own options go before those of the contract. Everything else is the partner's."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime

import pyarrow as pa

from integration_pipelines.core.contract import PropertySpec, SourceObject
from integration_pipelines.ports.history import HistoryRead
from integration_pipelines.ports.lake import Watermark
from integration_pipelines.ports.partner import Connector, Extraction, PreImage, Probe, RecordWrite, WriteOutcome

Options = Mapping[str, tuple[str, ...]]


class TunedConnector(Connector):
    """Hands every call on, with the tenant's options in the object.

    Args:
        inner: the partner's connector.
        options: option → values; those that an object of the contract does not name concern other objects and are left away.
    """

    def __init__(self, inner: Connector, options: Options) -> None:
        self._inner = inner
        self._options = options
        self.partner = inner.partner
        self.write_batch = inner.write_batch

    def extract(self, name: str, spec: SourceObject, since: Watermark | None) -> Extraction:
        """See `Connector`."""
        return self._inner.extract(name, self._tuned(spec), since)

    def fetch(self, name: str, spec: SourceObject, record_ids: Sequence[str]) -> pa.Table:
        """See `Connector`."""
        return self._inner.fetch(name, self._tuned(spec), record_ids)

    def of_parents(self, name: str, spec: SourceObject, parent_ids: Sequence[str]) -> pa.Table | None:
        """See `Connector`."""
        return self._inner.of_parents(name, self._tuned(spec), parent_ids)

    def named(self, name: str, spec: SourceObject, ids: Sequence[str]) -> list[str]:
        """See `Connector`."""
        return self._inner.named(name, self._tuned(spec), ids)

    def write(self, name: str, spec: SourceObject, writes: Sequence[RecordWrite]) -> list[WriteOutcome]:
        """See `Connector`."""
        return self._inner.write(name, self._tuned(spec), writes)

    def upsert(self, name: str, spec: SourceObject, unique: str, writes: Sequence[RecordWrite]) -> list[WriteOutcome]:
        """See `Connector`."""
        return self._inner.upsert(name, self._tuned(spec), unique, writes)

    def find(self, name: str, spec: SourceObject, unique: str, values: Sequence[str]) -> pa.Table:
        """See `Connector`."""
        return self._inner.find(name, self._tuned(spec), unique, values)

    def archive(self, name: str, spec: SourceObject, writes: Sequence[RecordWrite]) -> list[WriteOutcome]:
        """See `Connector`."""
        return self._inner.archive(name, self._tuned(spec), writes)

    def pre_images(self, name: str, spec: SourceObject, writes: Sequence[RecordWrite], since: datetime) -> list[PreImage]:
        """See `Connector`."""
        return self._inner.pre_images(name, self._tuned(spec), writes, since)

    def history(self, name: str, spec: SourceObject, record_ids: Sequence[str], days: Sequence[date]) -> HistoryRead:
        """See `Connector`."""
        return self._inner.history(name, self._tuned(spec), record_ids, days)

    def forecast(self, writes: int) -> int:
        """See `Connector`."""
        return self._inner.forecast(writes)

    def ensure_properties(self, partner_object: str, wanted: dict[str, PropertySpec]) -> tuple[str, ...]:
        """See `Connector`."""
        return self._inner.ensure_properties(partner_object, wanted)

    def probe(self) -> Probe:
        """See `Connector`."""
        return self._inner.probe()

    @property
    def calls(self) -> int:
        """See `Connector`."""
        return self._inner.calls

    def close(self) -> None:
        """See `Connector`."""
        self._inner.close()

    def _tuned(self, spec: SourceObject) -> SourceObject:
        said = {name: values for name, values in self._options.items() if name in spec.options}
        return spec.model_copy(update={"options": {**spec.options, **said}}) if said else spec
