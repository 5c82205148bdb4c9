"""`latency`: what people and scripts are told of the time from a webhook to the write."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from integration_pipelines.ports.inbox import EventOutcome, Settled
from integration_pipelines.store.clock import SystemClock
from integration_pipelines_tests.kit.bench import CONTRACT, Product, product, small_accounts
from integration_pipelines_tests.kit.events import SUBSCRIPTION, Mailbox
from integration_pipelines_tests.unit.cli.conftest import Command


@pytest.fixture
def told(home: Path) -> Iterator[Product]:
    """A store an hour ago: T1's event was written after seven seconds, T2's after three minutes, a third of T1 led to nothing."""
    start = SystemClock().now() - timedelta(hours=1)
    with product(home, {name: small_accounts() for name in ("t1", "t2")}, start=start) as shop:
        box, inbox = Mailbox(shop), shop.ports.inbox
        for tenant, seconds in (("t1", 7), ("t2", 180), ("t1", None)):
            event = box.accept(SUBSCRIPTION, "sub_acme", tenant=tenant, received_at=start)
            inbox.take(tenant, CONTRACT, limit=1, run_id="run", at=start + timedelta(seconds=2))
            written = None if seconds is None else start + timedelta(seconds=seconds)
            end = Settled(event, EventOutcome.EQUAL if written is None else EventOutcome.APPLIED, written_at=written)
            inbox.settle([end], run_id="run", at=start + timedelta(seconds=seconds or 3))
        yield shop


@pytest.mark.usefixtures("told")
def test_it_says_how_long_events_took_and_who_waits_too_long(command: Command) -> None:
    """Per tenant and integration, whole and by stage, beside what is promised; for programs in seconds; of the hours asked for."""
    fast, slow = json.loads(command("latency", "--json").out)
    assert (fast["name"], fast["integration"], fast["events"], fast["written"]) == ("T1", CONTRACT, 2, 1)
    assert (fast["outcomes"], fast["seconds"]["p50"], slow["seconds"]["p99"]) == ({"applied": 1, "equal": 1}, 7.0, 180.0)
    assert {stage: values["p50"] for stage, values in fast["stages"].items()} == {"landed": 0.0, "started": 2.0, "written": 5.0}
    said = command("latency")
    assert (said.code, "7.00 s" in said.out, "60 s" in said.out) == (0, True, True)
    late = "more than one event in twenty took longer than the promised 60 s."
    assert (f"T2 ({CONTRACT}): {late}" in said.out + said.err, f"T1 ({CONTRACT}): {late}" in said.out + said.err) == (True, False)
    assert [one["name"] for one in json.loads(command("latency", "T2", "--json").out)] == ["T2"]
    assert "No event was received in the last 0.5 hours." in command("latency", "--hours", "0.5").out
