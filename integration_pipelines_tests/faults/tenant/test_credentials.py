"""A credential that does not open, and a permission that was taken away: the tenant stops before anything is written, others go on."""

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from integration_pipelines.partner_models.base import Fault, FaultKind
from integration_pipelines.sandbox.world import World
from integration_pipelines.use_cases.outcome import RunOutcome
from integration_pipelines_tests.kit.shop import Shop, open_shop

HERE, OTHER = "tenant-1", "tenant-2"
SCOPE = "crm.objects.owners.read"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """Two tenants whose first plans were approved and not yet written."""
    world = World(tenants=2, customers=3, seed=5, now=time.time(), search_lag=0.0, rate_limits=False)
    with open_shop(tmp_path_factory.mktemp("home"), world) as made:
        made.run()
        made.approve()
        yield made


def written(shop: Shop) -> int:
    """Writes that either partner of the first tenant received."""
    return len(shop.effects(HERE, "hubspot", "companies")) + len(shop.effects(HERE, "stripe", "customers"))


@pytest.mark.fault("A11")
def test_a_token_that_was_sealed_for_another_tenant_opens_nothing(shop: Shop) -> None:
    """Its row was swapped for another tenant's: that tenant stops and says what to do, and nobody's account is asked with it."""
    mine, theirs = (shop.ports.tenants.connection(shop.tenants[name], "hubspot") for name in (HERE, OTHER))
    shop.ports.tenants.connect(replace(mine, sealed_token=theirs.sealed_token))
    report = shop.run(HERE).tenant(shop.tenants[HERE])
    shop.ports.tenants.connect(mine)
    assert report.fault is not None
    assert (report.outcome, written(shop)) == (RunOutcome.FAILED, 0)
    assert "connect the tenant again" in report.fault.remedy


@pytest.mark.fault("A06")
def test_without_a_permission_nothing_is_pushed_and_it_is_named(shop: Shop) -> None:
    """Half of what a plan needs could still be read or written: it is all or nothing for that tenant, and the other one goes on."""
    account = next(a["account"] for a in shop.accounts if (a["tenant"], a["partner"]) == (HERE, "hubspot"))
    shop.world.faults.add(Fault(FaultKind.SCOPE_REMOVED, account=account, times=-1, params={"scope": SCOPE}))
    report = shop.run()
    here, other = (report.tenant(shop.tenants[name]) for name in (HERE, OTHER))
    assert here.fault is not None
    assert (here.outcome, SCOPE in here.fault.text, written(shop)) == (RunOutcome.FAILED, True, 0)
    assert (other.outcome, other.certified) == (RunOutcome.WRITTEN, True)
    shop.world.faults.clear()
    again = shop.run(HERE).tenant(shop.tenants[HERE])
    assert (again.outcome, again.certified, written(shop) > 0) == (RunOutcome.WRITTEN, True, True)
