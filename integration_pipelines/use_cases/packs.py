"""Install a pack at a tenant: its contract, switched off, and what the tenant said that its partners are to mean."""

from collections.abc import Mapping, Sequence

from integration_pipelines.core.packs import Pack, answers
from integration_pipelines.ports.bundle import Ports
from integration_pipelines.use_cases.onboard import install_integration


def install_pack(
    tenant_id: str,
    pack: Pack,
    given: Mapping[str, Sequence[str]],
    *,
    actor: str,
    ports: Ports,
) -> dict[tuple[str, str], tuple[str, ...]]:
    """Keep the answers, then install; may be repeated to answer otherwise.

    Returns:
        (partner, option) → values, the defaults included.

    Raises:
        ConfigError: an answer is missing, not allowed, or to no question; then nothing is kept.
    """
    found = answers(pack, given, ports.contracts[pack.contract], ports.catalogues())
    now = ports.clock.now()
    for (partner, option), values in found.items():
        ports.tenants.set_option(tenant_id, partner, option, values, now)
    install_integration(tenant_id, pack.contract, actor=actor, ports=ports)
    facts = {f"{partner} {option}": ", ".join(values) for (partner, option), values in found.items() if values}
    ports.audit.append(tenant_id, actor, "pack_installed", {"pack": pack.pack, **facts}, now)
    return found
