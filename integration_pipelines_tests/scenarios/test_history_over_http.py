"""History with the real connectors at the sandbox: what people did there is found, and becomes an ordinary plan."""

import time
from collections.abc import Iterator

import pytest

from integration_pipelines.core.history import days_between, window
from integration_pipelines.sandbox.world import World
from integration_pipelines.use_cases.history import backfill
from integration_pipelines.use_cases.history_kept import kept_day, load_history
from integration_pipelines.use_cases.records import sync_touched
from integration_pipelines_tests.kit.shop import CONTRACT, Shop, open_shop

NAME = "tenant-1"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """One tenant that is in sync."""
    world = World(tenants=1, customers=6, seed=3, now=time.time(), search_lag=0.0, rate_limits=False)
    with open_shop(tmp_path_factory.mktemp("history"), world) as opened:
        opened.run()
        opened.approve()
        assert opened.run().tenant(opened.tenants[NAME]).certified
        yield opened


def test_what_people_did_is_found_and_planned(shop: Shop) -> None:
    """A cancelled subscription and a renamed company are in today's history; only the records they belong to are reconciled."""
    tenant, contract = shop.tenants[NAME], shop.ports.contracts[CONTRACT]
    subscription = next(s for s in shop.state(NAME, "stripe")["subscriptions"] if s["status"] == "active")
    shop.edit(NAME, "stripe", "subscriptions", subscription["id"], {"status": "past_due"})
    link = next(k for k in shop.ports.links.load([tenant], CONTRACT).to_pylist() if k["right_id"] == subscription["customer"])
    shop.edit(NAME, "hubspot", "companies", link["left_id"], {"name": "Renamed"})
    first, today = window(shop.ports.clock.now(), contract.boundaries.history_days)
    run_id = shop.ports.ids.new("run")
    found = backfill(tenant, contract, days_between(first, today), ports=shop.ports, run_id=run_id)
    past = load_history(tenant, contract, "billing_subscriptions", subscription["id"], ports=shop.ports).to_pylist()
    assert next((r["field"], r["old_value"], r["new_value"]) for r in past) == ("status", "active", "past_due")
    names = load_history(tenant, contract, "crm_accounts", link["left_id"], ports=shop.ports).to_pylist()
    assert ("name", "Renamed") in [(r["field"], r["new_value"]) for r in names]
    coverage = {(d.object, str(d.coverage)) for d in found.days if d.day == first}
    assert coverage >= {("billing_customers", "none"), ("billing_subscriptions", "none"), ("crm_accounts", "whole")}
    report = sync_touched(found, contract, ports=shop.ports, run_id=run_id)
    assert report is not None
    assert report.writes is not None
    planned = {(w["target"], w["target_id"]) for w in report.writes.to_pylist()}
    assert planned == {("crm_accounts", link["left_id"])}


def test_our_own_writes_are_evidence_too(shop: Shop) -> None:
    """What the first sync wrote is in the history of both sides, with an actor that tells it from people."""
    tenant, contract = shop.tenants[NAME], shop.ports.contracts[CONTRACT]
    _, today = window(shop.ports.clock.now(), contract.boundaries.history_days)
    backfill(tenant, contract, [today], ports=shop.ports, run_id="run_today")
    rows = kept_day(shop.ports, tenant, CONTRACT, "billing_customers", today).to_pylist()
    assert {r["actor"] for r in rows if r["field"] == "crm_company_id"} == {"this integration"}
