"""`backfill`: fill days of history for one tenant, as one Dagster run in this process."""

import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from typing import Any

import click

from integration_pipelines.cli.context import contract_of, integration_option, ports, settings
from integration_pipelines.cli.dagster_run import dagster_instance, register_tenants
from integration_pipelines.cli.show import print_json, say
from integration_pipelines.cli.tables import console, print_rows
from integration_pipelines.core.contract import Contract
from integration_pipelines.core.history import ONE_DAY
from integration_pipelines.ports.bundle import Ports
from integration_pipelines.ports.evidence import Run
from integration_pipelines.ports.history import HistoryDay
from integration_pipelines.use_cases.history import Clipped, Tell, clip
from integration_pipelines.use_cases.launches import run_tags

DATE = click.DateTime(formats=["%Y-%m-%d"])
COLUMNS = {"object": "object", "days": "days", "rows": "changes", "coverage": "coverage", "reason": "why not all"}


@dataclass(frozen=True, slots=True)
class Ended:
    """How the Dagster run ended; `fault` says why it failed, '' if it did not."""

    run_id: str
    fault: str


@click.command("backfill")
@click.option("--tenant", required=True, help="Whose history: name or id.")
@click.option("--from", "first", required=True, type=DATE, help="The first day (UTC).")
@click.option("--to", "last", required=True, type=DATE, help="The last day (UTC), included.")
@integration_option()
@click.option(
    "--apply", is_flag=True, help="Write what may be written for the records found changed; without it they are planned."
)
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
def backfill_command(tenant: str, first: datetime, last: datetime, integration: str | None, apply: bool, as_json: bool) -> None:
    """Fill days of history: what changed on them, as far as the partners still tell.

    Days outside the contract's rolling window are left out, and a range wholly outside it is refused. Records that changed are read again
    and reconciled like any others. Filling a day again replaces it, and never by less than was known.

    Example: integration-pipelines backfill --tenant acme --from 2026-11-01 --to 2026-11-20
    """
    with ports() as opened:
        found = opened.tenants.find(tenant)
        contract = contract_of(opened, found.tenant_id, integration)
        opened.tenants.installation(found.tenant_id, contract.contract)
        days = clip(contract, first.date(), last.date(), ports=opened)
        if days.note and not as_json:
            say(days.note)
        with dagster_instance(settings()) as instance:
            ended = _run(instance, contract, found.tenant_id, days, mode="apply" if apply else "plan", quiet=as_json)
        _show(opened, found.tenant_id, contract.contract, days, ended, as_json=as_json)
    if ended.fault:
        click.echo(f"Error: {ended.fault}", err=True)
        sys.exit(1)


def _run(instance: Any, contract: Contract, tenant_id: str, days: Clipped, *, mode: str, quiet: bool) -> Ended:  # noqa: ANN401 - Dagster is loaded late
    """One run over the range of days."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Dagster's beta and preview notices are for developers, not for operators
        from integration_pipelines.defs.history import JOB, history_step  # noqa: PLC0415 - Dagster is loaded by runs only
        from integration_pipelines.defs.history_fill import TRIGGER, partition_key, telling  # noqa: PLC0415 - idem
        from integration_pipelines.defs.integrations import integrations  # noqa: PLC0415 - idem

        register_tenants(instance, [tenant_id])
        span = {f"dagster/asset_partition_range_{end}": str(partition_key(day, tenant_id)) for end, day in _ends(days)}
        tags = run_tags(
            integration=contract.contract, trigger=TRIGGER, scope="records", contract_version=contract.version, tenant=tenant_id
        )
        one = partition_key(days.first, tenant_id) if days.first == days.last else None
        with _progress(quiet=quiet) as tell:
            token = telling.set(tell)
            try:
                result = integrations().resolve_job_def(JOB).execute_in_process(
                    instance=instance, partition_key=one, raise_on_error=False, tags=tags if one else tags | span,
                    run_config={
                        "ops": {history_step(contract): {"config": {"mode": mode}}},
                        "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
                    },
                )  # fmt: skip
            finally:
                telling.reset(token)
    return Ended(str(result.run_id), "" if result.success else _fault(result))


def _ends(days: Clipped) -> list[tuple[str, date]]:
    return [("start", days.first), ("end", days.last)]


def _fault(result: Any) -> str:  # noqa: ANN401 - Dagster's result
    """What the failed step says, in one line."""
    for event in result.all_events:
        if event.is_step_failure:
            data = event.step_failure_data
            said = data.user_failure_data.description if data.user_failure_data is not None else data.error_display_string
            return (said or "").partition("\n")[0]
    return f"Run {result.run_id} failed before its step began. Look at it in Dagster's UI."


@contextmanager
def _progress(*, quiet: bool) -> Iterator[Tell]:
    """A bar on a terminal, nothing in a pipe."""
    out = console()
    if quiet or not out.is_terminal:
        yield lambda *_: None
        return
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn  # noqa: PLC0415 - terminals only

    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=out, transient=True) as bar:
        task = bar.add_task("starting", total=None)

        def tell(what: str, done: int, total: int) -> None:
            text = f"reading the history of {what}" if what else "reconciling what was found"
            bar.update(task, description=text, completed=done, total=total)

        yield tell


def _show(opened: Ports, tenant_id: str, integration: str, days: Clipped, ended: Ended, *, as_json: bool) -> None:
    filled = opened.history.load([tenant_id], integration, first=days.first, last=days.last)
    runs = [run for run in opened.runs.of_run(ended.run_id) if run.tenant_id == tenant_id]
    if as_json:
        print_json(as_data(tenant_id, integration, days, ended, filled, runs))
        return
    print_rows(by_stretch(filled), COLUMNS, title=f"{tenant_id} · {integration}", empty="Nothing was filled.")
    if runs:
        say(f"Records that changed were read again and reconciled: {(runs[0].outcome or 'under way').replace('_', ' ')}.")
        if runs[0].outcome in {"planned", "held"}:
            say(f"Look: integration-pipelines plans show {tenant_id}")
    elif not ended.fault:
        say("No record changed on these days, so nothing was reconciled.")


def as_data(
    tenant_id: str, integration: str, days: Clipped, ended: Ended, filled: Sequence[HistoryDay], runs: Sequence[Run]
) -> dict[str, object]:
    """A backfill for programs."""
    return {
        "tenant_id": tenant_id, "integration": integration, "run_id": ended.run_id, "first": days.first.isoformat(),
        "last": days.last.isoformat(), "note": days.note, "outcome": runs[0].outcome if runs else None, "error": ended.fault or None,
        "days": [
            {"object": d.object, "day": d.day.isoformat(), "rows": d.rows, "coverage": d.coverage.value, "reason": d.reason,
             "source": d.source, "run_id": d.run_id, "filled_at": d.filled_at}
            for d in filled
        ],
    }  # fmt: skip


def by_stretch(filled: Sequence[HistoryDay]) -> list[dict[str, object]]:
    """Neighbouring days of an object that say the same of their coverage, as one row each."""
    rows: list[dict[str, object]] = []
    numbered = enumerate(sorted(filled, key=lambda d: (d.object, d.day)))
    for (name, coverage, reason, _), group in groupby(
        numbered, key=lambda n: (n[1].object, n[1].coverage, n[1].reason, n[1].day - n[0] * ONE_DAY)
    ):
        same = [day for _, day in group]
        first, last = same[0].day, same[-1].day
        text = str(first) if first == last else f"{first} to {last}"
        rows.append(
            {"object": name, "days": text, "rows": sum(d.rows for d in same), "coverage": coverage.value, "reason": reason}
        )
    return rows


COMMANDS = {"backfill": backfill_command}
