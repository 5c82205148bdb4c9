"""The command `integration-pipelines`: parse, call a use case, print. Sub-commands load their module only when they are called."""

import sys
from importlib import import_module
from typing import Any

import click

from integration_pipelines.errors import IntegrationError

COMMANDS = {
    "demo": ("demo", "Show the whole product on a sandbox: plan, approval, writes, proof."),
    "sandbox": ("sandbox", "Run the partner sandbox alone."),
    "tenant": ("tenants", "Tenants, their connections and installations."),
    "enable": ("switches", "Turn writes on for a tenant."),
    "pause": ("switches", "Stop all writes of a tenant within one request."),
    "resume": ("switches", "Let a paused tenant write again."),
    "sync": ("syncing", "Reconcile one tenant, and write if it may."),
    "plans": ("plans", "Plans: what would be written, and the decisions about it."),
    "diffs": ("evidence", "Reconciliation diffs."),
    "quarantine": ("evidence", "Refused records with reason and remedy."),
    "health": ("health", "How every tenant is doing, and what to do."),
    "metrics": ("health", "Prometheus exposition, computed from the store."),
    "contract": ("contracts", "Check a contract, say it in plain words, list its scopes."),
    "doctor": ("doctor", "Check configuration, storage, keys and partners."),
    "audit": ("doctor", "The audit chain."),
}


class LazyGroup(click.Group):
    """Knows every command's name and one-line help without importing any of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order a newcomer needs them."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module that holds the command."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"integration_pipelines.cli.{COMMANDS[cmd_name][0]}")
        command: click.Command = module.COMMANDS[cmd_name]
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Names and one-liners, without loading anything."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Start with `integration-pipelines demo`. Every command has --help with an example.",
)
def app() -> None:
    """Keep a CRM and a billing system the same: every write is shown before it happens, proved afterwards, and explained for ever."""


def run() -> None:
    """Entry point: exit 0 success, 1 refused, held or failed, 2 wrong use. Never a traceback for an expected fault."""
    try:
        result: Any = app(standalone_mode=False)
    except click.UsageError as error:
        error.show()
        sys.exit(2)
    except click.Abort:
        click.echo("Stopped.", err=True)
        sys.exit(1)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except IntegrationError as error:
        click.echo(f"Error: {error.message}", err=True)
        if error.remedy:
            click.echo(f"What to do: {error.remedy}", err=True)
        sys.exit(1)
    sys.exit(result if isinstance(result, int) else 0)
