"""Writes that failed: held back until they are due, tried again for the contract's hours, and given up with an alert's facts kept.

A failure is remembered with the content that failed. When the record or the contract changes, the planned content is another one and
goes out at once; the same content waits. A run for named records does not wait: somebody just mended something and wants to see.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from integration_pipelines.core.backoff import next_try
from integration_pipelines.core.contract import Contract
from integration_pipelines.core.tables import PLANNED_WRITES, TEXT
from integration_pipelines.core.writes import WriteState
from integration_pipelines.errors import ErrorKind
from integration_pipelines.ports.bundle import Ports
from integration_pipelines.ports.retries import Retry
from integration_pipelines.use_cases.observations import texts
from integration_pipelines.use_cases.outcome import RunOutcome, TenantReport
from integration_pipelines.use_cases.planning import Decision
from integration_pipelines.use_cases.push import Pushed
from integration_pipelines.use_cases.settle import LOST, give_up

LOST_AT_ONCE = 3
"""How often a write that never arrived is sent again without waiting."""
CONFLICTS_AT_ONCE = 3
"""How often a write that met somebody else's change is planned from a fresh read without waiting; then it counts as a conflict."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A write that was not carried out."""

    target: str
    target_id: str
    fingerprint: str
    error_kind: str
    error_text: str
    write_id: str


def failed_writes(tenant_ids: Sequence[str], contract: Contract, *, ports: Ports) -> dict[str, list[Retry]]:
    """What is remembered of failed writes, by tenant."""
    found: dict[str, list[Retry]] = {}
    for retry in ports.retries.load(tenant_ids, contract.contract):
        found.setdefault(retry.tenant_id, []).append(retry)
    return found


def given_up(known: Sequence[Retry], contract: Contract, *, named: bool) -> frozenset[str]:
    """Fingerprints of writes that are not tried again by themselves; where a person `named` records, only of those that were our mistake."""
    return frozenset(
        r.fingerprint
        for r in known
        if r.contract_version == contract.version and r.next_try_at is None and (not named or r.error_kind == ErrorKind.BUG)
    )


def hold_back(
    tenant: TenantReport, contract: Contract, decision: Decision, known: Sequence[Retry], *, named: bool, ports: Ports
) -> Decision:
    """Take out of a decision the writes that failed before and are not due yet; the tenant's report names them.

    For records that a person `named` there is no waiting, but for what was refused through a mistake of ours.
    """
    if decision.outcome is not None or decision.writes.num_rows == 0 or not known:
        return decision
    now = ports.clock.now()
    early = {
        r.fingerprint: r
        for r in known
        if r.contract_version == contract.version and not _due(r, now) and (not named or r.error_kind == ErrorKind.BUG)
    }
    mask = pc.is_in(decision.writes["fingerprint"], value_set=pa.array(sorted(early), TEXT))
    waiting = decision.writes.filter(mask)
    if waiting.num_rows == 0:
        return decision
    tenant.waiting = frozenset(zip(texts(waiting, "target"), texts(waiting, "target_id"), strict=True))
    tenant.reason = _words([early[f] for f in texts(waiting, "fingerprint")])
    going = decision.writes.filter(pc.invert(mask))
    if going.num_rows == 0:
        tenant.outcome = RunOutcome.HELD
        return replace(decision, writes=going, outcome=RunOutcome.HELD, reason=tenant.reason)
    return replace(decision, writes=going)


def remember(
    tenant: TenantReport,
    contract: Contract,
    planned: pa.Table,
    pushed: Pushed | None,
    before: Sequence[Retry],
    *,
    looked_at: Callable[[tuple[str, str]], bool],
    ports: Ports,
) -> None:
    """After a push: note what failed, forget what was written and, of records (target, id) that were looked at, what is wanted no more."""
    known = {(r.target, r.target_id): r for r in before}
    rows = {(w["target"], w["target_id"]): w["fingerprint"] for w in planned.select(_KEYS).to_pylist()}
    states = {} if pushed is None else {r: pushed.states.get(w) for r, w in pushed.write_ids.items()}
    failed = [] if pushed is None else [
        Failure(*record, rows[record], *pushed.errors.get(pushed.write_ids[record], ("", "")), pushed.write_ids[record])
        for record, state in sorted(states.items())
        if state is WriteState.FAILED and record in rows
    ]  # fmt: skip
    note(tenant, contract, failed, known.values(), ports=ports)
    done = {record for record, state in states.items() if state in {WriteState.APPLIED, WriteState.CONFIRMED}}
    settled = {record for record in known if record in done or (looked_at(record) and record not in rows)}
    ports.retries.clear(tenant.tenant_id, contract.contract, sorted(settled))


def note_lost(tenant: TenantReport, contract: Contract, rows: Sequence[Mapping[str, Any]], *, ports: Ports) -> None:
    """Writes that never arrived: the next plan may send them at once, but somebody hears of it when that goes on for too long."""
    if not rows:
        return
    content: dict[tuple[str, str, str], str] = {}
    for plan in sorted({row["plan_id"] for row in rows}):
        stored = ports.lake.read([ports.plans.find(tenant.tenant_id, plan).file], PLANNED_WRITES).select(_KEYS)
        content |= {(plan, w["target"], w["target_id"]): w["fingerprint"] for w in stored.to_pylist()}
    failures = [
        Failure(r["target"], r["target_id"], content[r["plan_id"], r["target"], r["target_id"]], "transient", LOST, r["write_id"])
        for r in rows
    ]
    known = ports.retries.load([tenant.tenant_id], contract.contract)
    note(tenant, contract, failures, known, ports=ports, at_once=LOST_AT_ONCE)


def give_up_unsent(tenant: TenantReport, contract: Contract, decision: Decision, *, ports: Ports) -> None:
    """Be done with the writes that an interrupted run left of a plan that stood, unless this run sends them or that plan goes on standing."""
    going = set(zip(texts(decision.writes, "target"), texts(decision.writes, "target_id"), strict=True))
    plan = decision.plan.plan_id if decision.plan is not None and decision.outcome is None else ""
    left = [
        r
        for r in tenant.again
        if r["plan_id"] not in decision.waits and (r["plan_id"] != plan or (r["target"], r["target_id"]) not in going)
    ]
    give_up(left, ports=ports)
    note_lost(tenant, contract, [r for r in left if r["state"] != WriteState.PLANNED], ports=ports)


def note(
    tenant: TenantReport,
    contract: Contract,
    failures: Sequence[Failure],
    known: Iterable[Retry],
    *,
    ports: Ports,
    at_once: int = 0,
) -> None:
    """Remember failures, each counted on top of earlier ones of the same content; the first `at_once` may be tried again now."""
    if not failures:
        return
    now = ports.clock.now()
    before = {(r.target, r.target_id): r for r in known}
    ports.retries.save([_retry(tenant, contract, f, before.get((f.target, f.target_id)), now, at_once) for f in failures])


_KEYS = [n for n in PLANNED_WRITES.names if n in {"target", "target_id", "fingerprint"}]


def _due(retry: Retry, now: datetime) -> bool:
    return retry.next_try_at is not None and retry.next_try_at <= now


def _retry(
    tenant: TenantReport, contract: Contract, failure: Failure, before: Retry | None, now: datetime, at_once: int
) -> Retry:
    same = before is not None and (before.fingerprint, before.contract_version) == (failure.fingerprint, contract.version)
    attempts, first = (before.attempts + 1, before.first_failed_at) if before is not None and same else (1, now)
    soon = at_once or (CONFLICTS_AT_ONCE if failure.error_kind == ErrorKind.CONFLICT else 0)
    due = now if attempts <= soon else next_try(attempts, first, now, contract.failure.retry_hours)
    if failure.error_kind == ErrorKind.BUG:  # only a mistake of ours explains it; another try would go out under a new key
        due = None
    return Retry(
        tenant.tenant_id, contract.contract, failure.target, failure.target_id, failure.fingerprint, contract.version, attempts,
        first, now, due, failure.error_kind, failure.error_text, failure.write_id, tenant.run_id,
    )  # fmt: skip


def _words(retries: Sequence[Retry]) -> str:
    """Why nothing happens to those records now, for people."""
    due = [r.next_try_at for r in retries if r.next_try_at is not None]
    mistakes = sum(r.error_kind == ErrorKind.BUG for r in retries)
    over = len(retries) - len(due) - mistakes
    parts = []
    if due:
        parts.append(f"{len(due)} writes failed before and are tried again from {min(due):%Y-%m-%d %H:%M} UTC")
    if mistakes:
        parts.append(f"{mistakes} writes were refused through a mistake of this program and are not tried again by themselves")
    if over:
        parts.append(f"{over} writes failed for too long and wait until the record or the contract changes")
    return "; ".join(parts)
