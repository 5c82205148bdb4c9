"""Companies made for customers over real HTTP: sandbox, connectors, gate and store as in production; only the contract's rule is changed."""

import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

from integration_pipelines.core.contract import Contract
from integration_pipelines.sandbox.world import World
from integration_pipelines.use_cases.outcome import RunOutcome
from integration_pipelines_tests.kit.core import crm_billing
from integration_pipelines_tests.kit.shop import CONTRACT, Shop, open_shop

TENANT = "tenant-1"


def creating() -> Contract:
    """The packaged contract, with companies made for customers that nothing matches."""
    data = crm_billing().model_dump()
    rule = {"unique": "stripe_customer_id", "value": "id", "columns": {"name": "name"}}
    data["matching"] |= {"unmatched_right": "create", "create": rule}
    data["guards"]["max_creates"] = 50
    return Contract.model_validate(data)


def holders(shop: Shop) -> Counter[str]:
    """Customer → how many companies carry its id."""
    companies = shop.state(TENANT, "hubspot")["companies"]
    return Counter(c["properties"].get("stripe_customer_id") or "" for c in companies if not c.get("archived"))


def test_each_customer_that_nothing_matches_gets_one_company_and_no_more(tmp_path: Path) -> None:
    """Made, linked and certified in one run; further runs reach a fixed point and make nothing."""
    world = World(tenants=1, customers=60, seed=7, now=time.time(), search_lag=0.2, rate_limits=False)
    with open_shop(tmp_path, world) as opened:
        shop = replace(opened, ports=replace(opened.ports, contracts={CONTRACT: creating()}))
        held = shop.run().tenant(shop.tenants[TENANT])
        assert held.plan is not None
        planned = held.plan.numbers["creates"]
        assert planned > 0
        before = len(shop.state(TENANT, "hubspot")["companies"])
        shop.approve()
        first = shop.run().tenant(shop.tenants[TENANT])
        assert (first.outcome, first.balanced, first.certified, first.reason) == (RunOutcome.WRITTEN, True, True, "")
        links = shop.ports.links.load([shop.tenants[TENANT]], CONTRACT).to_pylist()
        made = {k["right_id"] for k in links if k["match_rule"] == "created" and k["state"] == "live"}
        assert (len(made), len(shop.state(TENANT, "hubspot")["companies"]) - before) == (planned, planned)
        assert {n for customer, n in holders(shop).items() if customer in made} == {1}
        shop.run()
        effects = len(shop.effects(TENANT, "hubspot", "companies")) + len(shop.effects(TENANT, "stripe", "customers"))
        last = shop.run().tenant(shop.tenants[TENANT])
        assert (last.outcome, last.certified) == (RunOutcome.IN_SYNC, True)
        assert len(shop.effects(TENANT, "hubspot", "companies")) + len(shop.effects(TENANT, "stripe", "customers")) == effects
