"""A wall clock that jumps: leases do not run on it, and a run in between decides nothing by it. Over both databases."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from integration_pipelines.use_cases.outcome import RunOutcome
from integration_pipelines_tests.kit.bench import CONTRACT, Product, product

JUMPS = [timedelta(hours=1), timedelta(hours=-2), timedelta(days=1), timedelta(days=-2)]
LATE = datetime(2038, 1, 19, 3, 14, 8, tzinfo=UTC)  # one second after 32 bits are used up


@pytest.fixture
def shop(tmp_path: Path, each_database: str) -> Iterator[Product]:
    """A tenant in sync."""
    with product(tmp_path, database_url=each_database) as made:
        made.first_sync()
        yield made


@pytest.mark.fault("P11")
def test_no_jump_ends_a_lease_or_starts_a_write(shop: Product) -> None:
    """An hour and a day, forwards and backwards, then 2038: the holder keeps its lease, everybody else stands back, and no write follows."""
    before = len(shop.crm().effects), len(shop.billing().effects)
    held = shop.ports.leases.take("t1", CONTRACT, "holder", 60)
    assert held is not None
    for jump in [*JUMPS, LATE - shop.clock.moment]:
        shop.clock.moment += jump
        assert shop.ports.leases.take("t1", CONTRACT, "another", 60) is None
        assert shop.ports.leases.renew(held, 60)
    assert shop.one().outcome is RunOutcome.SKIPPED
    shop.ports.leases.give_back(held)
    assert (len(shop.crm().effects), len(shop.billing().effects)) == before
    shop.billing().objects["billing_subscriptions"]["sub_acme"]["status"] = "past_due"
    report = shop.one()
    assert (report.writes, report.certified) == ({"applied": 1}, True)
