"""`webhooks secret add|list|retire`: what partners sign their deliveries with."""

from datetime import UTC, datetime, timedelta

import click

from integration_pipelines.cli.context import actor, ports, settings
from integration_pipelines.cli.show import print_json, say
from integration_pipelines.cli.tables import print_rows
from integration_pipelines.errors import ConfigError
from integration_pipelines.partners.standard_webhooks import secret_bytes
from integration_pipelines.partners.webhooks import SOURCES
from integration_pipelines.ports.bundle import Ports
from integration_pipelines.ports.webhooks import APP, Scheme, WebhookSecret
from integration_pipelines.use_cases.webhook_secrets import add_webhook_secret, retire_webhook_secrets


@click.group("webhooks")
def webhooks() -> None:
    """Webhooks: the secrets that partners sign them with.

    Example: integration-pipelines webhooks secret add acme stripe
    """


@webhooks.group("secret")
def secret() -> None:
    """Secrets, several at once while one is being replaced. None is ever shown.

    Example: integration-pipelines webhooks secret list
    """


@secret.command("add")
@click.argument("words", nargs=-1, required=True, metavar="[TENANT] PARTNER")
@click.option("--app", "of_app", is_flag=True, help="Of an app whose one address serves all tenants, in place of a tenant.")
@click.option(
    "--secret", "text", envvar="INTEGRATION_PIPELINES_WEBHOOK_SECRET", help="The secret; asked for, unseen, if not given."
)
@click.option(
    "--scheme",
    default=Scheme.PARTNER.value,
    show_default=True,
    type=click.Choice([s.value for s in Scheme]),
    help="How it signs; standard: as Standard Webhooks, e.g. a gateway that passes deliveries on.",
)
@click.option("--others-end-in", type=click.FloatRange(0), help="Hours after which the secrets that there are stop to count.")
def add(words: tuple[str, ...], of_app: bool, text: str | None, scheme: str, others_end_in: float | None) -> None:
    """Accept what is signed with one more secret.

    A running receiver knows it within a few seconds. To replace one: add the new secret with --others-end-in 24, then give it to the partner.

    Example: integration-pipelines webhooks secret add acme stripe
    """
    name, partner = _named(words, of_app)
    given = text or click.prompt("Secret", hide_input=True)
    if scheme == Scheme.STANDARD.value and secret_bytes(given.strip()) is None:
        raise ConfigError("That is no secret of Standard Webhooks.", remedy="It is whsec_ and the base64 text of 24 to 64 bytes.")
    with ports() as opened:
        owner, whose = _owner(name, opened)
        ends = None if others_end_in is None else opened.clock.now() + timedelta(hours=others_end_in)
        made = add_webhook_secret(owner, partner, given, scheme=Scheme(scheme), others_end=ends, actor=actor(), ports=opened)
    path = f"/webhooks/{partner}" + ("" if owner == APP else f"/{owner}")
    say(f"Added {made.secret_id} for {whose}. {partner} posts to {settings().public_url.rstrip('/')}{path}")


@secret.command("list")
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def list_secrets(name: str | None, as_json: bool) -> None:
    """List secrets by tenant and partner, without what they are.

    Example: integration-pipelines webhooks secret list acme
    """
    with ports() as opened:
        tenant_id = None if name is None else opened.tenants.find(name).tenant_id
        now = opened.clock.now()
        rows = [_shown(s, now) for s in opened.webhook_secrets.load(tenant_id)]
    if as_json:
        print_json(rows)
        return
    headings = {n: n for n in ("tenant", "partner", "secret", "scheme", "state", "added", "ends")}
    print_rows(rows, headings, empty="No webhook secret yet. Add one: integration-pipelines webhooks secret add acme stripe")


@secret.command("retire")
@click.argument("secret_id")
@click.option("--in", "hours", default=0.0, show_default=True, type=click.FloatRange(0), help="After so many hours.")
def retire(secret_id: str, hours: float) -> None:
    """Stop to accept what is signed with a secret.

    Example: integration-pipelines webhooks secret retire whs_01j9x --in 24
    """
    with ports() as opened:
        found = [s for s in opened.webhook_secrets.load(None) if s.secret_id == secret_id]
        if not found:
            raise ConfigError(f"There is no webhook secret {secret_id[:80]}.", remedy="List them with `webhooks secret list`.")
        at = opened.clock.now() + timedelta(hours=hours)
        retire_webhook_secrets(found[0].tenant_id, found[0].partner, [secret_id], at=at, actor=actor(), ports=opened)
    say(f"{secret_id} counts no more from {at.astimezone(UTC):%Y-%m-%d %H:%M} UTC on.")


def _named(words: tuple[str, ...], of_app: bool) -> tuple[str, str]:
    """The tenant ('' for the app) and the partner."""
    expected = 1 if of_app else 2
    if len(words) != expected:
        raise click.UsageError(
            "Say --app and the partner." if of_app else "Say the tenant and the partner, or --app and the partner."
        )
    if words[-1] not in SOURCES:
        raise click.UsageError(
            f"{words[-1]!r} sends no webhooks that are understood here. Choose from: {', '.join(sorted(SOURCES))}."
        )
    return ("" if of_app else words[0]), words[-1]


def _owner(name: str, opened: Ports) -> tuple[str, str]:
    if not name:
        return APP, "the app"
    found = opened.tenants.find(name)
    return found.tenant_id, found.name


def _shown(one: WebhookSecret, now: datetime) -> dict[str, object]:
    state = "counts" if one.retires_at is None else "ends" if now < one.retires_at else "ended"
    return {
        "tenant": one.tenant_id, "partner": one.partner, "secret": one.secret_id, "scheme": one.scheme.value, "state": state,
        "added": one.added_at, "ends": one.retires_at,
    }  # fmt: skip


COMMANDS = {"webhooks": webhooks}
