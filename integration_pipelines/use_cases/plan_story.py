"""A plan as people read it: each change with its reason and what became of it, which records had moved, and what it cost.

Only stored facts are read here; deciding about plans is `planning` and `approve`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from integration_pipelines.core.tables import PLANNED_WRITES
from integration_pipelines.core.writes import WriteState
from integration_pipelines.ports.bundle import Ports
from integration_pipelines.ports.writing import PlanState, StoredPlan

SHOWN = 20
"""So many records are named; the rest is counted."""

WHOLE = {"create": "would be made", "delete": "would be archived"}


@dataclass(frozen=True, slots=True)
class PlanStory:
    """What a plan holds and what became of it."""

    writes: list[dict[str, Any]]  # `PLANNED_WRITES` with `state` and, per change, `why`
    moved: list[tuple[str, str]]  # (object, id) of records that changed after the plan was made and were left alone
    calls_used: int | None  # by the runs that applied it, beside the forecast; None before


def tell_plan(plan: StoredPlan, *, ports: Ports) -> PlanStory:
    """Read a plan's writes with the reasons of the differences they settle and with their fate in the ledger."""
    writes = ports.lake.read([plan.file], PLANNED_WRITES).to_pylist()
    ledger = ports.ledger.of_plan(plan.tenant_id, plan.plan_id).to_pylist()
    states = {(r["target"], r["target_id"]): r["state"] for r in ledger}
    reasons = _reasons(plan, writes, ports)
    for write in writes:
        write["state"] = states.get((write["target"], write["target_id"])) or _unsent(plan)
        why = {field: text for diff_id in write["diff_ids"] for field, text in reasons.get(diff_id, {}).items()}
        for change in write["changes"]:
            change["why"] = why.get(change["field"]) or why.get("*") or ""
    moved = [(w["target"], w["target_id"]) for w in writes if w["state"] in {WriteState.SUPERSEDED.value, MOVED}]
    return PlanStory(writes, moved, _calls(plan, {r["run_id"] for r in ledger}, ports))


MOVED = "left alone"


def _unsent(plan: StoredPlan) -> str:
    """A write that is in no ledger was not sent yet or, of a plan that was applied, stood no more when its turn came."""
    return MOVED if plan.state is PlanState.APPLIED else "planned"


def named(records: Iterable[tuple[str, str]]) -> str:
    """Records in a sentence: the first ones by object and id, the rest counted."""
    ordered = sorted(records)
    text = ", ".join(f"{target} {record_id}" for target, record_id in ordered[:SHOWN])
    return text + (f" and {len(ordered) - SHOWN} more" if len(ordered) > SHOWN else "")


def _reasons(plan: StoredPlan, writes: list[dict[str, Any]], ports: Ports) -> Mapping[str, dict[str, str]]:
    wanted = {diff_id for write in writes for diff_id in write["diff_ids"]}
    rows = (
        ports.diffs.load([plan.tenant_id], plan.integration).select(["diff_id", "field", "reason"]).to_pylist() if wanted else []
    )
    return {r["diff_id"]: {r["field"]: r["reason"] or ""} for r in rows if r["diff_id"] in wanted}


def _calls(plan: StoredPlan, run_ids: set[str], ports: Ports) -> int | None:
    runs = ports.runs.last([plan.tenant_id], plan.integration, limit=50) if run_ids else []
    used = [r.counts["calls_used"] for r in runs if r.run_id in run_ids and "calls_used" in r.counts]
    return sum(used) if used else None
