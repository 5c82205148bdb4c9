"""A store with tenants that a receiver's process can serve, and a look at what it stored."""

import base64
from collections.abc import Sequence
from pathlib import Path

import sqlalchemy as sa
from pydantic import SecretStr

from integration_pipelines.ports.bundle import Ports
from integration_pipelines.settings import Settings
from integration_pipelines.store.engine import EVERYONE, make_engine, reading
from integration_pipelines.store.schema import WEBHOOK_EVENTS
from integration_pipelines.use_cases.onboard import add_tenant, install_integration
from integration_pipelines.wiring import open_ports
from integration_pipelines_tests.kit.receiver_process import Order
from integration_pipelines_tests.kit.receiving import prepare

KEY = base64.b64encode(bytes(32)).decode()


def prepared(order: Order, count: int) -> list[str]:
    """So many tenants, connected; their ids."""
    settings = Settings(home=Path(order.home), database_url=order.database_url, master_key=SecretStr(KEY))
    with open_ports(settings) as ports:
        tenants = [_added(ports, f"tenant {n}") for n in range(count)]
        prepare(ports, tenants)
    return tenants


def stored(order: Order) -> list[tuple[str, str, str]]:
    """Tenant, event and file of every row."""
    e = WEBHOOK_EVENTS.c
    return [(str(t), str(i), str(p)) for t, i, p in _asked(order, sa.select(e.tenant_id, e.event_id, e.landed_path))]


def groups(order: Order) -> int:
    """How many transactions took them: what lands together has one time."""
    ((found,),) = _asked(order, sa.select(sa.func.count(sa.distinct(WEBHOOK_EVENTS.c.landed_at))))
    return int(str(found))


def missing(order: Order) -> list[str]:
    """Files that a row names and that are not there."""
    return sorted({path for _, _, path in stored(order) if not (Path(order.home) / "data" / "landing" / path).is_file()})


def _added(ports: Ports, name: str) -> str:
    tenant_id = add_tenant(name, actor="tester", ports=ports).tenant_id
    install_integration(tenant_id, "crm_billing", actor="tester", ports=ports)
    return tenant_id


def _asked(order: Order, query: sa.Select[tuple[object, ...]]) -> Sequence[Sequence[object]]:
    engine = make_engine(order.database_url)
    with reading(engine, EVERYONE) as connection:
        found = [tuple(row) for row in connection.execute(query)]
    engine.dispose()
    return found
