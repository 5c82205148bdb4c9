"""Cycle after cycle in which nobody edits anything: not one write, not one plan, and nothing new to remember.

A hundred of them here, two thousand with INTEGRATION_PIPELINES_CRASH=all (`make proof-crash`).
"""

import os
from pathlib import Path

from integration_pipelines.use_cases.outcome import RunOutcome
from integration_pipelines_tests.kit.bench import CONTRACT, Product, product, small_accounts

TENANTS = 25
CYCLES = 40 if os.environ.get("INTEGRATION_PIPELINES_CRASH") == "all" else 2
"""On either database."""


def remembered(shop: Product) -> dict[str, int]:
    """How much the store keeps of what was decided."""
    names = list(tenants())
    return {
        "plans": sum(len(shop.ports.plans.list(t, CONTRACT)) for t in names),
        "writes": sum(shop.ports.ledger.of_run(t, r.run_id).num_rows for t in names for r in shop.ports.runs.last([t], CONTRACT)),
        "links": shop.ports.links.load(names, CONTRACT).num_rows,
        "bases": len(shop.ports.manifest.current(names, CONTRACT, "base")),
        "open differences": shop.ports.diffs.unresolved(names, CONTRACT).num_rows,
    }


def tenants() -> list[str]:
    """Their names."""
    return [f"t{n:03}" for n in range(TENANTS)]


def effects(shop: Product) -> int:
    """Records that partners were made to change."""
    return sum(len(account.effects) for account in shop.accounts.values())


def test_idle_cycles_make_no_write(tmp_path: Path, each_database: str) -> None:
    """Tenants in sync, whole runs over all of them, through the real store and lake: each is in sync, balanced and certified again."""
    with product(tmp_path, {name: small_accounts() for name in tenants()}, database_url=each_database) as shop:
        shop.run(*tenants())
        for name in tenants():
            shop.approve(name)
        shop.run(*tenants())
        before, known = effects(shop), remembered(shop)
        for _ in range(CYCLES):
            report = shop.run(*tenants())
            assert {(t.outcome, t.balanced, t.certified, t.numbers.records) for t in report.tenants.values() if t.numbers} == {
                (RunOutcome.IN_SYNC, True, True, 0)
            }
        assert (effects(shop) - before, remembered(shop)) == (0, known | {"writes": 0})
