"""`webhooks`: signed deliveries of many tenants against the receiver as it is served, beside the same framework answering without any work.

Both are processes of their own and get the same deliveries from the same sender. Ours has verified, written, synced and committed what it
answers; afterwards every delivery is looked up, with its file.
"""

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil

from integration_pipelines_tests.benchmarks.report import Figure, Report
from integration_pipelines_tests.kit.databases import fresh_sqlite
from integration_pipelines_tests.kit.receiver_process import Order, running
from integration_pipelines_tests.kit.receiver_world import KEY, groups, missing, prepared, stored
from integration_pipelines_tests.kit.receiving import Signed, secret_of, signed_stripe, stripe_event
from integration_pipelines_tests.kit.senders import Load, burst, steady

TENANTS = 20
OTHER = "the same framework without any work"
PROMISED_RATE, PROMISED = 200, 250.0
"""At so many deliveries a second 99 of 100 are answered within so many milliseconds."""
_PER = 1_000


@dataclass(frozen=True, slots=True)
class _Side:
    """What one server did."""

    burst: Load
    steady: Load
    cpu: float  # processor seconds for the burst


@dataclass(frozen=True, slots=True)
class _Task:
    """What both sides get."""

    total: int
    rate: int
    seconds: float
    make: Callable[[int], Signed]


def webhooks(records: int, times: int, rate: int, seconds: float) -> Report:
    """A burst of 20 tenants x records x times, then so many a second for so long.

    Raises:
        AssertionError: a delivery was lost, doubled, left without its file, or answered with anything but success.
    """
    total = TENANTS * records * times
    with tempfile.TemporaryDirectory() as folder:
        order = Order(folder, fresh_sqlite(Path(folder)), KEY)
        tenants = prepared(order, TENANTS)

        def make(number: int) -> Signed:
            tenant = tenants[number % TENANTS]
            event = stripe_event(number, id=f"cus_{number // TENANTS % records}")
            return signed_stripe(event, datetime.now(UTC), tenant=tenant, secret=secret_of(tenant))

        task = _Task(total, rate, seconds, make)
        with running(order) as (process, address):
            ours = _measured(process.pid, address, task)
        _check(order, ours, total, int(rate * seconds))
        together = len(stored(order)) / groups(order)
    with _idle() as (pid, address):
        other = _measured(pid, address, task)
    notes = (
        f"{total:,} deliveries of {TENANTS} tenants, {records} records each, {times} times; then {rate} a second for {seconds:.0f} s.",
        f"0 lost, 0 doubled, 0 without a file, 0 answers but 200. {together:.1f} deliveries became durable together on average.",
    )
    sentence = (
        "Signed deliveries taken durably (verified, one file a tenant and group with fsync, one transaction on SQLite) beside the same "
        "framework and server answering without any work."
    )
    return Report(sentence, tuple(_figures(ours, other, total, rate)), notes)


def _figures(ours: _Side, other: _Side, total: int, rate: int) -> Iterator[Figure]:
    yield Figure("webhooks, burst: deliveries a second", total / ours.burst.seconds, "1/s", OTHER, total / other.burst.seconds)
    yield Figure("webhooks, burst: CPU per 1,000", ours.cpu * _PER / total, "CPU s", OTHER, other.cpu * _PER / total)
    for share, name in ((0.5, "p50"), (0.99, "p99")):
        yield Figure(f"webhooks, burst: answer {name}", ours.burst.percentile(share), "ms", OTHER, other.burst.percentile(share))
    for share, name in ((0.5, "p50"), (0.99, "p99")):
        mine, theirs = ours.steady.percentile(share), other.steady.percentile(share)
        yield Figure(f"webhooks, {rate} a second: answer {name}", mine, "ms", OTHER, theirs)
    if rate >= PROMISED_RATE:
        slowest = ours.steady.percentile(0.99)
        yield Figure(
            f"webhooks, {rate} a second: answer p99 as promised", slowest, "ms", "what is promised", PROMISED, at_most=1.0
        )


def _measured(pid: int, address: str, task: _Task) -> _Side:
    process, total = psutil.Process(pid), task.total
    burst(address, 2 * TENANTS, lambda number: task.make(10 * total + number))  # warm
    before = process.cpu_times()
    whole = burst(address, total, task.make)
    after = process.cpu_times()
    calm = steady(address, task.rate, task.seconds, lambda number: task.make(total + number))
    return _Side(whole, calm, after.user + after.system - before.user - before.system)


def _check(order: Order, ours: _Side, total: int, calm: int) -> None:
    statuses = ours.burst.statuses + ours.steady.statuses
    rows = stored(order)
    found = {(tenant, event) for tenant, event, _ in rows}
    expected = total + calm + 2 * TENANTS
    if set(statuses) != {200} or len(rows) != expected or len(found) != expected or missing(order):
        lost = f"{expected} sent, {len(rows)} rows, {len(found)} of them different, {len(missing(order))} files missing"
        raise AssertionError(f"Answers {dict(statuses)}; {lost}.")


@contextmanager
def _idle() -> Iterator[tuple[int, str]]:
    command = [sys.executable, "-m", f"{__package__}.webhooks_idle"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.pid, process.stdout.readline().strip()
        process.terminate()
