"""The columns that the roll-up reads, by the names it reads them under: a contract with a roll-up must have them all."""

from collections.abc import Mapping

Shape = Mapping[str, "Shape | None"]
"""Column → None, or for a list the columns inside."""

_DISCOUNTS: Shape = dict.fromkeys(("percent_off", "amount_off", "currency", "duration", "ends_at", "products"))
_TIERS: Shape = dict.fromkeys(("up_to", "unit_amount", "flat_amount"))
_ITEMS: Shape = {
    **dict.fromkeys(
        (
            "quantity", "current_period_end", "product_id", "interval", "interval_count", "usage_type", "billing_scheme",
            "unit_amount", "tiers_mode", "divide_by", "divide_round",
        )
    ),
    "tiers": _TIERS,
    "discounts": _DISCOUNTS,
}  # fmt: skip
DETAIL_COLUMNS: Shape = {
    **dict.fromkeys(
        (
            "customer_id", "status", "currency", "cancel_at", "cancel_at_period_end", "ended_at", "trial_end",
            "paused_collection",
        )
    ),
    "items": _ITEMS,
    "discounts": _DISCOUNTS,
}  # fmt: skip
PARENT_COLUMNS: Shape = {"discounts": _DISCOUNTS}
PARENT = "customer_id"
STATUSES = ("trialing", "active", "past_due", "unpaid", "paused", "canceling", "canceled", "incomplete", "none")
"""Every status that a roll-up can say."""
