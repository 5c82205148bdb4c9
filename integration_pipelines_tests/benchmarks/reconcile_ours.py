"""Our side of `reconcile`: the product's own use cases, from accepted Parquet, links and base to what is durable in store and lake."""

import shutil
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from unittest.mock import patch

from integration_pipelines.core.ledger_rows import ledger_rows
from integration_pipelines.core.sql import Sql
from integration_pipelines.ports.bundle import Ports
from integration_pipelines.use_cases.conclude import fate_rows
from integration_pipelines.use_cases.judge import REFUSED
from integration_pipelines.use_cases.keep_merged import keep_merged
from integration_pipelines.use_cases.look import keep, look, observe
from integration_pipelines.use_cases.outcome import SyncMode, TenantReport
from integration_pipelines.use_cases.planning import decide
from integration_pipelines_tests.benchmarks.landing import opened
from integration_pipelines_tests.benchmarks.meter import Answer, Given, Meter
from integration_pipelines_tests.benchmarks.reconcile_answer import answer
from integration_pipelines_tests.benchmarks.reconcile_world import contract

_RUN = "run_1"


def engine(meter: Meter, folder: Path, given: Given) -> Answer:
    """Read, link, merge, diff and plan; links, base, diffs, plan and ledger are durable at the end, and, told beside, merged customers."""
    home = _own_copy(given, folder)
    with opened(home, **given.get("settings", {})) as ports:
        _reconcile(Meter(), ports, given["small"])  # a process that reconciles starts once and does so many times
        return _reconcile(meter, ports, given["tenant"])


def in_place(meter: Meter, folder: Path, given: Given) -> Answer:
    """The same over the home itself, so that somebody else finds there what a run leaves."""
    del folder
    with opened(given["home"]) as ports:
        return _reconcile(meter, ports, given["tenant"])


def stages(meter: Meter, folder: Path, given: Given) -> Answer:
    """The same with a stop-watch on each statement; answers the seconds by module and by statement."""
    with _watched() as seconds:
        engine(meter, folder, given)
    return {"seconds": dict(seconds)}


def _own_copy(given: Given, folder: Path) -> Path:
    """Every round begins with the same store and lake."""
    return Path(shutil.copytree(given["home"], folder / "home"))


def _reconcile(meter: Meter, ports: Ports, tenant_id: str) -> Answer:
    """As `sync` does it, without the partners' part."""
    tenant = TenantReport(tenant_id, _RUN)
    with meter.lap("read, link, merge, diff"):
        observed = observe(contract(), [tenant_id], ports=ports)
        seen = look(contract(), {tenant_id: _RUN}, observed, REFUSED.empty_table(), ports=ports)
        del observed
    with meter.lap("keep"):
        keep(seen, ports=ports, tenants=[tenant_id])
    with meter.lap("plan and ledger"):
        numbers, writes = seen.result.numbers[tenant_id], seen.result.writes
        decision = decide(tenant, contract(), numbers, writes, mode=SyncMode.APPLY, forecast=0, ports=ports)
        diffs = fate_rows([tenant], seen.result, {tenant_id: decision}, ports)
        if decision.plan is None or decision.outcome is not None:
            raise AssertionError(f"the plan may not go out: {decision.reason}")
        ports.ledger.intend(ledger_rows(decision.writes.to_pylist(), _RUN, decision.plan.plan_id, ports.clock.now()))
    with meter.lap("merged customers, for people to read", beside=True):
        keep_merged(seen, ports=ports, tenants=[tenant_id])
    seen.close()
    return answer(diffs)


@contextmanager
def _watched() -> Iterator[defaultdict[str, float]]:
    """Time every statement of the engine by the module that asks for it and the table it makes."""
    seconds: defaultdict[str, float] = defaultdict(float)

    def timed(method: Callable[..., object]) -> Callable[..., object]:
        @wraps(method)
        def call(sql: Sql, *given: object) -> object:
            module = sys._getframe(1).f_globals["__name__"].rpartition(".")[2]
            started = time.perf_counter()
            found = method(sql, *given)
            seconds[f"{module}: {given[0] if method.__name__ == 'make' else 'result'}"] += time.perf_counter() - started
            return found

        return call

    # A stop-watch, in a process of its own.
    with patch.object(Sql, "make", timed(Sql.make)), patch.object(Sql, "arrow", timed(Sql.arrow)):
        yield seconds
