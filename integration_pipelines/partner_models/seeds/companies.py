"""The CRM's side of a firm: a company in HubSpot's shape, bent as the firm's kind says."""

from collections.abc import Callable
from random import Random

from integration_pipelines.partner_models.base import Json
from integration_pipelines.partner_models.hubspot.moments import iso
from integration_pipelines.partner_models.seeds.staff import Staff
from integration_pipelines.partner_models.seeds.truth import DAY, Firm
from integration_pipelines.partner_models.seeds.words import words

FREE_MAIL_COMPANY = "gmail.com"
"""A trader without a domain of its own has this one in the CRM too."""
_FIRST_ID, _STEP = 18_400_000_000, 37
_LONG = 1_000


class Companies:
    """Makes the companies of one account and gives them ids."""

    def __init__(self, rng: Random, staff: Staff, now: int) -> None:
        self._rng = rng
        self._staff = staff
        self._now = now
        self._made = 0
        self._bends: dict[str, Callable[[Firm], Json]] = {
            "long_name": lambda _: {"name": words()["long_word"][0] * _LONG},
            "nameless": lambda _: {"name": None, "domain": None, "hubspot_owner_id": None},
            "www_domain": lambda firm: {"domain": f" WWW.{firm.domain.title()}"},
            "no_domain": lambda _: {"domain": ""},
            "free_mail_company": lambda _: {"domain": FREE_MAIL_COMPANY},
            "bad_domain": lambda firm: {"domain": f"https://{firm.domain}/about us"},
            "no_segment": lambda _: {"customer_segment": None},
            "bad_segment": lambda _: {"customer_segment": "Reseller"},
            "unassigned": lambda _: {"hubspot_owner_id": ""},
            "archived_owner": lambda _: {"hubspot_owner_id": self._rng.choice(staff.gone)["id"]},
            "bad_owner": lambda _: {"hubspot_owner_id": "the boss"},
            "excluded": lambda _: {"lifecyclestage": "other", "type": "PARTNER"},
            "vendor": lambda _: {"lifecyclestage": "other", "type": "VENDOR", "customer_segment": None},
            "lonely": lambda _: {"lifecyclestage": self._rng.choice(["lead", "opportunity", "customer"])},
        }

    def record(self, firm: Firm, kind: str | None = None, **properties: str) -> Json:
        """A new company of a firm as its kind, or the given one, bends it; `properties` come last."""
        kind = kind or firm.kind
        self._made += 1
        bend = self._bends.get(kind)
        bent = {} if bend is None else bend(firm)
        created = firm.since - self._rng.randint(0, 60) * DAY
        changed = self._rng.uniform(created, self._now - DAY)
        record: Json = {
            "id": str(_FIRST_ID + self._made * _STEP),
            "properties": self._properties(firm) | bent | properties,
            "createdAt": iso(created),
            "updatedAt": iso(changed),
        }
        if kind in {"archived_company", "gone"}:
            record |= {"archived": True, "archivedAt": iso(self._now - self._rng.randint(1, 80) * DAY)}
        if kind == "unknown_fields":
            record |= {"teamShape": {"x": 1}, "objectWriteSource": "unknown"}
        return record

    def _properties(self, firm: Firm) -> Json:
        return {
            "name": firm.trade_name,
            "domain": firm.domain,
            "hubspot_owner_id": self._staff.present[firm.owner]["id"],
            "customer_segment": firm.segment,
            "lifecyclestage": "customer",
            "city": firm.town,
            "country": firm.country,
            "industry": self._rng.choice(words()["industry"]),
            "numberofemployees": str(self._rng.randint(2, 5_000)),
        }
