"""Edits by people that need no write, clocks that are wrong, and days on end on which nobody edits anything."""

from datetime import timedelta

import pyarrow as pa
import pytest

from integration_pipelines.core.passes import Pass, PassResult
from integration_pipelines.use_cases.observations import by_tenant
from integration_pipelines_tests.kit.core import NOW, World, connect, crm_billing, joined, subscription, verdicts

IDLE_TENANTS = 200
IDLE_PASSES = 5


def world(*, crm: str = "active", status: str = "active", base: str = "active", minutes: int = 0) -> World:
    """A linked customer, both sides and the base of one field given; the CRM's clock may be ahead."""
    made = seen("t1", crm, status, minutes)
    return known(made, made.run_pass().links, base)


def seen(tenant: str, crm: str = "active", status: str = "active", minutes: int = 0) -> World:
    """A customer that is looked at for the first time."""
    at = NOW + timedelta(minutes=minutes)
    company = {
        "record_id": "1", "name": "Acme", "domain": "acme.com", "customer_segment": "Enterprise", "observed_at": at,
        "billing_subscription_status": crm, "billing_mrr": "10", "billing_mrr_currency": "USD", "billing_renewal_date": "2026-12-01",
        "stripe_customer_id": "cus_1",
    }  # fmt: skip
    return World(
        tenant=tenant,
        companies=[company],
        customers=[{"record_id": "cus_1", "email": "x@acme.com", "crm_segment": "enterprise", "crm_company_id": "1"}],
        subscriptions=[subscription("sub_1", "cus_1", status=status)],
    )


def known(made: World, links: pa.Table, base: str = "active") -> World:
    """The same world once its link is known and both sides were seen to agree."""
    made.links = links
    made.base = [{"link_id": links["link_id"][0].as_py(), "subscription_status": base, "customer_segment": "enterprise"}]
    return made


def decided(result: PassResult) -> list[tuple[str, ...]]:
    """What a pass wants to write, and why."""
    return [(w["target"], w["target_id"], str(w["changes"])) for w in result.writes.to_pylist()] + [
        (d["field"], d["kind"], d["action"], str(d["resolved_value"])) for d in result.diffs.to_pylist()
    ]


@pytest.mark.fault("D26")
def test_both_sides_edited_to_one_value_need_no_write() -> None:
    """They are equal whatever stood there before, and the base moves to what both say."""
    result = world(crm="past_due", status="past_due", base="active").run_pass()
    assert (result.writes.num_rows, "subscription_status" in verdicts(result)) == (0, False)
    assert [m["subscription_status"] for m in result.base_moves.to_pylist()] == ["past_due"]


@pytest.mark.fault("D27")
def test_there_and_back_between_two_looks_is_nothing() -> None:
    """A value that is again what it was makes neither a write nor a conflict, on either side."""
    made = world()
    first = made.run_pass()
    assert (
        verdicts(world(crm="paused").run_pass())["subscription_status"]["kind"] == "foreign_edit"
    )  # seen in between, it would be one
    assert (first.writes.num_rows, verdicts(made.run_pass())) == (0, {})


@pytest.mark.fault("D25")
@pytest.mark.parametrize("minutes", [-5, 5])
@pytest.mark.parametrize(("crm", "status"), [("active", "past_due"), ("paused", "active"), ("paused", "past_due")])
def test_a_clock_that_is_wrong_by_minutes_decides_nothing(minutes: int, crm: str, status: str) -> None:
    """Drift, foreign edit and conflict end the same whichever side's clock is ahead: no value wins by its time."""
    right = world(crm=crm, status=status).run_pass()
    assert decided(world(crm=crm, status=status, minutes=minutes).run_pass()) == decided(right)
    assert right.diffs.num_rows


def test_a_thousand_idle_looks_write_nothing() -> None:
    """Two hundred tenants, looked at five times with nobody editing: not one write, and nothing more to remember after the first time."""
    fresh = [seen(f"t{n:03}") for n in range(IDLE_TENANTS)]
    links = by_tenant(Pass(connect(), joined(fresh, crm_billing())).run().links)
    worlds = [known(one, links[one.tenant]) for one in fresh]
    settled = Pass(connect(), joined(worlds, crm_billing())).run()
    moved = {m["tenant_id"]: m for m in settled.base_moves.to_pylist()}
    for one in worlds:
        mine = moved.get(one.tenant, {})
        one.base = [dict(one.base[0]) | {k: v for k, v in mine.items() if v is not None and k != "tenant_id"}]
    assert settled.writes.num_rows == 0
    for _ in range(IDLE_PASSES):
        idle = Pass(connect(), joined(worlds, crm_billing())).run()
        assert (idle.writes.num_rows, idle.links.num_rows, idle.base_moves.num_rows) == (0, 0, 0)
