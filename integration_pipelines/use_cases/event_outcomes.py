"""How each event ended, told from what became of the records that it named."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from integration_pipelines.core.contract import Contract
from integration_pipelines.core.tables import TEXT
from integration_pipelines.core.writes import KEY_PREFIX
from integration_pipelines.ports.inbox import EventOutcome, InboxEvent, Settled
from integration_pipelines.use_cases.outcome import BatchReport, RunOutcome, TenantReport

Record = tuple[str, str]
"""(object, id)."""

WAITS = {"unknown", "moved_since_planned"}
"""Outcomes and rules of a balance after which an event is looked at again: what became of a write is not known yet, or somebody was
quicker. It ends when that goes on for too long."""
OPEN = ("failed", "unknown", "quarantined", "ambiguous", "held")
OURS = f"{KEY_PREFIX}:"


@dataclass(slots=True)
class Ends:
    """What became of one tenant's records in one run.

    Args:
        report: the run.
        tenant: whose events.
        contract: the integration.
        named: every record that an event named.
        ours: the records that we wrote lately, in this run or before.
    """

    report: BatchReport
    tenant: TenantReport
    contract: Contract
    named: Collection[Record]
    ours: Collection[Record] = ()
    _found: dict[Record, tuple[str, str]] = field(init=False)
    _groups: dict[Record, set[Record]] = field(init=False)

    def __post_init__(self) -> None:
        """Look up what matters, of tables that may be about everything."""
        mains = {main for record in self.named for main in self._mains(record)}
        wanted = {one for _, one in mains} | {one for _, one in self.named}
        self._found = _outcomes(self.report.found, self.tenant.tenant_id, wanted)
        self._groups = _groups(self.contract, self.report.pairs, self.tenant.tenant_id, mains)

    def of(self, event: InboxEvent, records: Sequence[Record]) -> Settled | None:
        """How the event ended; None if it has to be looked at once more."""
        if self.tenant.numbers is None:  # nothing was planned: a plan waits, writes are off, or nothing was ever read
            return Settled(event, EventOutcome.HELD, self.tenant.reason)
        if not records:
            return self._of_everything(event)
        found = {self._found[r] for record in records for r in (record, *self._mains(record)) if r in self._found}
        if any(outcome in WAITS or rule in WAITS for outcome, rule in found):
            return None
        written = self._written(records)
        if written is not None:
            return Settled(event, EventOutcome.APPLIED, "", written)
        waiting = sorted((outcome, rule) for outcome, rule in found if outcome in OPEN)
        if waiting:
            outcome, rule = waiting[0]
            return Settled(
                event, EventOutcome.HELD, f"{outcome}: {rule}{f' ({self.tenant.reason})' if self.tenant.reason else ''}"
            )
        if event.echo_key.startswith(OURS) or any(record in self.ours for record in records):
            return Settled(event, EventOutcome.ECHO)
        excluded = sorted(rule for outcome, rule in found if outcome == "excluded" and rule not in {"lookup", "deleted"})
        if excluded and not any(outcome == "in_sync" for outcome, _ in found):
            return Settled(event, EventOutcome.IGNORED, f"the contract leaves the record out: {excluded[0]}")
        return Settled(event, EventOutcome.EQUAL)

    def _of_everything(self, event: InboxEvent) -> Settled:
        """An event that names no record, and for which a whole tenant was looked at."""
        written = max(self.tenant.acknowledged.values(), default=None)
        if written is not None:
            return Settled(event, EventOutcome.APPLIED, "", written)
        held = self.tenant.outcome in {RunOutcome.HELD, RunOutcome.PAUSED}
        return Settled(event, EventOutcome.HELD, self.tenant.reason) if held else Settled(event, EventOutcome.EQUAL)

    def _mains(self, record: Record) -> frozenset[Record]:
        return self.tenant.mains.get(record, frozenset())

    def _written(self, records: Sequence[Record]) -> datetime | None:
        """When the partner confirmed the last write for what those records belong to."""
        groups = {one for record in records for main in self._mains(record) for one in self._groups.get(main, {main})}
        return max((at for record, at in self.tenant.acknowledged.items() if record in groups), default=None)


def _outcomes(found: pa.Table | None, tenant_id: str, ids: set[str]) -> dict[Record, tuple[str, str]]:
    if found is None or not ids:
        return {}
    mine = found.filter((pc.field("tenant_id") == tenant_id) & pc.field("record_id").isin(pa.array(sorted(ids), TEXT)))
    return {(r["object"], r["record_id"]): (r["outcome"], r["rule"] or "") for r in mine.to_pylist()}


def _groups(contract: Contract, pairs: pa.Table | None, tenant_id: str, mains: set[Record]) -> dict[Record, set[Record]]:
    """Main record → all records that one left record is linked with, itself included."""
    if pairs is None or not mains:
        return {}
    left, right = contract.main_object("left"), contract.main_object("right")
    ids = pa.array(sorted({one for _, one in mains}), TEXT)
    mine = pairs.filter(pc.field("tenant_id") == tenant_id)
    near = mine.filter(pc.field("left_id").isin(ids) | pc.field("right_id").isin(ids))
    whole = mine.filter(pc.field("left_id").isin(near["left_id"].combine_chunks()))
    together: dict[str, set[Record]] = {}
    for a, b in zip(whole["left_id"].to_pylist(), whole["right_id"].to_pylist(), strict=True):
        together.setdefault(str(a), {(left, str(a))}).add((right, str(b)))
    return {record: group for group in together.values() for record in group}


def objects_of(contract: Contract, partner: str) -> Mapping[str, list[str]]:
    """A partner's word for an object → the objects of the contract that are read of it."""
    found: dict[str, list[str]] = {}
    for name, spec in contract.objects.items():
        if contract.role(contract.side_of(spec.role)).partner == partner:
            found.setdefault(spec.partner_object, []).append(name)
    return found
