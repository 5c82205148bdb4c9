"""One tenant's world: first the truth of every customer, then both sides of it, then the mess that real life made of them."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random

from integration_pipelines.partner_models.base import Json
from integration_pipelines.partner_models.hubspot.account import HubSpotAccount
from integration_pipelines.partner_models.seeds.plans import DAY, Plans
from integration_pipelines.partner_models.seeds.words import kinds, words
from integration_pipelines.partner_models.stripe.account import StripeAccount

OWNERS = 12
OWNERS_GONE = 2
STALE_TENANT = 2  # at this tenant an earlier integration left its properties, some of them wrong
_OWN = (
    ("stripe_customer_id", "string", "text", ()),
    ("billing_subscription_status", "enumeration", "select",
     ("trialing", "active", "past_due", "unpaid", "paused", "canceling", "canceled", "incomplete", "none")),
    ("billing_mrr", "number", "number", ()),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Seeded:
    """The two accounts of a tenant."""

    crm: HubSpotAccount
    billing: StripeAccount


@dataclass(slots=True)
class _Tenant:
    """What is being made, and the numbers given out so far."""

    seeded: Seeded
    rng: Random
    plans: Plans
    now: float
    stale: bool
    companies: int = 0
    customers: int = 0
    subscriptions: int = 0
    plain_companies: list[Json] = field(default_factory=list)


def seed_tenant(seeded: Seeded, *, number: int, customers: int, seed: int, now: float) -> None:
    """Fill both accounts with `customers` billing customers and their companies; the same for the same seed, number and moment."""
    rng = Random(f"{seed}/{number}")  # noqa: S311 - a seeded world must be repeatable
    made = _Tenant(seeded, rng, Plans(seeded.billing, int(now)), now, stale=number == STALE_TENANT)
    _properties(made)
    _owners(made)
    identity = kinds("identity", customers, rng, "plain")
    plan = kinds("plan", customers, rng, "plain")
    for who, pays in zip(identity, plan, strict=True):
        _customer(made, who, pays)


def _properties(made: _Tenant) -> None:
    options = [{"label": s, "value": s, "displayOrder": n, "hidden": False} for n, s in enumerate(words()["segments"])]
    options.append({"label": "Reseller", "value": "Reseller", "displayOrder": 9, "hidden": False})
    segment = {"name": "customer_segment", "label": "Customer segment", "type": "enumeration", "fieldType": "select"}
    made.seeded.crm.insert("properties", {**segment, "groupName": "companyinformation", "options": options})
    if made.stale:
        for name, kind, field_type, values in _OWN:
            found = [{"label": v, "value": v, "displayOrder": n, "hidden": False} for n, v in enumerate(values)]
            spec = {"name": name, "label": name, "type": kind, "fieldType": field_type, "groupName": "companyinformation"}
            made.seeded.crm.insert("properties", {**spec, "options": found, "hasUniqueValue": name == "stripe_customer_id"})


def _owners(made: _Tenant) -> None:
    for n in range(1, OWNERS + 1):
        first, last = made.rng.choice(words()["first"]), made.rng.choice(words()["last"])
        person = {"id": str(n), "email": f"owner{n}@crm-team.example", "firstName": first, "lastName": last}
        made.seeded.crm.insert("owners", {**person, "archived": n > OWNERS - OWNERS_GONE})


def _customer(made: _Tenant, who: str, pays: str) -> None:
    """One customer and, unless the kind says otherwise, the company it belongs to."""
    made.customers += 1
    number = made.customers
    name = _name(made, number)
    domain = f"{made.rng.choice(words()['place'])}-{number}.example"
    email: str | None = f"billing@{domain}"
    metadata: dict[str, str] = {}
    company: Json | None = _company(made, name, domain, who)
    if who == "second_customer" and made.plain_companies:
        company = None
        email = f"second{number}@{made.rng.choice(made.plain_companies)['properties']['domain']}"
    elif who in {"free_mail", "metadata_link"}:
        email = f"{domain.removesuffix('.example')}@gmail.com"
    elif who in {"no_email", "lonely_company"}:
        email = None
    email = {"upper_email": f"Billing@{domain.upper()}", "bad_email": "not an address"}.get(who, email)
    if who == "shared_domain":
        _plant(made, _company(made, f"{name} North", domain, "plain"))
    if who == "no_company":
        company = None
    if company is not None:
        company = _plant(made, company)
    if who == "merged" and company is not None:
        other = _plant(made, _company(made, f"{name} (old)", f"old-{domain}", "plain"))
        metadata["crm_company_id"] = str(other["id"])
        made.seeded.crm.merge("companies", company["id"], other["id"])
    if who == "metadata_link" and company is not None:
        metadata["crm_company_id"] = str(company["id"])
    _bill(made, name, email, metadata, who, pays)
    if who == "same_email":
        _bill(made, f"{name} Two", email, {}, who, "plain")


def _name(made: _Tenant, number: int) -> str:
    word = words()
    return f"{made.rng.choice(word['place']).title()} {made.rng.choice(word['trade'])} {number} {made.rng.choice(word['suffix'])}"


def _company(made: _Tenant, name: str, domain: str, who: str) -> Json:
    """A company in HubSpot's shape, as the kind bends it."""
    rng = made.rng
    made.companies += 1
    odd = words()["odd_names"]
    properties: Json = {
        "name": {"odd_name": odd[made.companies % len(odd)], "long_name": "Long " * 2_500}.get(who, name),
        "domain": "not a domain" if who == "bad_domain" else domain,
        "hubspot_owner_id": str(rng.randint(1, OWNERS - OWNERS_GONE)),
        "customer_segment": "Reseller" if who == "bad_segment" else rng.choice(words()["segments"]),
        "lifecyclestage": "other" if who == "excluded" else "customer",
    }
    owners = {"archived_owner": str(OWNERS), "unassigned": None, "bad_owner": "the boss"}
    if who in owners:
        properties["hubspot_owner_id"] = owners[who]
    if made.stale and rng.choice((True, False)):
        properties |= {
            "billing_subscription_status": rng.choice(["active", "active", "canceled"]),
            "billing_mrr": str(rng.randint(1, 900)),
        }
    created = datetime.fromtimestamp(made.now - rng.randint(30, 900) * DAY, UTC)
    record: Json = {
        "id": str(20_000_000 + made.companies),
        "properties": properties,
        "createdAt": created.isoformat().replace("+00:00", "Z"),
    }
    return record | ({"teamShape": {"x": 1}, "objectWriteSource": "unknown"} if who == "unknown_fields" else {})


def _plant(made: _Tenant, company: Json) -> Json:
    made.seeded.crm.insert("companies", company)
    if "@" not in str(company["properties"]["domain"]) and " " not in str(company["properties"]["domain"]):
        made.plain_companies.append(company)
    return company


def _bill(  # noqa: PLR0913, PLR0917 - the parts of one customer
    made: _Tenant, name: str, email: str | None, metadata: dict[str, str], who: str, pays: str
) -> None:
    """The billing customer and what it pays."""
    number = made.customers * 10 + (1 if name.endswith(" Two") else 0)
    customer_id = f"cus_S{number:08d}"
    customer: Json = {
        "id": customer_id,
        "name": name,
        "email": email,
        "metadata": metadata,
        "created": int(made.now) - 700 * DAY + number,
    }
    if pays == "customer_discount":
        coupon = made.plans.coupon("loyal", percent_off=25.0, duration="forever")
        customer["discount"] = {"coupon": coupon, "start": int(made.now) - DAY}
    if who == "unknown_fields":
        customer |= {"loyalty_tier": "gold", "risk": {"score": 3}}
    made.seeded.billing.insert("customers", customer)
    for subscription in made.plans.subscriptions(pays, made.rng):
        made.subscriptions += 1
        made.seeded.billing.insert(
            "subscriptions", {"id": f"sub_S{made.subscriptions:08d}", "customer": customer_id, **subscription}
        )
