"""What an earlier integration left at a tenant: right values, values that are long out of date, and values that people wrote over."""

from datetime import UTC, datetime
from decimal import Decimal
from random import Random
from unicodedata import normalize

from integration_pipelines.partner_models.base import Json
from integration_pipelines.partner_models.seeds.catalogue import Catalogue
from integration_pipelines.partner_models.seeds.customers import customer_id
from integration_pipelines.partner_models.seeds.staff import Staff
from integration_pipelines.partner_models.seeds.subscribing import period_of
from integration_pipelines.partner_models.seeds.truth import Firm

STALE_TENANT = 2
_STATES, _ODDS = ("nothing", "right", "stale", "edited", "wrong_id"), (35, 35, 15, 10, 5)
_SEGMENTS = {"Enterprise": "enterprise", "Mid-Market": "mid_market", "SMB": "small_business", "Startup": "startup"}
_TOUCHED = frozenset({"plain", "upper_email", "odd_name", "no_segment"})
_BY_PROPERTY_ONLY = "free_mail"
"""Firms of this kind are recognised by the property alone, here."""


class Leftovers:
    """Writes them into companies and says what the customers' metadata holds."""

    def __init__(self, rng: Random, staff: Staff, shop: Catalogue) -> None:
        self._rng = rng
        self._staff = staff
        self._shop = shop

    def leave(self, firm: Firm, company: Json, bills: list[list[Json]]) -> dict[str, str]:
        """Change the company's properties in place; returns metadata for the customer."""
        properties = company["properties"]
        if firm.kind == _BY_PROPERTY_ONLY:
            properties["stripe_customer_id"] = customer_id(firm.payers[0].number)
        if firm.kind not in _TOUCHED:
            return {}
        state = self._rng.choices(_STATES, _ODDS)[0]
        if state == "nothing":
            return {}
        properties |= {"stripe_customer_id": customer_id(firm.payers[0].number), **self._billing(firm, bills[0])}
        metadata = self._people(company, firm)
        if state == "wrong_id":
            properties["stripe_customer_id"] = f"cus_Gone{firm.number:06d}"
        elif state == "stale":
            before = self._staff.gone[0]
            properties |= {"billing_subscription_status": "trialing", "billing_mrr": "0", "billing_renewal_date": "2024-02-29"}
            metadata |= {"crm_owner_id": before["id"], "crm_owner_email": before["email"], "crm_segment": "startup"}
        elif state == "edited":
            properties |= {"billing_mrr": "1000000", "billing_cancel_date": "2031-01-01"}
            metadata |= {"crm_segment": "vip", "crm_owner_name": "ask Sam"}
        return metadata

    def _billing(self, firm: Firm, subscriptions: list[Json]) -> Json:
        """What billing says of a plain plan; of any other the earlier integration knew the status only."""
        if firm.payers[0].plan != "plain":
            return {"billing_subscription_status": "active"}
        plan, item = subscriptions[0], subscriptions[0]["items"][0]
        cents = self._shop.unit_amount(item["price"]) * item["quantity"]
        renews = datetime.fromtimestamp(period_of(self._shop, plan)[1], UTC)
        return {
            "billing_subscription_status": "active",
            "billing_mrr": str(Decimal(cents) / 100),
            "billing_mrr_currency": "USD",
            "billing_renewal_date": renews.strftime("%Y-%m-%d"),
            "billing_cancel_date": "",
        }

    def _people(self, company: Json, firm: Firm) -> dict[str, str]:
        owner = self._staff.present[firm.owner]
        name = " ".join(part for part in (owner["firstName"].strip(), owner["lastName"].strip()) if part)
        segment = _SEGMENTS.get(company["properties"]["customer_segment"] or "", "")
        found = {
            "crm_company_id": company["id"],
            "crm_owner_id": owner["id"],
            "crm_owner_email": owner["email"].lower(),
            "crm_owner_name": normalize("NFC", name),
        }
        return found | ({"crm_segment": segment} if segment else {})
