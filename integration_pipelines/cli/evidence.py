"""`diffs` and `quarantine`: what differs, what was refused, and why."""

import sys
from datetime import datetime

import click
import pyarrow as pa

from integration_pipelines.cli.context import ports
from integration_pipelines.cli.show import print_json, print_rows, say

DIFF_COLUMNS = {
    "field": "field", "record_label": "record", "left_value": "left", "right_value": "right", "base_value": "base", "owner_role": "owner",
    "kind": "kind", "action": "action", "status": "status", "reason": "reason",
}  # fmt: skip
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
@click.option("--integration", default="crm_billing", show_default=True, help="Which integration.")
@click.option(
    "--format", "form", type=click.Choice(["table", "json", "csv", "parquet"]), default="table", show_default=True, help="How."
)
@click.option("--since", type=click.DateTime(), help="Last seen since then (UTC).")
@click.option("--field", "fields", multiple=True, help="Only these fields.")
@click.option("--all", "everything", is_flag=True, help="Resolved ones too.")
@click.option("--limit", default=100, show_default=True, help="How many rows a table shows.")
def diffs(
    tenant: str, integration: str, form: str, since: datetime | None, fields: tuple[str, ...], everything: bool, limit: int
) -> None:
    """Reconciliation diffs: one row per field that differs, with both values, the base, the owner and what happens.

    Example: integration-pipelines diffs acme --field mrr --format csv > mrr.csv
    """
    with ports() as opened:
        found = opened.tenants.find(tenant)
        aware = since.astimezone() if since is not None and since.tzinfo else since
        table = opened.diffs.load([found.tenant_id], integration, since=_utc(aware), fields=fields)
    if not everything:
        table = table.filter(pa.compute.is_null(table["resolved_at"])) if table.num_rows else table
    if form == "table":
        rows = table.slice(0, limit).to_pylist()
        print_rows(rows, DIFF_COLUMNS, title=f"{found.name}: {table.num_rows:,} diffs", empty="Nothing differs.")
        if table.num_rows > limit:
            say(f"… and {table.num_rows - limit:,} more; see them with --limit or --format csv.")
    elif form == "json":
        print_json(table.to_pylist())
    else:
        _binary(table, form)


def _utc(moment: datetime | None) -> datetime | None:
    from datetime import UTC  # noqa: PLC0415 - beside its only use

    return None if moment is None else moment.replace(tzinfo=UTC)


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
    """Records that the gate refused; nothing of them is merged until they are good.

    Example: integration-pipelines quarantine list acme
    """


@quarantine.command("list")
@click.argument("tenant")
@click.option("--integration", default="crm_billing", show_default=True, help="Which integration.")
@click.option("--all", "everything", is_flag=True, help="Resolved ones too.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def list_quarantine(tenant: str, integration: str, everything: bool, as_json: bool) -> None:
    """List refused records with field, reason and remedy.

    Example: integration-pipelines quarantine list acme --json
    """
    with ports() as opened:
        found = opened.tenants.find(tenant)
        rows = opened.quarantine.load([found.tenant_id], integration, include_resolved=everything).to_pylist()
    if as_json:
        print_json(rows)
    else:
        print_rows(rows, QUARANTINE_COLUMNS, title=f"{found.name}: {len(rows):,} refused", empty="No record is in quarantine.")


COMMANDS = {"diffs": diffs, "quarantine": quarantine}
