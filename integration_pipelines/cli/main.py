"""The command `integration-pipelines`: parse, call a use case, print. Sub-commands load their module only when they are called."""

import gc
import os
import sys
from importlib import import_module
from typing import Any, NoReturn

import click

from integration_pipelines.errors import IntegrationError

COMMANDS = {
    "demo": ("demo", "Show the whole product on a sandbox: plan, approval, writes, proof."),
    "sandbox": ("sandbox", "Run the partner sandbox alone."),
    "tenant": ("tenants", "Tenants, their connections and installations."),
    "pack": ("packs", "Packs: an integration with its questions, defaults and steps."),
    "enable": ("switches", "Turn writes on for a tenant."),
    "pause": ("switches", "Stop writes within one request: the kill switch."),
    "resume": ("switches", "Let a paused tenant write again."),
    "sync": ("syncing", "Reconcile one tenant, and write if it may."),
    "backfill": ("backfill", "Fill days of history from what the partners still tell."),
    "plans": ("plans", "Plans: what would be written, and the decisions about it."),
    "diffs": ("evidence", "What differs, who owns it and what happens to it."),
    "links": ("links", "Which records are the same customer, why, and your decisions about it."),
    "explain": ("explain", "Where a value came from, by which rule and run, and what lost."),
    "quarantine": ("evidence", "Refused records with reason and remedy."),
    "health": ("health", "How every tenant is doing, and what to do."),
    "serve": ("serve", "Receive webhooks: verify them, make them durable, and only then say so."),
    "webhooks": ("webhooks", "The secrets that partners sign webhooks with."),
    "alerts": ("alerts", "What is wrong with whom, who was told, and a try of who is told."),
    "latency": ("latency", "How long it takes from a webhook to the write on the other side."),
    "messages": ("messages", "What people were told at other products, and what was not heard."),
    "metrics": ("health", "Figures for Prometheus, computed from the store."),
    "contract": ("contracts", "Check a contract, say it in plain words, list its scopes."),
    "rehearse": ("rehearse", "Live a contract through everything that goes wrong; nothing outside is touched."),
    "deploy": ("deploy", "Ways to run the product: the files of each profile."),
    "worker": ("deploy", "Carry out runs of the fast profile, with everything loaded."),
    "doctor": ("doctor", "Check configuration, storage, keys and partners."),
    "audit": ("doctor", "Check the hash-chained record of every act."),
}


TEXTUAL = frozenset(
    {
        "tenant",
        "enable",
        "pause",
        "resume",
        "plans",
        "diffs",
        "links",
        "explain",
        "health",
        "alerts",
        "metrics",
        "contract",
        "audit",
    }
)
"""Commands that read the store and print; none of them starts a run."""
_ALONE: list[bool] = []
"""Whether this process is there for one command."""
_QUICK: list[bool] = []
"""Whether that is one of those."""


def _start_quickly() -> None:
    """For commands that read, print and end: nobody looks for numpy, pandas, plugins or garbage, or speaks to many at once."""
    if not _ALONE or "pyarrow" in sys.modules:  # somebody else's process
        return
    _QUICK.append(True)
    gc.disable()
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # to look for some reads what every installed package offers
    import_module("integration_pipelines.cli.later").load_later()
    import_module("integration_pipelines.defs.arrow_alone").do_without_arrays()


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
        if cmd_name in TEXTUAL:
            _start_quickly()
        module = import_module(f"integration_pipelines.cli.{COMMANDS[cmd_name][0]}")
        command: click.Command = module.COMMANDS[cmd_name]
        return _with_whole_examples(command)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Names and one-liners, without loading anything."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


def _with_whole_examples(command: click.Command) -> click.Command:
    """Examples stay on one line, so that they can be copied, however narrow the terminal is."""
    command.help = (command.help or "").replace("\n\nExample:", "\n\n\b\nExample:")
    for inner in command.commands.values() if isinstance(command, click.Group) else ():
        _with_whole_examples(inner)
    return command


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Start with `integration-pipelines demo`. Every command has --help with an example.",
)
def app() -> None:
    """Keep a CRM and a billing system the same: every write is shown before it happens and proved afterwards."""


def run() -> None:
    """Entry point: exit 0 success, 1 refused, held or failed, 2 wrong use. Never a traceback for an expected fault."""
    _ALONE.append(True)
    try:
        result: Any = app(standalone_mode=False)
        sys.stdout.flush()
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
        _complain(error.message, error.remedy)
    except BrokenPipeError:  # the reader, e.g. `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        what = f"{error.filename}: " if error.filename else ""
        _complain(
            f"{what}{error.strerror or 'the machine refused it'}.", "Make the place usable for this user, or choose another one."
        )
    _end(result if isinstance(result, int) else 0)


def _end(code: int) -> NoReturn:
    """A process that only read something has nothing to put in order: all is closed, and taking apart what was loaded takes a tenth."""
    if _QUICK:
        os._exit(code)
    sys.exit(code)


def _complain(message: str, remedy: str) -> NoReturn:
    from integration_pipelines.cli.show import one_line  # noqa: PLC0415 - a good command does not pay for it

    click.echo(f"Error: {one_line(message)}", err=True)
    if remedy:
        click.echo(f"What to do: {one_line(remedy)}", err=True)
    sys.exit(1)
