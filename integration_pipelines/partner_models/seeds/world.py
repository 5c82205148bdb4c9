"""One tenant's world: first the truth about every firm, then both partners' sides of it. Kinds and shapes belong to the other modules."""

from dataclasses import dataclass

from integration_pipelines.partner_models.base import Json
from integration_pipelines.partner_models.hubspot.account import HubSpotAccount
from integration_pipelines.partner_models.seeds.catalogue import Catalogue
from integration_pipelines.partner_models.seeds.companies import Companies
from integration_pipelines.partner_models.seeds.customers import NOBODY, Customers, customer_id
from integration_pipelines.partner_models.seeds.discounted import DISCOUNTED
from integration_pipelines.partner_models.seeds.draw import EVERY_KIND_FROM, rng_of
from integration_pipelines.partner_models.seeds.leftovers import STALE_TENANT, Leftovers
from integration_pipelines.partner_models.seeds.lifecycles import LIFECYCLES
from integration_pipelines.partner_models.seeds.plans import PLANS
from integration_pipelines.partner_models.seeds.schema import define
from integration_pipelines.partner_models.seeds.staff import PRESENT, hire
from integration_pipelines.partner_models.seeds.truth import Dice, Firm, draw_firm, draw_firms
from integration_pipelines.partner_models.seeds.words import shares
from integration_pipelines.partner_models.stripe.account import StripeAccount
from integration_pipelines.partner_models.stripe.births import tell_births

_RECIPES = PLANS | DISCOUNTED | LIFECYCLES
_MERGED_AWAY = {"merged": 1, "merged_twice": 2}
_STRANGERS_FROM = 1_000_000  # numbers of firms that are no customers


@dataclass(frozen=True, slots=True)
class Seeded:
    """The two accounts of a tenant."""

    crm: HubSpotAccount
    billing: StripeAccount


def seed_tenant(seeded: Seeded, *, number: int, customers: int, seed: int, now: float) -> None:
    """Fill both accounts with `customers` billing customers and their companies; the same for the same seed, number and moment.

    Args:
        seeded: two empty accounts.
        number: which tenant; at the second one an earlier integration left its properties and values.
        customers: how many billing customers; with 60 or more every kind of `data/seeds/shares.json` occurs.
        seed: the world's number.
        now: seconds since the epoch.
    """
    rng = rng_of(seed, number)
    dice = Dice(rng, PRESENT, int(now))
    tenant = _Tenant(seeded, dice, earlier=number == STALE_TENANT)
    for firm in draw_firms(dice, customers):
        tenant.add(firm)
    tenant.add_strangers(customers)
    tell_births(seeded.billing.store)
    seeded.crm.effects.clear()  # a new world has no history of writes


class _Tenant:
    """What is being made."""

    def __init__(self, seeded: Seeded, dice: Dice, *, earlier: bool) -> None:
        self._seeded = seeded
        self._dice = dice
        staff = hire(seeded.crm, dice.rng, dice.now)
        define(seeded.crm, earlier=earlier)
        self._shop = Catalogue(seeded.billing, dice.now)
        self._companies = Companies(dice.rng, staff, dice.now)
        self._customers = Customers(dice.rng, self._shop)
        self._leftovers = Leftovers(dice.rng, staff, self._shop) if earlier else None
        self._subscriptions = 0

    def add(self, firm: Firm) -> None:
        """A firm with its company, or none, and its customers."""
        bills = [_RECIPES[payer.plan](self._shop, self._dice.rng) for payer in firm.payers]
        metadata: dict[str, str] = {}
        if firm.kind != "no_company":
            company = self._companies.record(firm)
            if self._leftovers is not None:
                metadata |= self._leftovers.leave(firm, company, bills)
            metadata |= self._plant(firm, company)
        for payer, subscriptions in zip(firm.payers, bills, strict=True):
            customer = self._customers.record(firm, payer, subscriptions, dict(metadata))
            self._seeded.billing.insert("customers", customer)
            for subscription in subscriptions:
                self._subscribe(firm, customer_id(payer.number), subscription)

    def add_strangers(self, customers: int) -> None:
        """Companies that pay nothing, by their shares."""
        number = _STRANGERS_FROM
        for kind, share in shares("company").items():
            for _ in range(max(int(customers >= EVERY_KIND_FROM), round(customers * share / 1000))):
                number += 1
                firm = draw_firm(self._dice, number, kind)
                self._insert(self._companies.record(firm))
                if kind == "twins":
                    self._insert(self._companies.record(firm))

    def _plant(self, firm: Firm, company: Json) -> dict[str, str]:
        """Put the company, and what belongs to its kind, into the CRM; returns what the customer's metadata knows of it."""
        self._insert(company)
        if firm.kind == "shared_domain":
            self._insert(self._companies.record(firm, name=f"{firm.trade_name} North"))
        if firm.kind == "stale_metadata":
            return {"crm_company_id": NOBODY}
        if firm.kind == "metadata_link":
            return {"crm_company_id": company["id"]}
        return self._merge(firm, company["id"], _MERGED_AWAY.get(firm.kind, 0))

    def _merge(self, firm: Firm, survivor: str, times: int) -> dict[str, str]:
        """Merge duplicates into the company; the customer still names the first that went away."""
        gone = []
        for place in range(times):
            old = self._companies.record(firm, "plain", name=f"{firm.trade_name} (old)", domain=f"old{place}-{firm.domain}")
            self._insert(old)
            gone.append(old["id"])
            survivor = self._seeded.crm.merge("companies", survivor, old["id"])["id"]
        return {"crm_company_id": gone[0]} if gone else {}

    def _insert(self, company: Json) -> None:
        self._seeded.crm.insert("companies", company)

    def _subscribe(self, firm: Firm, customer: str, subscription: Json) -> None:
        self._subscriptions += 1
        surprise = {"renewal_forecast": {"model": "m2"}} if firm.kind == "unknown_fields" else {}
        record = {"id": f"sub_S{self._subscriptions:08d}", "customer": customer, **subscription, **surprise}
        self._seeded.billing.insert("subscriptions", record)
