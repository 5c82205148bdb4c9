"""What people do at both partners of a tenant: random, repeatable, and told as the events that partners would send."""

import random
from collections.abc import Callable
from typing import Any

from integration_pipelines_tests.kit.core import item, subscription
from integration_pipelines_tests.kit.events import COMPANY, CUSTOMER, OWNER, SUBSCRIPTION
from integration_pipelines_tests.kit.fakes import FakeAccount, Record
from integration_pipelines_tests.kit.lives import DOMAINS, EMAILS, OWNERS, SEGMENTS, STATUSES

Told = list[tuple[tuple[str, str], tuple[str, ...]]]
"""(partner, object) and ids, as `kit.events` takes them."""
Accounts = tuple[FakeAccount, FakeAccount]
_BLANK = {"name": "", "domain": "", "owner_id": "", "customer_segment": "", "stripe_customer_id": ""}


def accounts(rng: random.Random) -> Accounts:
    """A CRM and a billing account with a handful of records that are linked, nearly linked, or not at all."""
    companies: dict[str, Record] = {
        str(n): {
            "name": f"Company {n}", "domain": rng.choice(DOMAINS), "owner_id": rng.choice(["", "11", "12"]),
            "customer_segment": rng.choice(["", "SMB", "Startup"]),
        }
        for n in range(1, rng.randint(4, 8))
    }  # fmt: skip
    owners: dict[str, Record] = {
        n: {"email": f"{n}@us.com", "first_name": "Ann", "last_name": "Lee", "archived": "false"} for n in ("11", "12")
    }
    customers: dict[str, Record] = {
        f"cus_{n}": {"email": rng.choice(EMAILS) or "", "crm_company_id": rng.choice(["", "", "1", "2"]), "discounts": []}
        for n in range(1, rng.randint(4, 9))
    }
    subscriptions: dict[str, Record] = {f"sub_{n}": _subscription(rng, n, sorted(customers)) for n in range(rng.randint(2, 9))}
    return (
        FakeAccount({"crm_accounts": companies, "crm_owners": owners}),
        FakeAccount({"billing_customers": customers, "billing_subscriptions": subscriptions}),
    )


def act(rng: random.Random, both: Accounts) -> Told:
    """One act of somebody, and what the partners would send about it; nothing where it meets no record."""
    crm, billing = both
    acts: list[Callable[[], Told]] = [
        lambda: _edit(rng, crm, "crm_accounts", COMPANY, {"domain": DOMAINS, "customer_segment": SEGMENTS, "owner_id": OWNERS}),
        lambda: _edit(rng, crm, "crm_accounts", COMPANY, {"stripe_customer_id": ["", "cus_1", "cus_2"]}),
        lambda: _edit(rng, crm, "crm_accounts", COMPANY, {"billing_mrr": ["", "1.00", "77"], "lifecycle_stage": ["", "other"]}),
        lambda: _edit(rng, crm, "crm_owners", OWNER, {"email": ["x@us.com", "y@us.com"], "archived": ["true", "false"]}),
        lambda: _edit(rng, billing, "billing_customers", CUSTOMER, {"email": EMAILS, "crm_company_id": ["", "1", "2", "77"]}),
        lambda: _edit(rng, billing, "billing_customers", CUSTOMER, {"crm_segment": ["", "startup"], "crm_owner_email": [""]}),
        lambda: _edit(rng, billing, "billing_subscriptions", SUBSCRIPTION, {"status": STATUSES}),
        lambda: _edit(rng, billing, "billing_subscriptions", SUBSCRIPTION, {"items": [[item(unit_amount="4200")], [item()]]}),
        lambda: _new(rng, billing, "billing_subscriptions", SUBSCRIPTION),
        lambda: _new(rng, billing, "billing_customers", CUSTOMER),
        lambda: _new(rng, crm, "crm_accounts", COMPANY),
        lambda: _gone(rng, billing, "billing_subscriptions", SUBSCRIPTION),
        lambda: _gone(rng, billing, "billing_customers", CUSTOMER),
        lambda: _gone(rng, crm, "crm_accounts", COMPANY),
        lambda: _merge(rng, crm),
    ]
    return rng.choice(acts)()


def _edit(rng: random.Random, account: FakeAccount, name: str, thing: tuple[str, str], values: dict[str, list[Any]]) -> Told:
    ids = sorted(account.objects[name])
    if not ids:
        return []
    one, column = rng.choice(ids), rng.choice(sorted(values))
    account.objects[name][one][column] = rng.choice(values[column]) or ""
    return [(thing, (one,))]


def _new(rng: random.Random, account: FakeAccount, name: str, thing: tuple[str, str]) -> Told:
    number = rng.randint(100, 10_000)
    row: Record
    if name == "crm_accounts":
        one, row = str(number), _BLANK | {"name": f"Company {number}", "domain": rng.choice(DOMAINS)}
    elif name == "billing_customers":
        one, row = f"cus_{number}", {"email": rng.choice(EMAILS) or "", "discounts": []}
    else:
        one, row = f"sub_{number}", _subscription(rng, number, sorted(account.objects["billing_customers"]) or ["cus_none"])
    account.objects[name][one] = row
    return [(thing, (one,))]


def _gone(rng: random.Random, account: FakeAccount, name: str, thing: tuple[str, str]) -> Told:
    ids = sorted(account.objects[name])
    if len(ids) < 2:  # an account without a record is a fault of its own
        return []
    one = rng.choice(ids)
    del account.objects[name][one]
    return [(thing, (one,))]


def _merge(rng: random.Random, crm: FakeAccount) -> Told:
    companies = crm.objects["crm_accounts"]
    if len(companies) < 3:
        return []
    into, lost = rng.sample(sorted(companies), 2)
    before = [companies[into].get("merged_ids", ""), companies[lost].get("merged_ids", ""), lost]
    companies[into]["merged_ids"] = ";".join(part for part in before if part)
    del companies[lost]
    crm.merged_into[lost] = into
    return [(COMPANY, (into, lost))]


def _subscription(rng: random.Random, number: int, customers: list[str]) -> Record:
    row = subscription(
        f"sub_{number}", rng.choice(customers), status=rng.choice(STATUSES), currency=rng.choice(["usd", "usd", "eur"])
    )
    del row["record_id"]
    return row
