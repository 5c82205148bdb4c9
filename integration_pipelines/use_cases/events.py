"""Drain the inbox: what waits of some tenants is taken, the records that it names are synced, and each event is told how it ended.

An event counts as done only when the state of its records is durable; a crash anywhere leaves it waiting, and looking twice changes
nothing. Writes that failed and are due go along, so that they need not wait until everything is read again.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from integration_pipelines.core.contract import Contract
from integration_pipelines.core.kin import Kinship
from integration_pipelines.core.writes import WriteState
from integration_pipelines.errors import ErrorKind
from integration_pipelines.ports.bundle import Ports
from integration_pipelines.ports.inbox import EventKind, EventOutcome, InboxEvent, Settled, Waiting
from integration_pipelines.use_cases.closure import Known, Records
from integration_pipelines.use_cases.disconnect import access_ended
from integration_pipelines.use_cases.event_outcomes import OURS, Ends, Record, objects_of
from integration_pipelines.use_cases.outcome import BatchReport, RunOutcome, SyncMode, TenantReport
from integration_pipelines.use_cases.rounds import as_one
from integration_pipelines.use_cases.sync import finished, sync

MOST_EVENTS = 1_000
"""Events of a tenant that one round takes."""
MOST_SECONDS = 240.0
"""So long a run goes on taking what arrives meanwhile; what waits then gets a run of its own."""
GIVE_WAY = timedelta(seconds=2)
"""When somebody else's events have waited so long and nobody works on them, a run ends after its round and leaves its place to them."""
PATIENCE = 20.0
"""Seconds that a run waits for an event that has to settle, rather than ending."""
LOOKS = 3
"""So often an event is looked at in one run while somebody else keeps changing what it names."""
UNANSWERED = timedelta(minutes=1)
"""So long a write may be without an answer before a run settles it by reading."""
ECHOES = timedelta(minutes=10)
"""So long after one of our writes an event about the record that brings nothing new is taken for its echo."""

_LOOK_AT_ONE = frozenset({ErrorKind.INVALID, ErrorKind.BUG})
"""Faults that one record may cause: the others are looked at without it."""


@dataclass(slots=True)
class _Taken:
    """What one round does for one tenant."""

    events: list[InboxEvent] = field(default_factory=list)  # that name records
    wide: list[InboxEvent] = field(default_factory=list)
    gaps: list[InboxEvent] = field(default_factory=list)
    records: dict[InboxEvent, tuple[Record, ...]] = field(default_factory=dict)
    due: dict[str, set[str]] = field(default_factory=dict)  # records whose failed write is due
    ended: bool = False  # a partner is said to have taken our access away; a run says whether that is so

    def touched(self) -> dict[str, set[str]]:
        """Object → ids."""
        found = {name: set(ids) for name, ids in self.due.items()}
        for records in self.records.values():
            for name, one in records:
                found.setdefault(name, set()).add(one)
        return found


@dataclass(slots=True)
class _Tenant:
    """A tenant for the length of a run."""

    limit: int = MOST_EVENTS
    looks: Counter[InboxEvent] = field(default_factory=Counter)
    done: bool = False


def drain(
    tenant_ids: Sequence[str],
    contract: Contract,
    *,
    ports: Ports,
    run_id: str,
    mode: SyncMode = SyncMode.APPLY,
    tell: Callable[[str], None] = lambda _: None,
) -> BatchReport:
    """Work off what waits of those tenants, and what arrives meanwhile; returns what was done for tenants for which anything was.

    A tenant that another run works on, or that fails, keeps its events waiting.
    """
    run = _Run(contract, ports, run_id, mode, tell)
    tenants = {t: _Tenant() for t in _with_work(tenant_ids, contract, ports)}
    end, first = ports.clock.monotonic() + MOST_SECONDS, True
    while tenants and (first or ports.clock.monotonic() < end):
        taken, soonest = run.take(tenants, due=first)
        first = False
        if not taken:
            wait = None if soonest is None else (soonest - ports.clock.now()).total_seconds()
            if wait is None or wait > PATIENCE:
                break
            ports.clock.sleep(max(wait, 0.0))
            continue
        run.round(tenants, taken)
        waiting = ports.inbox.waiting()
        mine = {w.tenant_id for w in waiting if w.integration == contract.contract}
        tenants = {t: state for t, state in tenants.items() if t in mine and not state.done}
        if tenants and _others_wait(waiting, set(tenant_ids), contract, ports):
            break
    return run.told()


def _others_wait(waiting: Sequence[Waiting], ours: Collection[str], contract: Contract, ports: Ports) -> bool:
    """Whether somebody's events have waited for a while whom neither this run nor another one works on."""
    before = ports.clock.now() - GIVE_WAY
    others = [
        w.tenant_id
        for w in waiting
        if w.integration == contract.contract and w.tenant_id not in ours and w.oldest_received_at < before
    ]
    return bool(set(others) - ports.leases.held(others, contract.contract)) if others else False


def _with_work(tenant_ids: Sequence[str], contract: Contract, ports: Ports) -> list[str]:
    wanted, name = set(tenant_ids), contract.contract
    found = {w.tenant_id for w in ports.inbox.waiting() if w.integration == name and w.tenant_id in wanted}
    now = ports.clock.now()
    for due in (ports.retries.due(now), ports.ledger.unanswered(now - UNANSWERED)):
        found |= {t for t, i in due if i == name and t in wanted}
    return sorted(found)


@dataclass(slots=True)
class _Run:
    """One run under way."""

    contract: Contract
    ports: Ports
    run_id: str
    mode: SyncMode
    tell: Callable[[str], None]
    reports: list[BatchReport] = field(default_factory=list)
    ends: dict[str, Counter[str]] = field(default_factory=dict)  # tenant → outcome → events

    def take(self, tenants: Mapping[str, _Tenant], *, due: bool) -> tuple[dict[str, _Taken], datetime | None]:
        """What can be worked on now, by tenant, and when the next event has settled that could not."""
        found: dict[str, _Taken] = {}
        soonest: datetime | None = None
        for tenant_id, state in tenants.items():
            now = self.ports.clock.now()
            events = self.ports.inbox.take(
                tenant_id, self.contract.contract, limit=state.limit, run_id=self.run_id, at=now
            )  # fmt: skip
            ready = [e for e in events if self._settled_at(e) <= now]
            later = [self._settled_at(e) for e in events if self._settled_at(e) > now]
            soonest = min(filter(None, (soonest, *later)), default=None)
            taken = self._sorted(ready)
            if due:
                taken.due = self._due(tenant_id)
            if taken.touched() or taken.wide or taken.gaps or taken.ended:
                found[tenant_id] = taken
        return found, soonest

    def round(self, tenants: Mapping[str, _Tenant], taken: Mapping[str, _Taken]) -> None:
        """Look at what was taken, first at single records, then at whole tenants where that is asked for; tell every event its end."""
        touched = {t: mine.touched() for t, mine in taken.items()}
        named = {t: records for t, records in touched.items() if records or taken[t].ended}
        report = self._look(named)
        everything = {t for t, mine in taken.items() if mine.gaps}
        too_many = {t for t in named if report is not None and report.tenant(t).too_many}
        changed = {t for t, mine in taken.items() if mine.wide} | too_many
        whole = {
            t: whole
            for full, ids in ((True, everything), (False, changed - everything))
            for t, whole in self._whole(sorted(ids), full=full).items()
        }
        for tenant_id, mine in taken.items():
            state = tenants[tenant_id]
            few = None if report is None else report.tenants.get(tenant_id)
            if few is not None and not few.too_many:
                self._end(state, few, report, mine.events, mine)
            all_of = whole.get(tenant_id)
            if all_of is not None:
                if few is not None:
                    all_of.tenant(tenant_id).mains = few.mains
                events = [*(mine.events if few is not None and few.too_many else ()), *mine.wide, *mine.gaps]
                self._end(state, all_of.tenant(tenant_id), all_of, events, mine)

    def told(self) -> BatchReport:
        """All rounds as one; what the log of runs says of each tenant is brought in line with it."""
        if not self.reports:
            return BatchReport(self.contract.contract, self.mode, "records", {}, "event")
        report = as_one(self.reports)
        for tenant_id, counted in self.ends.items():
            if tenant_id in report.tenants:
                report.tenants[tenant_id].counts |= {f"events_{outcome}": n for outcome, n in sorted(counted.items())}
        rows = [finished(t, self.contract, "event", report.scope, self.ports) for t in report.tenants.values()]
        self.ports.runs.finish(rows)
        return report

    def _sorted(self, events: Sequence[InboxEvent]) -> _Taken:
        """By what they ask for; those that ask for nothing are told so at once."""
        taken, ends = _Taken(), list[Settled]()
        for event in events:
            if event.kind is EventKind.UNINSTALL:
                taken.ended = True
                ends.append(access_ended(event, ports=self.ports))
            elif event.kind is EventKind.GAP:
                taken.gaps.append(event)
            elif event.kind is EventKind.WIDE:
                taken.wide.append(event)
            elif event.echo_key.startswith(OURS):
                ends.append(Settled(event, EventOutcome.ECHO))
            else:
                taken.events.append(event)
                taken.records[event] = self._records(event)
                if not taken.records[event]:
                    ends.append(Settled(event, EventOutcome.IGNORED, "the contract reads nothing of what it names"))
        self._tell(ends)
        taken.events = [e for e in taken.events if taken.records[e]]
        return taken

    def _records(self, event: InboxEvent) -> tuple[Record, ...]:
        objects = objects_of(self.contract, event.partner)
        return tuple((name, r.record_id) for r in event.records for name in objects.get(r.partner_object, ()))

    def _settled_at(self, event: InboxEvent) -> datetime:
        """When an event is old enough to be looked at: its record may be changed several times in a row."""
        latency = self.contract.latency
        delays = [latency.settle.get(name, latency.settle_seconds) for name, _ in self._records(event)]
        return event.received_at + timedelta(seconds=max(delays, default=0))

    def _due(self, tenant_id: str) -> dict[str, set[str]]:
        """Records whose failed write is due again, or whose write was never answered for."""
        now, found = self.ports.clock.now(), dict[str, set[str]]()
        failed = self.ports.retries.load([tenant_id], self.contract.contract)
        due = {(r.target, r.target_id) for r in failed if r.next_try_at is not None and r.next_try_at <= now}
        sent = (
            self.ports.ledger.unsettled([tenant_id], self.contract.contract).select(["target", "target_id", "state"]).to_pylist()
        )
        due |= {(r["target"], r["target_id"]) for r in sent if r["state"] in {WriteState.SENT, WriteState.UNKNOWN}}
        if not due:
            return found
        known = Known(tenant_id, Kinship.of(self.contract), self.ports)
        for target, target_id in due:
            for name, ids in known.named_by(target, target_id).items():
                found.setdefault(name, set()).update(ids)
        return found

    def _look(self, touched: Mapping[str, Records]) -> BatchReport | None:
        if not touched:
            return None
        return self._keep(
            sync(
                sorted(touched), self.contract, ports=self.ports, mode=self.mode, run_id=self.run_id, trigger="event",
                touched=touched, tell=self.tell,
            )
        )  # fmt: skip

    def _whole(self, tenant_ids: Sequence[str], *, full: bool) -> dict[str, BatchReport]:
        if not tenant_ids:
            return {}
        report = self._keep(
            sync(
                tenant_ids, self.contract, ports=self.ports, mode=self.mode, run_id=self.run_id, trigger="event", full=full,
                tell=self.tell,
            )
        )  # fmt: skip
        return dict.fromkeys(tenant_ids, report)

    def _keep(self, report: BatchReport) -> BatchReport:
        self.reports.append(report)
        return report

    def _end(
        self, state: _Tenant, tenant: TenantReport, report: BatchReport | None, events: Sequence[InboxEvent], taken: _Taken
    ) -> None:
        """Tell those events how they ended, or leave them waiting."""
        if report is None or tenant.outcome is RunOutcome.SKIPPED:
            state.done = True
            return
        if tenant.fault is not None:
            self._failed(state, tenant, report, events)
            return
        state.limit = MOST_EVENTS
        named = {record for event in events for record in taken.records.get(event, ())}
        ours = self._ours(tenant)
        ends = Ends(report, tenant, self.contract, named, ours)
        settled: list[Settled] = []
        for event in events:
            end = ends.of(event, taken.records.get(event, ()))
            state.looks[event] += 1
            if end is None and state.looks[event] >= LOOKS:
                end = Settled(
                    event, EventOutcome.HELD, "what became of a write is not known yet; the next run settles it by reading"
                )
            if end is not None:
                settled.append(end)
        self._tell(settled)

    def _failed(self, state: _Tenant, tenant: TenantReport, report: BatchReport, events: Sequence[InboxEvent]) -> None:
        """A fault that one record may have caused: take fewer and fewer events, until the one that causes it stands alone."""
        if tenant.fault is None or tenant.fault.kind not in _LOOK_AT_ONE or not events:
            state.done = True
            return
        if len(events) == 1:
            self._tell([Settled(events[0], EventOutcome.HELD, f"{tenant.fault.kind}: {tenant.fault.text}")])
            state.limit = MOST_EVENTS
            return
        state.limit = len(events) // 2
        self.reports = [_without(r, tenant.tenant_id) if r is report else r for r in self.reports]

    def _ours(self, tenant: TenantReport) -> Collection[Record]:
        since = self.ports.clock.now() - ECHOES
        return self.ports.ledger.written_records(tenant.tenant_id, self.contract.contract, since)

    def _tell(self, ends: Iterable[Settled]) -> None:
        told = list(ends)
        self.ports.inbox.settle(told, run_id=self.run_id, at=self.ports.clock.now())
        for end in told:
            self.ends.setdefault(end.event.tenant_id, Counter())[str(end.outcome)] += 1


def _without(report: BatchReport, tenant_id: str) -> BatchReport:
    """A round that is done again does not count for a tenant."""
    report.tenants = {t: r for t, r in report.tenants.items() if t != tenant_id}
    return report
