"""`health` and `metrics`: how it goes, for people and for Prometheus."""

import sys
from dataclasses import asdict

import click

from integration_pipelines.cli.context import ports
from integration_pipelines.cli.show import age, print_json, say
from integration_pipelines.cli.tables import print_rows
from integration_pipelines.use_cases.health import health

COLUMNS = {
    "name": "tenant", "integration": "integration", "status": "status", "last_success": "last certified run", "lag": "ago",
    "held": "held", "quarantined": "quarantined", "last_error": "last error", "what_to_do": "what to do",
    "open_alerts": "alerts", "waiting_events": "events waiting",
}  # fmt: skip

ALERTED = 10
"""Tenants whose newest alert is told below the table; `alerts list` tells all."""


@click.command("health")
@click.argument("tenant", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def health_command(tenant: str | None, as_json: bool) -> None:
    """Say how every tenant is doing, and what to do. Exits 1 when somebody has to act.

    Example: integration-pipelines health acme
    """
    with ports() as opened:
        found = None if tenant is None else opened.tenants.find(tenant).tenant_id
        names = {t.tenant_id: t.name for t in opened.tenants.all()}
        rows = [{"name": names.get(h.tenant_id, h.tenant_id), **asdict(h)} for h in health(found, ports=opened)]
    if as_json:
        print_json(rows)
    else:
        shown = [{**r, "lag": age(r["lag_seconds"])} for r in rows]
        print_rows(shown, COLUMNS, empty='Nothing is installed yet. Start with: integration-pipelines tenant add "Acme Inc"')
        for row in [r for r in rows if r["open_alerts"]][:ALERTED]:
            say(f"{row['name']}, newest of {row['open_alerts']} open alerts: {row['newest_alert']}")
        for row in [r for r in rows if r["note"]][:ALERTED]:
            say(f"{row['name']}, newest run over everything: {row['note']}")
    if any(r["status"] in {"failing", "stale", "attention"} for r in rows):
        sys.exit(1)


@click.command("metrics")
def metrics() -> None:
    """Print figures for Prometheus. They are computed from the store, so no process has to stay up.

    Example: integration-pipelines metrics > /var/lib/node_exporter/textfile/integration_pipelines.prom
    """
    from integration_pipelines.web.exposition import exposition  # noqa: PLC0415 - only this command needs Prometheus' client

    with ports() as opened:
        sys.stdout.write(exposition(opened.metrics))


COMMANDS = {"health": health_command, "metrics": metrics}
