"""Seeded tenants: the same again for the same seed, plain for the most part, every mess of real life at least once."""

import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import pytest

from integration_pipelines.errors import ConfigError
from integration_pipelines.partner_models.hubspot.account import HubSpotAccount
from integration_pipelines.partner_models.seeds import words
from integration_pipelines.partner_models.seeds.world import Seeded, seed_tenant
from integration_pipelines.partner_models.stripe.account import StripeAccount
from integration_pipelines.sandbox.world import World
from integration_pipelines_tests.contract.test_stripe_spec import SPEC, complaints
from integration_pipelines_tests.kit.oracle import Expected, expected
from integration_pipelines_tests.kit.stripe_sandbox import START

Json = dict[str, Any]
OWN = {
    "stripe_customer_id", "billing_subscription_status", "billing_mrr", "billing_mrr_currency", "billing_renewal_date", "billing_cancel_date"
}  # fmt: skip


@dataclass
class Tenant:
    """Both sides of a seeded tenant, and what an independent calculation makes of them."""

    crm: dict[str, list[Json]]
    billing: dict[str, list[Json]]
    truth: Expected = field(init=False)

    def __post_init__(self) -> None:
        """Calculate."""
        self.truth = expected(self.crm, self.billing, START)

    @cached_property
    def companies(self) -> dict[str, Json]:
        """Properties of live companies by id."""
        return {c["id"]: c["properties"] for c in self.crm["companies"] if not c["archived"]}

    @cached_property
    def subscriptions(self) -> dict[str, list[Json]]:
        """By customer."""
        found: dict[str, list[Json]] = defaultdict(list)
        for subscription in self.billing["subscriptions"]:
            found[subscription["customer"]].append(subscription)
        return found

    @cached_property
    def prices(self) -> dict[str, Json]:
        """Prices in use, whole, by id."""
        used = {item["price"] for item in self.items}
        return {p["id"]: p for p in self.billing["prices"] if p["id"] in used}

    @cached_property
    def items(self) -> list[Json]:
        """All items, with the price's id."""
        return [{**i, "price": i["price"]["id"]} for i in self.billing["subscription_items"]]

    @cached_property
    def coupons(self) -> dict[str, Json]:
        """By id."""
        return {c["id"]: c for c in self.billing["coupons"]}

    def domains(self) -> Counter[str]:
        """How many live companies have each domain."""
        return Counter(p["domain"] for p in self.companies.values() if p.get("domain"))

    def emails(self) -> list[str]:
        """All e-mails there are."""
        return [c["email"] for c in self.billing["customers"] if c["email"]]


@cache
def seeded(customers: int, number: int = 1, seed: int = 1) -> Tenant:
    """One tenant; kept, since nobody changes it."""
    crm = HubSpotAccount(tenant="t", account="4711", token="a", now=lambda: START)
    billing = StripeAccount(tenant="t", account="acct_t", token="b", now=lambda: START)
    seed_tenant(Seeded(crm=crm, billing=billing), number=number, customers=customers, seed=seed, now=START)
    return Tenant(crm.state(), billing.state())


def status(name: str) -> Callable[[Tenant], bool]:
    """A subscription of that status."""
    return lambda t: any(s["status"] == name for s in t.billing["subscriptions"])


def price(**wanted: object) -> Callable[[Tenant], bool]:
    """Somebody pays a price with these values, recurring ones included."""
    return lambda t: any(wanted.items() <= {**p["recurring"], **p}.items() for p in t.prices.values())


def discount(level: str, value: str, duration: str, *, running: bool = True, product: bool = False) -> Callable[[Tenant], bool]:
    """A discount of a coupon on `subscription`, `subscription_item` or `customer` alone."""

    def there(tenant: Tenant) -> bool:
        for one in tenant.billing["discounts"]:
            coupon = tenant.coupons[one["source"]["coupon"]]
            place = next(n for n in ("subscription_item", "subscription", "customer") if one[n])
            same = (place, coupon["duration"], bool(coupon.get("applies_to"))) == (level, duration, product)
            if same and coupon[value] is not None and ((one["end"] or START + 1) > START) is running:
                return True
        return False

    return there


def name_with(part: str) -> Callable[[Tenant], bool]:
    """A company of that name."""
    return lambda t: any(part in (p.get("name") or "") for p in t.companies.values())


def held(name: str, value: object) -> Callable[[Tenant], bool]:
    """A company with that property."""
    return lambda t: any(p.get(name) == value for p in t.companies.values())


def merged_into(tenant: Tenant) -> bool:
    """A customer still names a company that was merged away, and is linked to the survivor."""
    survivor = {old: c for c, p in tenant.companies.items() for old in (p.get("hs_merged_object_ids") or "").split(";") if old}
    named = {c["id"]: c["metadata"].get("crm_company_id") for c in tenant.billing["customers"]}
    return any(customer in tenant.truth.groups[survivor[n]] for customer, n in named.items() if n in survivor)


def away(customer: Json) -> bool:
    """A customer whose e-mail is not at a firm's own domain."""
    return bool(customer["email"]) and not customer["email"].strip().lower().endswith(".example")


def surprises(tenant: Tenant) -> bool:
    """Fields that nobody expects, on every sort of record."""
    billing, companies = tenant.billing, tenant.crm["companies"]
    places = (("loyalty_tier", billing["customers"]), ("renewal_forecast", billing["subscriptions"]), ("teamShape", companies))
    return all(any(name in record for record in records) for name, records in places)


KINDS: dict[str, Callable[[Tenant], bool]] = {
    "several customers for one company": lambda t: {2, 3} <= {len(c) for c in t.truth.groups.values()},
    "companies without customers": lambda t: len(t.companies) > len(t.truth.groups),
    "customers without companies": lambda t: t.emails() != [] and len(linked(t)) < len(t.billing["customers"]) - len(t.truth.ambiguous),
    "linked by metadata only": lambda t: any(away(c) and c["id"] in linked(t) for c in t.billing["customers"]),
    "metadata names a company that never was": lambda t: any(c["metadata"].get("crm_company_id") == "17000000001" for c in t.billing["customers"]),
    "two companies with one domain": lambda t: max(t.domains().values()) > 1 and bool(t.truth.ambiguous),
    "free mail": lambda t: any(e.endswith(("@gmail.com", "@qq.com", "@gmx.de", "@yahoo.com", "@outlook.com")) for e in t.emails()),
    "a free-mail domain in the CRM": held("domain", "gmail.com"),
    "missing e-mail": lambda t: any(c["email"] is None for c in t.billing["customers"]),
    "upper-case e-mail": lambda t: any(e.endswith(".EXAMPLE") for e in t.emails()),
    "spaces around an e-mail": lambda t: any(e != e.strip() for e in t.emails()),
    "two customers with one e-mail": lambda t: max(Counter(t.emails()).values()) > 1,
    "www and capitals in a domain": lambda t: any(d.strip().startswith("WWW.") for d in t.domains()),
    "no domain": lambda t: any(not p.get("domain") and p.get("name") for p in t.companies.values()),
    **{f"currency {c}": price(currency=c) for c in ("usd", "eur", "gbp", "jpy", "krw", "kwd", "bhd")},
    "two currencies": lambda t: any(len({s["currency"] for s in subs}) > 1 for subs in t.subscriptions.values()),
    "monthly": price(interval="month", interval_count=1),
    "every three months": price(interval="month", interval_count=3),
    **{f"every {i}": price(interval=i, interval_count=1) for i in ("day", "week", "year")},
    "graduated": price(tiers_mode="graduated", billing_scheme="tiered"),
    "volume": price(tiers_mode="volume", billing_scheme="tiered"),
    "metered": price(usage_type="metered"),
    "part of a cent": price(unit_amount_decimal="0.5"),
    "packages rounded up": lambda t: t.prices["price_package_up"]["transform_quantity"] == {"divide_by": 10, "round": "up"},
    "packages rounded down": lambda t: t.prices["price_package_down"]["transform_quantity"]["round"] == "down",
    "several items": lambda t: any(len(s["items"]["data"]) > 1 for s in t.billing["subscriptions"]),
    "more items than one page": lambda t: any(s["items"]["has_more"] for s in t.billing["subscriptions"]),
    "percent once": discount("subscription", "percent_off", "once"),
    "percent repeating": discount("subscription", "percent_off", "repeating"),
    "percent expired": discount("subscription_item", "percent_off", "repeating", running=False),
    "percent for ever": discount("subscription", "percent_off", "forever"),
    "percent on an item": discount("subscription_item", "percent_off", "forever"),
    "percent on a customer": discount("customer", "percent_off", "forever"),
    "percent on a product": discount("subscription", "percent_off", "forever", product=True),
    "amount once": discount("subscription_item", "amount_off", "once"),
    "amount repeating": discount("subscription", "amount_off", "repeating"),
    "amount expired": discount("subscription", "amount_off", "repeating", running=False),
    "amount for ever": discount("subscription", "amount_off", "forever"),
    "amount on an item": discount("subscription_item", "amount_off", "forever"),
    "amount on a customer": discount("customer", "amount_off", "forever"),
    "amount on a product": discount("subscription", "amount_off", "forever", product=True),
    "amount in another currency": lambda t: any(t.coupons[d["source"]["coupon"]]["currency"] == "eur" for d in t.billing["discounts"]),
    **{s: status(s) for s in ("trialing", "active", "paused", "past_due", "unpaid", "incomplete", "incomplete_expired", "canceled")},
    "cancel at period end": lambda t: any(s["cancel_at_period_end"] and s["cancel_at"] for s in t.billing["subscriptions"]),
    "cancel at a date": lambda t: any(s["cancel_at"] and not s["cancel_at_period_end"] for s in t.billing["subscriptions"]),
    "paused collection": lambda t: any(s["pause_collection"] for s in t.billing["subscriptions"]),
    "several subscriptions": lambda t: max(map(len, t.subscriptions.values())) > 2,
    "no subscription": lambda t: len(t.subscriptions) < len(t.billing["customers"]),
    "archived owner": lambda t: bool({o["id"] for o in t.crm["owners"] if o["archived"]} & {p.get("hubspot_owner_id") for p in t.companies.values()}),
    "unassigned company": held("hubspot_owner_id", ""),
    "owner with one name": lambda t: any(not o["lastName"] for o in t.crm["owners"]),
    "emoji": name_with("☕"),
    "combining marks": name_with("a\u0308"),
    "right to left": name_with("النخلة"),
    "outer spaces": name_with("  Spaces Around  "),
    "formula": name_with("=HYPERLINK("),
    "script": name_with("<script>"),
    "very long name": lambda t: any(len(p.get("name") or "") > 10_000 for p in t.companies.values()),
    "unknown subscription status": status("dormant"),
    "malformed e-mail": lambda t: any(c["email"] and c["id"] in t.truth.quarantined for c in t.billing["customers"]),
    "unknown segment": held("customer_segment", "Reseller"),
    "owner that is no id": held("hubspot_owner_id", "the boss"),
    "bad currency": lambda t: any(s["currency"] == "dollars" for s in t.billing["subscriptions"]),
    "bad domain": lambda t: any("/" in d for d in t.domains()),
    "broken quantity": lambda t: any(isinstance(i["quantity"], str) for i in t.items),
    "merged companies": merged_into,
    "excluded by lifecycle": held("lifecyclestage", "other"),
    "archived company": lambda t: any(c["archived"] for c in t.crm["companies"]),
    "unknown fields": surprises,
    "metadata of somebody else's": lambda t: any("order_ref" in c["metadata"] for c in t.billing["customers"]),
}  # fmt: skip


def linked(tenant: Tenant) -> set[str]:
    """Customers that belong to an accepted company."""
    return {customer for customers in tenant.truth.groups.values() for customer in customers}


@pytest.mark.parametrize("customers", [60, 500])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_mess_occurs(kind: str, customers: int) -> None:
    """In a tenant of sixty customers as in one of five hundred."""
    assert KINDS[kind](seeded(customers))


@pytest.mark.parametrize("customers", [1, 7, 59, 60, 120, 500])
@pytest.mark.parametrize("number", [1, 2])
def test_there_are_exactly_so_many_customers(customers: int, number: int) -> None:
    """Whatever the kinds, at any tenant."""
    assert len(seeded(customers, number).billing["customers"]) == customers


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("customers", [1, 20, 500])
def test_most_customers_are_plain_clean_and_linked(customers: int, number: int) -> None:
    """Alone at an accepted company whose owner is there, with one active subscription that nothing is wrong with."""
    tenant = seeded(customers, number)
    present = {o["id"] for o in tenant.crm["owners"] if not o["archived"]}
    plain = [
        group[0]
        for company, group in tenant.truth.groups.items()
        if len(group) == 1
        and company not in tenant.truth.held_companies
        and tenant.companies[company]["hubspot_owner_id"] in present
        and [(s["status"], s["cancel_at"]) for s in tenant.subscriptions[group[0]]] == [("active", None)]
    ]
    assert len(plain) >= 0.6 * customers
    assert "cus_S00000001" in plain


def test_a_seed_makes_the_same_world_again() -> None:
    """Both sides, for every tenant; another seed or tenant makes another one."""
    one, again, other = (World(tenants=2, customers=80, seed=seed, now=START) for seed in (3, 3, 4))
    assert [a.state() for a in one.accounts] == [a.state() for a in again.accounts]
    assert one.accounts[1].state()["customers"] != other.accounts[1].state()["customers"]
    assert one.accounts[1].state()["customers"] != one.accounts[3].state()["customers"]


def test_only_the_second_tenant_has_an_earlier_integration() -> None:
    """There its properties are partly right, partly out of date and partly blank; elsewhere they do not exist."""
    assert not OWN & {p["name"] for p in seeded(500).crm["properties"]}
    tenant = seeded(500, 2)
    assert {p["name"] for p in tenant.crm["properties"]} >= OWN
    right, wrong, blank = 0, 0, 0
    for company, values in tenant.truth.company_values.items():
        found = tenant.companies[company]
        right += all(found.get(name, "") == value for name, value in values.items())
        wrong += any(found.get(name) and found[name] != value for name, value in values.items())
        blank += not OWN & found.keys()
    assert min(right, wrong, blank) > 20


def test_the_second_tenant_has_links_that_only_the_property_knows() -> None:
    """A company names its customer, whose e-mail tells nothing."""
    tenant = seeded(500, 2)
    named = {p["stripe_customer_id"]: c for c, p in tenant.companies.items() if p.get("stripe_customer_id")}
    free = [c for c in tenant.billing["customers"] if "crm_company_id" not in c["metadata"] and c["id"] in named]
    assert any(away(c) and c["id"] in linked(tenant) for c in free)


@pytest.mark.skipif(not SPEC.is_file(), reason="the folder with the partners' API descriptions is not beside the checkout")
@pytest.mark.parametrize("name", ["customer", "subscription", "price", "product", "coupon"])
def test_records_are_what_stripe_describes(name: str) -> None:
    """Complete and of the right types, but for those that are malformed on purpose."""
    tenant = seeded(120)
    bad = {"dormant", "dollars", "many"}
    records = [
        r for r in tenant.billing[f"{name}s"]
        if not {r.get("status"), r.get("currency")} & bad and not any(i["quantity"] in bad for i in r.get("items", {}).get("data", ()))
    ]  # fmt: skip
    assert records
    assert [c for r in records for c in complaints(f"/components/schemas/{name}", r)] == []


def test_the_event_log_knows_the_births_and_ends_of_its_days() -> None:
    """Each young customer and subscription was created at its time, each that ended lately ended; nothing is told of older ones."""
    billing = seeded(300).billing
    lately = START - 30 * 86_400
    young = {r["id"]: r["created"] for kind in ("customers", "subscriptions") for r in billing[kind] if r["created"] >= lately}
    over = {
        s["id"]: s["ended_at"] for s in billing["subscriptions"] if s["status"] == "canceled" and (s["ended_at"] or 0) >= lately
    }
    told = [(e["data"]["object"], e["created"], e["type"].rpartition(".")[2]) for e in billing["events"]]
    assert {o["id"]: at for o, at, kind in told if kind == "created"} == young
    assert {o["id"]: at for o, at, kind in told if kind == "deleted"} == over
    assert young
    assert over
    assert len(told) == len(young) + len(over)
    assert {o["status"] for o, _, kind in told if kind == "deleted"} == {"canceled"}


def test_seeding_is_quick() -> None:
    """Three tenants of 500 customers in far less than the seconds that a demo has."""
    began = time.perf_counter()
    World(tenants=3, customers=500, seed=9, now=START)
    assert time.perf_counter() - began < 4  # 0.2 s on an idle machine


def test_missing_seed_files_are_a_clear_fault(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Installed elsewhere, away from any checkout, the fault says what to do."""
    monkeypatch.setattr(words, "__file__", str(tmp_path / "words.py"))
    monkeypatch.chdir(tmp_path)
    words.words.cache_clear()
    with pytest.raises(ConfigError, match="Run it from a checkout"):
        words.words()
