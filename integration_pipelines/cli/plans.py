"""`plans list|show|approve|reject|accept-missing`: every write before it happens, and what a person says about it."""

from typing import Any

import click

from integration_pipelines.cli.context import actor, contract_of, integration_option, ports
from integration_pipelines.cli.show import print_json, say
from integration_pipelines.cli.tables import print_facts, print_rows
from integration_pipelines.errors import ConfigError, ConflictError
from integration_pipelines.ports.bundle import Ports
from integration_pipelines.ports.writing import PlanState, StoredPlan
from integration_pipelines.use_cases.approve import approve_nothing, approve_plan, reject_plan
from integration_pipelines.use_cases.plan_story import named, tell_plan
from integration_pipelines.use_cases.vanished import accept_missing

HEADINGS = {
    "target": "object", "id": "id", "label": "record", "field": "field", "before": "now", "after": "would become", "why": "why", "state": "state",
}  # fmt: skip
WAITING = {PlanState.HELD, PlanState.APPROVED}


@click.group("plans")
def plans() -> None:
    """Plans: what would be written, and the decisions about it.

    Example: integration-pipelines plans show acme
    """


@plans.command("list")
@click.argument("tenant")
@click.option("--integration", help="Only this one's.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def list_plans(tenant: str, integration: str | None, as_json: bool) -> None:
    """List a tenant's plans, newest first.

    Example: integration-pipelines plans list acme
    """
    with ports() as opened:
        found = opened.tenants.find(tenant)
        rows = [_row(p) for p in opened.plans.list(found.tenant_id, integration)]
    if as_json:
        print_json(rows)
        return
    headings = {
        "plan_id": "plan",
        "integration": "integration",
        "scope": "scope",
        "state": "state",
        "records": "records",
        "updates": "fields",
        "blankings": "blanked",
        "reason": "reason",
    }
    print_rows(
        rows,
        {**headings, "created_at": "made"},
        empty=f"No plan was made yet. Make one: integration-pipelines sync {found.tenant_id}",
    )


@plans.command("show")
@click.argument("tenant")
@click.argument("plan", required=False)
@click.option("--integration", help="Only this one's.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(min=1), help="How many fields to print.")
@click.option("--json", "as_json", is_flag=True, help="Print every write as JSON.")
def show(tenant: str, plan: str | None, integration: str | None, limit: int, as_json: bool) -> None:
    """Show a plan, write by write. Without a plan's id: the one that waits, or the newest.

    Example: integration-pipelines plans show acme --limit 10
    """
    with ports() as opened:
        found = opened.tenants.find(tenant)
        chosen = _chosen(opened, found.tenant_id, plan, integration)
        if chosen is None:
            say(f"No plan was made yet. Make one: integration-pipelines sync {found.tenant_id}")
            return
        story = tell_plan(chosen, ports=opened)
    if as_json:
        moved = [{"target": target, "target_id": record_id} for target, record_id in story.moved]
        print_json({**_row(chosen), "calls_used": story.calls_used, "moved": moved, "writes": story.writes})
        return
    facts = _row(chosen) | ({} if story.calls_used is None else {"calls_used": story.calls_used})
    print_facts({k.replace("_", " "): v for k, v in facts.items()}, title=f"{found.name} · {chosen.integration}")
    rows = [row for write in story.writes for row in _changes(write)]
    print_rows(rows[:limit], HEADINGS)
    if len(rows) > limit:
        say(f"… and {len(rows) - limit:,} more fields. See them all with --limit {len(rows)} or --json.")
    if story.moved:
        say(f"{len(story.moved)} records changed after the plan was made and were left alone: {named(story.moved)}.")
    if chosen.state == "held":
        say(f"Approve it: integration-pipelines plans approve {found.tenant_id} {chosen.plan_id}")


@plans.command("approve")
@click.argument("tenant")
@click.argument("plan", required=False)
@integration_option()
def approve(tenant: str, plan: str | None, integration: str | None) -> None:
    """Approve a held plan. The next sync sends exactly these writes. The approval binds the plan's hash and is recorded.

    Without a plan's id: the one that waits, if only one does. A beginning of the id or of the hash is enough. Where the first sync found
    nothing to write, this lets the integration go live: from then on the contract's limits decide.

    Example: integration-pipelines plans approve acme
    """
    with ports() as opened:
        found = opened.tenants.find(tenant)
        named = _named(opened, found.tenant_id, plan, integration)
        if named is None:
            contract = contract_of(opened, found.tenant_id, integration)
            decided = approve_nothing(found.tenant_id, contract, actor=actor(), ports=opened)
            say("Nothing was to be written. From now on the contract's limits decide.")
        else:
            decided = approve_plan(found.tenant_id, named, actor=actor(), ports=opened)
        also = f" --integration {decided.integration}" if _several(opened, found.tenant_id) else ""
        say(
            f"Approved {decided.plan_id} (hash {decided.plan_hash[:12]}). Apply it: integration-pipelines sync {found.tenant_id}{also}"
        )


@plans.command("reject")
@click.argument("tenant")
@click.argument("plan", required=False)
@integration_option()
def reject(tenant: str, plan: str | None, integration: str | None) -> None:
    """Reject a plan. It is never applied, and the next run makes a new one.

    Example: integration-pipelines plans reject acme
    """
    with ports() as opened:
        found = opened.tenants.find(tenant)
        named = _named(opened, found.tenant_id, plan, integration)
        if named is None:
            remedy = f"See them: integration-pipelines plans list {found.tenant_id}"
            raise ConflictError("No plan of this tenant waits for a decision.", remedy=remedy)
        decided = reject_plan(found.tenant_id, named, actor=actor(), ports=opened)
        say(f"Rejected {decided.plan_id}.")


@plans.command("accept-missing")
@click.argument("tenant")
@integration_option()
def accept(tenant: str, integration: str | None) -> None:
    """Say that missing records are really gone.

    A read that lacks too many records is stopped; after this the next full read counts, and this is recorded.

    Example: integration-pipelines plans accept-missing acme
    """
    with ports() as opened:
        found = opened.tenants.find(tenant)
        contract = contract_of(opened, found.tenant_id, integration)
        accept_missing(found.tenant_id, contract, actor=actor(), ports=opened)
        say(f"Recorded. Read again: integration-pipelines sync {found.tenant_id} --full")


def _chosen(opened: Ports, tenant_id: str, plan: str | None, integration: str | None) -> StoredPlan | None:
    if plan is not None:
        return opened.plans.find(tenant_id, plan)
    waiting = [p for p in _standing(opened, tenant_id, integration) if p.state in WAITING]
    return next(iter([*waiting, *opened.plans.list(tenant_id, integration, limit=1)]), None)


def _named(opened: Ports, tenant_id: str, plan: str | None, integration: str | None) -> str | None:
    """The plan that is meant; None if none waits."""
    if plan is not None:
        return plan
    waiting = [p for p in _standing(opened, tenant_id, integration) if p.state is PlanState.HELD]
    if len({p.integration for p in waiting}) > 1:
        raise ConfigError("Plans of several integrations wait.", remedy=f"Add --integration {waiting[0].integration}.")
    if len(waiting) > 1:  # nobody decides about a plan that they may not have seen
        names = ", ".join(p.plan_id for p in waiting)
        raise ConflictError(f"{len(waiting)} plans wait: {names}.", remedy="Look at them, and name the one you mean.")
    return waiting[0].plan_id if waiting else None


def _standing(opened: Ports, tenant_id: str, integration: str | None) -> list[StoredPlan]:
    """Plans that are held, ready or approved."""
    installed = [i.integration for i in opened.tenants.installations([tenant_id], integration)]
    return [plan for name in installed for plan in opened.plans.standing(tenant_id, name)]


def _several(opened: Ports, tenant_id: str) -> bool:
    return len(opened.tenants.installations([tenant_id], None)) > 1


def _row(plan: StoredPlan) -> dict[str, object]:
    facts = {
        "plan_id": plan.plan_id,
        "integration": plan.integration,
        "scope": plan.scope,
        "state": str(plan.state),
        "reason": plan.reason,
        "plan_hash": plan.plan_hash,
    }
    return {**facts, **plan.numbers, "created_at": plan.created_at, "decided_at": plan.decided_at, "decided_by": plan.decided_by}


def _changes(write: dict[str, Any]) -> list[dict[str, str]]:
    record = {"target": write["target"], "id": write["target_id"], "label": write["record_label"], "state": write["state"]}
    if write["operation"] == "delete":
        return [
            {
                **record,
                "field": "(the record)",
                "before": "(there)",
                "after": "(archived)",
                "why": "the record it was made for is gone",
            }
        ]
    made = "(no record)" if write["operation"] == "create" else "(blank)"
    return [
        {**record, "field": c["field"], "before": c["before"] or made, "after": c["after"] or "(blank)", "why": c["why"]}
        for c in write["changes"]
    ]


COMMANDS = {"plans": plans}
