"""Random small worlds and what happens to them between two passes: people edit, merge, delete and restore, and our writes arrive.

Both sides are drawn from one state and then perturbed, since independent sides would hardly ever meet.
"""

import random
from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from integration_pipelines.core.passes import PassResult
from integration_pipelines.core.tables import DIFFS, IDENTITY_LINKS
from integration_pipelines_tests.kit.core import World, crm_billing, discount, item, subscription

Json = dict[str, Any]
DOMAINS = ["acme.com", "WWW.Globex.com", "initech.io", "gmail.com", "", "shared.org", "shared.org"]
EMAILS = [
    "ann@acme.com",
    "Bob@GLOBEX.com",
    "ann@acme.com",
    "c@initech.io",
    "d@gmail.com",
    "",
    "e@shared.org",
    "f@www.acme.com",
    None,
]
SEGMENTS = ["", "Enterprise", "Mid-Market", "SMB", "Startup", None]
OWNERS = ["", "11", "12", "13", "99", None]
STATUSES = ["active", "past_due", "trialing", "canceled", "unpaid", "paused", "incomplete", "incomplete_expired"]
FREELY: dict[str, dict[str, list[Any]]] = {
    "companies": {
        "customer_segment": SEGMENTS, "owner_id": OWNERS, "lifecycle_stage": ["", "customer", "customer", "other"], "domain": DOMAINS,
        "stripe_customer_id": ["", "cus_1", "cus_2", "cus_9", None], "billing_subscription_status": ["", "active", "canceled", "none", None],
        "billing_mrr": ["", "10", "10.00", "1e1", "10.005", "lots", None], "billing_mrr_currency": ["", "usd", "JPY", "MIXED", None],
        "billing_renewal_date": ["", "2026-12-01", "soon", None], "billing_cancel_date": ["", "2027-02-03", None],
    },
    "customers": {
        "email": EMAILS, "crm_company_id": ["", "", "1", "2", "77", None], "crm_owner_email": ["", "ANN@us.com", "gone@us.com", None],
        "crm_owner_id": ["", "11", "12", None], "crm_owner_name": ["", "Ann Lee", " Ann Lee", None],
        "crm_segment": ["", "enterprise", "startup", "other", None],
    },
}  # fmt: skip
"""What people type into which column."""


def random_world(rng: random.Random, tenant: str) -> World:
    """A tenant with a handful of records that are linked, nearly linked, or not at all."""
    companies = [{"record_id": str(n)} | _typed(rng, "companies", 0.5) for n in range(1, rng.randint(1, 5))]
    customers = [{"record_id": f"cus_{n}", "discounts": []} | _typed(rng, "customers", 0.5) for n in range(1, rng.randint(2, 6))]
    world = World(companies, random_owners(rng), customers, tenant=tenant, setting_up=rng.random() < 0.2)
    world.subscriptions = [_subscription(rng, n, customers) for n in range(rng.randint(0, 6))]
    _gate(rng, world)
    return world


def random_owners(rng: random.Random) -> list[Json]:
    """Owners that are there, have left, or say too little."""
    names = ["Ann", " Bo ", "", None]
    return [
        {"record_id": n, "email": f"{n}@Us.com", "first_name": rng.choice(names), "last_name": rng.choice(["Lee", "Zoe\u0308", ""]),
         "archived": rng.choice(["false", "false", "true"])}
        for n in ("11", "12", "13")
    ]  # fmt: skip


def live_on(rng: random.Random, world: World) -> None:
    """Something happens on either side."""
    for kind, rows in (("companies", world.companies), ("customers", world.customers)):
        for row in rows:
            assert isinstance(row, dict)
            row.update(_typed(rng, kind, 0.15))
            if rng.random() < 0.08:
                row["deleted"] = not row.get("deleted", False)
    if len(world.companies) > 1 and rng.random() < 0.4:
        gone, into = rng.sample(list(world.companies), 2)
        assert isinstance(gone, dict)
        assert isinstance(into, dict)
        gone["deleted"] = rng.random() < 0.8  # a claim about a company that still answers is no merge
        into["merged_ids"] = ";".join(filter(None, [into.get("merged_ids", ""), gone.get("merged_ids", ""), gone["record_id"]]))
    world.subscriptions = [s for s in world.subscriptions if rng.random() < 0.9]
    _gate(rng, world)


def arrive(rng: random.Random, world: World, result: PassResult, share: float = 1.0) -> None:
    """Keep what the pass found, and let that share of its writes arrive; those that do not stay open intents."""
    mine = [w for w in result.writes.to_pylist() if w["tenant_id"] == world.tenant]
    world.links = _laid_over(world.links, _of(result.links, world.tenant), "link_id", IDENTITY_LINKS)
    known: dict[str, Any] = {r["link_id"]: r for r in world.base}
    moved = {r["link_id"]: {k: v for k, v in r.items() if k != "tenant_id"} for r in _of(result.base_moves, world.tenant)}
    world.base = list((known | moved).values())
    world.unresolved = pa.Table.from_pylist([d for d in _of(result.diffs, world.tenant) if d["resolved_at"] is None], DIFFS)
    world.intents = []
    for write in mine:
        if rng.random() >= share:
            world.intents += [
                {k: write[k] for k in ("target", "target_id")} | {"field": c["field"], "value": c["value"]}
                for c in write["changes"]
            ]
        if rng.random() < share:
            carry_out(world, write)


def carry_out(world: World, write: Json) -> None:
    """Do at the partner what a planned write says; the partner spells numbers its own way."""
    target = crm_billing().objects[write["target"]]
    rows = world.companies if target.role == "crm" else world.customers
    row = next(r for r in rows if r["record_id"] == write["target_id"])
    assert isinstance(row, dict)
    columns = {column.source: name for name, column in target.columns.items()}
    for change in write["changes"]:
        column, after = columns[change["path"]], change["after"]
        assert (row.get(column, "") or "") == change["before"]
        row[column] = after.removesuffix(".00") if column == "billing_mrr" else after


def tally(worlds: Iterable[World]) -> list[Json]:
    """What the extract saw."""
    return [
        {"tenant_id": world.tenant, "object": name, "record_id": row["record_id"]}
        for world in worlds
        for name, rows in (
            ("crm_accounts", world.companies), ("crm_owners", world.owners), ("billing_customers", world.customers),
            ("billing_subscriptions", world.subscriptions),
        )
        for row in rows
    ]  # fmt: skip


def _typed(rng: random.Random, kind: str, chance: float) -> Json:
    return {column: rng.choice(values) for column, values in FREELY[kind].items() if rng.random() < chance}


def _subscription(rng: random.Random, number: int, customers: list[Json]) -> Json:
    whose = rng.choice([*(c["record_id"] for c in customers), "cus_unknown"])
    return subscription(
        f"sub_{number}", whose, status=rng.choice(STATUSES), currency=rng.choice(["usd", "usd", "usd", "eur", "jpy"]),
        cancel_at_period_end=rng.choice(["", "false", "true"]), ended_at=rng.choice(["", "2026-10-05T10:00:00Z"]),
        discounts=rng.choice([[], [discount(percent_off="12.5")]]),
        items=[item(unit_amount=rng.choice(["1000", "333.5", "9" * 26]), interval=rng.choice(["month", "year", "week"]))],
    )  # fmt: skip


def _gate(rng: random.Random, world: World) -> None:
    """Some records are refused this time."""
    world.refused = [
        {"object": row["object"], "record_id": row["record_id"], "expectation": rng.choice(["type", "in_set"])}
        for row in tally([world])
        if rng.random() < 0.05
    ]


def _of(table: pa.Table, tenant: str) -> list[Json]:
    rows: list[Json] = table.to_pylist()
    return [row for row in rows if row["tenant_id"] == tenant]


def _laid_over(old: pa.Table, new: list[Json], key: str, schema: pa.Schema) -> pa.Table:
    merged = {row[key]: row for row in [*old.to_pylist(), *new]}
    return pa.Table.from_pylist(list(merged.values()), schema)
