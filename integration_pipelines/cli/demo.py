"""`demo`: the whole product on a seeded sandbox, for somebody who sees it for the first time. Which step does what is `demo_steps`."""

import sys

import click

from integration_pipelines.cli.context import settings
from integration_pipelines.cli.tables import console


@click.command("demo")
@click.option("--tenants", default=3, show_default=True, type=click.IntRange(1, 50), help="How many tenants.")
@click.option(
    "--customers", default=500, show_default=True, type=click.IntRange(5, 20_000), help="How many billing customers each."
)
@click.option("--seed", default=1, show_default=True, help="The same seed makes the same world.")
@click.option("--no-serve", is_flag=True, help="End after the run instead of keeping Dagster's UI up.")
@click.option("--ui-port", default=3000, show_default=True, help="Port of Dagster's UI.")
def demo(tenants: int, customers: int, seed: int, no_serve: bool, ui_port: int) -> None:
    """Show the whole product: seed a sandbox, connect tenants, plan, approve, write through Dagster, prove, then change and sync again.

    At the end a subscription is changed and a ticket escalated, and webhooks do the rest: receiver, sensor and daemon are started for that.

    It uses the data folder of this checkout and starts afresh each time. Exits 0 only if every tenant balances and certifies.

    Example: integration-pipelines demo --tenants 1 --customers 50 --no-serve
    """
    from integration_pipelines.cli.demo_steps import Demo  # noqa: PLC0415 - `--help` need not load the product

    out = console()
    with Demo(settings(), tenants=tenants, customers=customers, seed=seed, out=out) as show:
        show.connect()
        show.first_plans()
        show.approve_and_apply()
        show.evidence()
        show.changes_arrive()
        show.events_arrive(None if no_serve else ui_port)
        good = show.verdict()
        if not no_serve:
            show.keep_serving()
    sys.exit(0 if good else 1)


COMMANDS = {"demo": demo}
