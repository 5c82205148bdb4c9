"""A whole product for a test: real SQLite store, real lake in a temporary folder, fake partners, one or more tenants installed."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from integration_pipelines.core.contract import Contract
from integration_pipelines.duck import duck_factory
from integration_pipelines.ports.bundle import Ports
from integration_pipelines.ports.tenants import Tenant
from integration_pipelines.settings import Settings
from integration_pipelines.store.clock import SortableIds, SystemClock
from integration_pipelines.store.lake import ParquetLake
from integration_pipelines.store.landing import DirectoryLandingZone
from integration_pipelines.store.vault import EnvelopeVault
from integration_pipelines.use_cases.approve import approve_plan
from integration_pipelines.use_cases.outcome import BatchReport, SyncMode, TenantReport
from integration_pipelines.use_cases.records import sync_named
from integration_pipelines.use_cases.sync import sync
from integration_pipelines.wiring import catalogues, open_stores_of
from integration_pipelines_tests.kit.alerts import alerting
from integration_pipelines_tests.kit.core import crm_billing, subscription
from integration_pipelines_tests.kit.fakes import FakeAccount, FakeClock, FakeConnectors, FakeIds, OpenGate
from integration_pipelines_tests.kit.remembered import Places, remembered

CONTRACT = "crm_billing"


def small_accounts() -> tuple[FakeAccount, FakeAccount]:
    """A CRM and a billing account with three linked customers, one without a company and one company without a customer."""
    names = ("acme", "bolt", "core")
    companies: dict[str, Any] = {
        str(n): {"name": name.title(), "domain": f"{name}.com", "owner_id": "7", "customer_segment": "SMB"}
        for n, name in enumerate(names, 1)
    }
    companies["9"] = {"name": "Lonely", "domain": "lonely.com"}
    owners = {"7": {"email": "ann@crm.com", "first_name": "Ann", "last_name": "Lee", "archived": "false"}}
    customers = {f"cus_{name}": {"name": name, "email": f"billing@{name}.com"} for name in names} | {
        "cus_alone": {"email": "x@nowhere.org"}
    }
    subscriptions = {f"sub_{name}": _columns(f"sub_{name}", f"cus_{name}") for name in names}
    crm = FakeAccount({"crm_accounts": companies, "crm_owners": owners})
    return crm, FakeAccount({"billing_customers": customers, "billing_subscriptions": subscriptions})


def _columns(record_id: str, customer_id: str) -> dict[str, Any]:
    row = subscription(record_id, customer_id)
    del row["record_id"]
    return row


@dataclass
class Product:
    """Ports and accounts of one test."""

    ports: Ports
    accounts: dict[tuple[str, str], FakeAccount]
    gate: OpenGate
    clock: FakeClock
    contract: Contract
    database_url: str = ""
    lake: Path | None = None
    """Where both are, if a first sync may be remembered from another test."""

    def crm(self, tenant: str = "t1") -> FakeAccount:
        """A tenant's CRM account."""
        return self.accounts[tenant, self.contract.roles.left.partner]

    def billing(self, tenant: str = "t1") -> FakeAccount:
        """A tenant's billing account."""
        return self.accounts[tenant, self.contract.roles.right.partner]

    def run(self, *tenants: str, mode: SyncMode = SyncMode.APPLY, only: tuple[str, ...] = ()) -> BatchReport:
        """One run over those tenants."""
        chosen = tenants or ("t1",)
        run_id = self.ports.ids.new("run")
        if only:
            return sync_named(chosen, self.contract, only, ports=self.ports, mode=mode, run_id=run_id)
        return sync(chosen, self.contract, ports=self.ports, mode=mode, run_id=run_id)

    def one(self, tenant: str = "t1", mode: SyncMode = SyncMode.APPLY, only: tuple[str, ...] = ()) -> TenantReport:
        """One run over one tenant."""
        return self.run(tenant, mode=mode, only=only).tenant(tenant)

    def approve(self, tenant: str = "t1") -> None:
        """Approve the plan that waits."""
        plan = self.ports.plans.open(tenant, self.contract.contract)
        assert plan is not None
        approve_plan(tenant, plan.plan_id, actor="tester", ports=self.ports)

    def first_sync(self, tenant: str = "t1") -> TenantReport:
        """Plan, approve, apply."""
        connectors = self.ports.connectors
        if self.lake is None or not isinstance(connectors, FakeConnectors):
            return self._first_sync(tenant)
        around = [*self.accounts.values(), *connectors.messengers.values(), self.clock, self.ports.ids, self.gate]
        places = Places(self.database_url, self.lake, around, repr(self.contract))
        return remembered(places, f"first sync of {tenant}", lambda: self._first_sync(tenant))

    def _first_sync(self, tenant: str) -> TenantReport:
        self.one(tenant)
        self.approve(tenant)
        return self.one(tenant)

    def with_ports(self, **changes: Any) -> "Product":  # noqa: ANN401 - any port
        """The same product with other ports."""
        return replace(self, ports=replace(self.ports, **changes), lake=None)


@contextmanager
def product(
    folder: Path,
    tenants: Mapping[str, tuple[FakeAccount, FakeAccount]] | None = None,
    *,
    enabled: bool = True,
    database_url: str = "",
    lake_url: str = "",
    contract: Contract | None = None,
    start: datetime | None = None,
) -> Iterator[Product]:
    """A product with those tenants (left account, right account: CRM and billing) installed and, unless told otherwise, switched on.

    The store is SQLite below the folder, or the database named; the lake lies there, too, or at the URL named.
    Its time stands at `start`, or at a moment that is always the same.
    """
    clock, ids, gate = FakeClock(start), FakeIds(), OpenGate()
    settings = Settings(home=folder, database_url=database_url, lake_url=lake_url)
    stores = open_stores_of(settings, clock)
    chosen = tenants or {"t1": small_accounts()}
    contract = contract or crm_billing()
    partners = (contract.roles.left.partner, contract.roles.right.partner)
    accounts = {(t, p): a for t, pair in chosen.items() for p, a in zip(partners, pair, strict=True)}
    names = (
        "manifest", "tenants", "grants", "links", "diffs", "quarantine", "unknown_fields", "runs", "audit", "plans", "ledger", "leases",
        "metrics", "retries", "overwrites", "spellings", "history", "pruning", "inbox", "webhook_secrets", "outbox",
    )  # fmt: skip
    landing = DirectoryLandingZone(settings.landing, SortableIds(SystemClock()))
    ports = Ports(
        clock=clock, ids=ids, lake=ParquetLake(settings.lake, ids), vault=EnvelopeVault({"k1": bytes(32)}, "k1"), gate=gate,
        connectors=FakeConnectors(accounts, clock), duck=duck_factory(settings), contracts={contract.contract: contract}, catalogues=catalogues,
        alerting=alerting(stores), landing=landing,
        **{name: getattr(stores, name) for name in names},
    )  # fmt: skip
    for tenant in chosen:
        ports.tenants.add(Tenant(tenant, tenant.upper(), clock.now()))
        ports.tenants.install(tenant, contract.contract, contract.version, clock.now())
        ports.tenants.switch(tenant, contract.contract, enabled=enabled)
    here = None if "://" in settings.lake else Path(settings.lake)
    yield Product(ports, accounts, gate, clock, contract, settings.store_url, here)
    landing.close()
    stores.close()
