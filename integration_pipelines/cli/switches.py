"""`enable`, `pause`, `resume`: whether anything may be written."""

import click

from integration_pipelines.cli.context import actor, ports
from integration_pipelines.cli.show import say
from integration_pipelines.errors import ConfigError
from integration_pipelines.use_cases.switch import switch_writes


def _switch(
    tenant: str | None, integration: str | None, done: str, *, enabled: bool | None = None, paused: bool | None = None
) -> None:
    with ports() as opened:
        ids = None if tenant is None else [opened.tenants.find(tenant).tenant_id]
        chosen = opened.tenants.installations(ids, integration)
        if not chosen:
            raise ConfigError("No installation matches.", remedy="Run `integration-pipelines tenant list`.")
        names = {t.tenant_id: t.name for t in opened.tenants.all()}
        for one in chosen:
            switch_writes(one.tenant_id, one.integration, enabled=enabled, paused=paused, actor=actor(), ports=opened)
            say(f"{names.get(one.tenant_id, one.tenant_id)} · {one.integration}: {done}")


@click.command("enable")
@click.argument("tenant")
@click.option("--integration", help="Only this one.")
def enable(tenant: str, integration: str | None) -> None:
    """Turn writes on for a tenant. Its first plan still waits for approval.

    Example: integration-pipelines enable acme
    """
    _switch(tenant, integration, "writes are on", enabled=True)
    say(f'Next: integration-pipelines sync "{tenant}"')


@click.command("pause")
@click.argument("tenant", required=False)
@click.option("--integration", help="Only this one.")
def pause(tenant: str | None, integration: str | None) -> None:
    """Stop writes within one request: of one tenant or, without a name, of all.

    Example: integration-pipelines pause acme
    """
    _switch(tenant, integration, "paused", paused=True)


@click.command("resume")
@click.argument("tenant", required=False)
@click.option("--integration", help="Only this one.")
def resume(tenant: str | None, integration: str | None) -> None:
    """Let paused writes go on: of one tenant or, without a name, of all.

    Example: integration-pipelines resume acme
    """
    _switch(tenant, integration, "resumed", paused=False)


COMMANDS = {"enable": enable, "pause": pause, "resume": resume}
