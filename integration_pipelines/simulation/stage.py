"""A batch of lives on the stage: runs of the real use cases, people between them, and then rest.

Everything that differs between the lives of a batch is decided by each life's own chance; what they share is the clock and the order of
the runs, so that a life goes the same way whoever else is there.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from integration_pipelines.core.contract import Contract
from integration_pipelines.errors import IntegrationError
from integration_pipelines.ports.bundle import Ports
from integration_pipelines.ports.inbox import EventOutcome
from integration_pipelines.ports.tenants import Connection, Tenant
from integration_pipelines.ports.writing import PlanState
from integration_pipelines.simulation.accounts import Side
from integration_pipelines.simulation.births import born
from integration_pipelines.simulation.catalogue import switched_on
from integration_pipelines.simulation.connector import LifeConnectors, Shapes, Surroundings
from integration_pipelines.simulation.gate import RehearsedGate
from integration_pipelines.simulation.life import Happening, Life
from integration_pipelines.simulation.line import all_quiet, arrive
from integration_pipelines.simulation.memory.bundle import Outside, StandingClock, ports_of
from integration_pipelines.simulation.memory.duck import Duck
from integration_pipelines.simulation.memory.state import State
from integration_pipelines.simulation.nursery import Nursery
from integration_pipelines.simulation.oracle import Oracle
from integration_pipelines.simulation.people import People
from integration_pipelines.simulation.post import Post
from integration_pipelines.simulation.process import Process
from integration_pipelines.simulation.verdict import Verdict
from integration_pipelines.simulation.verdict_creates import MadeAndSaid
from integration_pipelines.simulation.verdict_told import Told
from integration_pipelines.use_cases.approve import approve_plan, reject_plan
from integration_pipelines.use_cases.events import drain
from integration_pipelines.use_cases.outcome import BatchReport, RunOutcome, SyncMode
from integration_pipelines.use_cases.sync import sync

START = datetime(2026, 11, 23, 12, tzinfo=UTC)
MOST_PASSES = 5
"""Passes that a life may need to come to rest: two that write, and one more for each time that a person has to approve a plan."""
PASS_HOURS = 5.0
_MORE_TO_COME = {RunOutcome.PLANNED, RunOutcome.WRITTEN}
"""After these a life is not at rest, though nothing was written: what an approved plan lacks, or what it left alone, is planned next time."""
KEY_HOURS = 24.0
"""So long partners know a repeat by its key (Stripe: docs.stripe.com/api/idempotent_requests)."""


@dataclass(frozen=True, slots=True)
class Casting:
    """Which life is to be lived: its number, and what is left out of it."""

    seed: int
    left_out: frozenset[Happening] = frozenset()


@dataclass(frozen=True, slots=True)
class Round:
    """One run for everybody: so many hours after the one before it."""

    hours: float
    full: bool = True
    events: bool = False
    """Only what webhooks name is looked at."""


_PAUSED_AT = {"read", "write", "look behind"}
LONGEST_FUSE = 100
"""Steps, counted before and after something is kept, among which a process may be killed: about as many as a run has for one tenant."""
COURSES: Sequence[Sequence[Round]] = (
    (Round(0), Round(0.2), Round(24)),
    (Round(0), Round(1, full=False), Round(30, full=False)),
    (Round(0), Round(1, events=True), Round(30, events=True)),
)
"""The ways in which runs may follow each other."""
TURNS = (0, 1, 0, 1, 0, 1, 0, 1, 0, 2)
"""Which course a life has, by its number: what webhooks name is looked at in rounds of its own, and each costs its queries' plans."""


def course_of(seed: int) -> int:
    """The course of a life."""
    return TURNS[seed % len(TURNS)]


class Stage:
    """One batch.

    Args:
        contract: the integration.
        cast: the lives; all of one course.
        faults: what may go wrong.
    """

    def __init__(self, contract: Contract, cast: Sequence[Casting], faults: Iterable[str]) -> None:
        nursery, allowed = Nursery(contract), tuple(faults)
        self.lives: dict[str, Life] = {}
        for place, one in enumerate(cast):
            tenant = f"s{one.seed}" if not one.left_out else f"s{one.seed}-{place}"
            rates = switched_on(one.seed, allowed)
            accounts = born(nursery, one.seed)
            accounts["right"].remembers = True
            self.lives[tenant] = Life(tenant, one.seed, accounts, rates, one.left_out)
        self._nursery, self._contract = nursery, contract
        self._state, self._clock, self._duck = State(), StandingClock(START), Duck()
        self._shapes, self._people, self._gate = Shapes(nursery), People(nursery), RehearsedGate()
        self._oracle = Oracle(nursery, self._state, self.lives)
        self._runs, self._post = 0, Post(contract)
        self._course = COURSES[course_of(cast[0].seed)] if cast else ()

    def play(self) -> None:
        """Live every life to its rest."""
        self._install()
        for one in self._course:
            self._clock.forward(timedelta(hours=one.hours))
            for life in self.lives.values():
                self._pass_time(life, one.hours)
            self._run(self.lives, one)
            self._decide(self.lives)
        self._come_to_rest()

    def _pass_time(self, life: Life, hours: float) -> None:
        """What happens to a life between two runs."""
        life.clock = self._clock.now()
        arrive(life, 1.0 if hours >= KEY_HOURS else 0.5)
        life.troubled.clear()
        if self._paused(life.tenant) and life.stream("T10 when").chance(0.6):
            self._switch(life, paused=False)
        if hours >= KEY_HOURS:
            for account in life.accounts.values():
                account.keys.clear()
        self._people.pass_time(life)

    def _come_to_rest(self) -> None:
        """Neither faults nor people any more: after a few passes nothing is left to write, and everything is as promised."""
        for life in self.lives.values():
            life.calm = True
            life.tell("calm")
            all_quiet(life)
            if self._paused(life.tenant):
                self._switch(life, paused=False)
        restless = dict(self.lives)
        if any(one.events for one in self._course):
            self._clock.forward(timedelta(hours=PASS_HOURS))
            named = {t: life for t, life in restless.items() if life.late_post or self._waits(t)}
            self._run(named, Round(PASS_HOURS, events=True))
            self._decide(named)
        for _ in range(MOST_PASSES):
            self._clock.forward(timedelta(hours=PASS_HOURS))
            before = {t: _written(life) for t, life in restless.items()}
            report = self._run(restless, Round(PASS_HOURS))
            waiting = self._decide(restless)
            waiting |= {t for t in restless if report.tenant(t).outcome in _MORE_TO_COME or self._tries_again(t)}
            waiting |= self._state.talking & restless.keys()
            resting = [t for t, life in restless.items() if _written(life) == before[t] and t not in waiting]
            for tenant in resting:
                self._rested(restless.pop(tenant), report)
            if not restless:
                break
        for life in restless.values():
            life.breaks(
                "I1", f"it does not come to rest: after {MOST_PASSES} passes without any fault there is still something to write"
            )
        verdict, made_and_said = Verdict(self._nursery, self._state), MadeAndSaid(self._nursery, self._state)
        told = Told(self._nursery, verdict, self._ports(Process("people")), self.lives)
        for life in self.lives.values():
            verdict.look(life)
            made_and_said.look(life, self._clock.now())
            told.look(life)

    def _waits(self, tenant: str) -> bool:
        """Whether an event has no end yet."""
        return any(event.outcome is EventOutcome.WAITING for event in self._state.inbox.get(tenant, {}).values())

    def _tries_again(self, tenant: str) -> bool:
        """Whether a write that failed is still to be tried again."""
        return any(retry.next_try_at is not None for retry in self._state.retries[tenant].values())

    def _rested(self, life: Life, report: BatchReport) -> None:
        tenant = report.tenant(life.tenant)
        given_up = any(retry.next_try_at is None for retry in self._state.retries[life.tenant].values())
        if tenant.fault is None and not given_up and not (tenant.certified and tenant.balanced):
            life.breaks("I14", f"nothing is left to write, but the run is not certified: {tenant.outcome}, {tenant.reason}")

    def _install(self) -> None:
        ports = self._ports(Process("setup"))
        for tenant, life in self.lives.items():
            ports.tenants.add(Tenant(tenant, tenant, self._clock.now()))
            ports.tenants.install(tenant, self._contract.contract, self._contract.version, self._clock.now())
            ports.tenants.switch(tenant, self._contract.contract, enabled=True)
            for partner in sorted({one.partner for one in self._contract.notifications}):
                ports.tenants.connect(Connection(tenant, partner, f"{tenant} at {partner}", "", b"", self._clock.now()))
            if life.stream("start").chance(0.7):
                ports.tenants.first_plan_approved(tenant, self._contract.contract)

    def _ports(self, process: Process) -> Ports:
        around = Surroundings(self._shapes, process, self._clock, self._moment, self._paused)
        connectors = LifeConnectors(self.lives, around)
        return ports_of(self._state, process, self._contract, Outside(self._clock, connectors, self._gate, self._duck))

    def _moment(self, life: Life, side: Side, what: str, records: Sequence[tuple[str, str]]) -> None:
        """People may come, and somebody may pause our writes; from the next request on they have to stand still."""
        self._people.come(life, side, what, records)
        if what in _PAUSED_AT and not self._paused(life.tenant) and life.strikes("T10"):
            self._switch(life, paused=True)

    def _paused(self, tenant: str) -> bool:
        return self._state.installations[tenant].paused

    def _switch(self, life: Life, *, paused: bool) -> None:
        life.tell("paused" if paused else "resumed")
        self._state.installations[life.tenant] = replace(self._state.installations[life.tenant], paused=paused)

    def _process(self, lives: Mapping[str, Life]) -> Process:
        """The process of the next run, with a fuse for every life in which it is to be killed."""
        self._runs += 1

        def killed(tenant: str, where: str) -> None:
            lives[tenant].tell("killed", where=where)

        fuses = {t: life.stream("P01 when").below(LONGEST_FUSE) for t, life in lives.items() if life.strikes("P01")}
        return Process(f"run_{self._runs:04d}", fuses, killed)

    def _run(self, lives: Mapping[str, Life], how: Round) -> BatchReport:
        process = self._process(lives)
        fused = set(process.fuses)
        for life in lives.values():
            life.tell("run begins", run=process.name)
        report = self._carried_out(lives, process, how)
        for tenant in fused - process.dead:
            lives[tenant].fired["P01"] -= 1  # the run was over before
        for tenant in sorted(report.tenants.keys() - process.dead):  # what a dead process would say nobody hears
            told, life = report.tenant(tenant), lives[tenant]
            life.tell(
                "run ended", run=process.name, outcome=str(told.outcome), certified=told.certified, balanced=told.balanced,
                reason=told.reason, writes=dict(sorted(told.writes.items())), plan=told.plan.plan_hash if told.plan else "",
                records=dict(sorted(told.outcomes.items())),
            )  # fmt: skip
        self._oracle.after_run(report, process.dead)
        return report

    def _carried_out(self, lives: Mapping[str, Life], process: Process, how: Round) -> BatchReport:
        """Everything is read, or what changed, or what events name."""
        ports = self._ports(process)
        if not how.events:
            return sync(sorted(lives), self._contract, ports=ports, mode=SyncMode.APPLY, run_id=process.name, full=how.full)
        for life in lives.values():
            events = self._post.deliver(life, self._clock.now())
            life.post += events
            at = life.tell("told", events=ports.inbox.accept(events))
            for event in events:
                life.accepted.setdefault((event.partner, event.event_id), at)
        return drain(sorted(lives), self._contract, ports=ports, run_id=process.name)

    def _decide(self, lives: Mapping[str, Life]) -> set[str]:
        """People look at plans that wait; returns whose plan was approved."""
        ports = self._ports(Process("people"))
        approved = set()
        for tenant, life in lives.items():
            plan = ports.plans.open(tenant, self._contract.contract)
            if plan is None or plan.state is not PlanState.HELD:
                if plan is not None and plan.state is PlanState.APPROVED:
                    approved.add(tenant)
                continue
            says = life.stream("approvals")
            try:
                if life.calm or says.chance(0.8):
                    approve_plan(tenant, plan.plan_id, actor="somebody", ports=ports)
                    life.tell("approved", plan=plan.plan_hash)
                    approved.add(tenant)
                elif says.chance(0.3):
                    reject_plan(tenant, plan.plan_id, actor="somebody", ports=ports)
                    life.tell("rejected", plan=plan.plan_hash)
            except IntegrationError as error:
                life.breaks("bug", f"a plan that waits cannot be decided: {error.message}")
        return approved


def _written(life: Life) -> int:
    return sum(len(account.effects) for account in life.accounts.values())


def trace(life: Life) -> str:
    """What a life was, in one hash: everything that happened in it, in order, and how both sides ended."""
    told = [(event.at, event.what, sorted(event.facts.items())) for event in life.events]
    ends = {side: account.objects for side, account in life.accounts.items()}
    return sha256(repr((told, ends, life.broken)).encode()).hexdigest()
