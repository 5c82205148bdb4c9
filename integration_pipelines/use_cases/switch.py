"""The switches: enable, pause and resume. Each takes effect before the next request of any process, and is recorded."""

from integration_pipelines.ports.bundle import Ports
from integration_pipelines.ports.tenants import Installation


def switch_writes(
    tenant_id: str, integration: str, *, enabled: bool | None = None, paused: bool | None = None, actor: str, ports: Ports
) -> Installation:
    """Turn writes on or off, or pause and resume them.

    Raises:
        ConfigError: the integration is not installed at that tenant.
    """
    ports.tenants.installation(tenant_id, integration)
    changed = ports.tenants.switch(tenant_id, integration, enabled=enabled, paused=paused)
    facts = {"integration": integration, "enabled": str(changed.enabled).lower(), "paused": str(changed.paused).lower()}
    ports.audit.append(tenant_id, actor, "writes_switched", facts, ports.clock.now())
    return changed
