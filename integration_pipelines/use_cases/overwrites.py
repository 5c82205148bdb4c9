"""Edits that our writes replaced unseen: found by what really stood there, kept, and put back where the field's rule gives them the word.

Between reading a record and writing it somebody may edit it, and no partner here refuses a write for that. So after the writes the
partner is asked what each one replaced. Where that is not what was read, the replaced value is recorded; on a field of the other side
the owner's value stands, on a shared field the contract's rule decides, and a value that wins (or has to wait for a person) goes back at
once, as a write of its own in the ledger.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pyarrow as pa

from integration_pipelines.core.contract import Contract
from integration_pipelines.core.ledger_rows import images
from integration_pipelines.core.tables import PLANNED_WRITES
from integration_pipelines.core.writes import WriteState
from integration_pipelines.ports.bundle import Ports
from integration_pipelines.ports.partner import Connector, FieldWrite, PreImage, RecordWrite
from integration_pipelines.ports.retries import Overwrite
from integration_pipelines.ports.writing import PlanState, Settled, StoredPlan
from integration_pipelines.use_cases.certify import fetched
from integration_pipelines.use_cases.observations import lay_over, texts
from integration_pipelines.use_cases.outcome import TenantReport
from integration_pipelines.use_cases.planning import RECORDS
from integration_pipelines.use_cases.push import Pushed, push

_LOOK_BACK = timedelta(minutes=1)
_REASON = "puts back what people entered while a write was under way"

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Written:
    """A confirmed ledger row with the fields that it wrote."""

    row: Row
    write: RecordWrite
    fields: Mapping[str, str]  # path → field

    @property
    def images(self) -> tuple[dict[str, str], dict[str, str]]:
        return images(self.row)


def look_behind(tenant: TenantReport, contract: Contract, rows: Sequence[Row], *, ports: Ports) -> None:
    """Find what those applied writes replaced unseen and put back what must not stay replaced.

    A partner that does not answer now does not undo the writes: what it could not tell is asked again when the writes are settled.
    """
    found = find_overwrites(tenant, contract, rows, ports=ports)
    tenant.counts["overwrites"] = tenant.counts.get("overwrites", 0) + len(found)
    put_back(tenant, contract, found, ports=ports)


def find_overwrites(tenant: TenantReport, contract: Contract, rows: Iterable[Row], *, ports: Ports) -> list[Overwrite]:
    """Ask the partners what those ledger rows (applied writes) replaced; record and return what was replaced unseen."""
    by_target: dict[str, list[_Written]] = defaultdict(list)
    for row in (r for r in rows if r["operation"] == "update"):  # what is made replaces nothing
        by_target[row["target"]].append(_written(contract, row))
    found: list[Overwrite] = []
    for target, written in sorted(by_target.items()):
        spec = contract.objects[target]
        connector = ports.connectors.open(tenant.tenant_id, contract.role(contract.side_of(spec.role)).partner)
        try:
            told = _ask(connector, contract, target, written)
        finally:
            tenant.calls += connector.calls
            connector.close()
        found += _replaced(tenant, contract, written, told, ports)
    ports.overwrites.record(found)
    return found


def told_of(tenant: TenantReport, contract: Contract, target: str, rows: Sequence[Row], *, ports: Ports) -> set[str]:
    """Of ledger rows without an answer those that the partner tells of: carried out, whatever the record says by now; their write ids."""
    updates = [_written(contract, row) for row in rows if row["operation"] == "update"]
    if not updates:
        return set()
    connector = ports.connectors.open(tenant.tenant_id, contract.role(contract.side_of(contract.objects[target].role)).partner)
    try:
        return {image.write_id for image in _ask(connector, contract, target, updates)}
    finally:
        tenant.calls += connector.calls
        connector.close()


def not_yet_restored(tenant_ids: Sequence[str], contract: Contract, *, ports: Ports) -> list[Overwrite]:
    """Values that should have been put back in an earlier run that ended before."""
    since = ports.clock.now() - timedelta(hours=contract.failure.retry_hours)
    found = ports.overwrites.load(tenant_ids, contract.contract, since=since)
    return [o for o in found if o.action != "kept" and o.restored_at is None]


def put_back(tenant: TenantReport, contract: Contract, overwrites: Sequence[Overwrite], *, ports: Ports) -> Pushed | None:
    """Write those values back that the field's rule does not let our write replace; None if there are none."""
    wanted = [o for o in overwrites if o.action != "kept"]
    if not wanted or tenant.lease is None:
        return None
    writes = _restoring(contract, wanted)
    pushed = push(tenant, contract, _plan(tenant, contract, writes, ports), writes, tenant.lease, ports=ports)
    done = {w for w, s in pushed.states.items() if s is WriteState.APPLIED}
    now = ports.clock.now()
    # What was put back is no value of ours that is on its way: it is a person's, and the next look has to judge it as such.
    ports.ledger.settle([Settled(w, WriteState.CONFIRMED) for w in sorted(done)], now)
    restored = {record for record, w in pushed.write_ids.items() if w in done}
    undone = [o for o in wanted if (o.target, o.target_id) in restored]
    for name, ids in pushed.written.items():  # a read of changes passes our own writes over
        if ids:  # a refused write leaves its object here without any
            lay_over(ports, contract, tenant.tenant_id, name, fetched(tenant, contract, name, ids, ports), tenant.run_id)
    ports.overwrites.record([replace(o, restored_at=now) for o in undone])
    replaced = {o.write_id for o in undone}
    unsettled = ports.ledger.unsettled([tenant.tenant_id], contract.contract).to_pylist() if replaced else []
    seen = sorted(r["write_id"] for r in unsettled if r["write_id"] in replaced and r["state"] == WriteState.APPLIED)
    ports.ledger.settle([Settled(w, WriteState.CONFIRMED) for w in seen], now)
    return pushed


def _written(contract: Contract, row: Row) -> _Written:
    target = row["target"]
    side = contract.side_of(contract.objects[target].role)
    columns = contract.objects[target].columns
    after = images(row)[1]
    paths = {columns[getattr(contract.fields[f], side).column].source: f for f in after}
    fields = tuple(FieldWrite(path, after[field]) for path, field in paths.items())
    return _Written(row, RecordWrite(row["write_id"], row["idempotency_key"], row["target_id"], fields), paths)


def _ask(connector: Connector, contract: Contract, target: str, written: Sequence[_Written]) -> list[PreImage]:
    since = min(w.row["created_at"] for w in written) - _LOOK_BACK
    return connector.pre_images(target, contract.objects[target], [w.write for w in written], since)


def _replaced(
    tenant: TenantReport, contract: Contract, written: Sequence[_Written], told: Sequence[PreImage], ports: Ports
) -> list[Overwrite]:
    by_id = {w.row["write_id"]: w for w in written}
    now = ports.clock.now()
    unseen = []
    for image in told:
        row, field = by_id[image.write_id].row, by_id[image.write_id].fields.get(image.path)
        if field is not None:
            before, after = (images[field] or "" for images in by_id[image.write_id].images)
            if image.value not in {before, after}:
                action = _action(contract, row["target"], field)
                unseen.append(
                    Overwrite(
                        tenant.tenant_id, contract.contract, tenant.run_id, image.write_id, row["target"], row["target_id"],
                        field, before, image.value, after, image.changed_by, now, action,
                    )
                )  # fmt: skip
    earlier = ports.overwrites.of_records(tenant.tenant_id, contract.contract, sorted({o.target_id for o in unseen}))
    known = {(o.write_id, o.field) for o in earlier}  # what is on record already may have been put back since
    lost = {(o.target, o.target_id, o.field, o.lost_value) for o in earlier}
    # A partner that knows no keys may take another write of the same value for one that was given up.
    given_up = {w for w, one in by_id.items() if one.row["state"] == WriteState.FAILED}
    return [
        o
        for o in unseen
        if (o.write_id, o.field) not in known
        and not (o.write_id in given_up and (o.target, o.target_id, o.field, o.lost_value) in lost)
    ]


def _action(contract: Contract, target: str, field: str) -> str:
    """What becomes of a replaced value: on the other side's field the owner has spoken; on a shared one the rule speaks."""
    spec = contract.fields[field]
    if spec.owner != "two_way":
        return "kept"
    side = contract.side_of(contract.objects[target].role)
    return {"left_wins": "restored" if side == "left" else "kept", "right_wins": "restored" if side == "right" else "kept"}.get(
        spec.two_way_rule or "hold", "held"
    )


def _restoring(contract: Contract, overwrites: Sequence[Overwrite]) -> pa.Table:
    """`PLANNED_WRITES` that put the replaced values back."""
    records: dict[tuple[str, str], list[Overwrite]] = defaultdict(list)
    for overwrite in overwrites:
        records[overwrite.target, overwrite.target_id].append(overwrite)
    rows = []
    for (target, target_id), ones in sorted(records.items()):
        side = contract.side_of(contract.objects[target].role)
        columns = contract.objects[target].columns
        changes = [
            {"field": o.field, "path": columns[getattr(contract.fields[o.field], side).column].source, "before": o.written_value,
             "after": o.lost_value, "value": o.lost_value}
            for o in sorted(ones, key=lambda o: o.field)
        ]  # fmt: skip
        content = json.dumps([target, target_id, changes, ones[0].write_id], ensure_ascii=False)
        rows.append(
            {"tenant_id": ones[0].tenant_id, "integration": contract.contract, "target": target, "target_id": target_id,
             "operation": "update", "record_label": "", "changes": changes, "diff_ids": [],
             "fingerprint": hashlib.sha256(content.encode()).hexdigest()}
        )  # fmt: skip
    return pa.Table.from_pylist(rows, PLANNED_WRITES)


def _plan(tenant: TenantReport, contract: Contract, writes: pa.Table, ports: Ports) -> StoredPlan:
    """Kept like every plan, so that nothing is ever sent that is in none; it is applied as it is made."""
    dataset = f"{contract.contract}-plans"
    file = ports.lake.write(tenant_id=tenant.tenant_id, dataset=dataset, schema=PLANNED_WRITES, batches=writes.to_batches())
    digest = hashlib.sha256("".join(texts(writes, "fingerprint")).encode()).hexdigest()
    numbers = {"records": writes.num_rows, "updates": sum(len(row["changes"]) for row in writes.to_pylist())}
    plan = StoredPlan(
        ports.ids.new("plan"), tenant.tenant_id, contract.contract, tenant.run_id, digest, PlanState.APPLIED, _REASON, numbers, file,
        ports.clock.now(), scope=RECORDS,
    )  # fmt: skip
    ports.plans.save([plan])
    return plan
