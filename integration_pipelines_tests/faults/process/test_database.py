"""The database is locked, gone for a moment, or has no connection left: a bounded wait, a fault that says so, and no doubled effect."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from copy import copy
from pathlib import Path
from typing import TypeVar

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from integration_pipelines.errors import TransientError
from integration_pipelines.store.engine import make_engine, reading
from integration_pipelines.store.open import stores_of
from integration_pipelines.use_cases.outcome import RunOutcome
from integration_pipelines_tests.kit.bench import CONTRACT, Product, product
from integration_pipelines_tests.kit.databases import admin_url
from integration_pipelines_tests.kit.fakes import FakeClock

WORKERS = 6
PATIENCE = 0.3
T = TypeVar("T")


@contextmanager
def locked(url: str) -> Iterator[None]:
    """Somebody holds the write lock of the store, or of the table that everybody writes to."""
    other = sa.create_engine(admin_url(url))
    with other.connect() as connection:
        if other.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.exec_driver_sql("LOCK TABLE audit_log, audit_heads IN ACCESS EXCLUSIVE MODE")
        yield
        connection.rollback()
    other.dispose()


@pytest.mark.fault("P06")
def test_a_lock_that_is_held_for_long_makes_nobody_wait_for_long(each_database: str) -> None:
    """Each of several workers gives up after the time it is given, none after another one's; afterwards all of them get through."""
    clock = FakeClock()
    stores = stores_of(make_engine(each_database, busy_seconds=PATIENCE), clock)

    def act(number: int) -> float:
        started = time.monotonic()
        stores.audit.append("t1", f"worker {number}", "looked", {}, clock.now())
        return time.monotonic() - started

    def waited(number: int) -> float:
        started = time.monotonic()
        with pytest.raises(TransientError) as caught:
            act(number)
        assert caught.value.remedy
        return time.monotonic() - started

    with ThreadPoolExecutor(WORKERS) as pool:
        with locked(each_database):
            assert max(pool.map(waited, range(WORKERS))) < 10 * PATIENCE
        list(pool.map(act, range(3)))
    assert stores.audit.verify("t1") == (3, [])
    stores.close()


@pytest.fixture
def shop(tmp_path: Path, each_database: str) -> Iterator[Product]:
    """A tenant in sync, of whom billing then says something new."""
    with product(tmp_path, database_url=each_database) as made:
        made.first_sync()
        made.billing().objects["billing_subscriptions"]["sub_acme"]["status"] = "past_due"
        yield made


@pytest.mark.fault("P07")
@pytest.mark.parametrize("method", ["intend", "send", "settle"])
def test_a_commit_whose_answer_is_lost_has_one_effect(shop: Product, method: str) -> None:
    """The database committed and the connection broke before it said so: the next run reads what became of it."""
    before = len(shop.crm().effects)
    broken = shop.with_ports(ledger=losing(shop.ports.ledger, method))
    assert broken.one().outcome is RunOutcome.FAILED
    shop.clock.sleep(61)
    report = shop.one()
    assert (report.outcome, report.certified) != (RunOutcome.FAILED, False)
    assert len(shop.crm().effects) - before == 1
    assert shop.crm().objects["crm_accounts"]["1"]["billing_subscription_status"] == "past_due"
    assert shop.ports.ledger.unsettled(["t1"], CONTRACT).num_rows == 0


@pytest.mark.fault("P07")
@pytest.mark.parametrize("each_database", ["sqlite"], indirect=True)
@pytest.mark.parametrize(("port", "method"), [("plans", "decide"), ("retries", "clear")])
def test_a_run_that_fails_after_it_wrote_shows_no_certificate(shop: Product, port: str, method: str) -> None:
    """What it wrote is read again and is right, but something about it could not be noted: it failed, and the next run is certified."""
    broken = shop.with_ports(**{port: losing(getattr(shop.ports, port), method)}).one()
    assert (broken.outcome, broken.certified) == (RunOutcome.FAILED, None)
    shop.clock.sleep(61)
    report = shop.one()
    assert (report.outcome, report.certified) == (RunOutcome.IN_SYNC, True)


def losing(inner: T, method: str) -> T:
    """A port that does as told and whose answer to that call is lost."""

    def lost(*given: object, **named: object) -> None:
        getattr(inner, method)(*given, **named)
        raise TransientError("The store's database is busy or does not answer.", remedy="Try again.")

    made = copy(inner)
    setattr(made, method, lost)
    return made


@pytest.mark.fault("P07")
@pytest.mark.parametrize("each_database", ["postgresql"], indirect=True)
def test_a_restart_in_the_middle_of_a_run_has_one_effect(shop: Product, each_database: str) -> None:
    """Every connection is cut while a write is under way; this run or the next one ends well, and the write arrived once."""
    before = len(shop.crm().effects)
    shop.crm().before_write = lambda *_: cut(each_database)
    first = shop.one()
    shop.crm().before_write = lambda *_: None
    shop.clock.sleep(61)
    last = shop.one()
    assert RunOutcome.FAILED not in {last.outcome} | ({first.outcome} if first.certified else set())
    assert len(shop.crm().effects) - before == 1
    assert shop.ports.ledger.unsettled(["t1"], CONTRACT).num_rows == 0


def cut(url: str) -> None:
    """End every other connection to that database, as a restart does."""
    other = sa.create_engine(admin_url(url))
    with other.connect() as connection:
        connection.execute(
            sa.text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
    other.dispose()


@pytest.mark.fault("P08")
def test_who_finds_no_free_connection_is_told_so_soon(each_database: str) -> None:
    """As many as the pool has are busy: the next one waits no longer than it is given, and gets through when one is free again."""
    engine = make_engine(each_database, busy_seconds=PATIENCE)
    with holding_all(engine) as let_go:
        started = time.monotonic()
        with pytest.raises(TransientError, match="Too many things"):
            look(engine)
        assert time.monotonic() - started < 10 * PATIENCE
        let_go()
        look(engine)
    engine.dispose()


def look(engine: Engine) -> None:
    """Read something."""
    with reading(engine) as connection:
        connection.execute(sa.text("SELECT count(*) FROM tenants"))


@contextmanager
def holding_all(engine: Engine) -> Iterator[Callable[[], None]]:
    """Every connection that the pool gives is taken; the answer gives one back."""
    taken = []
    with suppress(sa.exc.TimeoutError):
        while True:
            taken.append(engine.connect())
    yield taken.pop().close
    for one in taken:
        one.close()


@pytest.mark.fault("P08")
def test_a_transaction_that_its_process_forgot_ends_by_itself(postgresql_url: str) -> None:
    """A session that holds a transaction open and does nothing is ended by the database after the time that every session brings along."""
    engine = make_engine(postgresql_url)
    with engine.connect() as connection:
        shown = connection.execute(sa.text("SHOW idle_in_transaction_session_timeout")).scalar()
    assert shown == "10min"
    engine.dispose()
