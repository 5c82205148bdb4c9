"""What fake partners tell of the past: given rows and given days, so that a test decides what there is to be found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa

from integration_pipelines.core.contract import SourceObject
from integration_pipelines.core.history import Coverage, told
from integration_pipelines.core.tables import CHANGES
from integration_pipelines.errors import IntegrationError
from integration_pipelines.ports.clock import Clock
from integration_pipelines.ports.history import HistoryRead
from integration_pipelines.ports.partner import Connector
from integration_pipelines_tests.kit.bench import Product
from integration_pipelines_tests.kit.fakes import FakeAccount, FakeConnector, FakeConnectors


def change(record: str, column: str, old: str | None, new: str | None, at: datetime) -> dict[str, Any]:
    """One change as a partner tells it."""
    return {
        "record_id": record, "field": column, "changed_at": at, "old_value": old, "new_value": new, "actor": "somebody", "source": "events",
    }  # fmt: skip


def moment(day: str, hour: int = 9) -> datetime:
    """An hour of a day, UTC."""
    return datetime.fromisoformat(f"{day}T{hour:02}:00:00").replace(tzinfo=UTC)


@dataclass
class Past:
    """What all fake partners of a test remember."""

    changes: dict[str, list[dict[str, Any]]] = field(default_factory=dict)  # object → changes
    coverage: dict[date, Coverage] = field(default_factory=dict)  # days that are not told whole
    of_known_records: bool = False
    asked: dict[str, set[str]] = field(default_factory=dict)  # object → records named in the last question
    broken: dict[str, IntegrationError] = field(default_factory=dict)  # tenant → what its partners answer


class RememberingConnector(FakeConnector):
    """A fake partner that tells what it is given."""

    def __init__(self, partner: str, tenant_id: str, account: FakeAccount, clock: Clock, past: Past) -> None:
        super().__init__(partner, tenant_id, account, clock)
        self._past = past
        self._clock = clock
        self._tenant = tenant_id

    def history(self, name: str, spec: SourceObject, record_ids: Sequence[str], days: Sequence[date]) -> HistoryRead:
        """The given changes and days."""
        del spec
        self._call()
        self._past.asked[name] = set(record_ids)
        if self._tenant in self._past.broken:
            raise self._past.broken[self._tenant]
        limits = self._past.coverage
        able = [d.at_most(limits[d.day], "it forgot") if d.day in limits else d for d in told(days, self._clock.now())]
        rows = pa.Table.from_pylist(self._past.changes.get(name, []), CHANGES)
        return HistoryRead(rows, tuple(able), "events", of_known_records=self._past.of_known_records)


class RememberingConnectors(FakeConnectors):
    """Opens fake partners with a past."""

    def __init__(self, accounts: Mapping[tuple[str, str], FakeAccount], clock: Clock, past: Past) -> None:
        super().__init__(accounts, clock)
        self._given, self._at, self._past = accounts, clock, past

    def open(self, tenant_id: str, partner: str) -> Connector:
        """See `Connectors`."""
        return RememberingConnector(partner, tenant_id, self._given[tenant_id, partner], self._at, self._past)


def remembering(product: Product, past: Past) -> Product:
    """The same product, whose partners tell that past."""
    return product.with_ports(connectors=RememberingConnectors(product.accounts, product.clock, past))
