"""What a store, a lake and a manifest hold, in memory: it outlives every process, and nothing in it is ever half done."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pyarrow as pa

from integration_pipelines.core.tables import DIFFS, IDENTITY_LINKS, LEDGER, SPELLINGS, table_of
from integration_pipelines.ports.evidence import Run
from integration_pipelines.ports.inbox import InboxEvent
from integration_pipelines.ports.lake import ManifestEntry, Watermark
from integration_pipelines.ports.messages import Note
from integration_pipelines.ports.retries import Overwrite, Retry
from integration_pipelines.ports.tenants import Connection, Installation, Tenant
from integration_pipelines.ports.writing import StoredPlan

Row = dict[str, Any]


class Rows:
    """Rows of one shape by tenant and key, and the same as Arrow, made once for as long as a tenant's rows stay as they are."""

    def __init__(self, schema: pa.Schema, key: str) -> None:
        self.schema = schema
        self.of: dict[str, dict[str, Row]] = defaultdict(dict)
        self._key = key
        self._made: dict[str, pa.Table] = {}
        self._empty = schema.empty_table()

    def put(self, tenant: str, rows: Iterable[Row]) -> None:
        """Insert or replace by key."""
        mine = self.of[tenant]
        for row in rows:
            mine[row[self._key]] = row
        self._made.pop(tenant, None)

    def table(self, tenants: Sequence[str], chosen: Callable[[Row], bool] | None = None) -> pa.Table:
        """Those tenants' rows by tenant and key; with `chosen` those that it says."""
        if chosen is not None:
            found = [row for t in tenants for _, row in sorted(self.of[t].items()) if chosen(row)] if tenants else []
            return table_of(found, self.schema) if found else self._empty
        parts = [self._one(t) for t in sorted(tenants) if self.of.get(t)]
        return pa.concat_tables(parts).combine_chunks() if len(parts) > 1 else parts[0] if parts else self._empty

    def _one(self, tenant: str) -> pa.Table:
        made = self._made.get(tenant)
        if made is None:
            rows = [row for _, row in sorted(self.of[tenant].items())]
            made = self._made[tenant] = table_of(rows, self.schema)
        return made


@dataclass
class LeaseRow:
    """A tenant's lease: who holds it, under which token, and until when."""

    token: int = 0
    holder: str = ""
    until: datetime | None = None


@dataclass
class State:
    """Everything that is kept of all tenants."""

    files: dict[str, pa.Table] = field(default_factory=dict)
    made: dict[str, int] = field(
        default_factory=lambda: defaultdict(int)
    )  # files and identifiers per tenant, so that names are its own
    manifest: dict[tuple[str, str], list[ManifestEntry]] = field(default_factory=lambda: defaultdict(list))
    watermarks: dict[tuple[str, str], Watermark] = field(default_factory=dict)
    tenants: dict[str, Tenant] = field(default_factory=dict)
    connections: dict[tuple[str, str], Connection] = field(default_factory=dict)
    options: dict[tuple[str, str], dict[str, tuple[str, ...]]] = field(
        default_factory=dict
    )  # tenant and partner → option → values
    installations: dict[str, Installation] = field(default_factory=dict)
    links: Rows = field(default_factory=lambda: Rows(IDENTITY_LINKS, "link_id"))
    ledger: Rows = field(default_factory=lambda: Rows(LEDGER, "write_id"))
    write_of: dict[str, str] = field(default_factory=dict)  # write id → tenant
    unlinked: set[str] = field(default_factory=set)  # writes to records that no live link named when they were planned
    plans: dict[str, list[StoredPlan]] = field(default_factory=lambda: defaultdict(list))
    plan_of: dict[str, str] = field(default_factory=dict)  # plan id → tenant
    leases: dict[str, LeaseRow] = field(default_factory=lambda: defaultdict(LeaseRow))
    open_diffs: pa.Table = field(default_factory=DIFFS.empty_table)
    noted_diffs: list[pa.Table] = field(default_factory=list)
    quarantine: dict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))
    runs: dict[str, list[Run]] = field(default_factory=lambda: defaultdict(list))
    outcomes: dict[str, dict[str, pa.Table]] = field(default_factory=lambda: defaultdict(dict))
    retries: dict[str, dict[tuple[str, str], Retry]] = field(default_factory=lambda: defaultdict(dict))
    overwrites: dict[str, dict[tuple[str, str], Overwrite]] = field(default_factory=lambda: defaultdict(dict))
    spellings: Rows = field(default_factory=lambda: Rows(SPELLINGS, "_key"))
    inbox: dict[str, dict[tuple[str, str], InboxEvent]] = field(default_factory=lambda: defaultdict(dict))
    outbox: dict[str, dict[str, Note]] = field(default_factory=lambda: defaultdict(dict))  # tenant → event key → message
    talking: set[str] = field(default_factory=set)  # tenants with a message that is neither said nor given up
    refused: list[tuple[str, str]] = field(default_factory=list)
    """What the store did not take because it would break a rule of its own: tenant and rule. A store refuses the whole call for it."""
    audit: dict[str, list[tuple[str, Mapping[str, str]]]] = field(default_factory=lambda: defaultdict(list))

    def named(self, tenant: str, kind: str) -> str:
        """A fresh name for something of that tenant: the same whoever else is there."""
        self.made[tenant] += 1
        return f"{kind}_{tenant}_{self.made[tenant]:05d}"
