"""The billing side of a firm: its customers in Stripe's shape, bent as the firm's kind says."""

from collections.abc import Callable
from random import Random

from integration_pipelines.partner_models.base import Json
from integration_pipelines.partner_models.seeds.catalogue import Catalogue
from integration_pipelines.partner_models.seeds.companies import FREE_MAIL_COMPANY
from integration_pipelines.partner_models.seeds.discounted import CUSTOMERS_OWN, discount
from integration_pipelines.partner_models.seeds.lifecycles import IN_ARREARS
from integration_pipelines.partner_models.seeds.truth import DAY, Firm, Payer
from integration_pipelines.partner_models.seeds.words import words

NOBODY = "17000000001"
"""A company id that no company ever had."""
_MALFORMED = ("not an address", "billing@", "@nowhere.example", "two words@nowhere.example")
_OTHERS_METADATA = 0.1
"""This part of the customers carries metadata of somebody else's, which is none of ours to touch."""


def customer_id(number: int) -> str:
    """The id of the n-th customer of an account."""
    return f"cus_S{number:08d}"


class Customers:
    """Makes the customers of one account."""

    def __init__(self, rng: Random, shop: Catalogue) -> None:
        self._rng = rng
        self._shop = shop
        self._emails: dict[str, Callable[[Firm], str | None]] = {
            "upper_email": lambda firm: f"{firm.desk.title()}@{firm.domain.upper()}",
            "spaced_email": lambda firm: f"  {firm.desk}@{firm.domain} ",
            "free_mail": self._free_mail,
            "metadata_link": self._free_mail,
            "free_mail_company": lambda firm: f"trader{firm.number}@{FREE_MAIL_COMPANY}",
            "no_email": lambda _: None,
            "bad_email": lambda _: rng.choice(_MALFORMED),
            "same_email": lambda firm: f"{firm.desk}@{firm.domain}",
        }

    def record(self, firm: Firm, payer: Payer, subscriptions: list[Json], metadata: dict[str, str]) -> Json:
        """The customer that a payer of a firm is in billing."""
        place = firm.payers.index(payer)
        record: Json = {
            "id": customer_id(payer.number),
            "name": f"{firm.trade_name} {firm.suffix}" + (f" ({place + 1})" if place else ""),
            "email": self._email(firm, place),
            "metadata": metadata | ({"order_ref": f"A-{payer.number}"} if self._rng.random() < _OTHERS_METADATA else {}),
            "created": min([firm.since, *(s["created"] for s in subscriptions)]) - self._rng.randint(1, 30) * DAY,
            "currency": subscriptions[0]["currency"] if subscriptions else None,
            "delinquent": payer.plan in IN_ARREARS,
            "address": _address(firm),
        }
        if payer.plan in CUSTOMERS_OWN:
            record["discount"] = discount(self._shop, CUSTOMERS_OWN[payer.plan])
        if firm.kind == "unknown_fields":
            record |= {"loyalty_tier": "gold", "risk": {"score": 3}}
        return record

    def _email(self, firm: Firm, place: int) -> str | None:
        bent = self._emails.get(firm.kind)
        if bent is not None:
            return bent(firm)
        desk = f"{firm.desk}{place + 1}" if place else firm.desk
        return f"{desk}@{firm.domain}"

    def _free_mail(self, firm: Firm) -> str:
        return f"{firm.domain.removesuffix('.example')}@{self._rng.choice(words()['free_mail'])}"


def _address(firm: Firm) -> Json:
    return {"city": firm.town, "country": firm.country, "line1": None, "line2": None, "postal_code": None, "state": None}
