"""`links`: which records are the same customer, why, and a person's decisions about it; CSV in and out."""

import csv
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from integration_pipelines.cli.context import actor, contract_of, integration_option, ports
from integration_pipelines.cli.show import print_json, say
from integration_pipelines.cli.tables import print_facts, print_rows
from integration_pipelines.errors import InvalidError
from integration_pipelines.use_cases import links_review
from integration_pipelines.use_cases.links_review import Decision

STATES = ["proposed", "live", "one_sided", "merged", "tombstone"]
CSV_COLUMNS = ("decision", "left_id", "right_id", "state", "match_rule", "match_evidence", "created_at", "decided_by")
FORMULA = ("=", "+", "-", "@", "\t", "\r")
_integration = integration_option()
_json = click.option("--json", "as_json", is_flag=True, help="For a program.")


@click.group("links")
def links() -> None:
    """Which records are the same customer, and your say in it.

    Example: integration-pipelines links list acme --state proposed
    """


@links.command("list")
@click.argument("tenant")
@click.option(
    "--state", "states", multiple=True, type=click.Choice(STATES), help="Only links in this state; may be given several times."
)
@click.option(
    "--csv", "as_csv", is_flag=True, help="All columns; fill in `decision` (confirm or reject) and give it to `links import`."
)
@integration_option()
@_json
def list_links(tenant: str, states: tuple[str, ...], integration: str | None, as_csv: bool, as_json: bool) -> None:
    """List a tenant's links, oldest first.

    Example: integration-pipelines links list acme --state one_sided
    """
    with ports() as opened:
        found = opened.tenants.find(tenant)
        contract = contract_of(opened, found.tenant_id, integration)
        rows = links_review.links_of(found.tenant_id, contract, ports=opened, states=states)
    if as_json:
        print_json(rows)
    elif as_csv:
        _print_csv(rows)
    else:
        left, right = contract.roles.left.label, contract.roles.right.label
        columns = {
            "left_id": left,
            "right_id": right,
            "state": "state",
            "match_rule": "by",
            "created_at": "since",
            "decided_by": "decided by",
        }
        print_rows(rows, columns, title=f"{found.name}: {len(rows):,} links", empty="No links.")


@links.command("show")
@click.argument("tenant")
@click.argument("record")
@integration_option()
@_json
def show(tenant: str, record: str, integration: str | None, as_json: bool) -> None:
    """Say why a record belongs to another one.

    With the rule, its evidence, since when, and who decided. RECORD is an id of either side, or a link's.

    Example: integration-pipelines links show acme cus_Q2x81
    """
    with ports() as opened:
        found = opened.tenants.find(tenant)
        contract = contract_of(opened, found.tenant_id, integration)
        rows = links_review.links_of(found.tenant_id, contract, ports=opened, record=record)
        diffs = opened.diffs.of_records(found.tenant_id, contract.contract, [record], [record]).to_pylist()
    if as_json:
        print_json(rows)
        return
    for row in rows:
        title = f"{contract.roles.left.label} {row['left_id']} ↔ {contract.roles.right.label} {row['right_id']}"
        names = (
            "state",
            "match_rule",
            "match_evidence",
            "epoch",
            "created_at",
            "updated_at",
            "decided_by",
            "survivor_link_id",
            "link_id",
        )
        print_facts({name.replace("_", " "): row[name] for name in names if row[name] not in {None, ""}}, title=title)
    if not rows:
        open_now = next((d for d in diffs if d["field"] == "*" and d["resolved_at"] is None), None)
        say(f"{record} has no link" + (f": {open_now['reason']}." if open_now else "."))


@links.command("confirm")
@click.argument("tenant")
@click.argument("left")
@click.argument("right")
@_integration
def confirm(tenant: str, left: str, right: str, integration: str | None) -> None:
    """Make two records a pair.

    Whatever the rules say. LEFT is the CRM's id, RIGHT the billing system's.

    Example: integration-pipelines links confirm acme 18400000037 cus_Q2x81
    """
    with ports() as opened:
        found = opened.tenants.find(tenant)
        _tell(
            links_review.confirm(
                found.tenant_id, contract_of(opened, found.tenant_id, integration), left, right, actor=actor(), ports=opened
            )
        )


@links.command("reject")
@click.argument("tenant")
@click.argument("left")
@click.argument("right")
@_integration
def reject(tenant: str, left: str, right: str, integration: str | None) -> None:
    """Take a pair apart for good.

    Or keep it from ever being made. Nothing is deleted or written at a partner by it.

    Example: integration-pipelines links reject acme 18400000037 cus_Q2x81
    """
    with ports() as opened:
        found = opened.tenants.find(tenant)
        _tell(
            links_review.reject(
                found.tenant_id, contract_of(opened, found.tenant_id, integration), left, right, actor=actor(), ports=opened
            )
        )


@links.command("move")
@click.argument("tenant")
@click.argument("right")
@click.option("--to", "to_left", required=True, help="The left record that gets it.")
@_integration
def move(tenant: str, right: str, to_left: str, integration: str | None) -> None:
    """Give a customer to another company.

    Values follow with the next run.

    Example: integration-pipelines links move acme cus_Q2x81 --to 18400000038
    """
    with ports() as opened:
        found = opened.tenants.find(tenant)
        _tell(
            links_review.move(
                found.tenant_id, contract_of(opened, found.tenant_id, integration), right, to_left, actor=actor(), ports=opened
            )
        )


@links.command("import")
@click.argument("tenant")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@_integration
def import_decisions(tenant: str, file: Path, integration: str | None) -> None:
    """Carry out decisions from a CSV.

    Its columns are decision (confirm or reject), left_id and right_id; others may be there.

    Rows without a decision are passed over, and an unknown word is refused before anything is done. A row that cannot be carried out
    ends the import and says why; those before it stand, and giving the file again changes nothing about them.

    Example: integration-pipelines links import acme decisions.csv
    """
    acts = {"confirm": links_review.confirm, "reject": links_review.reject}
    wanted = [r for r in _rows_of(file) if r["decision"]]
    strange = next((r for r in wanted if r["decision"] not in acts), None)
    if strange is not None:
        raise InvalidError(f"There is no decision {strange['decision']!r}.", remedy="Write confirm or reject, or leave it blank.")
    with ports() as opened:
        found = opened.tenants.find(tenant)
        contract = contract_of(opened, found.tenant_id, integration)
        for row in wanted:
            acts[row["decision"]](found.tenant_id, contract, row["left_id"], row["right_id"], actor=actor(), ports=opened)
    say(f"{len(wanted):,} decisions carried out. The next sync follows them.")


def _rows_of(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8-sig", newline="") as text:
        reader = csv.DictReader(text)
        missing = {"decision", "left_id", "right_id"} - set(reader.fieldnames or ())
        if missing:
            raise InvalidError(f"The file has no column {min(missing)}.", remedy="Start from `links list TENANT --csv`.")
        return [{k: (v or "").strip().removeprefix("'") for k, v in row.items() if isinstance(k, str)} for row in reader]


def _print_csv(rows: list[Mapping[str, Any]]) -> None:
    out = csv.writer(sys.stdout)
    out.writerow(CSV_COLUMNS)
    for row in rows:
        out.writerow([_neutral(str(row.get(name) or "")) for name in CSV_COLUMNS])


def _neutral(text: str) -> str:
    """Text that a spreadsheet would take for a formula begins with an apostrophe."""
    return f"'{text}" if text.startswith(FORMULA) else text


def _tell(decision: Decision) -> None:
    for row in decision.links:
        say(f"{row['left_id']} ↔ {row['right_id']} is {row['state']} now ({row['match_rule']}).")
    say("The next sync follows it; see it first with `sync --plan-only`.")


COMMANDS = {"links": links}
