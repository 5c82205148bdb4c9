"""`explain`: where a value came from, in sentences for people and as JSON for programs."""

from collections.abc import Iterator
from dataclasses import asdict

import click

from integration_pipelines.cli.context import contract_of, integration_option, known
from integration_pipelines.cli.show import plain, print_json, say
from integration_pipelines.core.contract import Contract, FieldType
from integration_pipelines.use_cases.explain import Explanation, FieldStory, explain


@click.command("explain")
@click.argument("tenant")
@click.argument("record")
@click.argument("fields", nargs=-1)
@integration_option()
@click.option("--json", "as_json", is_flag=True, help="All facts for a program; amounts in minor units.")
def explain_command(tenant: str, record: str, fields: tuple[str, ...], integration: str | None, as_json: bool) -> None:
    """Say where the values of a record came from: system, time, rule, run, what was written and what lost.

    RECORD is an id of either side, or of a subscription. Without FIELDS, all fields of the contract are told. Nothing is asked of a
    partner: the answer is what the last run knew.

    Example: integration-pipelines explain acme 18400000037 mrr
    """
    with known() as opened:
        found = opened.tenants.find(tenant)
        contract = contract_of(opened, found.tenant_id, integration)
        told = explain(found.tenant_id, contract, record, fields, ports=opened)
    if as_json:
        print_json(asdict(told))
        return
    for line in _lines(told, contract):
        say(line)


def _lines(told: Explanation, contract: Contract) -> Iterator[str]:
    for link in told.links:
        sides = f"{contract.roles.left.label} {link['left_id']} ↔ {contract.roles.right.label} {link['right_id']}"
        yield f"{sides}: {link['state']} since {plain(link['created_at'])}, by {link['match_rule']}. {link['match_evidence'] or ''}"
    yield from told.notes
    for story in told.fields:
        yield ""
        yield from _story(story, contract)


def _story(story: FieldStory, contract: Contract) -> Iterator[str]:
    money = contract.fields[story.field].type is FieldType.MONEY
    unit = f" {story.currency} (minor units)" if money and story.currency else ""
    value = "not known" if story.value is None else f"{story.value or '(blank)'}{unit}"
    yield f"{story.label} ({story.field}): {value} · {story.state}"
    when = f", seen {plain(story.observed_at)}" if story.observed_at else ""
    yield f"  from    {story.owner}: {', '.join(story.source) or 'no record'}{when}"
    yield f"  why     {story.why}" + (f"; run {story.run_id}" if story.run_id else "")
    for part in story.parts:
        amount = "" if part.monthly_minor is None else f", {part.monthly_minor:,} {part.currency} a month (minor units)"
        yield f"  part    {part.record_id}: {part.status}{amount}"
    if story.written is not None:
        w = story.written
        change = f"{w.before or '(blank)'} → {w.after or '(blank)'} in {w.target}"
        yield f"  written {change}, {w.state} {plain(w.at)}; write {w.write_id}, plan {w.plan_id}, run {w.run_id}"
    for lost in story.lost:
        yield f"  lost    {lost.value or '(blank)'} of {lost.side}: {lost.why}, {plain(lost.when)}; kept in {lost.kept_in}"


COMMANDS = {"explain": explain_command}
