"""A tenant pauses, leaves in the middle of a run, or comes back: nothing is sent for who is gone, and nothing old is sent for who is back."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from integration_pipelines.errors import AuthError
from integration_pipelines.ports.partner import RecordWrite
from integration_pipelines.ports.tenants import Tenant
from integration_pipelines.use_cases.onboard import remove_tenant
from integration_pipelines.use_cases.outcome import RunOutcome
from integration_pipelines.use_cases.switch import switch_writes
from integration_pipelines_tests.kit.bench import CONTRACT, Product, product
from integration_pipelines_tests.kit.fakes import FakeAccount, FakeConnectors

SUBSCRIPTIONS = "billing_subscriptions"


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Product]:
    """A tenant in sync, of whose three customers two then fall overdue."""
    with product(tmp_path) as made:
        made.first_sync()
        for name in ("bolt", "core"):
            made.billing().objects[SUBSCRIPTIONS][f"sub_{name}"]["status"] = "past_due"
        yield made


def written(shop: Product) -> int:
    """How many records the partners were made to change."""
    return sum(len(account.effects) for account in shop.accounts.values())


@pytest.mark.fault("T10")
def test_a_suspended_tenant_keeps_its_state_and_goes_on_where_it_stood(shop: Product) -> None:
    """While writes are off nothing is sent and everything known stays; once they are on again what had piled up is written, once."""
    before, links = written(shop), shop.ports.links.load(["t1"], CONTRACT)
    switch_writes("t1", CONTRACT, enabled=False, actor="tester", ports=shop.ports)
    for _ in range(2):
        assert shop.one().outcome is not RunOutcome.FAILED
    assert (written(shop), shop.ports.links.load(["t1"], CONTRACT).num_rows) == (before, links.num_rows)
    switch_writes("t1", CONTRACT, enabled=True, actor="tester", ports=shop.ports)
    report = shop.one()
    assert (report.outcome, report.certified, written(shop) - before) == (RunOutcome.WRITTEN, True, 2)


@pytest.mark.fault("T01", "A13")
def test_a_tenant_that_leaves_in_the_middle_of_a_run_is_left_alone(shop: Product) -> None:
    """The batch that is on its way is the last call for it; what it left open is listed, its secrets are gone, and no later run finds it."""
    shop.billing().objects[SUBSCRIPTIONS]["sub_acme"]["status"] = "past_due"  # three writes: more than one batch
    before = len(shop.crm().effects)

    def leave(account: FakeAccount, writes: Sequence[RecordWrite]) -> None:
        del writes
        account.before_write = lambda *_: None
        remove_tenant("t1", actor="tester", ports=shop.ports)

    shop.crm().before_write = leave
    report = shop.one()
    assert (report.outcome, report.certified is True) == (RunOutcome.FAILED, False)
    sent = len(shop.crm().effects) - before
    assert sent == 2
    left = {r["state"] for r in shop.ports.ledger.unsettled(["t1"], CONTRACT).to_pylist()}
    assert left == {"planned", "applied"}  # none of which nobody knows what became of it
    assert (shop.ports.tenants.all(), shop.ports.tenants.connections("t1")) == ([], [])
    assert shop.one().outcome is RunOutcome.FAILED
    assert len(shop.crm().effects) - before == sent


@pytest.mark.fault("T02")
def test_who_comes_back_begins_anew(shop: Product) -> None:
    """Under an id of its own: what was once intended is never sent, links are proved again, and the first plan waits for a person."""
    shop.crm().broken = AuthError("The CRM does not answer this token.")
    shop.one()
    shop.crm().broken = None
    remove_tenant("t1", actor="tester", ports=shop.ports)
    before = written(shop)
    shop.ports.tenants.add(Tenant("t2", "T1", shop.clock.now()))
    shop.ports.tenants.install("t2", CONTRACT, shop.contract.version, shop.clock.now())
    shop.ports.tenants.switch("t2", CONTRACT, enabled=True)
    accounts = shop.accounts | {("t2", partner): account for (_, partner), account in shop.accounts.items()}
    again = replace(shop, accounts=accounts).with_ports(connectors=FakeConnectors(accounts, shop.clock))
    assert shop.ports.links.load(["t2"], CONTRACT).num_rows == 0
    report = again.one("t2")
    assert (report.outcome, written(shop) - before) == (RunOutcome.HELD, 0)
    again.approve("t2")
    assert again.one("t2").certified
    assert {r["state"] for r in shop.ports.ledger.unsettled(["t1"], CONTRACT).to_pylist()} <= {"planned"}
