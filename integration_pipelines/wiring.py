"""The composition root: settings become adapters, adapters become ports. The only module that names concrete adapters.

Nothing is opened on import. `open_ports` is called once per process; heavy adapters (the gate, the partners' clients) import their
libraries when first used.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from importlib import import_module, resources
from typing import cast

from pydantic import SecretStr

from integration_pipelines.alerting.sink_config import SinkConfig
from integration_pipelines.core.alerts import Rules
from integration_pipelines.core.contract_lint import Catalogue
from integration_pipelines.core.packs import Pack, load_pack
from integration_pipelines.duck import duck_factory
from integration_pipelines.errors import AuthError, ConfigError
from integration_pipelines.gate.late_gate import LateGate
from integration_pipelines.known import packaged_contracts, sqlite_file
from integration_pipelines.logs import configure_logs
from integration_pipelines.partners.tuned import TunedConnector
from integration_pipelines.ports.alerts import Alerting, AlertSink
from integration_pipelines.ports.bundle import Connectors, Ports
from integration_pipelines.ports.clock import Clock
from integration_pipelines.ports.messages import Messenger
from integration_pipelines.ports.partner import Connector, Door
from integration_pipelines.ports.quota import Quota
from integration_pipelines.ports.tenants import Connection, TenantStore
from integration_pipelines.ports.vault import SecretContext, Vault
from integration_pipelines.ports.webhooks import WebhookRules
from integration_pipelines.settings import Settings
from integration_pipelines.store.clock import SortableIds, SystemClock
from integration_pipelines.store.lake import ParquetLake
from integration_pipelines.store.landing import DirectoryLandingZone
from integration_pipelines.store.open import Stores, open_stores
from integration_pipelines.store.quota import SharedQuota
from integration_pipelines.store.vault import EnvelopeVault, master_key_from_text

PARTNERS = ("hubspot", "pagerduty", "stripe", "zendesk")
"""Whose records are read and written; a contract's roles are played by them."""
MESSENGERS = ("slack",)
"""Where something can be said to people."""
_PARTNERS = "integration_pipelines.partners"
"""Where their modules are; who needs one loads it."""


@cache
def packaged_packs() -> Mapping[str, Pack]:
    """Every pack that ships with the product, by name."""
    folder = resources.files("integration_pipelines") / "contracts" / "packs"
    files = sorted((f for f in folder.iterdir() if f.name.endswith(".yaml")), key=lambda f: f.name) if folder.is_dir() else []
    return {pack.pack: pack for pack in (load_pack(f.read_text(encoding="utf-8"), f.name) for f in files)}


@cache
def catalogues() -> Mapping[str, Catalogue]:
    """What each partner really has, for the contract linter."""
    return {partner: cast("Catalogue", import_module(f"{_PARTNERS}.{partner}.wire")) for partner in (*PARTNERS, *MESSENGERS)}


class PartnerConnectors(Connectors):
    """Real connectors; a token leaves the vault only while a request is built."""

    def __init__(self, tenants: TenantStore, vault: Vault, quota: Quota, clock: Clock) -> None:
        self._tenants = tenants
        self._vault = vault
        self._quota = quota
        self._clock = clock

    def open(self, tenant_id: str, partner: str) -> Connector:
        """A fresh connector; close it."""
        door = self.open_with(self._open_still(tenant_id, partner))
        if isinstance(door, Connector):
            options = self._tenants.options(tenant_id, partner)
            return TunedConnector(door, options) if options else door
        raise ConfigError(f"{partner} has no records to read or write.", remedy="Correct the contract's roles.")

    def messenger(self, tenant_id: str, partner: str) -> Messenger:
        """A fresh messenger; close it."""
        door = self.open_with(self._open_still(tenant_id, partner))
        if isinstance(door, Messenger):
            return door
        raise ConfigError(f"Nothing can be said to people at {partner}.", remedy="Correct the contract's notifications.")

    def _open_still(self, tenant_id: str, partner: str) -> Connection:
        connection = self._tenants.connection(tenant_id, partner)
        if connection.ended_at is not None:
            raise AuthError(
                f"{partner} took our access to tenant {tenant_id} away.",
                remedy=f"Connect it again: integration-pipelines tenant connect {tenant_id} {partner}",
                partner=partner,
            )
        return connection

    def open_with(self, connection: Connection) -> Door:
        """The way into an account by a connection, stored or not; close it."""
        from integration_pipelines.partners.http import Line  # noqa: PLC0415 - only who connects pays for it

        tenant_id, partner = connection.tenant_id, connection.partner
        context = SecretContext(tenant_id, partner)

        def token() -> str:
            return self._vault.open(context, connection.sealed_token)

        if partner not in (*PARTNERS, *MESSENGERS):
            raise ConfigError(f"There is no way to a partner {partner}.", remedy="Correct the contract's roles.")
        line = Line(tenant_id=tenant_id, base_url=connection.base_url, token=token, quota=self._quota, clock=self._clock)
        connect = cast("Callable[[Line], Door]", import_module(f"{_PARTNERS}.{partner}.client").connect)
        return connect(line)


def open_stores_of(settings: Settings, clock: Clock) -> Stores:
    """The store alone, migrated: for commands that only read."""
    file = sqlite_file(settings)
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
    admin = settings.database_admin_url
    contracts = list(packaged_contracts().values())
    return open_stores(settings.store_url, clock, admin_url=admin.get_secret_value() if admin else "", contracts=contracts)


def open_vault(settings: Settings) -> Vault:
    """The vault under the settings' master keys."""
    keys, current = settings.master_keys()
    return EnvelopeVault({name: master_key_from_text(text) for name, text in keys.items()}, current)


def alerting_of(settings: Settings, stores: Stores) -> Alerting:
    """What alerts need; the sinks are made when something is to be sent."""

    def open_(secret: SecretStr | None) -> str:
        return "" if secret is None else secret.get_secret_value()

    config = SinkConfig(
        slack_webhook_url=open_(settings.alert_slack_webhook_url),
        slack_token=open_(settings.alert_slack_token),
        slack_channel=settings.alert_slack_channel,
        smtp_host=settings.alert_smtp_host,
        smtp_port=settings.alert_smtp_port,
        smtp_security=settings.alert_smtp_security,
        smtp_user=settings.alert_smtp_user,
        smtp_password=open_(settings.alert_smtp_password),
        mail_from=settings.alert_email_from,
        mail_to=tuple(a.strip() for a in settings.alert_email_to.split(",") if a.strip()),
        webhook_url=open_(settings.alert_webhook_url),
        webhook_secret=open_(settings.alert_webhook_secret),
        pagerduty_key=open_(settings.alert_pagerduty_key),
        pagerduty_url=settings.alert_pagerduty_url,
    )
    rules = Rules(settings.alert_group_above, timedelta(hours=settings.alert_remind_hours))

    def sinks() -> Sequence[AlertSink]:
        make = cast(
            "Callable[[SinkConfig], Sequence[AlertSink]]", import_module("integration_pipelines.alerting.configured").sinks_of
        )
        return make(config)

    return Alerting(stores.standings, stores.alert_book, sinks, config.names, rules, settings.dagster_url)


def webhook_rules(settings: Settings) -> WebhookRules:
    """How a receiver tells genuine deliveries, and reads them."""
    rules = cast("Callable[[str], WebhookRules]", import_module(f"{_PARTNERS}.webhooks").rules)
    return rules(settings.public_url)


@contextmanager
def open_ports(settings: Settings) -> Iterator[Ports]:
    """All ports of a process, closed at the end."""
    configure_logs(settings.log_level)
    clock = SystemClock()
    stores = open_stores_of(settings, clock)
    vault = open_vault(settings)
    ids = SortableIds(clock)
    quota = SharedQuota(settings.data / "store" / "quota.db", clock)
    landing = DirectoryLandingZone(settings.landing, ids)
    ports = Ports(
        clock=clock,
        ids=ids,
        lake=ParquetLake(settings.lake, ids),
        manifest=stores.manifest,
        tenants=stores.tenants,
        grants=stores.grants,
        links=stores.links,
        diffs=stores.diffs,
        quarantine=stores.quarantine,
        unknown_fields=stores.unknown_fields,
        runs=stores.runs,
        audit=stores.audit,
        plans=stores.plans,
        ledger=stores.ledger,
        leases=stores.leases,
        metrics=stores.metrics,
        retries=stores.retries,
        overwrites=stores.overwrites,
        spellings=stores.spellings,
        history=stores.history,
        pruning=stores.pruning,
        inbox=stores.inbox,
        webhook_secrets=stores.webhook_secrets,
        landing=landing,
        outbox=stores.outbox,
        vault=vault,
        gate=LateGate(),
        connectors=PartnerConnectors(stores.tenants, vault, quota, clock),
        duck=duck_factory(settings),
        contracts=packaged_contracts(),
        catalogues=catalogues,
        alerting=alerting_of(settings, stores),
    )
    try:
        yield ports
    finally:
        landing.close()
        quota.close()
        stores.close()
