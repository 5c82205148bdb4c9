"""Runs of the product in processes that can be killed: this one imports everything once and forks a child for each run.

Run as a module; it reads one order a line (JSON) and answers each with one line: how the child ended and what it said. It starts no
thread and opens nothing itself, so that a fork is clean.
"""

import importlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import ParamSpec, TextIO, TypeVar

from pydantic import SecretStr
from sqlalchemy.engine import Connection

from integration_pipelines.duck import duck_factory
from integration_pipelines.errors import IntegrationError
from integration_pipelines.known import packaged_contracts
from integration_pipelines.logs import configure_logs
from integration_pipelines.partners.hubspot.client import HubSpotConnector
from integration_pipelines.partners.stripe.client import StripeConnector
from integration_pipelines.ports.bundle import Ports
from integration_pipelines.settings import Settings
from integration_pipelines.store import dialect
from integration_pipelines.store.clock import SortableIds, SystemClock
from integration_pipelines.store.engine import make_engine
from integration_pipelines.store.lake import ParquetLake
from integration_pipelines.store.landing import DirectoryLandingZone
from integration_pipelines.store.lease_clock import BootClock, DatabaseClock, LeaseClock
from integration_pipelines.store.leases import SqlLeases
from integration_pipelines.store.open import stores_of
from integration_pipelines.store.quota import SharedQuota
from integration_pipelines.use_cases.events import drain
from integration_pipelines.use_cases.outcome import SyncMode, TenantReport
from integration_pipelines.use_cases.sync import sync
from integration_pipelines.wiring import PartnerConnectors, catalogues, open_vault
from integration_pipelines_tests.kit.alerts import alerting
from integration_pipelines_tests.kit.crash import Point, Watch, die, watched
from integration_pipelines_tests.kit.fakes import OpenGate

CONTRACT = "crm_billing"
STOPPED = 143
UNTRACED = 99
PATIENCE = 20.0
LOADED = (HubSpotConnector, StripeConnector)  # imported before the fork, so that no child has to
LATE = ("pandas", "filelock")  # what a run would import in its midst
T = TypeVar("T")
P = ParamSpec("P")


@dataclass(frozen=True, slots=True)
class Order:
    """One run: of whom, on which store, and where it dies. `ahead` moves the leases' clock on, as if so many seconds had passed."""

    home: str
    database_url: str
    master_key: str
    tenant_id: str
    run_id: str
    ahead: float = 0.0
    step: str = ""
    side: str = ""
    nth: int = 1
    terminate: bool = False  # SIGTERM instead of SIGKILL
    copies: int = 1  # so many runs at once, each in a process and with an id of its own
    inbox: bool = False  # work off what waits in the inbox, instead of reading everything
    others: tuple[str, ...] = ()  # tenants of the same run
    strace: tuple[str, ...] = ()  # options of the strace that the run is under; it then does one thing after the other


class AheadClock(LeaseClock):
    """The real clock of leases, so many seconds later: a dead run's lease has ended without anybody waiting."""

    def __init__(self, inner: LeaseClock, seconds: float) -> None:
        self._inner, self._seconds = inner, seconds

    def read(self, connection: Connection) -> tuple[str, int]:
        """See `LeaseClock`."""
        era, now = self._inner.read(connection)
        return era, now + int(self._seconds * 1_000_000_000)


@contextmanager
def ports_of(order: Order) -> Iterator[Ports]:
    """The product's real store, lake and connectors, with an open gate; the tables exist already."""
    settings = Settings(
        home=Path(order.home), database_url=order.database_url, master_key=SecretStr(order.master_key), duckdb_threads=1
    )
    clock = SystemClock()
    engine = make_engine(settings.store_url)
    stores = stores_of(engine, clock)
    ids, vault = SortableIds(clock), open_vault(settings)
    quota = SharedQuota(settings.data / "store" / "quota.db", clock)
    landing = DirectoryLandingZone(settings.landing, ids)
    real: LeaseClock = BootClock() if dialect.is_sqlite(engine) else DatabaseClock()
    kept = {f.name: getattr(stores, f.name) for f in fields(Ports) if f.name != "leases" and hasattr(stores, f.name)}
    yield Ports(
        clock=clock, ids=ids, lake=ParquetLake(settings.lake, ids), vault=vault, gate=OpenGate(),
        connectors=PartnerConnectors(stores.tenants, vault, quota, clock), duck=duck_factory(settings), contracts=packaged_contracts(),
        catalogues=catalogues,
        alerting=alerting(stores), landing=landing,
        leases=SqlLeases(engine, AheadClock(real, order.ahead)), **kept,
    )  # fmt: skip
    landing.close()
    stores.close()


def run(order: Order) -> dict[str, object]:
    """One run, told in few words."""
    configure_logs("ERROR")
    watch = Watch(Point(order.step, order.side, order.nth) if order.step else None, be_asked_to_stop if order.terminate else die)
    asked = [order.tenant_id, *order.others]
    try:
        with ports_of(order) as ports:
            contract, seen = ports.contracts[CONTRACT], watched(ports, watch)
            if order.inbox:
                report = drain(asked, contract, ports=seen, run_id=order.run_id)
            else:
                report = sync(asked, contract, ports=seen, mode=SyncMode.APPLY, run_id=order.run_id)
    except IntegrationError as error:  # what a command would say and end with
        return {"outcome": "ended", "balanced": None, "certified": None, "reason": error.message, "fault": str(error)}
    steps = [[step, side, n] for (step, side), n in watch.seen.items()]
    told = {t: _told(report.tenants.get(t) or TenantReport(t, order.run_id)) for t in asked}  # for some nothing may have waited
    return told[order.tenant_id] | {"steps": steps, "others": {t: told[t] for t in order.others}}


def _told(tenant: TenantReport) -> dict[str, object]:
    fault = f"{tenant.fault.text} {tenant.fault.remedy}" if tenant.fault else ""
    return {
        "outcome": str(tenant.outcome), "balanced": tenant.balanced, "certified": tenant.certified, "reason": tenant.reason,
        "fault": fault, "writes": tenant.writes,
    }  # fmt: skip


def be_asked_to_stop() -> None:
    """A polite end: the main thread is interrupted, as Dagster's run worker and the command line are by SIGTERM."""
    os.kill(os.getpid(), signal.SIGTERM)


def _stop(*_: object) -> None:
    raise SystemExit(STOPPED)


class AtOnce(Executor):
    """Does what it is given while it is given it: calls to the system then come in one order, in one thread."""

    def __init__(self, *_: object, **_named: object) -> None:
        """Takes what any pool takes."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """See `Executor`."""
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except (IntegrationError, OSError) as error:
            future.set_exception(error)
        return future


def _be_traced() -> None:
    """Wait until somebody follows this process, then work in one thread."""
    for name, module in list(sys.modules.items()):
        if name.startswith("integration_pipelines.") and getattr(module, "ThreadPoolExecutor", None) is ThreadPoolExecutor:
            vars(module)["ThreadPoolExecutor"] = AtOnce
    end = time.monotonic() + PATIENCE
    while "TracerPid:\t0\n" in Path("/proc/self/status").read_text(encoding="utf-8"):
        if time.monotonic() > end:
            raise SystemExit(UNTRACED)
        time.sleep(0.001)


def _child(order: Order, answer: int) -> None:
    signal.signal(signal.SIGTERM, _stop)
    with os.fdopen(answer, "w", encoding="utf-8") as pipe:
        code = 0
        try:
            if order.strace:
                _be_traced()
            json.dump(run(order), pipe)
        except SystemExit as asked:
            code = int(str(asked.code))
            for thread in threading.enumerate():  # as the interpreter does at its end
                if thread is not threading.current_thread() and not thread.daemon:
                    thread.join()
    os._exit(code)


def _sleep(seconds: float) -> None:
    """Under a clock that `libfaketime` moves, the call that Python sleeps by is refused."""
    select.select((), (), (), seconds)


def serve(orders: TextIO, answers: TextIO) -> None:
    """Fork for each order until there is none."""
    packaged_contracts()
    if "FAKETIME_TIMESTAMP_FILE" in os.environ:
        vars(time)["sleep"] = _sleep
    for name in LATE:
        importlib.import_module(name)
    for line in orders:
        order = _read(line)
        forks = [_fork(replace(order, run_id=f"{order.run_id}.{n}" if n else order.run_id)) for n in range(order.copies)]
        ended = [fork.ended() for fork in forks]
        answers.write(json.dumps(ended[0] if order.copies == 1 else {"all": ended}) + "\n")
        answers.flush()


@dataclass(frozen=True, slots=True)
class Fork:
    """A run in a process of its own, where it answers, and who follows it."""

    child: int
    read_end: int
    tracer: subprocess.Popen[bytes] | None

    def ended(self) -> dict[str, object]:
        """Wait for the end: how it ended and what it said."""
        with os.fdopen(self.read_end, encoding="utf-8") as pipe:
            said = pipe.read()
        _, status = os.waitpid(self.child, 0)
        if self.tracer is not None:
            self.tracer.wait(PATIENCE)
        code = os.waitstatus_to_exitcode(status)
        return {"code": code, "said": json.loads(said) if code == 0 else None}


def _fork(order: Order) -> Fork:
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read_end)
        try:
            _child(order, write_end)
        finally:
            traceback.print_exc()  # what a run never raises
            os._exit(70)
    os.close(write_end)
    return Fork(child, read_end, _follow(child, order.strace) if order.strace else None)


def _follow(child: int, options: tuple[str, ...]) -> subprocess.Popen[bytes]:
    """Put a process under `strace`, which goes away with it."""
    return subprocess.Popen([shutil.which("strace") or "", "-f", "-qq", *options, "-p", str(child)])


def _read(line: str) -> Order:
    given = json.loads(line)
    return Order(**given | {name: tuple(given[name]) for name in ("others", "strace")})


def written(order: Order) -> str:
    """An order as the server reads it."""
    return json.dumps(asdict(order)) + "\n"


if __name__ == "__main__":
    serve(sys.stdin, sys.stdout)
