"""Machines that do to a store and to its reference model the same things in any order, and compare them after each.

A machine works for two tenants of one store, so that what it does to one must not show at the other; the database stays the same from
one example to the next, and each example has tenants of its own.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import count
from random import Random

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy.engine import Connection

from integration_pipelines.core.writes import WriteState
from integration_pipelines.errors import BugError, ConflictError
from integration_pipelines.ports.writing import Lease, PlanState, Settled
from integration_pipelines.store.lease_clock import LeaseClock
from integration_pipelines.store.leases import SqlLeases
from integration_pipelines.store.open import Stores
from integration_pipelines_tests.models.reference import DECISIONS, LinkBook, Plan, PlanBook, RefusedError, Row, WriteBook
from integration_pipelines_tests.unit.store.rows import CRM, NOW, link, links, plan, write, writes

_examples = count(1)
TENANTS = (0, 1)
SECOND = 1_000_000_000
which = st.sampled_from([0, 0, 0, 1])  # mostly one of them, so that things happen to it


@contextmanager
def refused_alike(kind: type[Exception]) -> Iterator[list[bool]]:
    """What the model refuses in this block the store refuses too, with that error; both are asked by `both`."""
    asked: list[bool] = []
    try:
        yield asked
    except kind:
        asked.append(False)
    else:
        asked.append(True)


class StoreMachine(RuleBasedStateMachine):
    """Two tenants that nobody had before."""

    stores: Stores  # given by a class of its own for each store

    def __init__(self) -> None:
        super().__init__()
        number = next(_examples)
        self.tenants = [f"m{number}x{t}" for t in TENANTS]
        self.ticks = 0

    def later(self) -> int:
        """A number that only grows."""
        self.ticks += 1
        return self.ticks

    @precondition(lambda self: self.ticks % 3 == 2)
    @rule()
    def restart(self) -> None:
        """The process ends and another one opens the store."""
        self.stores.close()


LINK = st.fixed_dictionaries(
    {
        "left": st.sampled_from("12"),
        "right": st.sampled_from("xy"),
        "state": st.sampled_from(["live", "live", "proposed", "one_sided", "tombstone"]),
        "by": st.sampled_from([None, "ann"]),
        "evidence": st.sampled_from([None, "acme.com"]),
        "seen": st.sampled_from([0, 0, 5]),  # how long ago the run looked that says so
    }
)


class LinksMachine(StoreMachine):
    """The link table."""

    def __init__(self) -> None:
        super().__init__()
        self.books = [LinkBook(), LinkBook()]

    @initialize()
    def begin(self) -> None:
        """A person linked two pairs."""
        said = {"state": "live", "by": "ann", "evidence": "acme.com", "seen": 0}
        for tenant in TENANTS:
            self.save(tenant, [{"left": "1", "right": "x"} | said, {"left": "2", "right": "y"} | said], decided=True)

    @rule(
        tenant=which,
        said=st.lists(LINK, min_size=1, max_size=3, unique_by=lambda d: (d["left"], d["right"])),
        decided=st.sampled_from([False, False, True]),
    )
    def save(self, tenant: int, said: list[Row], decided: bool) -> None:
        """A run or a person says how some links stand."""
        now = self.later()
        rows = [self._row(tenant, one, now) for one in said]
        expected = True
        try:
            self.books[tenant].save(rows, decided=decided)
        except RefusedError:
            expected = False
        with refused_alike(ConflictError) as went_well:
            self.stores.links.save(links(*rows), decided=decided)
        assert went_well == [expected]

    def _row(self, tenant: int, one: Row, now: int) -> Row:
        moment = NOW + timedelta(seconds=now - one["seen"])
        return dict(
            link(
                f"l{one['left']}{one['right']}", one["left"], one["right"], tenant_id=self.tenants[tenant], state=one["state"],
                match_evidence=one["evidence"], decided_by=one["by"], updated_at=moment, survivor_link_id=None,
            )
        )  # fmt: skip

    @rule(
        tenant=which,
        states=st.sets(st.sampled_from(["live", "proposed", "tombstone"]), max_size=2),
        records=st.sets(st.sampled_from(["1", "x", "l1y"]), max_size=2),
    )
    def find(self, tenant: int, states: set[str], records: set[str]) -> None:
        """Somebody looks for some."""
        found = self.stores.links.find([self.tenants[tenant]], CRM, states=sorted(states), records=sorted(records))
        assert found["link_id"].to_pylist() == self.books[tenant].about(states, records)

    @invariant()
    def same(self) -> None:
        """Both hold the same links, tenant by tenant."""
        held = self.stores.links.load(self.tenants, CRM).to_pylist()
        for tenant, book in zip(self.tenants, self.books, strict=True):
            assert {r["link_id"]: r for r in held if r["tenant_id"] == tenant} == book.links
        counts = self.stores.links.live_counts(self.tenants, CRM)
        assert counts == {t: book.live() for t, book in zip(self.tenants, self.books, strict=True) if book.live()}


class SteppedClock(LeaseClock):
    """Goes on when it is told."""

    def __init__(self) -> None:
        self.seconds = 1000

    def read(self, connection: Connection) -> tuple[str, int]:
        """See `LeaseClock`."""
        del connection
        return "one", self.seconds * SECOND


WRITES = st.lists(st.sampled_from([f"w{n}" for n in range(3)]), min_size=1, max_size=2, unique=True)
HOLDER = st.sampled_from(["run_a", "run_b"])


class LedgerMachine(StoreMachine):
    """The write ledger and the lease that fences it."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = SteppedClock()
        self.leases = SqlLeases(self.stores.engine, self.clock)
        self.books = [WriteBook(), WriteBook()]
        self.taken: list[tuple[int, Lease]] = []

    @initialize()
    def begin(self) -> None:
        """A run of each tenant has noted what it is about to write."""
        for tenant in TENANTS:
            self.take(tenant, "run_a")
            self.intend(tenant, ["w0", "w1"])

    @rule(seconds=st.sampled_from([1, 61]))
    def wait(self, seconds: int) -> None:
        """Time goes by."""
        self.clock.seconds += seconds

    @rule(tenant=which)
    def overtake(self, tenant: int) -> None:
        """The turn of a run that stands still is over, and another one takes it."""
        self.clock.seconds += 61
        self.take(tenant, "run_b" if self.books[tenant].holder == "run_a" else "run_a")

    @rule(tenant=which, holder=HOLDER)
    def take(self, tenant: int, holder: str) -> None:
        """A run asks for its turn."""
        lease = self.leases.take(self.tenants[tenant], CRM, holder, 60)
        assert (lease.token if lease else None) == self.books[tenant].take(holder, self.clock.seconds, 60)
        self.taken += [(tenant, lease)] if lease else []

    @precondition(lambda self: self.taken)
    @rule(chosen=st.randoms(use_true_random=False))
    def give_back(self, chosen: Random) -> None:
        """A run ends, or believes that it still had the turn."""
        tenant, lease = chosen.choice(self.taken)
        self.leases.give_back(lease)
        self.books[tenant].give_back(lease.holder, lease.token)

    @rule(tenant=which, ids=WRITES)
    def intend(self, tenant: int, ids: list[str]) -> None:
        """A run notes what it is about to write."""
        name = self.tenants[tenant]
        rows = [write(f"{name}{i}", tenant_id=name, plan_id=f"plan_{name}", target_id=i, run_id="run") for i in ids]
        self.stores.ledger.intend(writes(*rows))
        self.books[tenant].intend({f"{name}{i}": i for i in ids})

    @precondition(lambda self: self.taken)
    @rule(chosen=st.randoms(use_true_random=False), ids=WRITES)
    def send(self, chosen: Random, ids: list[str]) -> None:
        """Somebody who has the turn, or once had it, sends what waits or, by mistake, whatever."""
        tenant, lease = chosen.choice(self.taken[-3:])
        waiting = [w for w, one in self.books[tenant].writes.items() if one.state in {"planned", "unknown"}]
        mine = waiting[:2] if waiting and chosen.random() < 0.8 else [f"{self.tenants[tenant]}{i}" for i in ids]
        expected = True
        try:
            self.books[tenant].send(mine, lease.holder, lease.token)
            self.books[tenant].count(mine)
        except RefusedError:
            expected = False
        with refused_alike(ConflictError) as went_well:
            self.stores.ledger.send(mine, lease)
        assert went_well == [expected]

    @rule(tenant=which, ids=WRITES, state=st.sampled_from(list(WriteState)))
    def settle(self, tenant: int, ids: list[str], state: WriteState) -> None:
        """An answer is noted."""
        mine = [f"{self.tenants[tenant]}{i}" for i in ids]
        expected = True
        try:
            self.books[tenant].settle(dict.fromkeys(mine, str(state)))
        except RefusedError:
            expected = False
        with refused_alike(BugError) as went_well:
            self.stores.ledger.settle([Settled(w, state) for w in mine], NOW)
        assert went_well == [expected]

    @invariant()
    def same(self) -> None:
        """Both know the same writes in the same states, sent as often; and the same ones are open."""
        for name, book in zip(self.tenants, self.books, strict=True):
            rows = self.stores.ledger.of_plan(name, f"plan_{name}").to_pylist()
            held = {r["write_id"]: (r["target_id"], r["state"], r["attempts"]) for r in rows}
            assert held == {w: (one.target_id, one.state, one.attempts) for w, one in book.writes.items()}
        opened = [r["write_id"] for r in self.stores.ledger.unsettled(self.tenants, CRM).to_pylist()]
        assert sorted(opened) == sorted(w for book in self.books for w in book.open())


class PlansMachine(StoreMachine):
    """The life of plans."""

    def __init__(self) -> None:
        super().__init__()
        self.books = [PlanBook(), PlanBook()]

    @rule(
        tenant=which, state=st.sampled_from(["held", "ready", "approved", "applied"]), scope=st.sampled_from(["full", "records"])
    )
    def save(self, tenant: int, state: str, scope: str) -> None:
        """A run makes a plan."""
        number, name = self.later(), self.tenants[tenant]
        made = plan(
            f"p{number}{name}", tenant_id=name, state=PlanState(state), scope=scope, created_at=NOW + timedelta(seconds=number)
        )
        self.stores.plans.save([made])
        self.books[tenant].save(made.plan_id, Plan(number, scope, state))

    @precondition(lambda self: any(book.plans for book in self.books))
    @rule(
        chosen=st.randoms(use_true_random=False),
        state=st.sampled_from(["approved", "rejected", "applied"]),
        actor=st.sampled_from(["ann", "system"]),
        looked=st.sampled_from([True, True, True, False]),
    )
    def decide(self, chosen: Random, state: str, actor: str, looked: bool) -> None:
        """Somebody decides about any plan, once in a while about one that was not what was looked at."""
        book = chosen.choice([b for b in self.books if b.plans])
        plan_id = chosen.choice(sorted(book.plans))
        expected = looked
        try:
            if looked:
                book.decide(plan_id, state, actor)
        except RefusedError:
            expected = False
        with refused_alike(ConflictError) as went_well:
            self.stores.plans.decide(plan_id, f"hash_of_{plan_id}" if looked else "another", PlanState(state), actor, NOW)
        assert went_well == [expected]

    @invariant()
    def same(self) -> None:
        """Both know the same plans, and the same ones stand, in the same order."""
        for name, book in zip(self.tenants, self.books, strict=True):
            held = {p.plan_id: (str(p.state), p.decided_by) for p in self.stores.plans.list(name, limit=1000)}
            assert held == {i: (p.state, p.decided_by) for i, p in book.plans.items()}
            assert [p.plan_id for p in self.stores.plans.standing(name, CRM)] == book.standing()
            assert all(held[i][0] in DECISIONS for i in book.standing())
