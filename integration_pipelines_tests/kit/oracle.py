"""What the CRM and billing should say, computed record by record from the partners' own states: small, slow, obviously right.

It shares no code with the product: matching, MRR with exact fractions, status and dates are written again from the contract's words.
"""

import math
import re
import unicodedata
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

Json = dict[str, Any]
State = Mapping[str, list[Json]]
ORDER = ["past_due", "unpaid", "active", "canceling", "trialing", "paused", "incomplete", "canceled", "none"]
SEGMENTS = {"Enterprise": "enterprise", "Mid-Market": "mid_market", "SMB": "small_business", "Startup": "startup"}
FREE = {"gmail.com", "outlook.com", "yahoo.com", "icloud.com", "gmx.de", "proton.me", "qq.com"}
MONTHS = {"month": Fraction(1), "year": Fraction(12), "week": Fraction(12, 52), "day": Fraction(12, 365)}
ZERO, THREE = {"JPY", "KRW"}, {"BHD", "KWD"}


@dataclass
class Expected:
    """What should hold after a sync of one tenant."""

    groups: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))  # company → its customers
    company_values: dict[str, dict[str, str]] = field(default_factory=dict)
    customer_values: dict[str, dict[str, str]] = field(default_factory=dict)
    quarantined: set[str] = field(default_factory=set)
    ambiguous: set[str] = field(default_factory=set)
    held_companies: set[str] = field(default_factory=set)  # a roll-up there would be wrong
    mixed: set[str] = field(default_factory=set)


def expected(crm: State, billing: State, now: float) -> Expected:
    """The truth about one tenant."""
    found = Expected()
    billing = {**billing, "subscriptions": _with_all_items(billing)}
    companies = {c["id"]: c for c in crm["companies"] if not c["archived"]}
    found.quarantined |= {c["id"] for c in companies.values() if _bad_company(c["properties"])}
    found.quarantined |= {c["id"] for c in billing["customers"] if _bad_customer(c)}
    found.quarantined |= {s["id"] for s in billing["subscriptions"] if _bad_subscription(s)}
    _match(found, companies, billing["customers"])
    mine: dict[str, list[Json]] = defaultdict(list)
    for subscription in billing["subscriptions"]:
        mine[subscription["customer"]].append(subscription)
    books = _Books(billing, now)
    for company_id, customers in found.groups.items():
        subscriptions = [s for c in customers for s in mine[c]]
        if any(s["id"] in found.quarantined for s in subscriptions):
            found.held_companies.add(company_id)
        good = [s for s in subscriptions if s["id"] not in found.quarantined]
        found.company_values[company_id] = books.view(good) | {"stripe_customer_id": min(customers)}
        if found.company_values[company_id]["billing_mrr_currency"] == "MIXED":
            found.mixed.add(company_id)
        for customer in customers:
            found.customer_values[customer] = _people(companies[company_id], crm["owners"])
    return found


def _with_all_items(billing: State) -> list[Json]:
    """A subscription shows ten items at most; the others are among the subscription items."""
    found = []
    for subscription in billing["subscriptions"]:
        shown = subscription["items"]["data"]
        if subscription["items"]["has_more"]:
            known = {item["id"] for item in shown}
            others = [i for i in billing["subscription_items"] if i["subscription"] == subscription["id"]]
            shown = [*shown, *(i for i in others if i["id"] not in known)]
        found.append({**subscription, "items": {"data": shown}})
    return found


def _bad_company(properties: Json) -> bool:
    segment, owner = properties.get("customer_segment"), properties.get("hubspot_owner_id")
    domain: str = properties.get("domain") or ""
    bad_domain = bool(domain) and not re.fullmatch(r"[^\s@/]+\.[^\s@/]+", domain.strip())
    return bool((segment and segment not in SEGMENTS) or (owner and not owner.isdigit()) or bad_domain)


def _bad_customer(customer: Json) -> bool:
    return bool(customer["email"]) and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", customer["email"].strip())


def _bad_subscription(subscription: Json) -> bool:
    known = {"incomplete", "incomplete_expired", "trialing", "active", "past_due", "canceled", "unpaid", "paused"}
    quantities = [i["quantity"] for i in subscription["items"]["data"]]
    wrong = any(isinstance(q, str) for q in quantities)
    return subscription["status"] not in known or not re.fullmatch("[a-z]{3}", subscription["currency"]) or wrong


def _match(found: Expected, companies: Mapping[str, Json], customers: list[Json]) -> None:
    aliases = {
        old: c["id"] for c in companies.values() for old in (c["properties"].get("hs_merged_object_ids") or "").split(";") if old
    }
    by_domain: dict[str, list[str]] = defaultdict(list)
    by_property: dict[str, str] = {}
    for company in companies.values():
        by_domain[(company["properties"].get("domain") or "").strip().lower().removeprefix("www.")].append(company["id"])
        by_property[company["properties"].get("stripe_customer_id") or ""] = company["id"]
    shared: dict[str, int] = defaultdict(int)
    for customer in customers:
        if customer["id"] not in found.quarantined:
            shared[_email(customer)] += 1
    for customer in customers:
        if customer["id"] in found.quarantined:
            continue
        named = customer["metadata"].get("crm_company_id")
        target: str = aliases.get(named, named) if named else ""
        if target not in companies:
            target = by_property.get(customer["id"], "")
        if target in companies:
            candidates = [target]
        else:
            email = _email(customer)
            domain = email.partition("@")[2]
            candidates = by_domain[domain] if domain and domain not in FREE else []
            if candidates and (len(candidates) > 1 or shared[email] > 1):
                found.ambiguous.add(customer["id"])
                continue
        if candidates and _accepted(found, companies[candidates[0]]):
            found.groups[candidates[0]].append(customer["id"])


def _email(customer: Json) -> str:
    return (customer["email"] or "").strip().lower()


def _accepted(found: Expected, company: Json) -> bool:
    return company["id"] not in found.quarantined and company["properties"].get("lifecyclestage") != "other"


def _people(company: Json, owners: list[Json]) -> dict[str, str]:
    """What billing should say about who looks after the customer."""
    properties = company["properties"]
    owner = next((o for o in owners if o["id"] == properties.get("hubspot_owner_id")), None)
    if owner is None or owner["archived"]:
        values = {"crm_owner_email": "", "crm_owner_id": "", "crm_owner_name": ""}
    else:
        name = " ".join(part for part in (owner["firstName"].strip(), owner["lastName"].strip()) if part)
        composed = unicodedata.normalize("NFC", name)  # one spelling for what looks the same
        values = {"crm_owner_email": owner["email"].lower(), "crm_owner_id": owner["id"], "crm_owner_name": composed}
    return values | {"crm_segment": SEGMENTS.get(properties.get("customer_segment") or "", ""), "crm_company_id": company["id"]}


class _Books:
    """Prices, coupons and discounts of one account, and the roll-up over them."""

    def __init__(self, billing: State, now: float) -> None:
        self.prices = {p["id"]: p for p in billing["prices"]}
        self.coupons = {c["id"]: c for c in billing["coupons"]}
        self.discounts = {d["id"]: d for d in billing["discounts"]}
        self.customers = {c["id"]: c for c in billing["customers"]}
        self.now = now

    def view(self, subscriptions: list[Json]) -> dict[str, str]:
        """The billing properties of a company."""
        ended = {"canceled", "incomplete_expired"}
        statuses = [self._status(s) for s in subscriptions] or ["none"]
        running = [s for s in subscriptions if s["status"] not in ended]
        currencies = sorted({s["currency"].upper() for s in running})
        currency = "MIXED" if len(currencies) > 1 else "".join(currencies)
        total = sum((self._mrr(s) for s in subscriptions if s["status"] in {"active", "past_due"}), Fraction(0))
        renewals = [r for s in subscriptions if (r := self._renewal(s)) is not None]
        ends = [self._end(s) for s in (running or subscriptions)]
        over = [e for e in ends if e is not None]
        cancel = max(over) if over and (not running or all(self._ends(s) for s in running)) else None
        return {
            "billing_subscription_status": min(statuses, key=ORDER.index),
            "billing_mrr": "" if currency == "MIXED" else _major(math.floor(total + Fraction(1, 2)), currency),
            "billing_mrr_currency": currency,
            "billing_renewal_date": _day(min(renewals)) if renewals else "",
            "billing_cancel_date": _day(cancel) if cancel is not None else "",
        }

    def _ends(self, subscription: Json) -> bool:
        return bool(subscription["cancel_at"] or subscription["cancel_at_period_end"])

    def _status(self, subscription: Json) -> str:
        status: str = subscription["status"]
        if status == "active" and self._ends(subscription):
            return "canceling"
        return "canceled" if status == "incomplete_expired" else status

    def _period_end(self, subscription: Json) -> int | None:
        return min((i["current_period_end"] for i in subscription["items"]["data"]), default=None)

    def _renewal(self, subscription: Json) -> int | None:
        if subscription["status"] in {"canceled", "incomplete_expired", "paused"} or self._ends(subscription):
            return None
        trial_end: int | None = subscription["trial_end"] if subscription["status"] == "trialing" else None
        return trial_end or self._period_end(subscription)

    def _end(self, subscription: Json) -> int | None:
        if subscription["status"] in {"canceled", "incomplete_expired"}:
            ended: int | None = subscription["ended_at"]
            return ended
        if not self._ends(subscription):
            return None
        return subscription["cancel_at"] or self._period_end(subscription)

    def _mrr(self, subscription: Json) -> Fraction:
        items = [
            i for i in subscription["items"]["data"] if self._recurring(i) and self._recurring(i)["usage_type"] == "licensed"
        ]
        if not items:
            return Fraction(0)
        shared = [self._discount(d) for d in subscription["discounts"]] or self._customers_discount(subscription["customer"])
        currency = subscription["currency"]
        total = Fraction(0)
        for item in items:
            months = self._months(item)
            own = [self._discount(d) for d in item["discounts"]]
            limited = [d for d in shared if _products(d)]
            product = self.prices[item["price"]["id"]]["product"]
            mine = [d for d in own + limited if not _products(d) or product in _products(d)]
            total += self._reduced(self._amount(item) / months, mine, months, currency)
        return self._reduced(total, [d for d in shared if not _products(d)], self._months(items[0]), currency)

    def _recurring(self, item: Json) -> Json:
        found: Json = self.prices[item["price"]["id"]]["recurring"]
        return found

    def _months(self, item: Json) -> Fraction:
        recurring = self._recurring(item)
        return MONTHS[recurring["interval"]] * int(recurring["interval_count"])

    def _customers_discount(self, customer_id: str) -> list[Json]:
        held = self.customers[customer_id].get("discount")
        return [self._discount(held)] if held else []

    def _discount(self, given: str | Json) -> Json:
        held = self.discounts[given] if isinstance(given, str) else given
        coupon = held["source"]["coupon"]
        return {**held, "coupon": self.coupons[coupon] if isinstance(coupon, str) else coupon}

    def _reduced(self, value: Fraction, discounts: list[Json], months: Fraction, currency: str) -> Fraction:
        for discount in discounts:
            coupon = discount["coupon"]
            running = coupon["duration"] == "forever" or (
                coupon["duration"] == "repeating" and (discount["end"] is None or discount["end"] > self.now)
            )
            if not running:
                continue
            if coupon["percent_off"] is not None:
                value *= 1 - Fraction(str(coupon["percent_off"])) / 100
            elif coupon["currency"] == currency:
                value = max(Fraction(0), value - Fraction(coupon["amount_off"]) / months)
        return value

    def _amount(self, item: Json) -> Fraction:
        price = self.prices[item["price"]["id"]]
        quantity = 1 if item["quantity"] is None else int(item["quantity"])
        package = price["transform_quantity"]
        if package:
            share = Fraction(quantity, package["divide_by"])
            quantity = math.ceil(share) if package["round"] == "up" else math.floor(share)
        if price["billing_scheme"] == "per_unit":
            return Fraction(price["unit_amount_decimal"]) * quantity
        total, below = Fraction(0), 0
        for tier in price["tiers"]:
            unit, flat = Fraction(tier["unit_amount_decimal"] or 0), Fraction(tier["flat_amount_decimal"] or 0)
            top = quantity if tier["up_to"] is None else tier["up_to"]
            if price["tiers_mode"] == "volume" and quantity <= top:
                return unit * quantity + flat
            if price["tiers_mode"] == "graduated":
                inside = max(0, min(quantity, top) - below)
                total, below = total + unit * inside + (flat if inside else 0), top
        return total


def _products(discount: Json) -> list[str]:
    return list((discount["coupon"].get("applies_to") or {}).get("products") or [])


def _day(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d")


def _major(minor: int, currency: str) -> str:
    """Minor units as HubSpot keeps the number: without needless zeros."""
    places = 0 if currency in ZERO else 3 if currency in THREE else 2
    amount = Fraction(minor, 10**places)
    whole = f"{float(amount):.{places}f}" if places else str(minor)
    return whole.rstrip("0").rstrip(".") if "." in whole else whole
