"""Bring a tenant in and let it go: ids are made here, tokens are sealed before they are stored, every act is recorded."""

from collections.abc import Sequence

from integration_pipelines.core.contract_options import options_of
from integration_pipelines.errors import AuthError, ConfigError, IntegrationError
from integration_pipelines.ports.bundle import Ports
from integration_pipelines.ports.partner import Probe
from integration_pipelines.ports.tenants import Connection, Installation, Tenant
from integration_pipelines.ports.vault import SecretContext


def add_tenant(name: str, *, actor: str, ports: Ports) -> Tenant:
    """Add a tenant under a fresh id.

    Raises:
        ConfigError: the name is blank or longer than 200 characters.
        ConflictError: a tenant of that name exists.
    """
    cleaned = " ".join(name.split())
    if not cleaned or len(cleaned) > 200:  # noqa: PLR2004 - the limit is in the message
        raise ConfigError("A tenant's name has 1 to 200 characters.", remedy="Give it the customer's name.")
    tenant = Tenant(ports.ids.new("t"), cleaned, ports.clock.now())
    ports.tenants.add(tenant)
    ports.audit.append(tenant.tenant_id, actor, "tenant_added", {}, ports.clock.now())
    return tenant


def install_integration(tenant_id: str, integration: str, *, actor: str, ports: Ports) -> Installation:
    """Install an integration, switched off.

    Raises:
        ConfigError: there is no such integration.
    """
    contract = ports.contracts.get(integration)
    if contract is None:
        raise ConfigError(
            f"There is no integration {integration}.", remedy=f"Choose one of: {', '.join(sorted(ports.contracts))}."
        )
    installed = ports.tenants.install(tenant_id, integration, contract.version, ports.clock.now())
    ports.audit.append(tenant_id, actor, "integration_installed", {"integration": integration}, ports.clock.now())
    return installed


def say_option(tenant_id: str, partner: str, option: str, values: Sequence[str], *, actor: str, ports: Ports) -> None:
    """Keep what a tenant says that a partner is to mean; no values let the contract speak again.

    Raises:
        ConfigError: no contract asks that partner for such an option, or it cannot say that.
    """
    known = options_of(partner, ports.contracts.values(), ports.catalogues())
    if option not in known:
        remedy = f"Choose one of: {', '.join(sorted(known))}." if known else "Name a partner of a contract that has options."
        raise ConfigError(f"Nothing asks {partner} for {option}.", remedy=remedy)
    if known[option] and (strange := sorted(set(values) - known[option])):
        raise ConfigError(f"{option} cannot say {strange[0]}.", remedy=f"Choose among: {', '.join(sorted(known[option]))}.")
    now = ports.clock.now()
    ports.tenants.set_option(tenant_id, partner, option, values, now)
    ports.audit.append(tenant_id, actor, "option_set", {"partner": partner, "option": option, "values": ", ".join(values)}, now)


def connect_tenant(tenant_id: str, partner: str, *, token: str, base_url: str, actor: str, ports: Ports) -> Probe:
    """Seal a token, try the connection, and keep it only if it works.

    Raises:
        ConfigError: nothing speaks to that partner, or no address is known.
        AuthError: the partner does not accept the token; nothing is kept.
        ConflictError: the account belongs to another tenant, or the tenant was connected to another account.
    """
    if not base_url:
        raise ConfigError(f"No address is known for partner {partner}.", remedy="Give it with --base-url.")
    sealed = ports.vault.seal(SecretContext(tenant_id, partner), token)
    candidate = Connection(tenant_id, partner, "", base_url.rstrip("/"), sealed, ports.clock.now())
    connector = ports.connectors.open_with(candidate)
    try:
        probe = connector.probe()
    finally:
        connector.close()
    if not probe.ok:
        missing = f" Missing scopes: {', '.join(probe.missing_scopes)}." if probe.missing_scopes else ""
        raise AuthError(f"{partner} does not accept this connection: {probe.text}{missing}", remedy=probe.remedy, partner=partner)
    ports.tenants.connect(Connection(tenant_id, partner, probe.account, candidate.base_url, sealed, candidate.connected_at))
    ports.audit.append(tenant_id, actor, "connected", {"partner": partner, "account": probe.account}, ports.clock.now())
    return probe


def remove_tenant(tenant_id: str, *, actor: str, ports: Ports) -> None:
    """Forget connections, webhook secrets and installations. What was written stays as evidence."""
    ports.audit.append(tenant_id, actor, "tenant_removed", {}, ports.clock.now())
    ports.webhook_secrets.forget(tenant_id, None)
    ports.tenants.remove(tenant_id)


def grant_tenant(tenant_id: str, role: str, *, actor: str, ports: Ports) -> None:
    """Let a database role of an analyst read that tenant in the views."""
    now = ports.clock.now()
    ports.grants.grant(tenant_id, role, now)
    ports.audit.append(tenant_id, actor, "tenant_granted", {"role": role}, now)


def revoke_tenant(tenant_id: str, role: str, *, actor: str, ports: Ports) -> None:
    """Take that back."""
    ports.grants.revoke(tenant_id, role)
    ports.audit.append(tenant_id, actor, "tenant_revoked", {"role": role}, ports.clock.now())


def check_connections(tenant_id: str, *, ports: Ports) -> dict[str, Probe]:
    """Try every connection of a tenant; a failing one is a probe that is not ok, never an exception."""
    found = {}
    for connection in ports.tenants.connections(tenant_id):
        connector = ports.connectors.open(tenant_id, connection.partner)
        try:
            found[connection.partner] = connector.probe()
        except IntegrationError as error:
            found[connection.partner] = Probe(False, connection.account, error.message, error.remedy)
        finally:
            connector.close()
    return found
