"""The CRM properties of a tenant's own: the segment everywhere, and those of an earlier integration where there was one."""

from integration_pipelines.partner_models.base import Json
from integration_pipelines.partner_models.hubspot.account import HubSpotAccount
from integration_pipelines.partner_models.seeds.words import words

_STATUSES = ("trialing", "active", "past_due", "unpaid", "paused", "canceling", "canceled", "incomplete", "none")
_EARLIER: tuple[Json, ...] = (
    {"name": "stripe_customer_id", "type": "string", "fieldType": "text", "hasUniqueValue": True},
    {"name": "billing_subscription_status", "type": "enumeration", "fieldType": "select"},
    {"name": "billing_mrr", "type": "number", "fieldType": "number", "numberDisplayHint": "currency"},
    {"name": "billing_mrr_currency", "type": "string", "fieldType": "text"},
    {"name": "billing_renewal_date", "type": "date", "fieldType": "date"},
    {"name": "billing_cancel_date", "type": "date", "fieldType": "date"},
)


def define(crm: HubSpotAccount, *, earlier: bool) -> None:
    """Create the segment and, where an `earlier` integration was, its properties; the stamp of the last write is lacking there."""
    segments = [*words()["segments"], "Reseller"]
    segment = {"name": "customer_segment", "label": "Customer segment", "type": "enumeration", "fieldType": "select"}
    crm.insert("properties", segment | {"options": _options(segments)})
    if earlier:
        for given in _EARLIER:
            found = {"options": _options(_STATUSES)} if given["type"] == "enumeration" else {}
            crm.insert("properties", {**given, **found, "description": "From the integration before."})


def _options(values: list[str] | tuple[str, ...]) -> list[Json]:
    return [{"label": value, "value": value, "displayOrder": place, "hidden": False} for place, value in enumerate(values)]
