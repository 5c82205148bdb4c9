"""`sandbox serve`: the partners' wire shapes on this machine."""

import json
import socket
import time
from pathlib import Path

import click

from integration_pipelines.cli.show import say
from integration_pipelines.errors import ConfigError, TransientError


@click.group("sandbox")
def sandbox() -> None:
    """The partner sandbox: Stripe and HubSpot as they answer, with seeded customers and faults on request.

    Example: integration-pipelines sandbox serve --tenants 3 --customers 500
    """


@sandbox.command("serve")
@click.option("--port", default=8900, show_default=True, type=click.IntRange(1, 65_535), help="Loopback port.")
@click.option("--tenants", default=3, show_default=True, type=click.IntRange(1, 500), help="How many tenants to seed.")
@click.option(
    "--customers", default=500, show_default=True, type=click.IntRange(1, 100_000), help="How many billing customers each."
)
@click.option("--tickets", default=100, show_default=True, type=click.IntRange(0, 10_000), help="How many support tickets each.")
@click.option("--seed", default=1, show_default=True, help="The same seed makes the same world.")
@click.option(
    "--hurry",
    default=60.0,
    show_default=True,
    type=click.FloatRange(1),
    help="How many times quicker refused webhooks come again.",
)
@click.option("--faults", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="JSON list of faults to switch on.")
def serve_command(faults: Path | None, port: int, hurry: float, **sizes: int) -> None:
    """Serve the partners until Ctrl-C.

    They are below /stripe, /hubspot, /zendesk, /pagerduty and /slack. State is kept in memory.
    Accounts and tokens: GET /_control/accounts. Edit as a person: POST /_control/edit. What was written: GET /_control/effects.
    Have changes told to a receiver: POST /_control/webhooks {partner, account or *, url, secret}; deliveries: GET /_control/deliveries.

    Example: integration-pipelines sandbox serve --port 8900 --customers 100
    """
    from integration_pipelines.sandbox.control import add_faults  # noqa: PLC0415 - `--help` need not load the server
    from integration_pipelines.sandbox.server import serve  # noqa: PLC0415 - idem
    from integration_pipelines.sandbox.world import World  # noqa: PLC0415 - idem

    tenants, customers, tickets, seed = (sizes[name] for name in ("tenants", "customers", "tickets", "seed"))
    world = World(tenants=tenants, customers=customers, seed=seed, now=time.time(), hurry=hurry, tickets=tickets)
    if faults is not None:
        try:
            wanted = json.loads(faults.read_text(encoding="utf-8"))
        except ValueError:
            raise ConfigError(f"{faults.name} is not JSON.", remedy='Write a list such as [{"kind": "…", "times": 1}].') from None
        add_faults(world, wanted)
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise TransientError(f"Port {port} is taken.", remedy="Choose another one with --port.") from None
    say(f"Sandbox on http://127.0.0.1:{port} with {tenants} tenants of {customers} customers. Accounts: /_control/accounts")
    serve(world, port=port)


COMMANDS = {"sandbox": sandbox}
