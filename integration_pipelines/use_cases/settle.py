"""Writes of earlier runs whose fate is open are settled by reading: carried out, or not; nothing is ever sent again blindly."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from integration_pipelines.core.contract import Contract
from integration_pipelines.core.writes import WriteState
from integration_pipelines.ports.bundle import Ports
from integration_pipelines.ports.writing import Settled
from integration_pipelines.use_cases.observations import lay_over
from integration_pipelines.use_cases.outcome import TenantReport
from integration_pipelines.use_cases.overwrites import told_of
from integration_pipelines.use_cases.push import Pushed
from integration_pipelines.use_cases.shown import shows
from integration_pipelines.use_cases.whole_records import by_key, found_now, in_order

Row = Mapping[str, Any]

UNSENT = "the run that planned it ended before it was sent"
LOST = "a read showed that it was not carried out; the next plan decides anew"


@dataclass(frozen=True, slots=True)
class Settlement:
    """What reading showed of writes whose fate was open (ledger rows)."""

    carried_out: tuple[Row, ...] = ()
    lost: tuple[Row, ...] = ()
    again: tuple[Row, ...] = ()  # not carried out, and their plan still waits to be applied: they may go out under their own key


def settle_open_writes(tenant: TenantReport, contract: Contract, unsettled: Sequence[Row], *, ports: Ports) -> Settlement:
    """Judge the unsettled writes of a tenant (ledger rows) by what the partner shows and tells now. Needs the lease.

    A write that was never sent is superseded, unless its plan still waits to be applied. One that may have been carried out is applied
    when the record says what was sent, or when the partner tells of it although somebody changed the record since; a look confirms it.
    Otherwise it is failed (a fresh plan decides anew) or, while its plan still waits, stays unknown until that plan sends it again under
    the same key.
    """
    if not unsettled:
        return Settlement()
    going_on = {plan.plan_id for plan in ports.plans.standing(tenant.tenant_id, contract.contract)}
    by_target: dict[str, list[Row]] = defaultdict(list)
    for row in unsettled:
        by_target[row["target"]].append(row)
    carried_out: list[Row] = []
    lost: list[Row] = []
    again: list[Row] = []
    for target, rows in sorted(by_target.items()):
        # What an interrupted run did not send of a plan that still stands, the next run sends under the same write ids.
        planned = [r for r in rows if r["state"] == WriteState.PLANNED]
        give_up([r for r in planned if r["plan_id"] not in going_on], ports=ports)
        again += [r for r in planned if r["plan_id"] in going_on]
        sent = [r for r in rows if r["state"] != WriteState.PLANNED]
        shown = _by_reading(tenant, contract, target, sent, ports)
        carried_out += [r for r in sent if r["write_id"] in shown]
        absent = [r for r in sent if r["write_id"] not in shown]
        again += [r for r in absent if r["plan_id"] in going_on]
        lost += [r for r in absent if r["plan_id"] not in going_on]
    give_up(lost, ports=ports)
    return Settlement(tuple(carried_out), tuple(lost), tuple(again))


def give_up(rows: Sequence[Row], *, ports: Ports) -> None:
    """Writes of an interrupted run that do not go out again: those never sent are superseded, those sent and proven absent are failed."""
    never = [r for r in rows if r["state"] == WriteState.PLANNED]
    _note(ports, [Settled(r["write_id"], WriteState.SUPERSEDED, "conflict", UNSENT) for r in never])
    _note(ports, [Settled(r["write_id"], WriteState.FAILED, "transient", LOST) for r in rows if r["state"] != WriteState.PLANNED])


def settle_unanswered(tenant: TenantReport, contract: Contract, pushed: Pushed, *, ports: Ports) -> Pushed:
    """After a push: what the records already show of writes without an answer is applied; the others stay unknown for the next run.

    They are not failed yet: a request that is still under way may arrive later.
    """
    unknown = {w for w, s in pushed.states.items() if s is WriteState.UNKNOWN}
    if not unknown:
        return pushed
    rows = [row for write, row in pushed.rows.items() if write in unknown]
    states, written = dict(pushed.states), {target: list(ids) for target, ids in pushed.written.items()}
    for target in sorted({r["target"] for r in rows}):
        mine = [r for r in rows if r["target"] == target]
        present = _present(tenant.tenant_id, contract, target, mine, ports)[1]
        shown = [r for r in mine if shows(contract, r, present.get(r["write_id"]))]
        _note(ports, [_applied(r, present) for r in shown])
        states |= {r["write_id"]: WriteState.APPLIED for r in shown}
        written.setdefault(target, []).extend(_applied(r, present).record_id or r["target_id"] for r in shown)
    return replace(pushed, states=states, written={target: tuple(ids) for target, ids in written.items()})


def _by_reading(tenant: TenantReport, contract: Contract, target: str, rows: Sequence[Row], ports: Ports) -> set[str]:
    """Settle by the records as they are now; the ids of the writes that were carried out."""
    if not rows:
        return set()
    tables, present = _present(tenant.tenant_id, contract, target, rows, ports)
    for found in tables:
        lay_over(ports, contract, tenant.tenant_id, target, found, tenant.run_id)
    shown = {r["write_id"] for r in rows if shows(contract, r, present.get(r["write_id"]))}
    # An applied write that the record no longer shows was carried out all the same: somebody changed it afterwards.
    done = shown | {r["write_id"] for r in rows if r["state"] == WriteState.APPLIED}
    done |= told_of(tenant, contract, target, [r for r in rows if r["write_id"] not in done], ports=ports)
    _note(ports, [Settled(r["write_id"], WriteState.UNKNOWN) for r in rows if r["state"] == WriteState.SENT])
    _note(
        ports,
        [_applied(r, present) for r in rows if r["write_id"] in done and r["state"] != WriteState.APPLIED],
    )
    return done


def _present(
    tenant_id: str, contract: Contract, target: str, rows: Sequence[Row], ports: Ports
) -> tuple[list[pa.Table], dict[str, Row]]:
    """What the partner holds now of the records that those rows are about: as it was read, and by write id."""
    connector = ports.connectors.open(tenant_id, contract.role(contract.side_of(contract.objects[target].role)).partner)
    tables: list[pa.Table] = []
    present: dict[str, Row] = {}
    try:
        for of in in_order(rows):
            ids = sorted({r["target_id"] for r in of})
            for start in range(0, len(ids), connector.write_batch):
                wanted = set(ids[start : start + connector.write_batch])
                batch = [r for r in of if r["target_id"] in wanted]
                tables.append(found_now(contract, target, connector, batch))
                records = by_key(contract, of[0]["operation"], tables[-1])
                present |= {r["write_id"]: records[r["target_id"]] for r in batch if r["target_id"] in records}
    finally:
        connector.close()
    return tables, present


def _applied(row: Row, present: Mapping[str, Row]) -> Settled:
    made = present.get(row["write_id"]) if row["operation"] == "create" else None
    return Settled(row["write_id"], WriteState.APPLIED, record_id=None if made is None else str(made["record_id"]))


def _note(ports: Ports, results: list[Settled]) -> None:
    if results:
        ports.ledger.settle(results, ports.clock.now())
