"""`tenant add|list|show|remove|connect`: who is integrated, and with which accounts."""

from collections.abc import Iterator

import click

from integration_pipelines.cli.context import actor, ports, settings
from integration_pipelines.cli.show import print_json, say
from integration_pipelines.cli.tables import print_facts, print_rows
from integration_pipelines.core.contract_findings import SIDES
from integration_pipelines.errors import ConfigError
from integration_pipelines.ports.bundle import Ports
from integration_pipelines.ports.webhooks import Scheme
from integration_pipelines.use_cases.onboard import (
    add_tenant,
    connect_tenant,
    grant_tenant,
    install_integration,
    remove_tenant,
    revoke_tenant,
    say_option,
)
from integration_pipelines.use_cases.webhook_secrets import add_webhook_secret

DEFAULT_URLS = {
    "hubspot": "https://api.hubapi.com",
    "pagerduty": "https://api.pagerduty.com",
    "slack": "https://slack.com",
    "stripe": "https://api.stripe.com",
    "zendesk": "",  # every account has its own
}


@click.group("tenant")
def tenant() -> None:
    """Tenants, their connections and installations.

    Example: integration-pipelines tenant add "Acme Inc" --integration crm_billing
    """


@tenant.command("add")
@click.argument("name")
@click.option(
    "--integration", "integrations", multiple=True, default=("crm_billing",), show_default=True, help="Install it, switched off."
)
def add(name: str, integrations: tuple[str, ...]) -> None:
    """Add a tenant; its id is made here and never changes.

    Example: integration-pipelines tenant add "Acme Inc"
    """
    with ports() as opened:
        for unknown in sorted(set(integrations) - set(opened.contracts)):
            raise ConfigError(f"There is no integration {unknown}.", remedy=f"Choose one of: {', '.join(opened.contracts)}.")
        made = add_tenant(name, actor=actor(), ports=opened)
        for integration in integrations:
            install_integration(made.tenant_id, integration, actor=actor(), ports=opened)
        say(f"Added {made.name} as {made.tenant_id}. Writes are off.")
        for line in _connecting(opened, made.tenant_id, integrations):
            say(line)


@tenant.command("install")
@click.argument("name")
@click.argument("integration")
def install(name: str, integration: str) -> None:
    """Install one more integration, switched off.

    A pack does this too, and asks what there is to choose.

    Example: integration-pipelines tenant install acme support_incidents
    """
    with ports() as opened:
        found = opened.tenants.find(name)
        install_integration(found.tenant_id, integration, actor=actor(), ports=opened)
        say(f"Installed {integration} for {found.name}. Writes are off.")
        for line in _connecting(opened, found.tenant_id, (integration,)):
            say(line)


def _connecting(opened: Ports, tenant_id: str, integrations: tuple[str, ...]) -> Iterator[str]:
    """What is left to connect, one command a line."""
    contracts = [opened.contracts[i] for i in integrations]
    needed = {c.role(side).partner for c in contracts for side in SIDES}
    wished = {n.partner for c in contracts for n in c.notifications} - needed
    have = {c.partner for c in opened.tenants.connections(tenant_id)}
    yield from (f"Next: integration-pipelines tenant connect {tenant_id} {p}" for p in sorted(needed - have))
    yield from (
        f"If people are to be told there: integration-pipelines tenant connect {tenant_id} {p}" for p in sorted(wished - have)
    )


@tenant.command("set")
@click.argument("name")
@click.argument("partner")
@click.argument("option")
@click.argument("values", nargs=-1, metavar="[VALUES]")
def set_option(name: str, partner: str, option: str, values: tuple[str, ...]) -> None:
    """Say what a partner is to mean at this tenant.

    Without values, what the contract says holds again. `contract show` lists the options.

    Example: integration-pipelines tenant set acme zendesk escalated_tags vip escalated
    """
    with ports() as opened:
        found = opened.tenants.find(name)
        say_option(found.tenant_id, partner, option, values, actor=actor(), ports=opened)
        said = ", ".join(values) or "what the contract says"
        say(f"At {found.name}, {partner} takes {option} to be: {said}. The next sync goes by it.")


@tenant.command("connect")
@click.argument("name")
@click.argument("partner", type=click.Choice(list(DEFAULT_URLS)))
@click.option(
    "--token", envvar="INTEGRATION_PIPELINES_TOKEN", help="The partner's token; asked for, unseen, when it is not given."
)
@click.option("--webhook-secret", envvar="INTEGRATION_PIPELINES_WEBHOOK_SECRET", help="What the partner signs its webhooks with.")
@click.option("--base-url", help="Another address than the partner's own; Zendesk has one per account, https://acme.zendesk.com.")
def connect(name: str, partner: str, token: str | None, webhook_secret: str | None, base_url: str | None) -> None:
    """Connect a tenant to its account at a partner. The connection is tried, and the token encrypted before it is stored.

    PARTNER is stripe (a restricted key), hubspot (a private app's token), zendesk (an OAuth token, or name@example.com/token:KEY; an
    admin's), pagerduty (a user's API key, or name@example.com/token:KEY) or slack (the address of an incoming webhook, or a bot's token,
    "xoxb-… #channel"). `contract scopes` lists the permissions it needs.

    Example: integration-pipelines tenant connect acme stripe
    """
    secret = token or click.prompt("Token", hide_input=True)
    url = base_url or DEFAULT_URLS[partner]
    with ports() as opened:
        found = opened.tenants.find(name)
        probe = connect_tenant(found.tenant_id, partner, token=secret, base_url=url, actor=actor(), ports=opened)
        say(f"Connected {found.name} to {partner} account {probe.account}. {probe.text}")
        if webhook_secret:
            add_webhook_secret(
                found.tenant_id, partner, webhook_secret, scheme=Scheme.PARTNER, others_end=None, actor=actor(), ports=opened
            )
            say(f"{partner} may post webhooks to {settings().public_url.rstrip('/')}/webhooks/{partner}/{found.tenant_id}")


@tenant.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def list_tenants(as_json: bool) -> None:
    """List tenants with their integrations.

    Example: integration-pipelines tenant list
    """
    with ports() as opened:
        installed = opened.tenants.installations(None, None)
        rows = [
            {
                "tenant_id": t.tenant_id,
                "name": t.name,
                "connections": ", ".join(f"{c.partner} {c.account}" for c in opened.tenants.connections(t.tenant_id)),
                "integrations": ", ".join(
                    f"{i.integration} ({_switch(i.enabled, i.paused)})" for i in installed if i.tenant_id == t.tenant_id
                ),
                "created_at": t.created_at,
            }
            for t in opened.tenants.all()
        ]
    if as_json:
        print_json(rows)
        return
    headings = {"tenant_id": "tenant", "name": "name", "connections": "connections", "integrations": "integrations"}
    print_rows(rows, headings, empty='No tenants yet. Add one: integration-pipelines tenant add "Acme Inc"')


@tenant.command("show")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def show(name: str, as_json: bool) -> None:
    """Show one tenant.

    Example: integration-pipelines tenant show acme
    """
    with ports() as opened:
        found = opened.tenants.find(name)
        facts: dict[str, object] = {"tenant": found.tenant_id, "created": found.created_at}
        facts |= {f"{c.partner} account": f"{c.account} at {c.base_url}" for c in opened.tenants.connections(found.tenant_id)}
        for i in opened.tenants.installations([found.tenant_id], None):
            approved = "first plan approved" if i.first_plan_approved else "first plan not approved yet"
            facts[i.integration] = f"{_switch(i.enabled, i.paused)}, {approved}, contract version {i.contract_version}"
        for partner in sorted({c.partner for c in opened.tenants.connections(found.tenant_id)}):
            facts |= {f"{partner} {o}": ", ".join(v) for o, v in opened.tenants.options(found.tenant_id, partner).items()}
        if as_json:
            print_json({"name": found.name, **facts})
        else:
            print_facts(facts, title=found.name)


@tenant.command("remove")
@click.argument("name")
@click.confirmation_option(prompt="Forget this tenant's connections and installations?")
def remove(name: str) -> None:
    """Forget a tenant's connections. What was written stays as evidence.

    Example: integration-pipelines tenant remove acme --yes
    """
    with ports() as opened:
        found = opened.tenants.find(name)
        remove_tenant(found.tenant_id, actor=actor(), ports=opened)
        say(f"Removed {found.name} ({found.tenant_id}).")


@tenant.command("grant")
@click.argument("name")
@click.option("--to", "role", required=True, help="The database role of the analyst.")
def grant(name: str, role: str) -> None:
    """Let an analyst's PostgreSQL role read this tenant.

    It reads the tenant in the views, and nothing else.

    The role itself is made in the database: CREATE ROLE ann LOGIN PASSWORD '…'; GRANT analyst TO ann;

    Example: integration-pipelines tenant grant acme --to ann
    """
    with ports() as opened:
        found = opened.tenants.find(name)
        grant_tenant(found.tenant_id, role, actor=actor(), ports=opened)
        say(f"{role} may read {found.name} in the views, once it is a member of the database's role analyst.")


@tenant.command("revoke")
@click.argument("name")
@click.option("--to", "role", required=True, help="The database role of the analyst.")
def revoke(name: str, role: str) -> None:
    """Take a tenant back from an analyst's PostgreSQL role.

    It takes effect with the role's next query.

    Example: integration-pipelines tenant revoke acme --to ann
    """
    with ports() as opened:
        found = opened.tenants.find(name)
        revoke_tenant(found.tenant_id, role, actor=actor(), ports=opened)
        say(f"{role} may not read {found.name} any more.")


def _switch(enabled: bool, paused: bool) -> str:
    return "paused" if paused else ("writes on" if enabled else "writes off")


COMMANDS = {"tenant": tenant}
