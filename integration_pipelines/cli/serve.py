"""`serve`: the receiver of webhooks, until it is told to stop."""

import click

from integration_pipelines.cli.context import settings
from integration_pipelines.cli.show import say
from integration_pipelines.web.serving import serve


@click.command("serve")
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="Address to listen at; a proxy that ends TLS stands before it."
)
@click.option("--port", default=8800, show_default=True, type=click.IntRange(0, 65_535), help="Port; 0 takes a free one.")
@click.option("--hurry/--no-hurry", default=True, show_default=True, help="Have Dagster's webserver start runs at once.")
def serve_command(host: str, port: int, hurry: bool) -> int:
    """Receive webhooks until Ctrl-C: verify them, make them durable, and only then say so.

    Partners post to /webhooks/PARTNER/TENANT, or to /webhooks/PARTNER for an app whose one address serves all tenants, below
    INTEGRATION_PIPELINES_PUBLIC_URL. Nothing is accepted before a secret is set: `webhooks secret add`.

    A run for what arrived is started through Dagster's webserver (INTEGRATION_PIPELINES_LAUNCH_URL); while that does not answer, or with
    --no-hurry, Dagster's sensor starts it within some seconds.

    Also here: /healthz, and /metrics for this machine or with INTEGRATION_PIPELINES_METRICS_TOKEN.

    Example: integration-pipelines serve --port 8800
    """
    loaded = settings()

    def ready(address: str) -> None:
        say(f"Receiving webhooks on {address}; partners reach it as {loaded.public_url.rstrip('/')}/webhooks/…")

    return 0 if serve(loaded, host, port, hurry=hurry, ready=ready) else 1


COMMANDS = {"serve": serve_command}
