"""The end of a run: what became of every write and diff, one outcome for every record, and the certificate."""

import json
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from integration_pipelines.core.contract import Contract
from integration_pipelines.core.diffs import mark
from integration_pipelines.core.ledger_rows import images
from integration_pipelines.core.passes import PassResult
from integration_pipelines.core.sql import Sql, text
from integration_pipelines.core.tables import TEXT
from integration_pipelines.core.writes import WriteState, write_id
from integration_pipelines.errors import IntegrationError
from integration_pipelines.ports.bundle import Ports
from integration_pipelines.ports.writing import PlanState, Settled
from integration_pipelines.use_cases.closure import FEW_RECORDS
from integration_pipelines.use_cases.echoes import learn_spellings
from integration_pipelines.use_cases.look import Look, read_tally
from integration_pipelines.use_cases.observations import lay_over, texts
from integration_pipelines.use_cases.outcome import BatchReport, RunOutcome, TenantReport
from integration_pipelines.use_cases.planning import Decision
from integration_pipelines.use_cases.push import Pushed
from integration_pipelines.use_cases.shares import Shares
from integration_pipelines.use_cases.shown import says, shows

FATES = pa.schema([(c, TEXT) for c in ("tenant_id", "target", "target_id", "plan_id", "write_id", "status")])
PASS_WRITES = pa.schema([(c, TEXT) for c in ("tenant_id", "target", "target_id", "state")])
_NAMED = ["tenant_id", "target", "target_id", "fingerprint"]
Prove = Callable[[BatchReport, Contract, dict[str, dict[str, tuple[str, ...]]], pa.Table, Ports], Look]

_DIFF_STATUS = {
    WriteState.APPLIED: "written",
    WriteState.CONFIRMED: "written",
    WriteState.FAILED: "failed",
    WriteState.SUPERSEDED: "superseded",
}


def fate_rows(alive: Sequence[TenantReport], result: PassResult, decisions: Mapping[str, Decision], ports: Ports) -> pa.Table:
    """Keep the diffs with the plan that takes care of them; returns them."""
    rows = []
    writes = Shares(result.writes.select(_NAMED))
    for tenant in alive:
        decision = decisions.get(tenant.tenant_id)
        if decision is None or decision.plan is None:
            continue
        mine = decision.covers if decision.covers is not None else decision.writes if decision.outcome is None else None
        going = None if mine is None else set(texts(mine, "fingerprint"))
        for write in writes.of(tenant.tenant_id).to_pylist():
            if (write["target"], write["target_id"]) in tenant.waiting:
                rows.append(_fate(write, decision.plan.plan_id, "failed"))
            elif going is None or write["fingerprint"] in going:  # what is in no plan yet is open
                rows.append(_fate(write, decision.plan.plan_id, "held" if decision.plan.state is PlanState.HELD else "planned"))
    run_ids = {t.tenant_id: t.run_id for t in alive}
    return _marked(_of(result.diffs, run_ids), result.writes, rows, run_ids, ports)


def _fate(write: Mapping[str, str], plan_id: str, status: str) -> dict[str, str]:
    key = {k: write[k] for k in ("tenant_id", "target", "target_id")}
    return key | {"plan_id": plan_id, "write_id": write_id(plan_id, write["target"], write["target_id"]), "status": status}


def _marked(found: pa.Table, writes: pa.Table, fates: list[dict[str, str]], run_ids: Mapping[str, str], ports: Ports) -> pa.Table:
    con = ports.duck(few=found.num_rows + writes.num_rows <= FEW_RECORDS)
    marked = mark(Sql(con, macros=False), found, writes, pa.Table.from_pylist(fates, FATES))
    con.close()
    ports.diffs.record(marked, dict(run_ids))
    return marked


def conclude(
    report: BatchReport,
    contract: Contract,
    first: Look,
    pushed: Mapping[str, Pushed],
    refused: pa.Table,
    *,
    ports: Ports,
    prove: Prove,
) -> None:
    """Draw the balance of every tenant, prove the written ones, and set outcomes.

    Args:
        report: the run; every tenant that did not fail gets outcomes, balance and, unless it is held, a certificate.
        contract: the integration.
        first: the look whose plan was acted on.
        pushed: what was written.
        refused: what the gate refused.
        ports: the outside.
        prove: reads the written records again and looks once more.
    """
    states = _write_states(report, first.result, pushed)
    _balance(report, contract, first, states, ports)
    _keep_met(report, contract, pushed, ports)
    for tenant_id, done in pushed.items():
        tenant = report.tenant(tenant_id)
        tenant.calls += done.calls
        tenant.acknowledged |= {record: done.acknowledged[w] for record, w in done.write_ids.items() if w in done.acknowledged}
        tenant.writes = dict(Counter(str(s) for s in done.states.values()))
        tenant.reason = done.stopped or tenant.reason
    written = {t: dict(p.written) for t, p in pushed.items() if any(p.written.values())}
    _mark_unwritten(report, first, {t: p for t, p in pushed.items() if t not in written}, ports)
    if written:
        again = prove(report, contract, written, refused, ports)
        if learn_spellings(report, contract, first, again, pushed, ports=ports):
            again.close()
            again = prove(report, contract, written, refused, ports)
        _settle_proved(report, contract, first, again, pushed, written, ports)
        again.close()
    quiet = [t for t in report.kept if t not in written and report.tenant(t).settled and report.tenant(t).fault is None]
    _confirm(report, contract, dict.fromkeys(quiet, ""), (first,), ports)
    for tenant in report.alive():
        try:
            _finish(tenant, first.result, pushed.get(tenant.tenant_id), ports)
        except IntegrationError as error:
            tenant.fail(error)


def _keep_met(report: BatchReport, contract: Contract, pushed: Mapping[str, Pushed], ports: Ports) -> None:
    """Records that were to be made and are there, although no read told of them: the next plan must know of them."""
    for tenant_id, done in pushed.items():
        tenant = report.tenant(tenant_id)
        try:
            for target, seen in done.met:
                lay_over(ports, contract, tenant_id, target, seen, tenant.run_id)
        except IntegrationError as error:
            tenant.fail(error)


def _write_states(report: BatchReport, result: PassResult, pushed: Mapping[str, Pushed]) -> pa.Table:
    """Every planned write of this pass with its state, for the balance: planned when it was not sent, failed while it waits for a retry."""
    known = {w: s for done in pushed.values() for w, s in done.states.items()}
    rows = []
    for write in result.writes.select(_NAMED).to_pylist():
        key = {k: write[k] for k in ("tenant_id", "target", "target_id")}
        done = pushed.get(write["tenant_id"])
        state = None if done is None else known.get(done.write_ids.get((write["target"], write["target_id"]), ""))
        waits = (write["target"], write["target_id"]) in report.tenant(write["tenant_id"]).waiting
        rows.append(key | {"state": str(state or (WriteState.FAILED if waits else WriteState.PLANNED))})
    return pa.Table.from_pylist(rows, PASS_WRITES)


def _balance(report: BatchReport, contract: Contract, first: Look, states: pa.Table, ports: Ports) -> None:
    tenants = sorted(report.kept)
    found = _of(first.engine.outcomes(states), tenants)
    report.found, report.pairs = found, first.pairs()
    tally = read_tally(first.tally, tenants)
    troubles = first.engine.imbalances(tally, found) if tenants else []
    ports.runs.save_outcomes(found, contract.contract, {t: first.inputs.run_ids[t] for t in tenants})
    outcomes = Shares(found.select(["tenant_id", "outcome"]))
    for tenant_id in tenants:
        tenant = report.tenant(tenant_id)
        tenant.outcomes = dict(Counter(texts(outcomes.of(tenant_id), "outcome")))
        tenant.imbalances = tuple(f"{t.object} {t.record_id} {t.what}" for t in troubles if t.tenant_id == tenant_id)
        tenant.balanced = not tenant.imbalances


def _settle_proved(
    report: BatchReport,
    contract: Contract,
    first: Look,
    again: Look,
    pushed: Mapping[str, Pushed],
    written: Mapping[str, Mapping[str, tuple[str, ...]]],
    ports: Ports,
) -> None:
    """Confirm the writes that the second look shows, keep the diffs as they are now, and judge the certificate."""
    fates = []
    writes = Shares(again.result.writes.select(_NAMED))
    confirmed = _confirm(report, contract, {t: pushed[t].plan_id for t in written}, (first, again), ports)
    for tenant_id, targets in written.items():
        tenant = report.tenant(tenant_id)
        left = writes.of(tenant_id).to_pylist()
        open_again = [w for w in left if w["target_id"] in targets.get(w["target"], ())]
        undone = sum(1 for s in pushed[tenant_id].states.values() if s in {WriteState.UNKNOWN, WriteState.FAILED})
        tenant.counts["confirmed"] = confirmed[tenant_id]
        if tenant.certified is None and tenant.fault is None:
            tenant.certified = bool(tenant.balanced) and not undone and not open_again and not pushed[tenant_id].stopped
            if undone:
                tenant.reason = f"{undone} writes failed or have an unknown outcome; see the write ledger"
            elif open_again:
                names = ", ".join(f"{w['target']} {w['target_id']}" for w in open_again[:3])
                tenant.reason = f"{len(open_again)} written records still differ when read again: {names}"
        fates += [_fate_after(w, pushed[tenant_id]) for w in left if (w["target"], w["target_id"]) in pushed[tenant_id].write_ids]
    report.diffs = _marked(again.result.diffs, again.result.writes, fates, dict(again.inputs.run_ids), ports)


def _mark_unwritten(report: BatchReport, first: Look, pushed: Mapping[str, Pushed], ports: Ports) -> None:
    """Tenants of whom nothing was written have nothing to prove; their differences still say what became of the writes."""
    fates = []
    planned = Shares(first.result.writes.select(_NAMED))
    for tenant_id, done in pushed.items():
        failed = sum(1 for s in done.states.values() if s in {WriteState.UNKNOWN, WriteState.FAILED})
        if failed:
            report.tenant(tenant_id).reason = f"{failed} writes failed or have an unknown outcome; see the write ledger"
        fates += [
            _fate_after(w, done) for w in planned.of(tenant_id).to_pylist() if (w["target"], w["target_id"]) in done.write_ids
        ]
    if fates and report.diffs is not None:
        _marked(_of(report.diffs, pushed), first.result.writes, fates, {t: report.tenant(t).run_id for t in pushed}, ports)


def _of(table: pa.Table, tenants: Collection[str]) -> pa.Table:
    return table.filter(pc.is_in(table["tenant_id"], value_set=pa.array(sorted(tenants), TEXT)))


def _fate_after(write: Mapping[str, str], done: Pushed) -> dict[str, str]:
    mine = done.write_ids[write["target"], write["target_id"]]
    state = done.states.get(mine)
    key = {k: write[k] for k in ("tenant_id", "target", "target_id")}
    return key | {"plan_id": done.plan_id, "write_id": mine, "status": _DIFF_STATUS.get(state, "planned") if state else "planned"}


def _confirm(
    report: BatchReport, contract: Contract, plans: Mapping[str, str], looks: Sequence[Look], ports: Ports
) -> Counter[str]:
    """Applied writes of these plans that the records show become confirmed, and those of earlier runs that were found carried out.

    Until both sides were seen to agree again, a value that a record shows stays known as ours: somebody changed the other side meanwhile,
    and the next look must not take our own value for an edit. `plans` are by tenant, '' for none; `looks` are this run's, the last one
    shows the records as they were read again. Returns how many were confirmed.
    """
    if not plans:
        return Counter()
    unsettled = ports.ledger.unsettled(sorted(plans), contract.contract).to_pylist()
    applied = [r for r in unsettled if r["state"] == WriteState.APPLIED and _looked_at(report, r)]
    earlier = {r["write_id"] for r in applied if r["write_id"] in report.tenant(r["tenant_id"]).settled}
    rows = [r for r in applied if r["write_id"] in earlier or r["plan_id"] == plans[r["tenant_id"]]]
    seen = [_Seen.by(contract, look, rows) for look in looks] if rows else []
    shown: dict[str, list[str]] = {}
    for row in rows:
        before = row["write_id"] in earlier
        # A replica may show for a moment what was there before an earlier write, so both looks must see that it is ours no more.
        still = any(one.still_ours(contract, row) for one in (seen if before else seen[-1:]))
        if (before or seen[-1].carried_out(contract, row)) and not still:
            shown.setdefault(row["tenant_id"], []).append(row["write_id"])
    for tenant_id, writes in shown.items():
        try:
            ports.ledger.settle([Settled(w, WriteState.CONFIRMED) for w in writes], ports.clock.now())
        except IntegrationError as error:
            report.tenant(tenant_id).fail(error)
    return Counter({tenant_id: len(writes) for tenant_id, writes in shown.items()})


def _looked_at(report: BatchReport, row: Mapping[str, str]) -> bool:
    """Whether the run's looks had the record of a ledger row before them."""
    return report.closure is None or _now_called(row) in report.closure.of(row["target"]).get(row["tenant_id"], ())


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a look saw of the records that ledger rows are about."""

    present: Mapping[tuple[str, str, str], Mapping[str, str]]  # (tenant, target, id) → the record
    differing: Collection[tuple[str, str, str]]  # those that would be written again
    ours: Mapping[tuple[str, str, str, str], int]  # and field: see `_ours`

    @classmethod
    def by(cls, contract: Contract, look: Look, rows: Sequence[Mapping[str, str]]) -> "_Seen":
        present = {
            (r["tenant_id"], name, r["record_id"]): r
            for name in sorted({r["target"] for r in rows})
            for r in _records(look, name, [r for r in rows if r["target"] == name])
        }
        differing = {(w["tenant_id"], w["target"], w["target_id"]) for w in look.result.writes.select(_NAMED).to_pylist()}
        return cls(present, differing, _ours(contract, look))

    def carried_out(self, contract: Contract, row: Mapping[str, str]) -> bool:
        """The record shows it, or does not differ any more, which says so if only in the partner's own spelling."""
        place = _place(row)
        return shows(contract, row, self.present.get(place)) or place not in self.differing

    def still_ours(self, contract: Contract, row: Mapping[str, str]) -> bool:
        """A field shows what this very write said, and the other side says something else by now."""
        place, after = _place(row), images(row)[1]
        mine = {field: sent for field in json.loads(row["fields"]) if (sent := self.ours.get((*place, field)))}
        shown = self.present.get(place)
        return any(sent == 1 or says(contract, row["target"], shown, {field: after[field]}) for field, sent in mine.items())


def _place(row: Mapping[str, str]) -> tuple[str, str, str]:
    return row["tenant_id"], row["target"], _now_called(row)


def _ours(contract: Contract, seen: Look) -> dict[tuple[str, str, str, str], int]:
    """(tenant, target, id, field) where a record shows a value of ours and the other side says something else by now → how many we sent there."""
    left, right = text(contract.main_object("left")), text(contract.main_object("right"))
    rows = seen.con.sql(
        f"""SELECT DISTINCT i.tenant_id, i.target, i.target_id, i.field, i.sent
        FROM (SELECT *, count(DISTINCT value) OVER (PARTITION BY tenant_id, target, target_id, field) AS sent FROM intents) i
        JOIN cells c ON c.tenant_id = i.tenant_id AND c.field = i.field
          AND (i.target = {left} AND i.target_id = c.left_id AND i.value = c.l
            OR i.target = {right} AND i.target_id = c.right_id AND i.value = c.r)"""
    ).fetchall()
    return {(str(tenant), str(target), str(record), str(field)): int(sent) for tenant, target, record, field, sent in rows}


def _now_called(row: Mapping[str, str]) -> str:
    """The record's id; one that was made got it from the partner."""
    return row["record_id"] or row["target_id"]


def _records(again: Look, name: str, rows: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    """The records that ledger rows are about, as the second look saw them."""
    wanted = sorted({(row["tenant_id"], _now_called(row)) for row in rows})
    table = pa.table({n: pa.array([pair[place] for pair in wanted], TEXT) for place, n in enumerate(("tenant_id", "record_id"))})
    again.con.register("wanted_ids", table)
    found: list[dict[str, str]] = (
        again.con.sql(f"SELECT o.* FROM observed_{name} o SEMI JOIN wanted_ids USING (tenant_id, record_id)")
        .to_arrow_table()
        .to_pylist()
    )
    again.con.unregister("wanted_ids")
    return found


def _finish(tenant: TenantReport, result: PassResult, done: Pushed | None, ports: Ports) -> None:
    """Set the outcome of a tenant that went all the way."""
    if done is None:
        tenant.certified = bool(tenant.balanced) and result.numbers[tenant.tenant_id].records == 0
        tenant.outcome = RunOutcome.IN_SYNC
        return
    if tenant.certified is None:
        tenant.certified = False
    finished = not done.stopped and done.plan_id not in tenant.waits
    if finished and tenant.plan is not None and tenant.plan.state in {PlanState.APPROVED, PlanState.READY}:
        tenant.plan = ports.plans.decide(
            tenant.plan.plan_id, tenant.plan.plan_hash, PlanState.APPLIED, "system", ports.clock.now()
        )
    tenant.outcome = RunOutcome.PAUSED if done.stopped else RunOutcome.WRITTEN
