"""How installations stand, read from the store on both databases: which run counts for what, and which runs nobody is running any more."""

from dataclasses import replace
from datetime import timedelta

import pytest

from integration_pipelines.core.alert_words import Standing, stale_by
from integration_pipelines.ports.evidence import Run
from integration_pipelines.ports.retries import Retry
from integration_pipelines.ports.tenants import Tenant
from integration_pipelines.ports.writing import Settled
from integration_pipelines.store.open import Stores
from integration_pipelines_tests.kit.core import crm_billing
from integration_pipelines_tests.unit.store.rows import CRM, NOW, plan, write, writes

HOUR = timedelta(hours=1)
GOOD = Run("t1", CRM, "run_1", "schedule", "full", NOW, NOW, "in_sync", {}, True, True, read_full=True)
CONTRACT = crm_billing()


@pytest.fixture
def installed(stores: Stores) -> Stores:
    """Two tenants with the integration."""
    for tenant in ("t1", "t2"):
        stores.tenants.add(Tenant(tenant, tenant.upper(), NOW))
        stores.tenants.install(tenant, CRM, 1, NOW)
    return stores


def ran(stores: Stores, *runs: Run) -> None:
    """Those runs, an hour apart."""
    stores.runs.start([replace(r, run_id=f"run_{n}", started_at=NOW + n * HOUR) for n, r in enumerate(runs, 1)])
    stores.runs.finish(
        [replace(r, run_id=f"run_{n}", started_at=NOW + n * HOUR, finished_at=NOW + n * HOUR) for n, r in enumerate(runs, 1)]
    )


def standing(stores: Stores) -> Standing:
    """How t1 stands."""
    (found,) = stores.standings.load({CRM: CONTRACT}, ["t1"])
    return found


@pytest.mark.parametrize(
    "second",
    [
        replace(GOOD, outcome="failed", certified=None, balanced=None),
        replace(GOOD, outcome="planned", certified=None),
        replace(GOOD, outcome="held", certified=False),
        replace(GOOD, certified=False),
        replace(GOOD, scope="records"),
        replace(GOOD, read_full=False),
        replace(GOOD, tenant_id="t2"),
        replace(GOOD, integration="crm_helpdesk"),
    ],
    ids=["failed", "planned", "held", "uncertified", "some records", "what changed", "another tenant", "another integration"],
)
def test_what_is_no_full_reconciliation(installed: Stores, second: Run) -> None:
    """After a good one none of these makes a tenant any fresher; another good one does."""
    ran(installed, GOOD, second)
    assert standing(installed).last_full == NOW + HOUR
    ran(installed, GOOD, second, GOOD)
    assert standing(installed).last_full == NOW + 3 * HOUR


def test_each_question_is_answered_by_the_newest_run_that_can(installed: Stores) -> None:
    """A skipped run answers nothing, a planned one nothing about the certificate."""
    failed = replace(
        GOOD, outcome="failed", certified=None, balanced=None, error_kind="auth", error_text="No.", counts={"gate_stopped": 1}
    )
    unproved = replace(GOOD, certified=False, balanced=False)
    ran(installed, unproved, failed, replace(GOOD, outcome="skipped", certified=None, balanced=None))
    found = standing(installed)
    assert found.newest is not None
    assert (found.newest.run_id, found.newest.error_kind, found.newest.gate_stopped) == ("run_2", "auth", True)
    assert found.balance == found.certificate
    assert found.balance is not None
    assert (found.balance.run_id, found.balance.balanced, found.balance.certified) == ("run_1", False, False)


def test_a_tenant_without_any_run_stands_as_it_was_installed(installed: Stores) -> None:
    """Nothing is wrong with it yet, and its hours count from the installation."""
    found = standing(installed)
    assert found == Standing("t1", CRM, enabled=False, paused=False, installed_at=NOW)
    assert stale_by(found, CONTRACT, NOW + 24 * HOUR) is None
    assert stale_by(found, CONTRACT, NOW + 25 * HOUR) == HOUR


def test_the_plan_that_waits_and_the_writes_that_do_not(installed: Stores) -> None:
    """Held plans only, and only writes without a next try; each tenant its own."""
    installed.plans.save([plan("plan_1", reason="too much")])
    failed = Retry("t1", CRM, "crm_accounts", "1", "f", 1, 9, NOW, NOW, None, "invalid", "Refused.", "w1", "run_1")
    other, later = replace(failed, tenant_id="t2", target_id="2"), replace(failed, target_id="3", next_try_at=NOW)
    ours = replace(later, target_id="4", error_kind="bug")
    installed.retries.save([failed, other, later, ours])
    first, second = installed.standings.load({CRM: CONTRACT})
    assert (first.held_plan, first.held_reason, first.given_up, first.our_mistakes) == ("plan_1", "too much", 1, 1)
    assert (second.held_plan, second.given_up, second.our_mistakes) == ("", 1, 0)


@pytest.mark.parametrize(
    ("holder", "seconds", "age", "gone"),
    [
        ("run_1", 60.0, HOUR, False),
        ("run_1", 0.0, HOUR, True),
        ("run_2", 60.0, HOUR, True),
        ("", 0.0, HOUR, True),
        ("", 0.0, timedelta(), False),
    ],
    ids=["alive", "its lease ran out", "somebody else has it", "none", "just begun"],
)
def test_a_run_that_nobody_is_running_any_more(
    installed: Stores, holder: str, seconds: float, age: timedelta, gone: bool
) -> None:
    """It has no end, is not young, and holds no living lease."""
    installed.runs.start([replace(GOOD, finished_at=None, outcome=None)])
    if holder:
        assert installed.leases.take("t1", CRM, holder, seconds)
    found = installed.standings.abandoned(NOW + age)
    assert [r.run_id for r in found] == (["run_1"] if gone else [])


def test_a_run_is_alive_while_it_holds_any_tenant(installed: Stores) -> None:
    """A tenant that was skipped in a running batch is not its dead end."""
    begun = replace(GOOD, finished_at=None, outcome=None)
    installed.runs.start([begun, replace(begun, tenant_id="t2")])
    assert installed.leases.take("t2", CRM, "run_1", 60.0)
    assert installed.standings.abandoned(NOW + HOUR) == []


@pytest.mark.parametrize(
    ("moves", "age", "alone", "found"),
    [
        ((), HOUR, True, False),
        (("sent",), HOUR, True, True),
        (("sent", "unknown"), HOUR, True, True),
        (("sent", "applied"), HOUR, True, True),
        (("sent", "applied", "confirmed"), HOUR, True, False),
        (("sent", "failed"), HOUR, True, False),
        (("sent",), timedelta(minutes=1), True, False),
        (("sent",), 30 * HOUR, True, False),
        (("sent",), HOUR, False, False),
    ],
    ids=["never sent", "sent", "unknown", "not looked behind", "confirmed", "failed", "just now", "long ago", "a run is at it"],
)
def test_whose_writes_are_open_while_nobody_is_at_it(
    installed: Stores, moves: tuple[str, ...], age: timedelta, alone: bool, found: bool
) -> None:
    """Sent and not settled, neither just now nor ages ago; and no run holds the tenant."""
    installed.tenants.switch("t1", CRM, enabled=True)
    installed.ledger.intend(writes(write("w1", created_at=NOW)))
    lease = installed.leases.take("t1", CRM, "run_1", 60)
    assert lease is not None
    for state in moves:
        if state == "sent":
            installed.ledger.send(["w1"], lease)
        else:
            installed.ledger.settle([Settled("w1", state)], NOW)
    if alone:
        installed.leases.give_back(lease)
    now = NOW + age
    span = (now - timedelta(hours=24), now - timedelta(minutes=3))
    assert installed.standings.unsettled(span) == ([("t1", CRM)] if found else [])
    installed.tenants.switch("t1", CRM, paused=True)
    assert installed.standings.unsettled(span) == []
