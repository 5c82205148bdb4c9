"""The product against the running sandbox: real HTTP, real connectors, real gate, real store and lake in a temporary home."""

from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
from pydantic import SecretStr

from integration_pipelines.ports.bundle import Ports
from integration_pipelines.sandbox.server import running_sandbox
from integration_pipelines.sandbox.world import World
from integration_pipelines.settings import Settings
from integration_pipelines.use_cases.approve import approve_plan
from integration_pipelines.use_cases.onboard import add_tenant, connect_tenant, install_integration
from integration_pipelines.use_cases.outcome import BatchReport, SyncMode
from integration_pipelines.use_cases.switch import switch_writes
from integration_pipelines.use_cases.sync import sync
from integration_pipelines.wiring import PartnerConnectors, open_ports
from integration_pipelines_tests.kit.partner_fakes import OpenQuota

CONTRACT = "crm_billing"
MASTER_KEY = b64encode(bytes(range(32))).decode()
Json = dict[str, Any]


@dataclass
class Shop:
    """Tenants by the sandbox's names, and every door that a test needs."""

    ports: Ports
    http: httpx.Client
    world: World
    tenants: dict[str, str]
    accounts: list[Json]
    integration: str = CONTRACT

    def run(self, *names: str, mode: SyncMode = SyncMode.APPLY, full: bool = True) -> BatchReport:
        """One run over those tenants, or all."""
        ids = [self.tenants[n] for n in names or self.tenants]
        return sync(
            ids, self.ports.contracts[self.integration], ports=self.ports, mode=mode, run_id=self.ports.ids.new("run"), full=full
        )

    def approve(self) -> None:
        """Approve every plan that waits."""
        for tenant_id in self.tenants.values():
            plan = self.ports.plans.open(tenant_id, self.integration)
            if plan is not None:
                approve_plan(tenant_id, plan.plan_id, actor="tester", ports=self.ports)

    def state(self, name: str, partner: str) -> dict[str, list[Json]]:
        """What a partner holds."""
        found = self.http.get("/_control/state", params={"tenant": name, "partner": partner}).json()
        state: dict[str, list[Json]] = found[0]["state"]
        return state

    def effects(self, name: str, partner: str, kind: str) -> list[Json]:
        """Writes that an account received from an API."""
        rows = self.http.get("/_control/effects", params={"tenant": name, "partner": partner}).json()
        return [r for r in rows if r["object"] == kind and r["actor"] == "api"]

    def edit(self, name: str, partner: str, kind: str, record: str, fields: Json) -> None:
        """A person edits a record."""
        account = next(a["account"] for a in self.accounts if a["tenant"] == name and a["partner"] == partner)
        body = {"partner": partner, "account": account, "object": kind, "id": record, "fields": fields}
        self.http.post("/_control/edit", json=body).raise_for_status()


@contextmanager
def open_shop(folder: Path, world: World, *, database_url: str = "", integration: str = CONTRACT) -> Iterator[Shop]:
    """Connect every tenant of a world, with writes on; the store is SQLite below the folder, or the database named.

    Where the partners ask for no patience, we have none either.
    """
    settings = Settings(home=folder, database_url=database_url, master_key=SecretStr(MASTER_KEY))
    with (
        running_sandbox(world) as url,
        httpx.Client(base_url=url, trust_env=False, timeout=30) as http,
        open_ports(settings) as opened,
    ):
        hasty = PartnerConnectors(opened.tenants, opened.vault, OpenQuota(), opened.clock)
        ports = opened if world.rate_limits else replace(opened, connectors=hasty)
        accounts: list[Json] = http.get("/_control/accounts").json()
        tenants: dict[str, str] = {}
        for name in sorted({a["tenant"] for a in accounts}):
            tenant = add_tenant(name, actor="tester", ports=ports)
            tenants[name] = tenant.tenant_id
            install_integration(tenant.tenant_id, integration, actor="tester", ports=ports)
            for a in accounts:
                if a["tenant"] == name:
                    connect_tenant(
                        tenant.tenant_id, a["partner"], token=a["token"], base_url=a["base_url"], actor="tester", ports=ports
                    )
            switch_writes(tenant.tenant_id, integration, enabled=True, actor="tester", ports=ports)
        yield Shop(ports, http, world, tenants, accounts, integration)
