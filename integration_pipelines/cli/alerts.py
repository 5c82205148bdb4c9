"""`alerts`: what is wrong with whom, who was told, a try of every sink, and a look by hand."""

import sys
from collections.abc import Sequence
from dataclasses import asdict

import click

from integration_pipelines.cli.context import ports
from integration_pipelines.cli.show import print_json, say
from integration_pipelines.cli.tables import print_facts, print_rows
from integration_pipelines.core.alerts import Alert, AlertKind, Finding
from integration_pipelines.errors import IntegrationError
from integration_pipelines.ports.alerts import Arrived, Delivery
from integration_pipelines.ports.bundle import Ports
from integration_pipelines.use_cases.alerts import sweep_alerts, try_sinks
from integration_pipelines.use_cases.tell import tell_due

SECONDS_AFTER_A_COMMAND = 5.0
KINDS = click.Choice([k.value for k in AlertKind if k is not AlertKind.TEST])
NO_SINK = "Nobody is told: no sink is configured. Alerts are kept here; the README's section on alerts lists the settings."


@click.group("alerts")
def alerts() -> None:
    """What is wrong with whom, and who was told.

    Example: integration-pipelines alerts list
    """


@alerts.command("list")
@click.argument("tenant", required=False)
@click.option("--kind", type=KINDS, help="Only this kind.")
@click.option("--all", "include_closed", is_flag=True, help="Also those that are over.")
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True, help="At most so many, newest first.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def list_alerts(tenant: str | None, kind: str | None, include_closed: bool, limit: int, as_json: bool) -> None:
    """List open alerts, newest first, as of the last look.

    Example: integration-pipelines alerts list acme --all
    """
    with ports() as opened:
        of = None if tenant is None else [opened.tenants.find(tenant).tenant_id]
        book = opened.alerting.book
        found = book.find(of, kind=AlertKind(kind) if kind else None, include_closed=include_closed, limit=limit)
        sent: dict[str, list[Delivery]] = {}
        for delivery in book.deliveries([a.alert_id for a in found]):
            sent.setdefault(delivery.alert.alert_id, []).append(delivery)
        names = {t.tenant_id: t.name for t in opened.tenants.all()}
        sinks = opened.alerting.sink_names
    if as_json:
        print_json([_as_data(a, sent.get(a.alert_id, [])) for a in found])
        return
    for alert in found:
        finding = alert.finding
        print_facts(_facts(alert, sent.get(alert.alert_id, [])), title=_title(finding, names))
    if not found:
        say("There was no alert yet." if include_closed else "No alert is open.")
    if found and not sinks:
        say(NO_SINK)


@alerts.command("test")
def test() -> None:
    """Send a test to every sink. Exits 1 if one does not take it.

    Example: integration-pipelines alerts test
    """
    with ports() as opened:
        results = try_sinks(opened, opened.clock.now())
    if not results:
        say(NO_SINK)
        sys.exit(1)
    rows = [{"sink": name, "result": "arrived" if isinstance(r, Arrived) else r.reason} for name, r in results]
    print_rows(rows, {"sink": "sink", "result": "result"})
    if not all(isinstance(r, Arrived) for _, r in results):
        sys.exit(1)


@alerts.command("sweep")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def sweep(as_json: bool) -> None:
    """Look at every tenant now, and tell. Dagster does this every minute; without it, use cron.

    Example: integration-pipelines alerts sweep
    """
    with ports() as opened:
        tell_due(None, ports=opened)  # first, so that a message that is given up now is told of at once
        swept = sweep_alerts(opened, opened.clock.now())
    if as_json:
        print_json(asdict(swept))
    else:
        say(str(swept))


def look_after(opened: Ports) -> None:
    """At the end of a command: let people hear of what it left; a trouble with that is no trouble of the command."""
    try:
        sweep_alerts(opened, opened.clock.now(), seconds=SECONDS_AFTER_A_COMMAND)
    except IntegrationError as error:
        click.echo(f"Alerts were not looked after: {error}", err=True)


def _title(finding: Finding, names: dict[str, str]) -> str:
    """With the tenant's name, which only this machine shows."""
    name = names.get(finding.tenant_id, "")
    return f"{finding.title} · {name}" if name else finding.title


def _facts(alert: Alert, sent: Sequence[Delivery]) -> dict[str, object]:
    finding = alert.finding
    told = ", ".join(
        f"{d.sink} {d.state.replace('_', ' ')}" + (f" ({d.error_text})" if d.error_text else "") for d in _newest(sent)
    )
    facts: dict[str, object] = {"why": finding.text, "what to do": finding.remedy, "look": finding.link, "since": alert.opened_at}
    if alert.closed_at is not None:
        facts["over"] = alert.closed_at
    if alert.occurrences > 1:
        facts["seen in"] = f"{alert.occurrences} {'tenants' if finding.is_of_many else 'runs'}"
    facts["severity"] = str(finding.severity)
    return facts | {"told": told or ("with the others" if alert.group_id else "nobody")}


def _newest(sent: Sequence[Delivery]) -> list[Delivery]:
    """Of each sink the last message that was asked for."""
    return list({d.sink: d for d in sent}.values())


def _as_data(alert: Alert, sent: Sequence[Delivery]) -> dict[str, object]:
    """An alert for programs."""
    flat = asdict(alert)
    finding = flat.pop("finding")
    told = [{"sink": d.sink, "event": d.event, "state": d.state, "attempts": d.attempts, "error": d.error_text} for d in sent]
    return {**finding, **flat, "deliveries": told}


COMMANDS = {"alerts": alerts}
