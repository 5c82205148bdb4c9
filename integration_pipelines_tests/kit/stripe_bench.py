"""The Stripe connector on a modelled account behind a real server; one server serves many fresh accounts, one after another."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
from starlette.applications import Starlette
from starlette.routing import Mount

from integration_pipelines.core.contract import SourceObject
from integration_pipelines.partner_models.base import Fault, FaultKind, Faults
from integration_pipelines.partners.stripe.client import StripeConnector
from integration_pipelines.ports.lake import Watermark
from integration_pipelines.ports.partner import Extraction, FieldWrite, RecordWrite, WriteOutcome
from integration_pipelines.sandbox.stripe.routes import stripe_routes
from integration_pipelines_tests.kit.core import crm_billing
from integration_pipelines_tests.kit.loopback import serving
from integration_pipelines_tests.kit.partner_fakes import OpenQuota, VirtualClock
from integration_pipelines_tests.kit.stripe_sandbox import TOKEN, Kit, stripe_kit

CUSTOMERS = crm_billing().objects["billing_customers"]
SUBSCRIPTIONS = crm_billing().objects["billing_subscriptions"]


class Bench:
    """A connector of a served account."""

    def __init__(self, kit: Kit, token: str = TOKEN) -> None:
        self.kit = kit
        self.quota = OpenQuota()
        clock = VirtualClock(lambda: datetime.fromtimestamp(kit.clock.at, tz=UTC))
        self.connector = StripeConnector(tenant_id="t1", base_url=kit.url, token=lambda: token, quota=self.quota, clock=clock)

    def read(self, spec: SourceObject, since: Watermark | None = None) -> tuple[Extraction, list[dict[str, Any]]]:
        """One extraction, to its end."""
        extraction = self.connector.extract("x", spec, since)
        return extraction, pa.Table.from_batches(extraction, schema=extraction.schema).to_pylist()

    def fault(self, kind: FaultKind, times: int = 1, path: str = "", method: str = "", **params: object) -> None:
        """Switch a fault on."""
        self.kit.faults.add(Fault(kind, method=method, path=path, times=times, params=dict(params)))

    def write(self, record_id: str = "cus_1", key: str = "k1", **values: str) -> WriteOutcome:
        """Write metadata keys of one customer."""
        fields = tuple(FieldWrite(f"metadata.{name}", value) for name, value in values.items())
        return self.connector.write("x", CUSTOMERS, [RecordWrite("w1", key, record_id, fields)])[0]

    def later(self, **step: float) -> None:
        """Let time pass."""
        self.kit.clock.at += timedelta(**step).total_seconds()

    def metadata(self, record_id: str = "cus_1") -> object:
        """What Stripe holds."""
        return self.kit.account.get("customers", record_id)["metadata"]


@dataclass
class Door:
    """A running server; the account behind it is the one of the newest bench."""

    url: str = ""
    faults: Faults = field(default_factory=Faults)
    kits: list[Kit] = field(default_factory=list)

    @contextmanager
    def bench(self) -> Iterator[Bench]:
        """A fresh account and its connector, without faults."""
        self.faults.clear()
        fresh = stripe_kit(inline_items=2)
        self.kits.append(Kit(fresh.account, fresh.clock, self.faults, self.url))
        made = Bench(self.kits[-1])
        yield made
        made.connector.close()


@contextmanager
def open_door() -> Iterator[Door]:
    """A server for the tests of a module."""
    door = Door()
    routes = stripe_routes(lambda token: door.kits[-1].account if token == TOKEN else None, door.faults)
    with serving(Starlette(routes=[Mount("/stripe", routes=routes)])) as address:
        door.url = f"{address}/stripe"
        yield door
