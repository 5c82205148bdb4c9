"""Partners that ask for silence: whose calls stop, for how long, and that nobody sleeps through it. Connectors over real HTTP."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from integration_pipelines.errors import RateLimitedError, TransientError
from integration_pipelines.partner_models.base import FaultKind
from integration_pipelines.partners.http import UNREACHABLE_SECONDS
from integration_pipelines.partners.stripe.client import StripeConnector
from integration_pipelines.ports.partner import Connector
from integration_pipelines.store.quota import SharedQuota
from integration_pipelines_tests.contract.bench import TOKEN, Bench
from integration_pipelines_tests.contract.benches import BENCHES, Door, full, served


@pytest.fixture(scope="module")
def door() -> Iterator[tuple[Door, str]]:
    """One server for all tests."""
    with served() as opened:
        yield opened


@pytest.fixture
def quiet(door: tuple[Door, str], tmp_path: Path) -> Iterator[Bench]:
    """A billing account whose connectors share a real quota."""
    opened, address = door
    bench = opened.open("stripe", address)
    quota = SharedQuota(tmp_path / "quota.db", bench.clock)
    vars(bench)["quota"] = quota  # the bench's own quota gives every permit
    yield bench
    quota.close()


@pytest.mark.fault("H01")
def test_for_two_minutes_that_tenant_alone_makes_no_call(quiet: Bench) -> None:
    """429 with two minutes: no worker sleeps, no call leaves for that tenant in any process, another tenant goes on, then it goes on too."""
    quiet.fault(FaultKind.RATE_LIMITED, retry_after=120)
    other = StripeConnector(tenant_id="t2", base_url=quiet.url, token=lambda: TOKEN, quota=quiet.quota, clock=quiet.clock)
    with closing(quiet.connect()) as first, closing(quiet.connect()) as second, closing(other):
        two_minutes(quiet, first, second, other)


def two_minutes(quiet: Bench, first: Connector, second: Connector, other: Connector) -> None:
    """What happens from the first refusal until the silence is over."""
    with pytest.raises(RateLimitedError) as slowed:
        full(first, quiet)
    assert (slowed.value.retry_after, sum(quiet.clock.waits)) == (120, 0)
    with pytest.raises(RateLimitedError):
        full(second, quiet)
    assert second.calls == 0
    assert len(full(other, quiet)[0]) == len(quiet.held())
    quiet.clock.sleep(121)
    assert len(full(second, quiet)[0]) == len(quiet.held())


@pytest.mark.fault("H02")
def test_without_a_wait_the_window_named_in_the_body_is_kept(door: tuple[Door, str]) -> None:
    """HubSpot's ten-second limit without Retry-After: the first wait is no shorter than the window, none is longer than a minute."""
    opened, address = door
    bench = opened.open("hubspot", address)
    bench.fault(FaultKind.RATE_LIMITED, policy="TEN_SECONDLY_ROLLING", times=2)
    with closing(bench.connect()) as connector:
        assert len(full(connector, bench)[0]) == len(bench.held())
    assert len(bench.clock.waits) >= 2
    assert all(10 <= wait <= 60 for wait in bench.clock.waits[:2])


@pytest.mark.fault("H03")
def test_a_used_up_day_is_probed_once_in_a_quarter_of_an_hour(door: tuple[Door, str], tmp_path: Path) -> None:
    """The daily limit parks the tenant at once; in an hour of asking four calls leave at most, and the words say which limit it is."""
    opened, address = door
    bench = opened.open("hubspot", address)
    quota = SharedQuota(tmp_path / "quota.db", bench.clock)
    vars(bench)["quota"] = quota  # the bench's own quota gives every permit
    bench.fault(FaultKind.RATE_LIMITED, policy="DAILY", times=-1)
    connector = bench.connect()
    words = set()
    for _ in range(60):
        with pytest.raises(RateLimitedError) as slowed:
            full(connector, bench)
        words.add(slowed.value.message)
        bench.clock.sleep(60)
    connector.close()
    quota.close()
    assert 1 <= connector.calls <= 5
    assert any("DAILY" in text for text in words)


@pytest.mark.fault("H07")
@pytest.mark.parametrize("partner", sorted(BENCHES))
def test_a_partner_that_cannot_be_reached_is_tried_again_and_then_left_alone(
    door: tuple[Door, str], tmp_path: Path, partner: str
) -> None:
    """A refused connection is tried four times; then nobody knocks for a minute, in any process; then it is asked again."""
    opened, address = door
    bench = opened.open(partner, address)
    quota = SharedQuota(tmp_path / "quota.db", bench.clock)
    vars(bench)["quota"] = quota  # the bench's own quota gives every permit
    there, bench.url = bench.url, "http://127.0.0.1:9"
    connector = bench.connect()
    with pytest.raises(TransientError, match="cannot be reached"):
        full(connector, bench)
    assert connector.calls == 4
    connector.close()
    bench.url = there
    back = bench.connect()
    with pytest.raises(RateLimitedError):
        full(back, bench)
    assert back.calls == 0
    bench.clock.sleep(UNREACHABLE_SECONDS + 1)
    assert len(full(back, bench)[0]) == len(bench.held())
    back.close()
    quota.close()
