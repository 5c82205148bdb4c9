"""What the shared quota promises to every thread and process of a machine."""

import multiprocessing
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from integration_pipelines.errors import ConfigError, RateLimitedError, TransientError
from integration_pipelines.ports.clock import Clock
from integration_pipelines.store.clock import SystemClock
from integration_pipelines.store.quota import SharedQuota

BUCKET = "t1/stripe/read"


class VirtualClock(Clock):
    """Time passes only by sleeping."""

    def __init__(self, uptime: float = 1000.0) -> None:
        self.uptime = uptime
        self.wall = datetime(2026, 11, 23, tzinfo=UTC)

    def now(self) -> datetime:
        """Wall time."""
        return self.wall

    def monotonic(self) -> float:
        """Seconds since the machine started."""
        return self.uptime

    def sleep(self, seconds: float) -> None:
        """Move both."""
        self.uptime += seconds
        self.wall += timedelta(seconds=seconds)


def _grab(path: Path, seconds: float, threads: int) -> list[float]:
    """All permits that many threads get in so long, as monotonic times."""
    quota = SharedQuota(path, SystemClock())
    end = time.monotonic() + seconds

    def work(_: int) -> list[float]:
        got: list[float] = []
        while True:
            try:
                quota.acquire(BUCKET, 50, 5, max(0.0, end - time.monotonic()))
            except RateLimitedError:
                return got
            got.append(time.monotonic())

    with ThreadPoolExecutor(threads) as pool:
        return [at for part in pool.map(work, range(threads)) for at in part]


def test_processes_and_threads_together_keep_one_rate(tmp_path: Path) -> None:
    """Two processes of three threads get the burst and then the rate between them, and use what they may."""
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        pool.starmap(time.sleep, [(0.01,), (0.01,)])  # both are up before the stretch begins
        got = sorted(at for part in pool.starmap(_grab, [(tmp_path / "q.db", 0.8, 3)] * 2) for at in part)
    assert len(got) <= 5 + 50 * (got[-1] - got[0]) + 1
    assert len(got) >= 20


def test_the_burst_is_free_and_then_the_rate_rules(tmp_path: Path) -> None:
    """Five at once, then one every half second."""
    clock = VirtualClock()
    quota = SharedQuota(tmp_path / "q.db", clock)
    times = []
    for _ in range(8):
        quota.acquire(BUCKET, 2, 5, 60)
        times.append(clock.uptime - 1000)
    assert times == [0, 0, 0, 0, 0, 0.5, 1, 1.5]


def test_buckets_are_apart(tmp_path: Path) -> None:
    """One tenant's use never costs another a permit."""
    clock = VirtualClock()
    quota = SharedQuota(tmp_path / "q.db", clock)
    quota.acquire("t1/stripe/read", 1, 1, 0)
    quota.acquire("t2/stripe/read", 1, 1, 0)
    assert clock.uptime == 1000


def test_no_room_in_time_is_said_at_once(tmp_path: Path) -> None:
    """A permit that would come too late is refused without waiting, says when to try again, and costs nothing."""
    clock = VirtualClock()
    quota = SharedQuota(tmp_path / "q.db", clock)
    quota.acquire(BUCKET, 0.1, 1, 0)
    for _ in range(3):
        with pytest.raises(RateLimitedError) as refused:
            quota.acquire(BUCKET, 0.1, 1, 5)
        assert refused.value.retry_after == pytest.approx(10)
    assert clock.uptime == 1000


def test_silence_holds_in_every_process(tmp_path: Path) -> None:
    """After a partner asked for silence nobody gets a permit until it is over, and a shorter wish does not end it."""
    clock = VirtualClock()
    SharedQuota(tmp_path / "q.db", clock).park(BUCKET, 120)
    other = SharedQuota(tmp_path / "q.db", clock)
    other.park(BUCKET, 1)
    with pytest.raises(RateLimitedError):
        other.acquire(BUCKET, 10, 10, 119)
    other.acquire(BUCKET, 10, 10, 121)
    assert clock.uptime == pytest.approx(1120)


def test_who_waits_already_hears_of_silence(tmp_path: Path) -> None:
    """A thread whose turn comes during a silence does not use it."""
    quota = SharedQuota(tmp_path / "q.db", SystemClock())
    quota.acquire(BUCKET, 10, 1, 0)
    waiter = threading.Thread(target=quota.acquire, args=(BUCKET, 10, 1, 10))
    begin = time.monotonic()
    waiter.start()
    quota.park(BUCKET, 0.4)
    waiter.join()
    assert time.monotonic() - begin >= 0.39


def test_a_restarted_machine_goes_on(tmp_path: Path) -> None:
    """Rows written before a restart neither block for ever nor forget a partner's silence."""
    before = VirtualClock(uptime=90_000)
    quota = SharedQuota(tmp_path / "q.db", before)
    quota.acquire(BUCKET, 1, 2, 0)
    quota.park("t1/stripe/write", 100)
    after = VirtualClock(uptime=10)
    quota = SharedQuota(tmp_path / "q.db", after)
    quota.acquire(BUCKET, 1, 2, 5)
    assert after.uptime == 11
    with pytest.raises(RateLimitedError):
        quota.acquire("t1/stripe/write", 1, 2, 50)


def test_a_wall_clock_set_back_does_not_lengthen_silence(tmp_path: Path) -> None:
    """Silence never lasts longer than the partner asked for."""
    clock = VirtualClock()
    quota = SharedQuota(tmp_path / "q.db", clock)
    quota.park(BUCKET, 10)
    clock.wall -= timedelta(hours=5)
    quota.acquire(BUCKET, 1, 1, 11)
    assert clock.uptime <= 1010


def test_a_free_permit_is_cheap(tmp_path: Path) -> None:
    """Uncontended, the typical permit costs less than two milliseconds."""
    quota = SharedQuota(tmp_path / "q.db", SystemClock())
    took = []
    for _ in range(101):
        begin = time.perf_counter()
        quota.acquire(BUCKET, 1e6, 1000, 1)
        took.append(time.perf_counter() - begin)
    assert sorted(took)[50] < 0.002


@pytest.mark.parametrize(("rate", "burst"), [(0, 1), (-1, 1), (1, 0)])
def test_a_rate_that_gives_nothing_is_refused(tmp_path: Path, rate: float, burst: int) -> None:
    """A limit that could never give a permit is a mistake in the settings."""
    with pytest.raises(ConfigError):
        SharedQuota(tmp_path / "q.db", SystemClock()).acquire(BUCKET, rate, burst, 1)


def test_a_broken_file_is_a_fault_with_a_remedy(tmp_path: Path) -> None:
    """Without its file the quota gives no permit, rather than an uncounted one."""
    (tmp_path / "q.db").write_bytes(b"not a database" * 100)
    with pytest.raises(TransientError, match="folder"):
        SharedQuota(tmp_path / "q.db", SystemClock()).acquire(BUCKET, 1, 1, 1)


def test_it_can_be_closed_and_used_again(tmp_path: Path) -> None:
    """Closing gives the file back; the next permit opens it anew and still knows the last one."""
    quota = SharedQuota(tmp_path / "q.db", VirtualClock())
    quota.acquire(BUCKET, 0.1, 1, 0)
    quota.close()
    quota.close()
    with pytest.raises(RateLimitedError):
        quota.acquire(BUCKET, 0.1, 1, 0)
    with sqlite3.connect(tmp_path / "q.db") as con:
        assert con.execute("SELECT count(*) FROM quota").fetchone() == (1,)
    con.close()
