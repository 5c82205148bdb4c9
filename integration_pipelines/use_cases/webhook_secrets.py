"""The secrets that partners sign webhooks with: sealed before they are stored, several at once while one is being replaced, never shown."""

from datetime import datetime

from integration_pipelines.errors import ConfigError
from integration_pipelines.ports.bundle import Ports
from integration_pipelines.ports.vault import SecretContext
from integration_pipelines.ports.webhooks import APP, Scheme, WebhookSecret

SHORTEST = 16


def add_webhook_secret(
    owner: str, partner: str, text: str, *, scheme: Scheme, others_end: datetime | None, actor: str, ports: Ports
) -> WebhookSecret:
    """Accept what is signed with one more secret, from within a few seconds on.

    Args:
        owner: a tenant's id, or `APP` for the secret of an app whose one address serves all tenants.
        partner: who signs with it.
        text: the secret as the partner shows it.
        scheme: how it signs.
        others_end: when the secrets that there are stop to count, None for not by themselves.
        actor: for the audit log.
        ports: the product.

    Raises:
        ConfigError: no secret is so short.
    """
    secret_text = text.strip()
    if len(secret_text) < SHORTEST:
        raise ConfigError(f"A webhook secret has at least {SHORTEST} characters.", remedy="Copy it from the partner's settings.")
    now = ports.clock.now()
    before = [s.secret_id for s in ports.webhook_secrets.load(owner, partner) if s.scheme is scheme and _counts(s, now)]
    secret = WebhookSecret(owner, partner, ports.ids.new("whs"), scheme, b"", now)
    sealed = ports.vault.seal(SecretContext(owner, partner, secret.purpose), secret_text)
    ports.webhook_secrets.add(WebhookSecret(owner, partner, secret.secret_id, scheme, sealed, now))
    facts = {"partner": partner, "secret_id": secret.secret_id, "scheme": scheme.value}
    ports.audit.append(owner, actor, "webhook_secret_added", facts, now)
    if others_end is not None and before:
        retire_webhook_secrets(owner, partner, before, at=others_end, actor=actor, ports=ports)
    return secret


def retire_webhook_secrets(owner: str, partner: str, secret_ids: list[str], *, at: datetime, actor: str, ports: Ports) -> None:
    """Let secrets end at a moment; what is signed with them is refused from then on.

    Raises:
        ConfigError: there is no such secret.
    """
    known = {s.secret_id for s in ports.webhook_secrets.load(owner, partner)}
    unknown = sorted(set(secret_ids) - known)
    if unknown:
        whose = "the app" if owner == APP else f"tenant {owner}"
        raise ConfigError(
            f"There is no {partner} webhook secret {unknown[0][:80]} of {whose}.", remedy="List them with `webhooks secret list`."
        )
    ports.webhook_secrets.retire(owner, partner, secret_ids, at)
    for secret_id in secret_ids:
        facts = {"partner": partner, "secret_id": secret_id, "at": at.isoformat()}
        ports.audit.append(owner, actor, "webhook_secret_retired", facts, ports.clock.now())


def _counts(secret: WebhookSecret, now: datetime) -> bool:
    return secret.retires_at is None or now < secret.retires_at
