"""`latency`: how long it takes from a webhook to the write on the other side."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import click

from integration_pipelines.cli.context import ports
from integration_pipelines.cli.show import print_json, say
from integration_pipelines.cli.tables import print_rows
from integration_pipelines.use_cases.latency import EventFigures, event_figures

COLUMNS = {
    "name": "tenant", "integration": "integration", "events": "events", "written": "written", "p50": "p50", "p95": "p95", "p99": "p99",
    "target": "promised", "landed": "to landed", "seen": "to seen", "started": "to started", "done": "to written", "waiting": "waiting",
}  # fmt: skip


@click.command("latency")
@click.argument("tenant", required=False)
@click.option(
    "--hours", type=click.FloatRange(min=0.01), default=24.0, show_default=True, help="Events received in so many last hours."
)
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def latency_command(tenant: str | None, hours: float, as_json: bool) -> None:
    """Say how long events took: from the moment a webhook was received until the partner on the other side confirmed the write.

    The stages after the promised time are medians: received to landed (durable), landed to seen (by the sensor; left out of events
    that a run took before), seen to started (a run took it), started to written.

    Example: integration-pipelines latency acme --hours 1
    """
    with ports() as opened:
        found = None if tenant is None else [opened.tenants.find(tenant).tenant_id]
        names = {t.tenant_id: t.name for t in opened.tenants.all()}
        figures = event_figures(found, ports=opened, since=opened.clock.now() - timedelta(hours=hours))
    if as_json:
        print_json([_plain(f, names) for f in figures])
        return
    print_rows([_row(f, names) for f in figures], COLUMNS, empty=f"No event was received in the last {hours:g} hours.")
    for line in _too_slow(figures, names):
        say(line)


def _plain(figures: EventFigures, names: dict[str, str]) -> dict[str, Any]:
    measured = figures.latency
    return {
        "tenant_id": figures.tenant_id, "name": names.get(figures.tenant_id, figures.tenant_id), "integration": figures.integration,
        "events": figures.events, "outcomes": figures.outcomes, "target_seconds": figures.target_seconds,
        "written": 0 if measured is None else measured.written, "seconds": None if measured is None else dict(measured.seconds),
        "stages": None if measured is None else {stage: dict(values) for stage, values in measured.stages.items()},
    }  # fmt: skip


def _row(figures: EventFigures, names: dict[str, str]) -> dict[str, Any]:
    plain = _plain(figures, names)
    stages = {stage: _spoken(values["p50"]) for stage, values in (plain["stages"] or {}).items()}
    whole = {name: _spoken(value) for name, value in (plain["seconds"] or {}).items()}
    return (
        plain | whole | {name: stages.get(name, "") for name in ("landed", "seen", "started")}
        | {"done": stages.get("written", ""), "target": f"{figures.target_seconds} s", "waiting": figures.outcomes.get("waiting", 0)}
    )  # fmt: skip


def _spoken(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds < _FINE else f"{seconds:,.0f} s"


_FINE = 100.0


def _too_slow(figures: list[EventFigures], names: dict[str, str]) -> Iterator[str]:
    for one in figures:
        if one.too_slow:
            name = names.get(one.tenant_id, one.tenant_id)
            yield f"{name} ({one.integration}): more than one event in twenty took longer than the promised {one.target_seconds} s."


COMMANDS = {"latency": latency_command}
