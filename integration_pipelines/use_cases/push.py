"""Send one tenant's planned writes: intent first, read, compare, write only what still stands, and note every outcome.

Order within a record: ledger row (planned) → present value read → planned→sent under the lease → request → outcome noted. A crash at
any point leaves a row that `settle` can judge by reading. `pause` is looked at before every request.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from integration_pipelines.core.contract import Contract, SourceObject
from integration_pipelines.core.ledger_rows import ledger_rows
from integration_pipelines.core.writes import WriteState
from integration_pipelines.errors import IntegrationError
from integration_pipelines.ports.bundle import Ports
from integration_pipelines.ports.partner import Applied, Connector, FieldWrite, RecordWrite, Refused, WriteOutcome
from integration_pipelines.ports.writing import Lease, Settled, StoredPlan
from integration_pipelines.use_cases.alone import LEASE_SECONDS
from integration_pipelines.use_cases.observations import lay_over
from integration_pipelines.use_cases.outcome import TenantReport
from integration_pipelines.use_cases.whole_records import by_key, carried_out, found_now, in_order, key_of, send_records


@dataclass(frozen=True, slots=True)
class Pushed:
    """What became of the writes: (target, id) → write id, write id → state, and target → ids that were written."""

    plan_id: str
    write_ids: Mapping[tuple[str, str], str]
    states: Mapping[str, WriteState]
    written: Mapping[str, tuple[str, ...]]
    rows: Mapping[str, dict[str, Any]]  # write id → ledger row as it was before anything was sent
    calls: int
    stopped: str  # why it stopped early, or ''
    errors: Mapping[str, tuple[str, str]] = field(default_factory=dict)  # write id → kind and text, of those that failed
    acknowledged: Mapping[str, datetime] = field(default_factory=dict)  # write id → when the partner confirmed it
    met: Sequence[tuple[str, pa.Table]] = ()  # target and records as observed that were to be made and are there


def push(tenant: TenantReport, contract: Contract, plan: StoredPlan, writes: pa.Table, lease: Lease, *, ports: Ports) -> Pushed:
    """Apply a plan's writes.

    Args:
        tenant: whose writes.
        contract: the integration.
        plan: the plan they belong to; its id makes the write ids, so that a repeat of the plan is recognised.
        writes: `PLANNED_WRITES` of that tenant.
        lease: the right to write; every batch is fenced with its token.
        ports: the outside.
    """
    planned = writes.to_pylist()
    ports.ledger.intend(ledger_rows(planned, tenant.run_id, plan.plan_id, ports.clock.now()))
    mine = {row["write_id"]: row for row in ports.ledger.of_plan(tenant.tenant_id, plan.plan_id).to_pylist()}
    by_key = {(w["target"], w["target_id"]): w for w in planned}
    again = {row["write_id"] for row in tenant.again}
    states: dict[str, WriteState] = {}
    errors: dict[str, tuple[str, str]] = {}
    acknowledged: dict[str, datetime] = {}
    written: dict[str, list[str]] = {}
    met: list[tuple[str, pa.Table]] = []
    calls, stopped = 0, ""
    for target, connector in _targets(contract, tenant.tenant_id, by_key, ports):
        try:
            rows = [r for r in mine.values() if r["target"] == target and (target, r["target_id"]) in by_key]
            open_rows = [r for r in rows if r["state"] == WriteState.PLANNED or r["write_id"] in again]
            for batch in (b for of in in_order(open_rows) for b in _batches(of, connector.write_batch)):
                stopped = _halted(tenant.tenant_id, contract.contract, ports)
                if not stopped and not ports.leases.renew(lease, LEASE_SECONDS):
                    stopped = "another run took over this tenant"
                if stopped:
                    break
                sender = _Sender(contract, target, connector, lease, tenant.run_id, ports, errors, acknowledged, met)
                states |= sender.send(batch, {r["target_id"]: by_key[target, r["target_id"]] for r in batch})
                done = (WriteState.APPLIED, WriteState.CONFIRMED)
                ids = ((r["write_id"], sender.named.get(r["write_id"], r["target_id"])) for r in batch)
                written.setdefault(target, []).extend(record_id for write, record_id in ids if states.get(write) in done)
        finally:
            calls += connector.calls
            connector.close()
    stopped = stopped or _halted(tenant.tenant_id, contract.contract, ports)
    write_ids = {(r["target"], r["target_id"]): r["write_id"] for r in mine.values()}
    return Pushed(
        plan.plan_id,
        write_ids,
        states,
        {t: tuple(ids) for t, ids in written.items()},
        mine,
        calls,
        stopped,
        errors,
        acknowledged,
        met,
    )


def _targets(
    contract: Contract, tenant_id: str, by_key: Mapping[tuple[str, str], Any], ports: Ports
) -> Iterator[tuple[str, Connector]]:
    for target in sorted({t for t, _ in by_key}):
        role = contract.role(contract.side_of(contract.objects[target].role))
        yield target, ports.connectors.open(tenant_id, role.partner)


def _batches(rows: Sequence[dict[str, Any]], size: int) -> Iterator[Sequence[dict[str, Any]]]:
    ordered = sorted(rows, key=lambda r: r["target_id"])
    for start in range(0, len(ordered), size):
        yield ordered[start : start + size]


def _halted(tenant_id: str, integration: str, ports: Ports) -> str:
    installation = ports.tenants.installation(tenant_id, integration)
    if installation.paused:
        return "writes were paused during the run"
    return "" if installation.enabled else "writes were switched off during the run"


@dataclass(frozen=True, slots=True)
class _Sender:
    """Sends batches of one target."""

    contract: Contract
    target: str
    connector: Connector
    lease: Lease
    run_id: str
    ports: Ports
    errors: dict[str, tuple[str, str]]
    """What was refused, by write id: kind and text."""
    acknowledged: dict[str, datetime]
    """What was confirmed, by write id: when."""
    met: list[tuple[str, pa.Table]]
    """Records that were to be made and are there: what no read of this run saw is kept when its balance is drawn."""
    named: dict[str, str] = field(default_factory=dict)
    """Of records that were made: write id → the id that the partner gave them."""

    @property
    def spec(self) -> SourceObject:
        return self.contract.objects[self.target]

    def send(self, rows: Sequence[dict[str, Any]], writes: Mapping[str, dict[str, Any]]) -> dict[str, WriteState]:
        """Read, compare, write one batch; returns the state of every write in it."""
        operation = rows[0]["operation"]
        fetched = found_now(self.contract, self.target, self.connector, rows)
        present = by_key(self.contract, operation, fetched)
        to_send: list[dict[str, Any]] = []
        moved: list[dict[str, Any]] = []
        for row in rows:
            record, changes = present.get(row["target_id"]), writes[row["target_id"]]["changes"]
            stands = self._stands(record, changes) if operation == "update" else not carried_out(operation, record)
            (to_send if stands else moved).append(row)
        # One that was sent before and not seen to arrive stays unknown: it may be what changed the record.
        fate = {r["write_id"]: WriteState.UNKNOWN if r["state"] == WriteState.UNKNOWN else WriteState.SUPERSEDED for r in moved}
        text = "the record changed after the plan was made; the next plan decides anew"
        self._settle([r for r in moved if fate[r["write_id"]] is WriteState.SUPERSEDED], WriteState.SUPERSEDED, "conflict", text)
        if moved:  # the next plan must decide by what the records say now, not by what they said when they were read
            fresh = pa.array([r["target_id"] for r in moved])
            seen = fetched.filter(pc.is_in(fetched[key_of(self.contract, operation)], value_set=fresh))
            if operation == "create":
                self.met.append((self.target, seen))
            else:
                lay_over(self.ports, self.contract, self.lease.tenant_id, self.target, seen, self.run_id)
        if not to_send:
            return fate
        self.ports.ledger.send([r["write_id"] for r in to_send], self.lease)
        outcomes = self._write(to_send, writes)
        settled, now = [_settled(o) for o in outcomes], self.ports.clock.now()
        self.ports.ledger.settle(settled, now)
        self.acknowledged.update({o.write_id: now for o in outcomes if isinstance(o, Applied)})
        self.named.update({o.write_id: o.record_id for o in outcomes if isinstance(o, Applied) and o.record_id})
        failed = [s for s in settled if s.state == WriteState.FAILED]
        self.errors.update({s.write_id: (str(s.error_kind or ""), s.error_text or "") for s in failed})
        return fate | {o.write_id: _state(o) for o in outcomes}

    def _stands(self, record: dict[str, Any] | None, changes: Sequence[Mapping[str, str]]) -> bool:
        """Whether the record still says what it said when the plan was made (missing and blank are one here)."""
        if record is None or record["deleted"] or record.get("id") not in {None, record["record_id"]}:
            return False
        columns = {column.source: name for name, column in self.spec.columns.items()}
        return all((record[columns[c["path"]]] or "") == (c["before"] or "") for c in changes)

    def _write(self, rows: Sequence[dict[str, Any]], writes: Mapping[str, dict[str, Any]]) -> list[WriteOutcome]:
        records = [
            RecordWrite(
                row["write_id"],
                row["idempotency_key"],
                row["target_id"],
                tuple(FieldWrite(c["path"], c["after"]) for c in writes[row["target_id"]]["changes"]) + self._stamps(row),
            )
            for row in rows
        ]
        try:
            return send_records(self.contract, self.target, self.connector, rows[0]["operation"], records)
        except IntegrationError as error:
            # The whole request was refused before anything was carried out: quota, credentials, a scope.
            return [Refused(r.write_id, error.kind, error.message, error.request_id) for r in records]

    def _stamps(self, row: Mapping[str, Any]) -> tuple[FieldWrite, ...]:
        """Fields that say when the sync last changed a record; they ride along and never cause a write.

        The time is that of the intent, so that a repeat under the same key says the very same.
        """
        role = self.spec.role
        side = self.contract.side_of(role)
        columns = (getattr(f, side).column for f in self.contract.fields.values() if f.owner == "sync")
        intended = row["created_at"].strftime("%Y-%m-%dT%H:%M:%SZ")
        return tuple(FieldWrite(self.spec.columns[c].source, intended) for c in columns if c is not None)

    def _settle(self, rows: Sequence[dict[str, Any]], state: WriteState, kind: str, text: str) -> None:
        if rows:
            self.ports.ledger.settle([Settled(r["write_id"], state, kind, text) for r in rows], self.ports.clock.now())


def _state(outcome: WriteOutcome) -> WriteState:
    if isinstance(outcome, Applied):
        return WriteState.APPLIED
    return WriteState.FAILED if isinstance(outcome, Refused) else WriteState.UNKNOWN


def _settled(outcome: WriteOutcome) -> Settled:
    if isinstance(outcome, Applied):
        return Settled(outcome.write_id, WriteState.APPLIED, record_id=outcome.record_id or None)
    if isinstance(outcome, Refused):
        text = f"{outcome.text} (request {outcome.request_id})" if outcome.request_id else outcome.text
        return Settled(outcome.write_id, WriteState.FAILED, outcome.kind, text)
    return Settled(outcome.write_id, WriteState.UNKNOWN, "transient", outcome.text)
