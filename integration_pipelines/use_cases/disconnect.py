"""A partner took our access away: believed when the partner itself does not let us in any more; from then on nothing is asked of it."""

from collections.abc import Sequence

from integration_pipelines.core.contract import Contract
from integration_pipelines.errors import AuthError, IntegrationError
from integration_pipelines.ports.bundle import Ports
from integration_pipelines.ports.inbox import EventOutcome, InboxEvent, Settled
from integration_pipelines.ports.tenants import Connection
from integration_pipelines.use_cases.outcome import BatchReport


def access_ended(event: InboxEvent, *, ports: Ports) -> Settled:
    """End the connection that an event says was ended at the partner, unless the partner still answers or it was made anew since."""
    try:
        connection = ports.tenants.connection(event.tenant_id, event.partner)
    except IntegrationError as error:
        return Settled(event, EventOutcome.IGNORED, error.message)
    if event.received_at < connection.connected_at:
        return Settled(event, EventOutcome.IGNORED, "the connection was made anew since")
    connector = ports.connectors.open(event.tenant_id, event.partner)
    try:
        probe = connector.probe()
    finally:
        connector.close()
    if probe.ok:
        return Settled(event, EventOutcome.IGNORED, f"{event.partner} still lets us in")
    now = ports.clock.now()
    ports.tenants.disconnect(event.tenant_id, event.partner, now)
    facts = {"partner": event.partner, "event": event.event_id}
    ports.audit.append(event.tenant_id, "system", "access_ended", facts, now)
    return Settled(event, EventOutcome.APPLIED, f"nothing more is asked of {event.partner} until the tenant connects again")


def stop_where_access_ended(report: BatchReport, contract: Contract, *, ports: Ports) -> None:
    """Fail the tenants of a run that a partner of the contract took our access to, before anything is asked of it."""
    partners = {contract.roles.left.partner, contract.roles.right.partner}
    alive = report.alive()
    ended: dict[str, Connection] = {}
    for connection in _ended(ports, [t.tenant_id for t in alive]):
        if connection.partner in partners:
            ended.setdefault(connection.tenant_id, connection)
    for tenant in (t for t in alive if t.tenant_id in ended):
        connection = ended[tenant.tenant_id]
        tenant.fail(
            AuthError(
                f"{connection.partner} took our access away on {connection.ended_at:%Y-%m-%d %H:%M} UTC; nothing is asked of it since.",
                remedy=f"Connect it again: integration-pipelines tenant connect {tenant.tenant_id} {connection.partner}",
                partner=connection.partner,
            )
        )


def _ended(ports: Ports, tenant_ids: Sequence[str]) -> list[Connection]:
    return ports.tenants.ended_connections(tenant_ids) if tenant_ids else []
