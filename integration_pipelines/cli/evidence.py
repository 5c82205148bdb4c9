"""`diffs` and `quarantine`: what differs, what was refused, and why."""

import sys
from datetime import UTC, datetime
from typing import Any

import click
import pyarrow as pa

from integration_pipelines.cli.context import contract_of, integration_option, ports, settings
from integration_pipelines.cli.dagster_run import dagster_instance, run_chain
from integration_pipelines.cli.show import print_json, say
from integration_pipelines.cli.syncing import GOOD, outcome_of, print_outcome
from integration_pipelines.cli.tables import print_rows
from integration_pipelines.core.contract import Contract
from integration_pipelines.errors import ConfigError
from integration_pipelines.use_cases.refused_again import refused_records

QUARANTINE_COLUMNS = {
    "object": "object",
    "record_id": "record",
    "field": "field",
    "reason": "reason",
    "remedy": "what to do",
    "first_seen": "since",
}


@click.command("diffs")
@click.argument("tenant")
@integration_option()
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json", "csv", "parquet"]),
    default="table",
    show_default=True,
    help="csv, json and parquet have all columns and rows; only parquet and json keep missing apart from blank.",
)
@click.option("--since", type=click.DateTime(), help="Last seen since then (UTC).")
@click.option("--field", "fields", multiple=True, help="Only this field of the contract; may be given several times.")
@click.option("--all", "everything", is_flag=True, help="Resolved ones too.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(min=1), help="How many rows a table shows.")
def diffs(
    tenant: str, integration: str | None, form: str, since: datetime | None, fields: tuple[str, ...], everything: bool, limit: int
) -> None:
    """Show what differs between the two systems: one row per field, with both values, the owner and what happens.

    The base is the last value that both sides were seen to hold.

    Example: integration-pipelines diffs acme --field mrr --format csv > mrr.csv
    """
    if form == "parquet" and sys.stdout.isatty():
        raise click.UsageError("Parquet is not for a terminal; send it to a file with > diffs.parquet.")
    with ports() as opened:
        found = opened.tenants.find(tenant)
        contract = contract_of(opened, found.tenant_id, integration)
        _known(fields, contract)
        moment = None if since is None else since.replace(tzinfo=UTC)
        table = opened.diffs.load([found.tenant_id], contract.contract, since=moment, fields=fields)
    if not everything:
        table = table.filter(pa.compute.is_null(table["resolved_at"])) if table.num_rows else table
    if form == "table":
        rows = [_spoken(row, contract) for row in table.slice(0, limit).to_pylist()]
        which = "found so far" if everything else "open"
        print_rows(rows, _headings(contract), title=f"{found.name}: {table.num_rows:,} diffs {which}", empty="Nothing differs.")
        if table.num_rows > limit:
            say(f"… and {table.num_rows - limit:,} more; see them with --limit {table.num_rows} or --format csv.")
    elif form == "json":
        print_json(table.to_pylist())
    else:
        _binary(table, form)


def _known(fields: tuple[str, ...], contract: Contract) -> None:
    unknown = [f for f in fields if f not in {*contract.fields, "*"}]
    if unknown:
        raise ConfigError(f"The contract has no field {unknown[0]}.", remedy=f"Choose one of: {', '.join(contract.fields)}.")


def _headings(contract: Contract) -> dict[str, str]:
    left, right = contract.roles.left.name, contract.roles.right.name
    return {
        "field": "field", "record_label": "record", "left_value": left, "right_value": right, "base_value": "base", "owner_role": "owner",
        "kind": "kind", "action": "action", "status": "status", "reason": "reason",
    }  # fmt: skip


def _spoken(row: dict[str, Any], contract: Contract) -> dict[str, Any]:
    """A row in the contract's words: `write crm` for `write_left`, `(blank)` for '', `whole record` for '*'."""
    roles = {"left": contract.roles.left.name, "right": contract.roles.right.name}
    said = {k: " ".join(roles.get(word, word) for word in row[k].split("_")) for k in ("kind", "action")}
    said["field"] = "whole record" if row["field"] == "*" else row["field"]
    return row | said | {k: "(blank)" for k in ("left_value", "right_value", "base_value") if row[k] == ""}


def _binary(table: pa.Table, form: str) -> None:
    """CSV (text that a spreadsheet would run as a formula is made neutral) or Parquet on standard output."""
    if form == "parquet":
        from pyarrow import parquet  # noqa: PLC0415 - only this format needs it

        sink = pa.BufferOutputStream()
        parquet.write_table(table, sink)
        sys.stdout.buffer.write(sink.getvalue().to_pybytes())
        return
    import csv  # noqa: PLC0415 - idem

    writer = csv.writer(sys.stdout)
    writer.writerow(table.schema.names)
    for row in table.to_pylist():
        writer.writerow([neutral(value) for value in row.values()])


def neutral(value: object) -> object:
    """A cell that no spreadsheet takes for a formula: such text gets a leading apostrophe; numbers stay numbers."""
    if (
        isinstance(value, str)
        and value[:1] in {"=", "+", "-", "@", "\t", "\r"}
        and not value.lstrip("+-").replace(".", "", 1).isdigit()
    ):
        return "'" + value
    return value


@click.group("quarantine")
def quarantine() -> None:
    """Records that the gate refused. Nothing of them is merged until they are good.

    Example: integration-pipelines quarantine list acme
    """


@quarantine.command("list")
@click.argument("tenant")
@integration_option()
@click.option("--all", "everything", is_flag=True, help="Resolved ones too.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def list_quarantine(tenant: str, integration: str | None, everything: bool, as_json: bool) -> None:
    """List refused records with field, reason and remedy.

    Example: integration-pipelines quarantine list acme --json
    """
    with ports() as opened:
        found = opened.tenants.find(tenant)
        contract = contract_of(opened, found.tenant_id, integration)
        rows = opened.quarantine.load([found.tenant_id], contract.contract, include_resolved=everything).to_pylist()
    if as_json:
        print_json(rows)
    else:
        print_rows(rows, QUARANTINE_COLUMNS, title=f"{found.name}: {len(rows):,} refused", empty="No record is in quarantine.")


@quarantine.command("retry")
@click.argument("tenant")
@click.argument("records", nargs=-1)
@integration_option()
@click.option("--plan-only", is_flag=True, help="Show what would be written; write nothing.")
def retry(tenant: str, records: tuple[str, ...], integration: str | None, plan_only: bool) -> None:
    """Look at refused records again, now.

    Without RECORDS: at all of them. They are fetched by id and judged; what was mended is reconciled like any other record. Every run
    does the same by itself for what it reads.

    Example: integration-pipelines quarantine retry acme cus_Q2x81
    """
    with ports() as opened:
        found = opened.tenants.find(tenant)
        contract = contract_of(opened, found.tenant_id, integration)
        refused = refused_records(found.tenant_id, contract, records, ports=opened)
        if not any(refused.values()):
            say("No record is in quarantine.")
            return
        named = sorted({one for ids in refused.values() for one in ids})
        with dagster_instance(settings()) as instance:
            mode = "plan" if plan_only else "apply"
            run_id = run_chain(instance, contract, [found.tenant_id], mode=mode, full=False, record_ids=named)
        run, plan = outcome_of(opened, found.tenant_id, contract.contract, run_id)
        print_outcome(run, plan, found.name)
        still = refused_records(found.tenant_id, contract, (), ports=opened)
        left = sum(len(set(ids) & set(still.get(name, ()))) for name, ids in refused.items())
        say(f"{sum(map(len, refused.values())) - left} left quarantine, {left} stay; see quarantine list {found.tenant_id}.")
    if run.outcome not in GOOD:
        sys.exit(1)


COMMANDS = {"diffs": diffs, "quarantine": quarantine}
