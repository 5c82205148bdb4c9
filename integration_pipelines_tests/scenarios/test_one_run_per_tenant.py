"""One run at a time works on a tenant: others stand back, and one that was held up and came back late can do no harm."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from threading import Barrier, Thread

import pyarrow as pa
import pytest
import sqlalchemy as sa

from integration_pipelines.core.contract import SourceObject
from integration_pipelines.ports.gate import GateResult
from integration_pipelines.ports.partner import RecordWrite
from integration_pipelines.store.engine import EVERYONE, writing
from integration_pipelines.store.leases import SqlLeases
from integration_pipelines.store.schema import LEASES
from integration_pipelines.use_cases.outcome import RunOutcome, TenantReport
from integration_pipelines_tests.kit.bench import CONTRACT, Product, product
from integration_pipelines_tests.kit.fakes import FakeAccount, OpenGate


@pytest.fixture
def shop(tmp_path: Path, each_database: str) -> Iterator[Product]:
    """A tenant in sync, of whom billing then says something new."""
    with product(tmp_path, database_url=each_database) as made:
        made.first_sync()
        made.billing().objects["billing_subscriptions"]["sub_acme"]["status"] = "past_due"
        yield made


class Interrupted(OpenGate):
    """A gate that lets something happen while a run is under way."""

    def __init__(self, happens: Callable[[], None]) -> None:
        super().__init__()
        self._happens = happens

    def judge(
        self, name: str, spec: SourceObject, observed: pa.Table, tenants: tuple[str, ...], *, few: bool = False
    ) -> GateResult:
        """As always; before the first verdict the thing happens."""
        happens, self._happens = self._happens, lambda: None
        happens()
        return super().judge(name, spec, observed, tenants, few=few)


def let_expire(shop: Product) -> None:
    """So much time passes that the lease of a run that stood still is over."""
    leases = shop.ports.leases
    assert isinstance(leases, SqlLeases)
    with writing(leases._engine, EVERYONE) as connection:
        connection.execute(sa.update(LEASES).values(expires_ns=0))


@pytest.mark.fault("P09")
def test_of_several_runs_at_once_one_works(shop: Product) -> None:
    """Four runs start together, as of several daemons: each change is written once, and who came second says why it did nothing."""
    start, reports = Barrier(4), list[TenantReport]()

    def run() -> None:
        start.wait()
        reports.append(shop.one())

    before = len(shop.crm().effects)
    workers = [Thread(target=run) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(shop.crm().effects) - before == 1
    outcomes = [r.outcome for r in reports]
    assert outcomes.count(RunOutcome.WRITTEN) == 1
    assert set(outcomes) <= {RunOutcome.WRITTEN, RunOutcome.SKIPPED, RunOutcome.IN_SYNC}
    assert {r.reason[:40] for r in reports if r.outcome is RunOutcome.SKIPPED} <= {
        "another run is working on this tenant now"[:40]
    }


@pytest.mark.fault("P10")
def test_a_run_that_stood_still_keeps_and_writes_nothing_after_it_was_overtaken(shop: Product) -> None:
    """Paused for ten minutes in the middle: meanwhile another run did the work; the first one notices and stops before it keeps anything."""

    def overtaken() -> None:
        let_expire(shop)
        assert shop.one().outcome is RunOutcome.WRITTEN

    before = len(shop.crm().effects)
    late = shop.with_ports(gate=Interrupted(overtaken)).one()
    assert (late.outcome, late.fault is not None and late.fault.kind) == (RunOutcome.FAILED, "conflict")
    assert "Another run took over" in late.reason
    assert len(shop.crm().effects) - before == 1
    assert shop.one().outcome is RunOutcome.IN_SYNC


@pytest.mark.fault("P10")
def test_the_token_stops_a_late_write_at_the_last_moment(shop: Product) -> None:
    """Overtaken between two batches of writes: what was not sent yet is never sent by the run that lost its lease."""
    shop.billing().objects["billing_subscriptions"]["sub_bolt"]["status"] = "past_due"
    shop.billing().objects["billing_subscriptions"]["sub_core"]["status"] = "past_due"

    def overtake(account: FakeAccount, writes: Sequence[RecordWrite]) -> None:
        del writes
        account.before_write = lambda *_: None
        let_expire(shop)
        assert shop.ports.leases.take("t1", CONTRACT, "somebody", 60) is not None

    before = len(shop.crm().effects)
    shop.crm().before_write = overtake
    report = shop.one()
    assert len(shop.crm().effects) - before == 2  # the batch of two that was on its way, and not the third
    assert not report.certified
    let_expire(shop)
    shop.one()
    assert len(shop.crm().effects) - before == 3


def test_a_run_that_died_frees_its_tenant_after_a_minute(shop: Product) -> None:
    """Nobody has to clean up: a lease that nobody renews ends by itself."""
    assert shop.ports.leases.take("t1", CONTRACT, "a run that was killed", 60) is not None
    assert shop.one().outcome is RunOutcome.SKIPPED
    let_expire(shop)
    assert shop.one().outcome is RunOutcome.WRITTEN
