"""`sync`: one Dagster run for one tenant."""

import sys
from collections.abc import Sequence

import click

from integration_pipelines.cli.alerts import look_after
from integration_pipelines.cli.context import contract_of, integration_option, ports, settings
from integration_pipelines.cli.dagster_run import dagster_instance, run_chain
from integration_pipelines.cli.show import print_json, say
from integration_pipelines.cli.tables import print_facts
from integration_pipelines.errors import ConfigError
from integration_pipelines.ports.bundle import Ports
from integration_pipelines.ports.evidence import Run
from integration_pipelines.ports.writing import StoredPlan

GOOD = {"in_sync", "written", "planned"}
NEXT = {
    "planned": "Nothing was written. Look: integration-pipelines plans show {tenant}",
    "paused": "Writes are paused. Let them go on: integration-pipelines resume {tenant}",
    "skipped": "Another run is writing for this tenant now. Sync again when it has ended.",
}


@click.command("sync")
@click.argument("tenant")
@integration_option()
@click.option("--full", is_flag=True, help="Read everything instead of what changed since the last read.")
@click.option(
    "--record", "records", multiple=True, help="Plan and write only this record and what it is linked to: the test sync."
)
@click.option("--plan-only", is_flag=True, help="Show what would be written; write nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
def sync_command(
    tenant: str, integration: str | None, full: bool, records: tuple[str, ...], plan_only: bool, as_json: bool
) -> None:
    """Reconcile one tenant, and write if its switches, approvals and guards allow.

    The run is a Dagster run inside this command, so it needs no daemon. Dagster's UI shows it with all events; what the UI lacks for such
    a run is Terminate and Re-execute (press Ctrl-C here, or run the command again).

    Example: integration-pipelines sync acme --plan-only
    """
    with ports() as opened:
        found = opened.tenants.find(tenant)
        contract = contract_of(opened, found.tenant_id, integration)
        opened.tenants.installation(found.tenant_id, contract.contract)
        with dagster_instance(settings()) as instance:
            mode = "plan" if plan_only else "apply"
            run_id = run_chain(instance, contract, [found.tenant_id], mode=mode, full=full, record_ids=records)
        run, plan = outcome_of(opened, found.tenant_id, contract.contract, run_id)
        strangers = _unlinked(opened, found.tenant_id, contract.contract, records)
        if as_json:
            print_json(as_data(run, plan))
        else:
            print_outcome(run, plan, found.name)
            if run.outcome in {"held", "planned"} and not opened.tenants.installation(found.tenant_id, contract.contract).enabled:
                say(f"Writes are off. Turn them on: integration-pipelines enable {found.tenant_id}")
        look_after(opened)
    for record in strangers:
        click.echo(f"Error: record {record} is linked to nothing, so nothing was planned for it.", err=True)
    if strangers or run.outcome not in GOOD or run.balanced is False or run.certified is False:
        sys.exit(1)


def _unlinked(opened: Ports, tenant_id: str, integration: str, records: Sequence[str]) -> list[str]:
    """Records asked for that no link knows: a test sync of a misspelt id must not look like success."""
    if not records:
        return []
    links = opened.links.load([tenant_id], integration)
    known = {*links["left_id"].to_pylist(), *links["right_id"].to_pylist()}
    return [r for r in records if r not in known]


def outcome_of(opened: Ports, tenant_id: str, integration: str, run_id: str) -> tuple[Run, StoredPlan | None]:
    """The stored facts of a run and its plan."""
    runs = [r for r in opened.runs.last([tenant_id], integration, limit=20) if r.run_id == run_id]
    if not runs:
        raise ConfigError(
            f"Run {run_id} left no record.", remedy="Look at the run in Dagster's UI, or run `integration-pipelines doctor`."
        )
    plans = [p for p in opened.plans.list(tenant_id, integration, limit=50) if p.run_id == run_id]
    return runs[0], plans[0] if plans else opened.plans.open(tenant_id, integration)


def as_data(run: Run, plan: StoredPlan | None) -> dict[str, object]:
    """A run for programs."""
    return {
        "tenant_id": run.tenant_id, "integration": run.integration, "run_id": run.run_id, "scope": run.scope, "outcome": run.outcome,
        "counts": run.counts, "balanced": run.balanced, "certified": run.certified, "error_kind": run.error_kind, "error": run.error_text,
        "plan": None if plan is None else {"plan_id": plan.plan_id, "plan_hash": plan.plan_hash, "state": str(plan.state), "reason": plan.reason,
                                           "numbers": plan.numbers},
    }  # fmt: skip


def print_outcome(run: Run, plan: StoredPlan | None, name: str) -> None:
    """A run for people: what happened, and what to do next."""
    facts: dict[str, object] = {"outcome": run.outcome, "run": run.run_id}
    facts |= {key.replace("_", " "): value for key, value in sorted(run.counts.items())}
    facts |= {"balanced": run.balanced, "certified": run.certified}
    print_facts({k: v for k, v in facts.items() if v is not None}, title=f"{name} · {run.integration}")
    if run.error_text:
        say(f"Failed: {run.error_text}")
    elif run.outcome in NEXT:
        say(NEXT[run.outcome].format(tenant=run.tenant_id))
    if run.reason and plan is not None and plan.state != "held":
        say(f"Note: {run.reason}.")
    if plan is not None and plan.state == "held":
        numbers = plan.numbers
        say(
            f"Plan {plan.plan_id} waits: {plan.reason}. It would change {numbers.get('updates', 0):,} fields of "
            f"{numbers.get('records', 0):,} records, blank {numbers.get('blankings', 0):,} and make about "
            f"{numbers.get('calls_forecast', 0):,} calls."
        )
        say(f"Look: integration-pipelines plans show {run.tenant_id} {plan.plan_id}")
        say(f"Then: integration-pipelines plans approve {run.tenant_id} {plan.plan_id}")


COMMANDS = {"sync": sync_command}
