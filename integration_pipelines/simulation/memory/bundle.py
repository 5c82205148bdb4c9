"""All ports of one rehearsed process over one state; what a rehearsal does not have says so when it is asked for."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NoReturn, cast

from integration_pipelines.core.contract import Contract
from integration_pipelines.errors import BugError
from integration_pipelines.ports.alerts import Alerting
from integration_pipelines.ports.bundle import Connectors, Ports
from integration_pipelines.ports.clock import Clock, Ids
from integration_pipelines.ports.gate import Gate
from integration_pipelines.ports.history import History
from integration_pipelines.ports.landing import LandingZone
from integration_pipelines.ports.pruning import Pruning
from integration_pipelines.ports.tenants import Grants
from integration_pipelines.ports.vault import Vault
from integration_pipelines.ports.webhooks import WebhookSecrets
from integration_pipelines.simulation.memory.duck import Duck
from integration_pipelines.simulation.memory.evidence import (
    MemoryAudit,
    MemoryDiffs,
    MemoryLinks,
    MemoryOverwrites,
    MemoryQuarantine,
    MemoryRetries,
    MemoryRuns,
    MemorySpellings,
    NoUnknownFields,
)
from integration_pipelines.simulation.memory.inbox import MemoryInbox
from integration_pipelines.simulation.memory.lake import MemoryLake, MemoryManifest
from integration_pipelines.simulation.memory.outbox import MemoryOutbox
from integration_pipelines.simulation.memory.state import State
from integration_pipelines.simulation.memory.tenants import MemoryTenants
from integration_pipelines.simulation.memory.writing import MemoryLeases, MemoryLedger, MemoryPlans, NoMetrics
from integration_pipelines.simulation.process import Process


class StandingClock(Clock):
    """Stands still while a run goes on, so that no life's waiting moves another life's time; moved between the runs."""

    def __init__(self, start: datetime) -> None:
        self.moment = start
        self.slept = 0.0

    def now(self) -> datetime:
        """The moment."""
        return self.moment

    def monotonic(self) -> float:
        """Seconds of the same clock."""
        return self.moment.timestamp()

    def sleep(self, seconds: float) -> None:
        """Nobody waits here."""
        self.slept += seconds

    def forward(self, by: timedelta) -> None:
        """Time passes for everybody."""
        self.moment += by


class TenantsIds(Ids):
    """Counts per tenant: whoever asks does so on behalf of the tenant whose file was written last."""

    def __init__(self, state: State, process: Process) -> None:
        self._state, self._process = state, process

    def new(self, prefix: str) -> str:
        """`prefix_tenant_00001` and so on."""
        return self._state.named(self._process.current, prefix)


class _Absent:
    """A port that a rehearsal does without."""

    def __init__(self, port: str) -> None:
        self._port = port

    def __getattr__(self, name: str) -> NoReturn:
        raise BugError(f"A rehearsal has no {self._port}, and {name} was asked of it.")


@dataclass(frozen=True, slots=True)
class Outside:
    """What a process finds beside the state."""

    clock: Clock
    connectors: Connectors
    gate: Gate
    duck: Duck


def ports_of(state: State, process: Process, contract: Contract, outside: Outside) -> Ports:
    """The ports of a process that works on that state."""
    return Ports(
        clock=outside.clock,
        ids=TenantsIds(state, process),
        lake=MemoryLake(state, process),
        manifest=MemoryManifest(state, process),
        tenants=MemoryTenants(state),
        grants=cast("Grants", _Absent("grants")),
        links=MemoryLinks(state, process),
        diffs=MemoryDiffs(state, process),
        quarantine=MemoryQuarantine(state, process),
        unknown_fields=NoUnknownFields(),
        runs=MemoryRuns(state, process),
        audit=MemoryAudit(state, process),
        plans=MemoryPlans(state, process),
        ledger=MemoryLedger(state, process),
        leases=MemoryLeases(state, process, outside.clock),
        metrics=NoMetrics(),
        retries=MemoryRetries(state, process),
        overwrites=MemoryOverwrites(state, process),
        spellings=MemorySpellings(state, process),
        history=cast("History", _Absent("history")),
        inbox=MemoryInbox(state, process),
        webhook_secrets=cast("WebhookSecrets", _Absent("webhook secrets")),
        landing=cast("LandingZone", _Absent("landing zone")),
        outbox=MemoryOutbox(state, process),
        pruning=cast("Pruning", _Absent("pruning")),
        vault=cast("Vault", _Absent("vault")),
        gate=outside.gate,
        connectors=outside.connectors,
        duck=outside.duck.connect,
        contracts={contract.contract: contract},
        catalogues=dict,
        alerting=cast("Alerting", _Absent("alerting")),
        at_once=1,
    )
