"""Events over closures end where a full reconciliation ends: random worlds in which people act, told by events or found by reading all."""

import copy
import random
from collections.abc import Iterator
from typing import Any

import pytest

from integration_pipelines.use_cases.merged import DATASET, counting, kept_schema
from integration_pipelines.use_cases.observations import SEQUENCE, dataset
from integration_pipelines_tests.kit.bench import CONTRACT, Product, product
from integration_pipelines_tests.kit.events import Mailbox
from integration_pipelines_tests.kit.people import accounts, act

WORLDS = 5
ROUNDS = 3
STAMPS = {"billing_synced_at"}


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Product, Product]]:
    """Two products whose tenants have the same records; both in sync."""
    rng = random.Random(7)
    worlds = {f"t{n:02}": accounts(rng) for n in range(WORLDS)}
    with (
        product(tmp_path_factory.mktemp("events"), worlds) as one,
        product(tmp_path_factory.mktemp("full"), copy.deepcopy(worlds)) as other,
    ):
        for shop in (one, other):
            shop.run(*worlds)
            for tenant in worlds:
                if shop.ports.plans.open(tenant, CONTRACT) is not None:
                    shop.approve(tenant)
                else:
                    shop.ports.tenants.first_plan_approved(tenant, CONTRACT)
            shop.run(*worlds)
        yield one, other


def kept(shop: Product, tenant: str) -> dict[str, Any]:
    """What the partners and the store hold of a tenant, without times and ids of runs."""
    links = shop.ports.links.load([tenant], CONTRACT).to_pylist()
    diffs = shop.ports.diffs.unresolved([tenant], CONTRACT).to_pylist()
    wanted = ("field", "left_id", "right_id", "kind", "action", "rule_id", "left_value", "right_value", "resolved_value")
    quarantined = shop.ports.quarantine.load([tenant], CONTRACT).to_pylist()
    return {
        "crm": _records(shop.crm(tenant).objects),
        "billing": _records(shop.billing(tenant).objects),
        "links": sorted((k["left_id"], k["right_id"], k["state"], k["match_rule"]) for k in links),
        "diffs": sorted(tuple(str(d[n]) for n in wanted) for d in diffs if d["kind"] != "new_link"),
        "merged": _merged(shop, tenant),
        "quarantined": sorted((q["object"], q["record_id"], q["expectation"]) for q in quarantined),
    }


def _merged(shop: Product, tenant: str) -> list[tuple[str, ...]]:
    """The merged customers that people and explanations are told from, with what their roll-ups are made up of."""
    kept = dataset(shop.ports, [tenant], CONTRACT, DATASET, kept_schema(shop.contract)).rows().read_all()
    rows = counting(kept).drop_columns(["link_id", SEQUENCE.name]).to_pylist()
    for row in rows:
        row["parts"] = [{**part, "observed_at": None} for part in row["parts"] or ()]
    return sorted(tuple(map(str, row.values())) for row in rows)


def _records(objects: dict[str, Any]) -> dict[str, Any]:
    return {
        name: {one: {c: v for c, v in row.items() if c not in STAMPS} for one, row in rows.items()}
        for name, rows in objects.items()
    }


def test_events_end_where_reading_everything_ends(twins: tuple[Product, Product]) -> None:
    """After each of several rounds of acts, told in any order and some of them twice, partners, links, differences and quarantine agree."""
    by_events, by_reading = twins
    box = Mailbox(by_events)
    tenants = sorted({tenant for tenant, _ in by_events.accounts})
    written = 0
    for number in range(ROUNDS):
        for tenant in tenants:
            for turn in range(2 + number):
                seed = f"{number}/{tenant}/{turn}"
                told = act(random.Random(seed), (by_events.crm(tenant), by_events.billing(tenant)))
                assert told == act(random.Random(seed), (by_reading.crm(tenant), by_reading.billing(tenant)))
                for thing, ids in told * random.Random(seed).choice([1, 1, 2]):
                    box.accept(thing, *ids, tenant=tenant)
        report = box.drain(*tenants)
        by_reading.run(*tenants)
        assert {t.fault for t in report.tenants.values()} == {None}
        assert all(t.balanced for t in report.tenants.values() if t.numbers is not None)
        written += sum(t.numbers.records for t in report.tenants.values() if t.numbers is not None)
        for tenant in tenants:
            assert kept(by_events, tenant) == kept(by_reading, tenant), (number, tenant)
    assert written > WORLDS  # the worlds are lively enough to be worth comparing


def test_reading_everything_afterwards_finds_nothing_to_write(twins: tuple[Product, Product]) -> None:
    """What events left behind is complete: a full reconciliation after them writes nothing."""
    shop, _ = twins
    report = shop.run(*sorted({tenant for tenant, _ in shop.accounts}))
    assert {t: r.numbers.records for t, r in report.tenants.items() if r.numbers is not None and r.numbers.records} == {}
    assert all(t.balanced for t in report.tenants.values())
