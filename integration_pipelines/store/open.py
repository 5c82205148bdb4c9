"""All stores of one database together, opened once by the composition root."""

import os
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.engine import Engine

from integration_pipelines.core.contract import Contract
from integration_pipelines.ports.clock import Clock
from integration_pipelines.store import dialect
from integration_pipelines.store.alerts import SqlAlertBook
from integration_pipelines.store.audit import SqlAudit
from integration_pipelines.store.bulk import sweep_stages
from integration_pipelines.store.diffs import SqlDiffs
from integration_pipelines.store.engine import make_engine
from integration_pipelines.store.grants import SqlGrants
from integration_pipelines.store.history import SqlHistory
from integration_pipelines.store.inbox import SqlInbox
from integration_pipelines.store.leases import SqlLeases
from integration_pipelines.store.ledger import SqlLedger
from integration_pipelines.store.links import SqlLinks
from integration_pipelines.store.manifest import SqlManifest
from integration_pipelines.store.messages import SqlOutbox
from integration_pipelines.store.metrics import SqlMetrics
from integration_pipelines.store.migrate import upgrade
from integration_pipelines.store.plans import SqlPlans
from integration_pipelines.store.prune import SqlPruning
from integration_pipelines.store.quarantine import SqlQuarantine
from integration_pipelines.store.retries import SqlOverwrites, SqlRetries, SqlSpellings
from integration_pipelines.store.runs import SqlRuns
from integration_pipelines.store.standings import SqlStandings
from integration_pipelines.store.tenants import SqlTenantStore
from integration_pipelines.store.unknown_fields import SqlUnknownFields
from integration_pipelines.store.views import create_contract_views
from integration_pipelines.store.webhook_secrets import SqlWebhookSecrets

_LEFT_BEHIND = timedelta(days=1)
_LOOK_AGAIN_SECONDS = 60.0
"""So long a process that keeps its store open takes it for up to date."""
_keeping = threading.Event()
_kept: dict[tuple[str, int], tuple[Engine, float]] = {}  # (URL, process) → engine, when its tables were last brought up to date


@dataclass(frozen=True, slots=True)
class Stores:
    """One adapter per port, over one engine."""

    engine: Engine
    manifest: SqlManifest
    tenants: SqlTenantStore
    grants: SqlGrants
    links: SqlLinks
    diffs: SqlDiffs
    quarantine: SqlQuarantine
    unknown_fields: SqlUnknownFields
    runs: SqlRuns
    audit: SqlAudit
    plans: SqlPlans
    ledger: SqlLedger
    leases: SqlLeases
    metrics: SqlMetrics
    retries: SqlRetries
    overwrites: SqlOverwrites
    spellings: SqlSpellings
    standings: SqlStandings
    alert_book: SqlAlertBook
    history: SqlHistory
    pruning: SqlPruning
    inbox: SqlInbox
    webhook_secrets: SqlWebhookSecrets
    outbox: SqlOutbox
    kept: bool = False

    def close(self) -> None:
        """Give all connections back; to the pool, where the process keeps its store open."""
        if not self.kept:
            self.engine.dispose()


def keep_stores_open() -> None:
    """Let this process, and those that are forked from it, open a store once: for workers, whose next run wants the same.

    What it is asked is prepared once then, and connections stay; whether its tables are up to date is looked at once a minute.
    """
    _keeping.set()


def stores_of(engine: Engine, clock: Clock, *, kept: bool = False) -> Stores:
    """The stores of an engine whose tables are up to date."""
    return Stores(
        engine=engine,
        manifest=SqlManifest(engine),
        tenants=SqlTenantStore(engine, clock),
        grants=SqlGrants(engine),
        links=SqlLinks(engine),
        diffs=SqlDiffs(engine),
        quarantine=SqlQuarantine(engine),
        unknown_fields=SqlUnknownFields(engine),
        runs=SqlRuns(engine),
        audit=SqlAudit(engine),
        plans=SqlPlans(engine),
        ledger=SqlLedger(engine),
        leases=SqlLeases(engine),
        metrics=SqlMetrics(engine, clock),
        retries=SqlRetries(engine),
        overwrites=SqlOverwrites(engine),
        spellings=SqlSpellings(engine),
        standings=SqlStandings(engine),
        alert_book=SqlAlertBook(engine),
        history=SqlHistory(engine),
        pruning=SqlPruning(engine),
        inbox=SqlInbox(engine),
        webhook_secrets=SqlWebhookSecrets(engine),
        outbox=SqlOutbox(engine),
        kept=kept,
    )


def prepare(engine: Engine, admin_url: str, contracts: Sequence[Contract]) -> None:
    """Bring tables and views up to date, as the role of the admin URL if there is one."""
    if not admin_url or dialect.is_sqlite(engine):
        _prepare(engine, None, contracts)
        return
    admin = make_engine(admin_url)
    try:
        _prepare(admin, engine.url.username, contracts)
    finally:
        admin.dispose()


def _prepare(engine: Engine, app_role: str | None, contracts: Sequence[Contract]) -> None:
    upgrade(engine, app_role)
    for contract in contracts:
        create_contract_views(engine, contract)


def open_stores(url: str, clock: Clock, *, admin_url: str = "", contracts: Sequence[Contract] = ()) -> Stores:
    """Open the store at a database URL and bring its tables, and the views of those contracts, up to date.

    Args:
        url: the database as the product works with it.
        clock: tells what is old.
        admin_url: the same database for a role that may create tables, if that of `url` may not.
        contracts: whose words get views of their own.

    Raises:
        ConfigError: the URL is of no use, or a newer version of this program made the store.
        TransientError: the store is locked, or its disk is full.
    """
    known = _kept.get((url, os.getpid()))
    if known is not None and time.monotonic() < known[1] + _LOOK_AGAIN_SECONDS:
        return stores_of(known[0], clock, kept=True)
    engine = make_engine(url) if known is None else known[0]
    try:
        prepare(engine, admin_url, contracts)
        sweep_stages(engine, clock.now() - _LEFT_BEHIND)
    except BaseException:
        engine.dispose()
        raise
    if _keeping.is_set():
        _kept[url, os.getpid()] = engine, time.monotonic()
    return stores_of(engine, clock, kept=_keeping.is_set())
