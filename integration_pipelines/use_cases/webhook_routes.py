"""Who may deliver what to whom, as the store says it at one moment: secrets, accounts, and which integrations read what."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from integration_pipelines.core.contract import Contract
from integration_pipelines.errors import AuthError
from integration_pipelines.ports.tenants import Installation, TenantStore
from integration_pipelines.ports.vault import SecretContext, Vault
from integration_pipelines.ports.webhooks import Scheme, WebhookSecret, WebhookSecrets


@dataclass(frozen=True, slots=True)
class OpenSecret:
    """A secret that deliveries are compared with; it is never shown."""

    scheme: Scheme
    text: str
    retires_at: datetime | None

    def __repr__(self) -> str:
        """Without what it is."""
        return f"OpenSecret(scheme={self.scheme}, retires_at={self.retires_at})"


@dataclass(frozen=True, slots=True)
class Routes:
    """What the receiver has to know of the store to answer one delivery."""

    tenants: frozenset[str]
    secrets: Mapping[tuple[str, str], tuple[OpenSecret, ...]]  # (tenant or `APP`, partner)
    closed: frozenset[tuple[str, str]]  # (tenant or `APP`, partner) with a secret that does not open
    owners: Mapping[tuple[str, str], str]  # (partner, account) → tenant
    accounts: Mapping[tuple[str, str], str]  # (tenant, partner) → account
    readers: Mapping[tuple[str, str], Mapping[str, tuple[str, ...]]]  # (tenant, partner) → partner object → integrations

    def valid(self, owner: str, partner: str, scheme: Scheme, now: datetime) -> list[str]:
        """The secrets of that scheme that count now."""
        known = self.secrets.get((owner, partner), ())
        return [s.text for s in known if s.scheme is scheme and (s.retires_at is None or now < s.retires_at)]


def load_routes(
    *, tenants: TenantStore, secrets: WebhookSecrets, vault: Vault, contracts: Mapping[str, Contract], opened: dict[bytes, str]
) -> Routes:
    """Look once.

    Args:
        tenants: who there is.
        secrets: what they sign with.
        vault: opens the secrets.
        contracts: say which partner objects an integration reads.
        opened: what the vault opened before, by its sealed form; what is gone leaves it.

    Raises:
        TransientError: the store does not answer.
    """
    owners = tenants.accounts()
    known, closed = _open(secrets.load(None), vault, opened)
    return Routes(
        tenants=frozenset(t.tenant_id for t in tenants.all()),
        secrets=known,
        closed=closed,
        owners=owners,
        accounts={(tenant, partner): account for (partner, account), tenant in owners.items()},
        readers=_readers(tenants.installations(None, None), contracts),
    )


def _open(
    stored: list[WebhookSecret], vault: Vault, opened: dict[bytes, str]
) -> tuple[dict[tuple[str, str], tuple[OpenSecret, ...]], frozenset[tuple[str, str]]]:
    found: dict[tuple[str, str], tuple[OpenSecret, ...]] = {}
    closed: set[tuple[str, str]] = set()
    for secret in stored:
        address = (secret.tenant_id, secret.partner)
        if secret.sealed_secret not in opened:
            try:
                opened[secret.sealed_secret] = vault.open(SecretContext(*address, secret.purpose), secret.sealed_secret)
            except AuthError:
                closed.add(address)
                continue
        text = opened[secret.sealed_secret]
        found[address] = (*found.get(address, ()), OpenSecret(secret.scheme, text, secret.retires_at))
    for gone in opened.keys() - {s.sealed_secret for s in stored}:
        del opened[gone]
    return found, frozenset(closed)


def _readers(
    installed: list[Installation], contracts: Mapping[str, Contract]
) -> dict[tuple[str, str], dict[str, tuple[str, ...]]]:
    reads = {name: partner_objects(contract) for name, contract in contracts.items()}
    found: dict[tuple[str, str], dict[str, tuple[str, ...]]] = {}
    for i in installed:
        for partner, partner_object in reads.get(i.integration, ()):
            of_partner = found.setdefault((i.tenant_id, partner), {})
            of_partner[partner_object] = (*of_partner.get(partner_object, ()), i.integration)
    return found


def partner_objects(contract: Contract) -> list[tuple[str, str]]:
    """What a contract reads: pairs of partner and the partner's word for the object."""
    partners = {role.name: role.partner for role in (contract.roles.left, contract.roles.right)}
    return sorted({(partners[o.role], o.partner_object) for o in contract.objects.values()})
